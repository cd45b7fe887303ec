import { inParallel } from '../model/digest.ts';
import type { Log } from '../ports/log.ts';
import type { Assembled, Blob, Descriptor, Digest, Repository, Stamp } from './types.ts';
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
