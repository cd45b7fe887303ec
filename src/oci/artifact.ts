import { stat } from 'node:fs/promises';
import { type DigestedFile, passChunks, pointedTo } from '../model/digest.ts';
import { UserError } from '../ports/errors.ts';
import { stampAnnotations } from './annotations.ts';
import { type LayerKind, layerKind } from './layer-kind.ts';
import { type Assembled, type Blob, type Digest, type Manifest, MEDIA } from './types.ts';
import { digestOf, once } from './verify.ts';

/** Media types of the CNCF ModelPack specification (specs-go/v1/mediatype.go). */
export const MODELPACK = {
  artifact: 'application/vnd.cncf.model.manifest.v1+json',
  config: 'application/vnd.cncf.model.config.v1+json',
  layer: (kind: LayerKind) => `application/vnd.cncf.model.${kind}.v1.raw`,
} as const;

/** A file on disk whose content is known. */
export interface ArtifactFile extends DigestedFile {
  readonly absolute: string;
}

/** A file that was made, not found: `contract.yaml`, `checksum.txt`. It stands in for one on disk of the same path. */
export interface MemoryFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** What is known of the model, for the artifact's configuration; what is `null` or absent is left out. */
export interface ArtifactFacts {
  /** `onnx`, `safetensors`, `gguf`, `pt`, `sklearn` …: readers choose their loader by it. */
  readonly format: string;
  /** `transformer`, `cnn` … */
  readonly architecture?: string | null;
  readonly family?: string | null;
  /** Count of trained parameters. */
  readonly parameters?: number | null;
  /** NumPy's names, such as `['float32']`. */
  readonly precision?: readonly string[];
  readonly quantization?: string | null;
  readonly title?: string | null;
  readonly description?: string | null;
  /** SPDX expressions. */
  readonly licenses?: readonly string[];
  readonly authors?: readonly string[];
  readonly vendor?: string | null;
  readonly docURL?: string | null;
  /** Paths that the reader of the format took for weights; others are classified by name and size. */
  readonly weights?: readonly string[];
}

/**
 * Makes a model ready to be pushed as a ModelPack artifact: one raw layer a file, by kind and then by path, with
 * the annotations that modctl, KitOps, Docker Model Runner, Podman and ORAS need. Owner, mode and times are
 * constants, as the specification recommends, so that the same content has the same layers on every machine.
 * @throws UserError when there is no file, or two of the same path.
 */
export function assembleArtifact(
  files: readonly ArtifactFile[],
  extra: readonly MemoryFile[],
  facts: ArtifactFacts,
): Assembled {
  const made = new Set(extra.map((file) => file.path));
  const weights = new Set(facts.weights);
  const kindOf = (path: string, size: number) =>
    weights.has(path) ? { kind: 'weight' as const, guessed: false } : layerKind(path, size);
  const layers = [
    ...files
      .filter((file) => !made.has(file.path))
      .map((file) => ({ ...kindOf(file.path, file.size), path: file.path, blob: fromDisk(file) })),
    ...extra.map((file) => ({
      ...kindOf(file.path, file.bytes.length),
      path: file.path,
      blob: fromMemory(file),
    })),
  ].sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || (a.path < b.path ? -1 : 1));
  if (layers.length === 0) throw new UserError('there is no file to publish');
  const paths = new Set<string>();
  for (const { path } of layers) {
    checkPath(path);
    if (paths.has(path)) throw new UserError(`two files of the artifact are called "${path}"`);
    paths.add(path);
  }
  const blobs = layers.map(({ kind, guessed, path, blob }) => ({
    ...blob,
    descriptor: {
      mediaType: MODELPACK.layer(kind),
      digest: blob.digest,
      size: blob.size,
      annotations: layerAnnotations(path, blob.size, guessed),
    },
  }));
  return {
    kind: 'artifact',
    layers: blobs.map(({ descriptor, open }): Blob => ({ descriptor, open })),
    stamp(stamp) {
      const config = json({
        descriptor: present({
          authors: list(facts.authors),
          vendor: facts.vendor,
          family: facts.family,
          name: stamp.name,
          version: stamp.version,
          title: facts.title,
          description: facts.description,
          docURL: facts.docURL,
          sourceURL: stamp.source,
          revision: stamp.revision,
          licenses: list(facts.licenses),
        }),
        config: present({
          architecture: facts.architecture,
          format: facts.format,
          paramSize: paramSize(facts.parameters ?? null),
          precision: precision(facts.precision ?? []),
          quantization: facts.quantization,
        }),
        modelfs: { type: 'layers', diffIds: blobs.map(({ descriptor }) => descriptor.digest) },
      });
      const licenses = facts.licenses?.join(' AND ') ?? '';
      const manifest: Manifest = {
        schemaVersion: 2,
        mediaType: MEDIA.manifest,
        artifactType: MODELPACK.artifact,
        config: { mediaType: MODELPACK.config, digest: digestOf(config), size: config.length },
        layers: blobs.map(({ descriptor }) => descriptor),
        annotations: {
          ...stampAnnotations(stamp),
          ...(licenses !== '' && { 'org.opencontainers.image.licenses': licenses }),
        },
      };
      return {
        config,
        configType: MODELPACK.config,
        manifest: json(manifest),
        manifestType: MEDIA.manifest,
      };
    },
  };
}

