import { UserError } from '../ports/errors.ts';
import { type Log, silent } from '../ports/log.ts';
import type { FindCredentials } from './credentials.ts';
import { PATIENT, type Patience, patiently } from './http.ts';
import { createSession, type Session } from './session.ts';
import { type Descriptor, type Digest, MEDIA, type OnePassRepository } from './types.ts';
import { uploader } from './upload.ts';
import { digestOf, isDigest, MAX_MANIFEST, once, verified } from './verify.ts';

export interface RegistryReference {
  /** As users write it: `ghcr.io`, `127.0.0.1:5000`, `docker.io`. */
  readonly host: string;
  /** `acme/models/wine`. */
  readonly repository: string;
}

export interface RegistryOptions {
  /** Calls a registry on another machine without TLS. Loopback addresses never use TLS. */
  readonly plainHttp?: boolean;
  readonly log?: Log;
  readonly patience?: Patience;
}

/** What is asked for when a manifest is wanted: images and indexes, of OCI and of Docker. */
const ACCEPT = [
  MEDIA.manifest,
  MEDIA.index,
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
].join(', ');

const MAX_TAG_PAGE = 8 * 1024 * 1024;
const MAX_PAGES = 1000;

/**
 * A repository in a registry over HTTP (distribution-spec v1.1). Nothing is sent before the first call, and
 * credentials are looked up only when the registry asks for them.
 */
export function registryRepository(
  reference: RegistryReference,
  credentials: FindCredentials,
  options: RegistryOptions = {},
): OnePassRepository {
  const patience = options.patience ?? PATIENT;
  const session = createSession(reference, credentials, options.plainHttp ?? false, options.log ?? silent);
  const { call, explain } = session;
  const name = `${reference.host}/${reference.repository}`;
  const at = (path: string) => new URL(`/v2/${session.path}/${path}`, session.origin);
  /** Manifests of this run, so that setting a tag does not fetch what was just pushed. */
  const pushed = new Map<Digest, { bytes: Uint8Array; mediaType: string }>();

  const hasBlob = (digest: Digest) =>
    patiently(patience, async () => {
      const response = await call({ method: 'HEAD', url: at(`blobs/${digest}`) }, 'pull');
      response.body.resume();
      if (response.status === 200) return true;
      if (response.status === 404) return false;
      throw await explain(response, 'pull', `whether it has ${digest}`);
    });

  const sendManifest = (bytes: Uint8Array, mediaType: string, as: string) =>
    patiently(patience, async () => {
      const body = { size: bytes.length, open: () => once(bytes) };
      const headers = { 'content-type': mediaType };
      const response = await call({ method: 'PUT', url: at(`manifests/${as}`), headers, body }, 'pull,push');
      if (response.status !== 201) throw await explain(response, 'pull,push', `the manifest ${as}`);
      response.body.resume();
      const digest = digestOf(bytes);
      const stored = response.headers['docker-content-digest'];
      if (stored !== undefined && stored !== digest)
        throw new UserError(`${name} stored the manifest as ${String(stored)} instead of ${digest}`, {
          help: 'The registry, or a proxy before it, rewrites manifests. Nothing was published.',
        });
      return { mediaType, digest, size: bytes.length };
    });

  const getManifest = (wanted: string) =>
    patiently(patience, async () => {
      const response = await call(
        { method: 'GET', url: at(`manifests/${wanted}`), headers: { accept: ACCEPT } },
        'pull',
      );
      if (response.status === 404) {
        response.body.resume();
        return null;
      }
      if (response.status !== 200) throw await explain(response, 'pull', `the manifest ${wanted}`);
      const bytes = await session.readBody(response, MAX_MANIFEST);
      const digest = digestOf(bytes);
      const promised = isDigest(wanted) ? wanted : response.headers['docker-content-digest'];
      if (promised !== undefined && promised !== digest)
        throw altered(name, `the manifest ${wanted}`, `it has ${digest}`);
      const mediaType = response.headers['content-type']?.split(';')[0]?.trim() ?? MEDIA.manifest;
      return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
    });

  const upload = uploader(session, at, patience, hasBlob);

  return {
    name,
    hasBlob,
    putBlob: (blob) => upload.known(blob),
    addBlob: (source, mediaType) => upload.unknown(source, mediaType),
    openBlob: (descriptor) =>
      verified(
        readBlob(session, at(`blobs/${descriptor.digest}`), descriptor, patience),
        descriptor,
        (difference) => altered(name, `the blob ${descriptor.digest}`, difference),
      ),
    async putManifest(bytes, mediaType) {
      const descriptor = await sendManifest(bytes, mediaType, digestOf(bytes));
      pushed.set(descriptor.digest, { bytes, mediaType });
      return descriptor;
    },
    getManifest,
    async tag(digest, tag) {
      const held = pushed.get(digest) ?? (await getManifest(digest));
      if (!held) throw new UserError(`${name} holds no manifest ${digest}, so "${tag}" cannot point at it`);
      const mediaType = 'mediaType' in held ? held.mediaType : held.descriptor.mediaType;
      await sendManifest(held.bytes, mediaType, tag);
    },
    async tags() {
      const all: string[] = [];
      let url: URL | null = at('tags/list?n=1000');
      for (let page = 0; url && page < MAX_PAGES; page += 1) {
        const answer = await tagPage(session, url, patience);
        all.push(...answer.tags);
        url = answer.next;
      }
      return all;
    },
  };
}

