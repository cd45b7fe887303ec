import { createHash } from 'node:crypto';
import { UserError } from '../ports/errors.ts';
import type { Descriptor, Digest } from './types.ts';

const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** Whether `text` is a SHA-256 digest as OCI writes it. */
export function isDigest(text: string): text is Digest {
  return DIGEST.test(text);
}

/** SHA-256 of bytes in memory. */
export function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Bytes in memory as the one chunk of a stream. */
export async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes;
}

/** What went by, once it all has. */
export interface Tally {
  size: number;
  digest: Digest | null;
}

/** Passes chunks on and counts and hashes them; `tally` is complete when the last chunk has been taken. */
export async function* hashing(chunks: AsyncIterable<Uint8Array>, tally: Tally): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  tally.size = 0;
  tally.digest = null;
  for await (const chunk of chunks) {
    hash.update(chunk);
    tally.size += chunk.length;
    yield chunk;
  }
  tally.digest = `sha256:${hash.digest('hex')}`;
}

/**
 * Passes on exactly the bytes that `promised` describes. The chunk that makes them complete is passed on only when the
 * digest is right, so that a receiver never gets the whole of wrong bytes. Nothing is kept from chunk to chunk.
 * @throws whatever `wrong` makes of the difference, in one sentence.
 */
export async function* verified(
  chunks: AsyncIterable<Uint8Array>,
  promised: { readonly digest: Digest; readonly size: number },
  wrong: (difference: string) => Error,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let size = 0;
  const check = () => {
    const digest = `sha256:${hash.digest('hex')}`;
    if (digest !== promised.digest)
      throw wrong(`the bytes have ${digest} where ${promised.digest} was promised`);
  };
  if (promised.size === 0) check();
  for await (const chunk of chunks) {
    if (chunk.length === 0) continue;
    size += chunk.length;
    if (size > promised.size) throw wrong(`there are more than the promised ${promised.size} bytes`);
    hash.update(chunk);
    if (size === promised.size) check();
    yield chunk;
  }
  if (size !== promised.size) throw wrong(`there are ${size} bytes where ${promised.size} were promised`);
}

/** The error for a local blob that is no longer what it was when it was hashed. */
export function changedOnDisk(descriptor: Descriptor): (difference: string) => UserError {
  const title = descriptor.annotations?.['org.opencontainers.image.title'];
  const what = title === undefined ? 'a layer' : `"${title}"`;
  return (difference) =>
    new UserError(`${what} changed while it was being published: ${difference}`, {
      help: 'Nothing was published. Run again when no other process writes to the model directory.',
    });
}

/** Reads at most `limit` bytes into memory. @throws `tooLong()` when there are more. */
export async function collect(
  chunks: AsyncIterable<Uint8Array>,
  limit: number,
  tooLong: () => Error,
): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > limit) throw tooLong();
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}

/** Largest manifest that is read or written. Registries refuse more than 4 MiB (distribution-spec, "Pushing manifests"). */
export const MAX_MANIFEST = 4 * 1024 * 1024;
