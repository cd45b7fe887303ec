import { relative, resolve, sep } from 'node:path';
import { toFinding } from '../check/inspect.ts';
import { bumpOf } from '../contract/bump.ts';
import { compareContracts } from '../contract/compare.ts';
import { samplePayload } from '../contract/sample.ts';
import { type Contract, defaultSignature } from '../contract/types.ts';
import { type LedgerStore, readLedger } from '../ledger/store.ts';
import type { Finding } from '../model/finding.ts';
import { assembleArtifact } from '../oci/artifact.ts';
import { digestWhilePushing } from '../oci/push.ts';
import { parseDestination, repositoryFor } from '../oci/reference.ts';
import type { Assembled, OnePassRepository } from '../oci/types.ts';
import { UserError } from '../ports/errors.ts';
import type { Compare, PublishPlan } from '../release/publish.ts';
import { type CheckedModel, effectiveContract } from './checking.ts';
import type { InputSpec, Ports } from './command.ts';
import type { Engine, ModelSettings } from './config.ts';
import { imagePythonOf, madeProperties } from './made.ts';
import { type DigestAll, type ModelPackage, packModel } from './package.ts';

/** Where images go when nothing is said, in a terminal: a folder that git and registries know nothing of. */
const DEFAULT_LAYOUT = 'oci:build/oci';

/** Inputs that say what is built and where it goes. */
export const TARGET = {
  image: {
    kind: 'string',
    description:
      'Image repository of the model, such as `ghcr.io/acme/churn`. Default: `registry` and the name.',
  },
  registry: {
    kind: 'string',
    description:
      'Where images go, without the name of the model: `ghcr.io/acme`, or `oci:folder` for OCI layouts on disk. Default: that of the configuration; in a terminal, `oci:build/oci`.',
  },
} as const satisfies Record<string, InputSpec>;

export const ENGINE = {
  engine: {
    kind: 'choice',
    choices: ['docker', 'oci'],
    description:
      '`docker` makes an image that serves the model, `oci` a ModelPack artifact without any daemon. Default: that of the configuration, else `docker` where images go to a registry and `oci` where they go to a folder.',
  },
} as const satisfies Record<string, InputSpec>;

export const BASE_IMAGE = {
  'base-image': {
    kind: 'string',
    description:
      'Image to build on. Default: that of the configuration, else `python:3.x-slim` as the model needs it.',
  },
  dockerfile: {
    kind: 'string',
    description: 'A Dockerfile of your own, in place of the generated one.',
  },
} as const satisfies Record<string, InputSpec>;

export interface TargetValues {
  readonly image: string | null;
  readonly registry: string | null;
  readonly engine: Engine | null;
  readonly 'base-image': string | null;
  readonly dockerfile: string | null;
}

/** The repository that a model is published to. */
export function openTarget(
  values: Pick<TargetValues, 'image' | 'registry'>,
  settings: ModelSettings,
  ports: Ports,
): { repository: OnePassRepository; kind: 'registry' | 'layout' } {
  const named =
    values.image ??
    (values.registry === null ? settings.image : `${trimmed(values.registry)}/${settings.name}`);
  if (named === null && ports.surface === 'actions')
    throw new UserError(`it is not said where "${settings.name}" is published`, {
      help: 'Set "registry" (such as ghcr.io/acme), or `registry:` in lading.yaml.',
    });
  const full = named ?? `${DEFAULT_LAYOUT}/${settings.name}`;
  const slash = full.lastIndexOf('/');
  if (slash <= 0)
    throw new UserError(`"${full}" is not an image repository`, {
      help: 'Write it like ghcr.io/acme/churn: registry, path and name.',
    });
  const destination = parseDestination(full.slice(0, slash));
  return { repository: repositoryFor(destination, full.slice(slash + 1), ports), kind: destination.kind };
}

const trimmed = (text: string): string => text.replace(/\/+$/, '');

