import { randomBytes } from 'node:crypto';
import { access, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readChunks } from '../model/digest.ts';
import { messageOf, UserError } from '../ports/errors.ts';
import { withLock } from './lock.ts';
import { type Descriptor, type Digest, MEDIA, type OnePassRepository } from './types.ts';
import {
  changedOnDisk,
  collect,
  digestOf,
  hashing,
  isDigest,
  MAX_MANIFEST,
  once,
  type Tally,
  verified,
} from './verify.ts';

const REF_NAME = 'org.opencontainers.image.ref.name';
const MAX_INDEX = 64 * 1024 * 1024;
/** Unfinished files of other processes are swept when they are this old (milliseconds). */
const ABANDONED = 60 * 60 * 1000;

interface Index {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly manifests: readonly (Descriptor & { readonly artifactType?: string })[];
}

/**
 * A repository in a folder: one OCI image layout (image-spec v1.1, image-layout.md) at `root`/`name`.
 * Everything appears under its final name by a rename, so that a crash leaves no half file there, and `index.json`
 * is rewritten under a lock, so that several processes can tag at once. `shown` is how users write `root`.
 */
export function layoutRepository(root: string, name: string, shown = root): OnePassRepository {
  const folder = join(root, name);
  const blobs = join(folder, 'blobs', 'sha256');
  const blobPath = (digest: Digest) => {
    if (!isDigest(digest)) throw new UserError(`"${digest}" is not a sha256 digest`);
    return join(blobs, digest.slice('sha256:'.length));
  };
  const repositoryName = `oci:${shown.replace(/\/+$/, '') || '/'}/${name}`;

  let ready: Promise<void> | null = null;
  const prepare = () => {
    ready ??= prepareFolder(folder, blobs).catch((cause) => {
      ready = null;
      throw folderError(folder, cause);
    });
    return ready;
  };

  /** Writes chunks beside the blobs; `place` names them, once they are complete, or `null` drops them. */
  const write = async (chunks: AsyncIterable<Uint8Array>, place: () => Digest): Promise<Digest> => {
    await prepare();
    const partial = join(folder, `.partial-${process.pid}-${randomBytes(6).toString('hex')}`);
    try {
      const file = await open(partial, 'wx', 0o644);
      try {
        for await (const chunk of chunks) {
          let done = 0;
          while (done < chunk.length) done += (await file.write(chunk, done)).bytesWritten;
        }
      } finally {
        await file.close();
      }
      const digest = place();
      await rename(partial, blobPath(digest));
      return digest;
    } catch (cause) {
      await rm(partial, { force: true });
      throw folderError(folder, cause);
    }
  };

  const hasBlob = (digest: Digest) =>
    access(blobPath(digest)).then(
      () => true,
      () => false,
    );

  const readManifest = async (digest: Digest) => {
    const wrong = (difference: string) => damaged(blobPath(digest), difference);
    const info = await stat(blobPath(digest)).catch(() => null);
    if (!info) return null;
    if (info.size > MAX_MANIFEST) throw wrong('it is larger than any manifest');
    const bytes = await readFile(blobPath(digest));
    if (digestOf(bytes) !== digest) throw wrong(`it has ${digestOf(bytes)}`);
    return { descriptor: { mediaType: mediaTypeOf(bytes), digest, size: bytes.length }, bytes };
  };

  return {
    name: repositoryName,
    hasBlob,
    async putBlob({ descriptor, open: openBlob }) {
      const info = await stat(blobPath(descriptor.digest)).catch(() => null);
      if (info?.size === descriptor.size) return;
      await write(verified(openBlob(), descriptor, changedOnDisk(descriptor)), () => descriptor.digest);
    },
    async addBlob(source, mediaType) {
      const tally: Tally = { size: 0, digest: null };
      const digest = await write(hashing(source.open(), tally), () => {
        if (tally.digest === null) throw new Error('a blob was not read to its end');
        return tally.digest;
      });
      return { mediaType, digest, size: tally.size };
    },
    openBlob(descriptor) {
      const path = blobPath(descriptor.digest);
      return verified(readChunks(path), descriptor, (difference) => damaged(path, difference));
    },
    async putManifest(bytes, mediaType) {
      const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
      if (!(await hasBlob(descriptor.digest))) await write(once(bytes), () => descriptor.digest);
      return descriptor;
    },
    async getManifest(reference) {
      if (isDigest(reference)) return readManifest(reference);
      const entry = (await readIndex(folder)).manifests.find(
        (one) => one.annotations?.[REF_NAME] === reference,
      );
      return entry ? readManifest(entry.digest) : null;
    },
    async tag(digest, tag) {
      const manifest = await readManifest(digest);
      if (!manifest)
        throw new UserError(`${repositoryName} holds no manifest ${digest}, so "${tag}" cannot point at it`);
      const artifactType = artifactTypeOf(manifest.bytes);
      const entry = {
        ...manifest.descriptor,
        ...(artifactType !== null && { artifactType }),
        annotations: { [REF_NAME]: tag },
      };
      await prepare();
      await withLock(join(folder, 'index.json.lock'), async (stillMine) => {
        const index = await readIndex(folder);
        const others = index.manifests.filter((one) => one.annotations?.[REF_NAME] !== tag);
        const next: Index = { ...index, manifests: [...others, entry] };
        await replace(join(folder, 'index.json'), `${JSON.stringify(next, null, 2)}\n`, stillMine);
      });
    },
    async tags() {
      const names = (await readIndex(folder)).manifests.map((one) => one.annotations?.[REF_NAME]);
      return names.filter((tag) => tag !== undefined).sort();
    },
  };
}

