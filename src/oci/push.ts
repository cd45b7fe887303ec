import { type DigestedFile, inParallel, passChunks, pointedTo } from '../model/digest.ts';
import type { ModelDirectory } from '../model/walk.ts';
import type { Log } from '../ports/log.ts';
import type { Assembled, Blob, Descriptor, Digest, OnePassRepository, Repository, Stamp } from './types.ts';
import { digestOf, once } from './verify.ts';

/** Blobs that travel at once. More does not help on the links of a runner, and each has buffers. */
const AT_ONCE = 4;

/**
 * Pushes what was assembled under its digest, and sets no tag: nobody who asks for a version sees it yet. Blobs that
 * are there are not sent, so that the same call after a crash goes on where it ended.
 * @throws UserError when a file is no longer what it was when it was hashed; the manifest is not pushed then.
 */
export async function pushAssembled(
  repository: Repository,
  assembled: Assembled,
  stamp: Stamp,
  log: Log,
): Promise<Descriptor> {
  const { config, configType, manifest, manifestType } = assembled.stamp(stamp);
  const distinct = new Map<Digest, Blob>(assembled.layers.map((blob) => [blob.descriptor.digest, blob]));
  // Largest first: the last one to end is then a small one.
  const blobs = [...distinct.values()].sort((a, b) => b.descriptor.size - a.descriptor.size);
  await inParallel(blobs, AT_ONCE, async (blob) => {
    await repository.putBlob(blob);
    log.debug(`${repository.name} has ${blob.descriptor.digest} (${blob.descriptor.size} bytes)`);
  });
  const descriptor = { mediaType: configType, digest: digestOf(config), size: config.length };
  await repository.putBlob({ descriptor, open: () => once(config) });
  return repository.putManifest(manifest, manifestType);
}

/**
 * Hashes the files of a model while they travel to the repository as blobs: one read in place of two (DESIGN.md §4.5).
 * Files whose digest is known, and Git LFS pointers, are neither read nor sent here; `pushAssembled` sends what is
 * missing of them. Until a manifest names the blobs nobody sees them, and a registry collects them as garbage.
 * For artifacts, whose layers are the files themselves. @returns in the order of the directory.
 */
export async function digestWhilePushing(
  repository: OnePassRepository,
  directory: ModelDirectory,
  known: ReadonlyMap<string, string>,
): Promise<DigestedFile[]> {
  const largestFirst = [...directory.files].sort((a, b) => b.size - a.size);
  const digested = new Map<string, DigestedFile>();
  await inParallel(largestFirst, AT_ONCE, async (file) => {
    const { path, size, absolute } = file;
    const pointer = await pointedTo(file);
    const sha256 = known.get(path);
    if (pointer) digested.set(path, { path, ...pointer });
    else if (sha256 !== undefined) digested.set(path, { path, size, sha256 });
    else {
      const source = { size, open: () => passChunks(absolute) };
      const { digest } = await repository.addBlob(source, 'application/octet-stream');
      digested.set(path, { path, size, sha256: digest.slice('sha256:'.length) });
    }
  });
  return directory.files.map((file) => digested.get(file.path)).filter((file) => file !== undefined);
}