/** The image did not keep its contract, or could not be started. */
export class TrialFailed extends Error {
  override readonly name = 'TrialFailed';
  readonly findings: readonly Finding[];
  constructor(findings: readonly Finding[]) {
    super('the image does not keep its contract');
    this.findings = findings;
  }
}

/** How the ledger and the notes compare contracts. An approved break is a major version all the same. */
export const compare: Compare = (before, after) => {
  const changes = compareContracts(before, after);
  return {
    bump: bumpOf(changes),
    changes: changes.map((change) => ({
      rule: change.rule,
      bump: bumpOf([change]),
      subject: change.subject,
      message: change.message,
    })),
  };
};

/** Everything that publishing needs to know about one checked model. Dispose of `package` when it is pushed. */
export interface Prepared {
  readonly plan: Omit<PublishPlan, 'onUnchanged' | 'version'>;
  readonly package: ModelPackage;
  /** What the trial of the image had to say; filled when the image is built. */
  readonly trial: Finding[];
}

/** Packs a checked model and says how it would be published. Images are built only when they are asked for. */
export async function preparePublication(
  model: CheckedModel,
  values: TargetValues & { readonly labels: Readonly<Record<string, string>> },
  store: LedgerStore,
  ports: Ports,
): Promise<Prepared> {
  const { settings, inspected, directory } = model;
  const contract = effectiveContract(model);
  if (contract === null)
    throw new UserError(`nothing says how "${settings.name}" is called`, {
      file: settings.path,
      help: 'Write a contract.yaml with its inputs and outputs; the model files do not say them.',
    });
  const target = openTarget(values, settings, ports);
  const engine = values.engine ?? settings.engine ?? (target.kind === 'registry' ? 'docker' : 'oci');
  const blobs = await trackedBlobs(store, settings, ports);
  const known = await knownDigests(store, settings.name, blobs);
  // The layers of an artifact are the files themselves: they are hashed on their way to the repository.
  const digestAll: DigestAll | undefined =
    engine === 'oci' ? (files, have) => digestWhilePushing(target.repository, files, have) : undefined;
  const packed = await packModel(directory, inspected.inspection, contract, known, digestAll);
  const trial: Finding[] = [];
  const { reading } = inspected;
  // A base that is named for this run only is not known to the next check: it would compare with another.
  const generated = engine === 'docker' && values.dockerfile === null && values['base-image'] === null;
  const imagePython = generated
    ? await imagePythonOf({ directory, inspected, contract, base: settings.baseImage })
    : null;
  return {
    package: packed,
    trial,
    plan: {
      name: settings.name,
      contract,
      framework: reading?.framework ?? null,
      parameters: reading?.parameters ?? null,
      properties: madeProperties(inspected, imagePython),
      files: packed.files.map((file) => {
        const blob = blobs.get(file.path);
        return blob === undefined ? file : { ...file, blob };
      }),
      repository: target.repository,
      assemble: () =>
        engine === 'oci'
          ? Promise.resolve(artifact(packed, model))
          : image(packed, model, contract, values, trial, ports),
      labels: { ...settings.labels, ...values.labels },
      commit: await store.git.head(),
      source: await sourceOf(store, ports),
      run: runOf(ports),
      versioning: settings.versioning,
      sample: sampleOf(contract),
    },
  };
}

function artifact(packed: ModelPackage, model: CheckedModel): Assembled {
  const { reading } = model.inspected;
  const digests = new Map(packed.files.map((file) => [file.path, file]));
  const files = packed.directory.files.flatMap((file) => {
    const digest = digests.get(file.path);
    return digest ? [{ ...digest, absolute: file.absolute }] : [];
  });
  return assembleArtifact(files, [], {
    format: reading?.format ?? 'unknown',
    architecture: reading?.properties['architecture'] ?? null,
    parameters: reading?.parameters ?? null,
    title: model.settings.name,
    weights: reading === null || reading.path === '' ? [] : [reading.path],
  });
}