async function prepareFolder(folder: string, blobs: string): Promise<void> {
  await mkdir(blobs, { recursive: true });
  const marker = join(folder, 'oci-layout');
  if (!(await stat(marker).catch(() => null))) await replace(marker, '{"imageLayoutVersion":"1.0.0"}\n');
  const index = join(folder, 'index.json');
  if (!(await stat(index).catch(() => null)))
    await withLock(`${index}.lock`, async (stillMine) => {
      if (await stat(index).catch(() => null)) return;
      await replace(index, `${JSON.stringify(EMPTY_INDEX, null, 2)}\n`, stillMine);
    });
  for (const entry of await readdir(folder)) {
    if (!entry.startsWith('.partial-')) continue;
    const info = await stat(join(folder, entry)).catch(() => null);
    if (info && Date.now() - info.mtimeMs > ABANDONED) await rm(join(folder, entry), { force: true });
  }
}

const EMPTY_INDEX: Index = { schemaVersion: 2, mediaType: MEDIA.index, manifests: [] };

/** Puts `text` in place of a small file in one step; on disk before it is visible. */
async function replace(path: string, text: string, allowed?: () => Promise<void>): Promise<void> {
  const partial = `${path}.${process.pid}-${randomBytes(6).toString('hex')}`;
  try {
    await writeFile(partial, text, { flag: 'wx', flush: true });
    await allowed?.();
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

async function readIndex(folder: string): Promise<Index> {
  const path = join(folder, 'index.json');
  const info = await stat(path).catch(() => null);
  if (!info) return EMPTY_INDEX;
  const tooLong = () => damaged(path, 'it is far too large');
  const bytes = await collect(readChunks(path), MAX_INDEX, tooLong);
  let parsed: unknown;
  try {
    parsed = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw damaged(path, `it is not JSON (${messageOf(cause)})`);
  }
  if (!isIndex(parsed)) throw damaged(path, 'it is not an OCI image index');
  return parsed;
}

function isIndex(value: unknown): value is Index {
  if (!isRecord(value) || value['schemaVersion'] !== 2 || !Array.isArray(value['manifests'])) return false;
  return value['manifests'].every(
    (one) =>
      isRecord(one) &&
      typeof one['digest'] === 'string' &&
      isDigest(one['digest']) &&
      typeof one['mediaType'] === 'string' &&
      typeof one['size'] === 'number',
  );
}

/** A manifest names its own media type; one that does not is an image manifest (image-spec, manifest.md). */
function mediaTypeOf(bytes: Uint8Array): string {
  const type = member(bytes, 'mediaType');
  return type ?? MEDIA.manifest;
}

function artifactTypeOf(bytes: Uint8Array): string | null {
  return member(bytes, 'artifactType');
}

function member(bytes: Uint8Array, key: string): string | null {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    const value = isRecord(parsed) ? parsed[key] : undefined;
    return typeof value === 'string' ? value : null;
  } catch {
    return null;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function damaged(path: string, difference: string): UserError {
  return new UserError(`the OCI layout is damaged: ${difference}`, {
    file: path,
    help: 'Remove the file and publish again, or restore the folder.',
  });
}

const DISK_PROBLEMS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EEXIST: 'a part of the path is a file, not a folder',
  EFBIG: 'the file system takes no file of this size',
};

function folderError(folder: string, cause: unknown): unknown {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const problem = DISK_PROBLEMS[code];
  if (problem === undefined) return cause;
  return new UserError(`cannot write to the OCI layout "${folder}": ${problem}`, {
    help: 'Choose another folder as destination, or make room in this one.',
    cause,
  });
}
