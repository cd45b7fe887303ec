import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Contract } from '../contract/types.ts';
import type { Reading, Remark } from '../formats/format.ts';
import type { ModelDirectory } from '../model/walk.ts';
import type { Assembled } from '../oci/types.ts';
import { UserError } from '../ports/errors.ts';
import type { Exec } from '../ports/exec.ts';
import type { Log } from '../ports/log.ts';
import { writeContext } from './context.ts';
import { dockerfile, isImageReference } from './dockerfile.ts';
import { type Loader, requirementsFor } from './requirements.ts';
import { readSaved } from './saved.ts';
import { stampImage } from './stamp.ts';

export interface ImagePorts {
  readonly log: Log;
  readonly exec: Exec;
}

export interface ImageOptions {
  readonly directory: ModelDirectory;
  /** What was read of the model; `null` where only `predict.py` knows it. */
  readonly reading: Reading | null;
  /** What the image promises: the declared contract where there is one, else the inferred. */
  readonly contract: Contract;
  /** Base image; `null` takes `python:<version>-slim` with the version that the model needs. */
  readonly base: string | null;
  /** Path of a Dockerfile of the user's own, which replaces the generated one. */
  readonly dockerfile: string | null;
  /** Compression of the layers. Engines before 2023 do not read zstd; it is faster to build and smaller. */
  readonly compression?: 'gzip' | 'zstd';
  /** Ignores what the engine has cached. */
  readonly noCache?: boolean;
}

/** How an image would be built: nothing has run, no engine is needed. */
export interface ImagePlan {
  readonly loader: Loader;
  /** What the loader is given, within the model directory. */
  readonly path: string;
  readonly base: string;
  /** Version of Python in it, such as `3.12`; `null` where a base or Dockerfile of the user's own decides it. */
  readonly python: string | null;
  readonly dockerfile: string;
  readonly requirements: string;
  readonly remarks: readonly Remark[];
}

/** An image that is in the engine and can be read for pushing: one and the same. Dispose of it when it is pushed. */
export interface BuiltImage extends Assembled, AsyncDisposable {
  readonly kind: 'image';
  /** Name in the local engine, for `docker run`. */
  readonly reference: string;
  readonly plan: ImagePlan;
}

/** Formats that an image can serve, and the loader of each. */
const LOADERS: Readonly<Record<string, Loader>> = {
  sklearn: 'sklearn',
  'scikit-learn': 'sklearn',
  skops: 'sklearn',
  onnx: 'onnx',
  tensorflow: 'tensorflow',
};

/**
 * Decides how the image is built.
 * @throws UserError when there is no server for the format, or the base or requirements cannot be used.
 */
export function planImage(options: ImageOptions): ImagePlan {
  const { directory, reading } = options;
  const read = (path: string): string | null => {
    const file = directory.files.find((one) => one.path === path);
    return file === undefined ? null : readFileSync(file.absolute, 'utf8');
  };
  const loader = directory.files.some((file) => file.path === 'predict.py')
    ? 'predict'
    : reading === null
      ? undefined
      : LOADERS[reading.format];
  if (loader === undefined)
    throw new UserError(`there is no server for ${reading?.format ?? 'this directory'}`, {
      help: 'Add a predict.py with load_model() and predict(payload) to the model directory.',
      file: directory.path,
    });
  if (options.base !== null && !isImageReference(options.base))
    throw new UserError(`"${options.base}" is not an image reference`, {
      help: 'Give the base as it stands after FROM, for example python:3.12-slim.',
    });
  const tagged = /(?:^|\/)python:(3\.[0-9]+)/.exec(options.base ?? '')?.[1] ?? null;
  const { text, python, remarks } = requirementsFor({
    loader,
    reading,
    own: read('requirements.txt'),
    python: tagged,
  });
  const base = options.base ?? `python:${python}-slim`;
  return {
    loader,
    path: loader === 'predict' ? 'predict.py' : (reading?.path ?? ''),
    base,
    python: options.dockerfile === null && (options.base === null || tagged !== null) ? python : null,
    dockerfile: options.dockerfile === null ? dockerfile({ base }) : readOwn(options.dockerfile),
    requirements: text,
    remarks,
  };
}

function readOwn(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new UserError(`the Dockerfile "${path}" cannot be read`, { cause });
  }
}

/**
 * Builds the image with the machine's Docker.
 * @throws UserError when there is no engine, or the build fails (its last lines are in the message).
 */