/** One page of tags; an unknown repository has none. */
function tagPage(
  session: Session,
  url: URL,
  patience: Patience,
): Promise<{ tags: string[]; next: URL | null }> {
  return patiently(patience, async () => {
    const response = await session.call({ method: 'GET', url }, 'pull');
    if (response.status === 404) {
      response.body.resume();
      return { tags: [], next: null };
    }
    if (response.status !== 200) throw await session.explain(response, 'pull', 'its tags');
    const parsed: unknown = JSON.parse((await session.readBody(response, MAX_TAG_PAGE)).toString('utf8'));
    const list: unknown =
      typeof parsed === 'object' && parsed !== null && 'tags' in parsed ? parsed.tags : null;
    const tags = Array.isArray(list) ? list.filter((tag) => typeof tag === 'string') : [];
    const link = /<([^>]{1,4096})>\s*;[^,]*\brel="?next"?/.exec(String(response.headers['link'] ?? ''))?.[1];
    const next = link === undefined ? null : URL.parse(link, url.href);
    // Somewhere else is not the next page, whatever it is.
    return { tags, next: next?.host === url.host ? new URL(next.pathname + next.search, url) : null };
  });
}

/** The bytes of a blob as they come. When the connection breaks the rest is asked for from where it did. */
async function* readBlob(
  session: Session,
  url: URL,
  descriptor: Descriptor,
  patience: Patience,
): AsyncGenerator<Uint8Array> {
  let offset = 0;
  let broken = 0;
  while (offset < descriptor.size || broken === 0) {
    const from = offset;
    const response = await patiently(patience, async () => {
      const headers: Record<string, string> = from > 0 ? { range: `bytes=${from}-` } : {};
      const answer = await session.call({ method: 'GET', url, headers }, 'pull');
      if (answer.status !== 200 && answer.status !== 206)
        throw await session.explain(answer, 'pull', `the blob ${descriptor.digest}`);
      return answer;
    });
    // A server that knows no ranges begins again at the first byte.
    let skip = response.status === 206 ? 0 : from;
    try {
      for await (const chunk of response.body) {
        const bytes: Uint8Array = chunk;
        const part = skip === 0 ? bytes : bytes.subarray(Math.min(skip, bytes.length));
        skip -= bytes.length - part.length;
        offset += part.length;
        if (part.length > 0) yield part;
      }
      return;
    } catch (error) {
      broken += 1;
      if (broken >= patience.attempts) throw session.broken(error);
      await patience.sleep(500 * broken);
    } finally {
      response.body.destroy();
    }
  }
}

function altered(name: string, what: string, difference: string): UserError {
  return new UserError(`${name} gave other bytes for ${what}: ${difference}`, {
    help: 'The registry, or a proxy before it, is damaged or was tampered with. Do not use what it gives.',
  });
}
