import { UserError } from '../ports/errors.ts';
import { type HttpResponse, type Patience, patiently, Transient } from './http.ts';
import type { Session } from './session.ts';
import type { Blob, Descriptor, Digest, Source } from './types.ts';
import { changedOnDisk, hashing, type Tally, verified } from './verify.ts';

export interface Uploader {
  /** Stores bytes whose digest is known, unless they are there. */
  known(blob: Blob): Promise<void>;
  /** Stores bytes whose digest is not known. */
  unknown(source: Source, mediaType: string): Promise<Descriptor>;
}

/**
 * Registries that do not take a blob in one PATCH: ghcr.io refuses bodies over 4 MiB, Google's know no chunks,
 * Amazon's close the upload after the first one. They get one PUT, for which the digest has to be known before.
 */
const NO_PATCH = /(^|\.)(ghcr\.io|pkg\.dev|gcr\.io|amazonaws\.com|public\.ecr\.aws)$/;

/** Below this it is cheaper to hash first and to ask whether the blob is there than to send it (bytes). */
const SMALL = 4 * 1024 * 1024;

/** How blobs are sent (distribution-spec, "Pushing blobs"): POST, then either one PUT, or PATCH and an empty PUT. */
export function uploader(
  session: Session,
  at: (path: string) => URL,
  patience: Patience,
  hasBlob: (digest: Digest) => Promise<boolean>,
): Uploader {
  let patches = !NO_PATCH.test(session.origin.hostname);

  const begin = async (): Promise<URL> => {
    const url = at('blobs/uploads/');
    const response = await session.call({ method: 'POST', url }, 'pull,push');
    if (response.status !== 202) throw await session.explain(response, 'pull,push', 'the start of an upload');
    response.body.resume();
    return session.locate(response, url);
  };

  const known = async ({ descriptor, open }: Blob): Promise<void> => {
    await patiently(patience, async () => {
      // Asked for at every attempt: the answer to an upload that went well may have been lost.
      if (await hasBlob(descriptor.digest)) return;
      const url = withDigest(await begin(), descriptor.digest);
      const body = {
        size: descriptor.size,
        open: () => verified(open(), descriptor, changedOnDisk(descriptor)),
      };
      const response = await session.call({ method: 'PUT', url, headers: OCTETS, body }, 'pull,push');
      await accepted(response, descriptor.digest);
    });
  };

  const accepted = async (response: HttpResponse, digest: Digest): Promise<void> => {
    if (response.status !== 201) {
      const error = await session.explain(response, 'pull,push', `the blob ${digest}`);
      // 404: the upload expired or another replica was asked. 400: bytes were damaged on the way, as we hashed them too.
      if (response.status === 404 || response.status === 400) throw new Transient(error.message, null, error);
      throw error;
    }
    response.body.resume();
    const stored = response.headers['docker-content-digest'];
    if (stored !== undefined && stored !== digest)
      throw new UserError(`${session.host} stored a blob as ${String(stored)} instead of ${digest}`);
  };

  const hashFirst = async (source: Source, mediaType: string): Promise<Descriptor> => {
    const tally: Tally = { size: 0, digest: null };
    for await (const _chunk of hashing(source.open(), tally));
    const descriptor = { mediaType, digest: complete(tally, source), size: tally.size };
    await known({ descriptor, open: source.open });
    return descriptor;
  };

  /** `null` when the registry does not take the PATCH. */
  const inOnePass = (source: Source, mediaType: string): Promise<Descriptor | null> =>
    patiently(patience, async () => {
      const url = await begin();
      const tally: Tally = { size: 0, digest: null };
      const body = { size: source.size, open: () => hashing(exactly(source), tally) };
      const response = await session.call({ method: 'PATCH', url, headers: OCTETS, body }, 'pull,push');
      if ([400, 404, 405, 411, 413, 415, 416, 501].includes(response.status)) {
        response.body.resume();
        return null;
      }
      if (response.status !== 202) throw await session.explain(response, 'pull,push', 'a blob');
      response.body.resume();
      const digest = complete(tally, source);
      const closing = withDigest(session.locate(response, url), digest);
      await accepted(
        await session.call({ method: 'PUT', url: closing, headers: OCTETS }, 'pull,push'),
        digest,
      );
      return { mediaType, digest, size: tally.size };
    });

  return {
    known,
    async unknown(source, mediaType) {
      if (patches && source.size > SMALL) {
        const descriptor = await inOnePass(source, mediaType);
        if (descriptor) return descriptor;
        patches = false;
      }
      return hashFirst(source, mediaType);
    },
  };
}

const OCTETS = { 'content-type': 'application/octet-stream' };

/** Adds the digest and leaves the rest of the query as the registry wrote it: it may be signed. */
function withDigest(url: URL, digest: Digest): URL {
  const closing = new URL(url);
  closing.search = `${url.search === '' ? '?' : `${url.search}&`}digest=${encodeURIComponent(digest)}`;
  return closing;
}

/** The size was promised in a header: other bytes than that many are an error before they are sent. */
async function* exactly(source: Source): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const chunk of source.open()) {
    size += chunk.length;
    if (size > source.size) throw resized(source, 'more');
    yield chunk;
  }
  if (size < source.size) throw resized(source, 'fewer');
}

function complete(tally: Tally, source: Source): Digest {
  if (tally.digest === null) throw new Transient('a blob was answered before all of it was sent');
  if (tally.size !== source.size) throw resized(source, 'other');
  return tally.digest;
}

function resized(source: Source, how: string): UserError {
  return new UserError(`a file changed while it was being read: it has ${how} than ${source.size} bytes`, {
    help: 'Nothing was published. Run again when no other process writes to the model directory.',
  });
}