export async function buildImage(options: ImageOptions, ports: ImagePorts): Promise<BuiltImage> {
  const { exec, log } = ports;
  const engine = await findEngine(exec);
  const planned = planImage(options);
  const pinned = options.dockerfile === null ? await pinBase(planned.base, exec) : planned.base;
  const plan: ImagePlan = {
    ...planned,
    base: pinned,
    dockerfile: options.dockerfile === null ? dockerfile({ base: pinned }) : planned.dockerfile,
  };
  const scratch = mkdtempSync(join(tmpdir(), 'lading-image-'));
  const reference = `lading-build:${randomBytes(6).toString('hex')}`;
  const remove = async (): Promise<void> => {
    await exec('docker', ['image', 'rm', '--force', reference]);
    rmSync(scratch, { recursive: true, force: true });
  };
  try {
    const context = join(scratch, 'context');
    await writeContext({ ...plan, directory: options.directory, contract: options.contract }, context);
    const algorithm = options.compression ?? 'gzip';
    const output = engine.containerd
      ? `type=image,name=${reference},compression=${algorithm},compression-level=3`
      : `type=docker,name=${reference}`;
    await run(exec, log, 'the image cannot be built', [
      ...['buildx', 'build', '--builder', 'default', '--progress', 'plain'],
      ...['--provenance=false', '--sbom=false', '--build-arg', 'SOURCE_DATE_EPOCH=0'],
      ...(options.noCache === true ? ['--no-cache'] : []),
      ...['--output', output, '--file', join(context, 'Dockerfile'), context],
    ]);
    rmSync(context, { recursive: true, force: true });
    const archive = join(scratch, 'image.tar');
    await run(exec, log, 'the image cannot be saved', ['save', '--output', archive, reference]);
    const saved = await readSaved(archive, scratch);
    return {
      kind: 'image',
      reference,
      plan,
      layers: saved.layers,
      stamp: (stamp) => stampImage(saved, plan.base, stamp),
      [Symbol.asyncDispose]: remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Whether there is an engine that answers, for callers that have another way. */
export async function hasDocker(exec: Exec): Promise<boolean> {
  return (await exec('docker', ['version', '--format', '{{.Server.Version}}'])).code === 0;
}

async function findEngine(exec: Exec): Promise<{ containerd: boolean }> {
  const info = await exec('docker', ['info', '--format', '{{json .DriverStatus}}']);
  if (info.code === 127)
    throw new UserError('Docker is not installed on this machine', {
      help: 'Use a runner with Docker (ubuntu-latest has it), or build an artifact instead of an image.',
    });
  if (info.code !== 0)
    throw new UserError(`the Docker engine does not answer: ${lastLines(info.stderr, 2)}`, {
      help: 'Start it, or let this user reach its socket (`docker info` has to work).',
    });
  const buildx = await exec('docker', ['buildx', 'version']);
  if (buildx.code !== 0)
    throw new UserError('Docker has no buildx plugin', {
      help: 'Install docker-buildx (docker-buildx-plugin).',
    });
  return { containerd: info.stdout.includes('io.containerd.snapshotter') };
}

/** The base by digest, where its registry can be asked; a tag alone may be another image tomorrow. */
async function pinBase(base: string, exec: Exec): Promise<string> {
  if (base.includes('@sha256:')) return base;
  const args = ['buildx', 'imagetools', 'inspect', '--format', '{{json .Manifest}}', base];
  const { code, stdout } = await exec('docker', args);
  const digest = code === 0 ? /"digest":\s*"(sha256:[0-9a-f]{64})"/.exec(stdout)?.[1] : undefined;
  return digest === undefined ? base : `${base}@${digest}`;
}

async function run(exec: Exec, log: Log, problem: string, args: readonly string[]): Promise<void> {
  const env = { SOURCE_DATE_EPOCH: '0', DOCKER_BUILDKIT: '1', BUILDX_METADATA_PROVENANCE: 'disabled' };
  const result = await exec('docker', args, { env, onLine: (line) => log.debug(line) });
  if (result.code === 0) return;
  throw new UserError(`${problem}: ${lastLines(result.stderr, 15)}`, {
    help: 'The lines above are what Docker said; with debug logging on, all of them are in the log.',
  });
}

function lastLines(text: string, count: number): string {
  return text.trim().split('\n').slice(-count).join('\n');
}