async function image(
  packed: ModelPackage,
  model: CheckedModel,
  contract: Contract,
  values: TargetValues,
  trial: Finding[],
  ports: Ports,
): Promise<Assembled> {
  const { buildImage } = await import('../image/docker.ts');
  const { tryImage } = await import('../image/trial.ts');
  const options = imageOptions(packed, model, contract, values, ports);
  const built = await ports.log.group(`Build the image of ${model.settings.name}`, () =>
    buildImage(options, ports),
  );
  const tried = await ports.log.group(`Start it and call it`, () =>
    tryImage({ reference: built.reference, contract, directory: packed.directory }, ports),
  );
  const remarks = [...built.plan.remarks, ...tried.remarks];
  trial.push(...remarks.map((remark) => toFinding(remark, model.settings.name, model.directory)));
  if (trial.some((one) => one.level === 'error')) {
    await built[Symbol.asyncDispose]();
    throw new TrialFailed(trial);
  }
  return built;
}

/** What the image is built of. */
export function imageOptions(
  packed: Pick<ModelPackage, 'directory'>,
  model: CheckedModel,
  contract: Contract,
  values: Pick<TargetValues, 'base-image' | 'dockerfile'>,
  ports: Ports,
) {
  return {
    directory: packed.directory,
    reading: model.inspected.reading,
    contract,
    base: values['base-image'] ?? model.settings.baseImage,
    dockerfile: values.dockerfile === null ? null : resolve(ports.cwd, values.dockerfile),
  };
}

/**
 * Git blob ids of the model's files by their path within it. A file that differs from the index is left out: its
 * blob id would vouch for other bytes.
 */
async function trackedBlobs(
  store: LedgerStore,
  settings: ModelSettings,
  ports: Ports,
): Promise<ReadonlyMap<string, string>> {
  const root = await store.git.root();
  if (root === null) return new Map();
  const inRoot = relative(root, resolve(ports.cwd, settings.path)).split(sep).join('/');
  if (inRoot.startsWith('..') || inRoot === '') return new Map();
  const index = await store.git.lsIndex([inRoot]);
  const changed = await ports.exec('git', ['diff-files', '--name-only', '-z', '--', inRoot], { cwd: root });
  if (changed.code !== 0) return new Map();
  for (const path of changed.stdout.split('\0')) index.delete(path);
  return new Map([...index].map(([path, entry]) => [path.slice(inRoot.length + 1), entry.id]));
}

/** SHA-256 by path of files that the ledger has seen before, under whatever name (DESIGN.md §4.5). */
async function knownDigests(
  store: LedgerStore,
  name: string,
  blobs: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, string>> {
  const { collection } = await readLedger(store, name);
  const byBlob = new Map(
    collection.versions.flatMap(({ published }) =>
      published.files.flatMap((file) => (file.blob === undefined ? [] : [[file.blob, file.sha256] as const])),
    ),
  );
  return new Map(
    [...blobs].flatMap(([path, blob]) => {
      const sha256 = byBlob.get(blob);
      return sha256 === undefined ? [] : [[path, sha256] as const];
    }),
  );
}

/** URL of the repository, without credentials; `null` where it has none. */
async function sourceOf(store: LedgerStore, ports: Ports): Promise<string | null> {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository } = ports.env;
  if (server && repository) return `${server}/${repository}`;
  const url = store.remote === null ? null : await store.git.remoteUrl(store.remote);
  if (url === null || !URL.canParse(url)) return null;
  const parsed = new URL(url);
  if (parsed.protocol !== 'https:' && parsed.protocol !== 'http:') return null;
  return `${parsed.origin}${parsed.pathname.replace(/\.git$/, '')}`;
}

/** URL of the workflow run, or `null`. A second attempt of a run has the same one: it is the same intent. */
function runOf({ env }: Ports): string | null {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: id } = env;
  return server && repository && id ? `${server}/${repository}/actions/runs/${id}` : null;
}

function sampleOf(contract: Contract): unknown {
  const signature = defaultSignature(contract) ?? Object.keys(contract.signatures)[0];
  return signature === undefined ? null : samplePayload(contract, signature);
}