const KINDS: readonly LayerKind[] = ['weight.config', 'weight', 'code', 'dataset', 'doc'];

interface Content {
  readonly digest: Digest;
  readonly size: number;
  open(): AsyncIterable<Uint8Array>;
}

function fromDisk(file: ArtifactFile): Content {
  return { digest: `sha256:${file.sha256}`, size: file.size, open: () => contentOf(file) };
}

function fromMemory({ bytes }: MemoryFile): Content {
  return { digest: digestOf(bytes), size: bytes.length, open: () => once(bytes) };
}

/** The bytes of a file; its pointer alone cannot be sent. */
async function* contentOf(file: ArtifactFile): AsyncGenerator<Uint8Array> {
  const { size } = await stat(file.absolute);
  if (size !== file.size && (await pointedTo({ path: file.path, absolute: file.absolute, size })))
    throw new UserError(
      `"${file.path}" is a Git LFS pointer, and the registry does not have its content yet`,
      {
        file: file.path,
        help: 'Use actions/checkout with `lfs: true`, or run `git lfs pull`.',
      },
    );
  yield* passChunks(file.absolute);
}

/** Those who unpack the artifact join this to a folder, and not all of them look for `..`. */
function checkPath(path: string): void {
  if (
    path === '' ||
    path.startsWith('/') ||
    path.split('/').some((part) => part === '' || part === '.' || part === '..')
  )
    throw new UserError(`"${path}" is not a path within the model`);
}

function layerAnnotations(path: string, size: number, guessed: boolean): Record<string, string> {
  const metadata = {
    name: path.slice(path.lastIndexOf('/') + 1),
    mode: 0o644,
    uid: 0,
    gid: 0,
    size,
    mtime: '1970-01-01T00:00:00Z',
    typeflag: 0,
  };
  return {
    'org.cncf.model.file.mediatype.untested': String(guessed),
    'org.cncf.model.file.metadata+json': JSON.stringify(metadata),
    'org.cncf.model.filepath': path,
    'org.opencontainers.image.title': path,
  };
}

/** `<count><prefix>` with at most one digit after the point: `6.7B` (ModelPack, config.md); `null` under a hundred. */
export function paramSize(count: number | null): string | null {
  if (count === null || !Number.isFinite(count) || count < 100) return null;
  const prefixes = ['K', 'M', 'B', 'T', 'Q'];
  let value = count / 1000;
  let step = 0;
  // 999,950 is shown as 1M, not as 1000K.
  while (value >= 999.95 && step < prefixes.length - 1) {
    value /= 1000;
    step += 1;
  }
  return `${value.toFixed(1).replace(/\.0$/, '')}${prefixes[step] ?? ''}`;
}

/** Names that ModelPack's config.md lists, in place of NumPy's and others'. */
const PRECISIONS: Readonly<Record<string, string>> = Object.fromEntries([
  ...'float32 float64 float16 bfloat16 float8_e4m3 float8_e5m2 complex32 complex64 complex128 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool'
    .split(' ')
    .map((name) => [name, name]),
  ['float8_e4m3fn', 'float8_e4m3'],
]);

function precision(types: readonly string[]): string | null {
  const names = [...new Set(types.map((type) => PRECISIONS[type]))].filter((name) => name !== undefined);
  return names.length === 0 ? null : names.join(',');
}

function list(items: readonly string[] | undefined): readonly string[] | null {
  return items && items.length > 0 ? items : null;
}

/** Leaves out what is not known: the schema wants a member to be there rightly or not at all. */
function present(members: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== null && value !== undefined && value !== ''),
  );
}

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}
