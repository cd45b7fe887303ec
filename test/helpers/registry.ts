import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { bodyOf, knows, manifestProblem, type Store, sendBlob, sha256 } from './registry-wire.ts';

/** A request as a test sees it. */
export interface SeenRequest {
  /** 1, 2, 3 … over the life of the registry. */
  readonly number: number;
  readonly method: string;
  /** Path with query. */
  readonly url: string;
  readonly headers: Readonly<IncomingMessage['headers']>;
}

/** What happens to a request instead of the usual. `reset` cuts the connection; `drop` does so after the work was done. */
export type Injected =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  | 'reset'
  | 'drop'
  | undefined;

export interface DoubleOptions {
  readonly auth?:
    | { readonly kind: 'none' }
    | { readonly kind: 'basic'; readonly users: Readonly<Record<string, string>> }
    /**
     * A token server at the same address. `anonymousPull`: no user is needed to read. `identity`: a refresh token
     * that is accepted in place of a user. `readers`: users that get no right to push.
     */
    | {
        readonly kind: 'token';
        readonly users: Readonly<Record<string, string>>;
        readonly anonymousPull?: boolean;
        readonly identity?: string;
        readonly readers?: readonly string[];
        /** Seconds. */
        readonly expiresIn?: number;
      };
  /** Blobs are answered by a redirect to another address, as registries with S3 behind them do. */
  readonly redirectBlobs?: boolean;
  /** Larger PATCH bodies get 416, as ghcr.io does (bytes); 0 refuses the method with 405. */
  readonly patchLimit?: number;
  /** Locations of uploads are absolute, and carry a signed-looking query. */
  readonly absoluteLocations?: boolean;
  /** No Docker-Content-Digest header anywhere. */
  readonly noDigestHeader?: boolean;
  /** Tags on one page. */
  readonly tagPage?: number;
  /** Looks at each request before it is served; may wait, kill a child process, or answer in its place. */
  readonly before?: (request: SeenRequest) => Injected | Promise<Injected>;
}

export interface RegistryDouble extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly host: string;
  /** Where blobs are redirected to. */
  readonly storageHost: string;
  readonly requests: readonly SeenRequest[];
  /** Requests that the other address (blob storage) got. */
  readonly storageRequests: readonly SeenRequest[];
  /** Blobs of a repository by digest. Tests may change them, to damage the registry. */
  blobs(repository: string): Map<string, Buffer>;
  manifests(repository: string): Map<string, { readonly bytes: Buffer; readonly mediaType: string }>;
  /** Tag → digest. */
  tags(repository: string): Map<string, string>;
  /** Every PUT of a tag in order, as `repository:tag@digest`. */
  readonly tagged: readonly string[];
  /** Makes every token that was given out invalid from now on. */
  expireTokens(): void;
  /** Breaks of the specification by the client. Asserted to be empty by `close`. */
  readonly violations: readonly string[];
  close(): Promise<void>;
}

const NAME = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const MAX_MANIFEST = 4 * 1024 * 1024;

/**
 * A registry in this process that holds clients to distribution-spec v1.1: digests and sizes are checked, manifests
 * need their blobs, uploads go through their sessions, credentials must not travel to the blob storage.
 */
export async function registryDouble(options: DoubleOptions = {}): Promise<RegistryDouble> {
  const stores = new Map<string, Store>();
  const requests: SeenRequest[] = [];
  const storageRequests: SeenRequest[] = [];
  const tagged: string[] = [];
  const violations: string[] = [];
  const tokens = new Map<string, { scopes: ReadonlySet<string>; until: number }>();
  const auth = options.auth ?? { kind: 'none' };
  const store = (name: string): Store => {
    let found = stores.get(name);
    if (!found) {
      found = { blobs: new Map(), manifests: new Map(), tags: new Map(), uploads: new Map() };
      stores.set(name, found);
    }
    return found;
  };

  const fail = (
    response: ServerResponse,
    status: number,
    code: string,
    message = code,
    extra = {},
  ): undefined => {
    response.writeHead(status, { 'content-type': 'application/json', ...extra });
    response.end(JSON.stringify({ errors: [{ code, message }] }));
    return undefined;
  };

  const allowed = (
    request: IncomingMessage,
    response: ServerResponse,
    name: string,
    write: boolean,
  ): boolean => {
    if (auth.kind === 'none') return true;
    const header = request.headers.authorization ?? '';
    const scope = `repository:${name}:pull${write ? ',push' : ''}`;
    if (auth.kind === 'basic') {
      if (knows(auth.users, header) !== null) return true;
      fail(response, 401, 'UNAUTHORIZED', 'authentication required', {
        'www-authenticate': 'Basic realm="double"',
      });
      return false;
    }
    const token = tokens.get(header.replace(/^Bearer /, ''));
    const right = `${name}:${write ? 'push' : 'pull'}`;
    if (token && token.until > Date.now() && token.scopes.has(right)) return true;
    const challenge = `Bearer realm="http://${address(server)}/token",service="double",scope="${scope}"`;
    fail(response, 401, 'UNAUTHORIZED', 'authentication required', { 'www-authenticate': challenge });
    return false;
  };

  const giveToken = async (request: IncomingMessage, response: ServerResponse, url: URL) => {
    if (auth.kind !== 'token') return fail(response, 404, 'NOT_FOUND');
    const form =
      request.method === 'POST' ? new URLSearchParams((await bodyOf(request)).toString()) : url.searchParams;
    if (form.get('service') !== 'double') violations.push('the token request names another service');
    const identity =
      form.get('grant_type') === 'refresh_token' && form.get('refresh_token') === auth.identity;
    const user = identity ? 'identity' : knows(auth.users, request.headers.authorization ?? '');
    if (user === null && (request.headers.authorization !== undefined || request.method === 'POST'))
      return fail(response, 401, 'UNAUTHORIZED', 'incorrect username or password');
    const scopes = new Set<string>();
    for (const scope of form.getAll('scope')) {
      const [, name = '', actions = ''] = /^repository:(.+):([a-z,*]+)$/.exec(scope) ?? [];
      for (const action of actions.split(',')) {
        if (user === null && !(action === 'pull' && auth.anonymousPull)) continue;
        if (action === 'push' && user !== null && auth.readers?.includes(user)) continue;
        scopes.add(`${name}:${action}`);
      }
    }
    const token = randomBytes(12).toString('hex');
    const seconds = auth.expiresIn ?? 300;
    tokens.set(token, { scopes, until: Date.now() + seconds * 1000 });
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(identity ? { access_token: token } : { token, expires_in: seconds }));
  };

  const digestHeader = (digest: string) =>
    options.noDigestHeader ? {} : { 'docker-content-digest': digest };

  const location = (name: string, id: string) => {
    const path = `/v2/${name}/blobs/uploads/${id}`;
    return options.absoluteLocations ? `http://${address(server)}${path}?_state=a%2Fb%3D%3D` : path;
  };

  const serveUpload = async (
    request: IncomingMessage,
    response: ServerResponse,
    name: string,
    id: string,
    url: URL,
  ): Promise<void> => {
    const { uploads, blobs } = store(name);
    if (request.method === 'POST' && id === '') {
      const fresh = randomBytes(8).toString('hex');
      uploads.set(fresh, { parts: [], size: 0 });
      response.writeHead(202, { location: location(name, fresh), range: '0-0', 'content-length': '0' }).end();
      return;
    }
    const upload = uploads.get(id);
    if (!upload) return fail(response, 404, 'BLOB_UPLOAD_UNKNOWN');
    if (options.absoluteLocations && url.searchParams.get('_state') !== 'a/b==')
      violations.push('the query of an upload location was changed');
    const length = request.headers['content-length'];
    if (request.method === 'PATCH') {
      const limit = options.patchLimit;
      if (limit === 0) return fail(response, 405, 'UNSUPPORTED');
      if (limit !== undefined && Number(length) > limit) return fail(response, 416, 'BLOB_UPLOAD_INVALID');
      const body = await bodyOf(request);
      upload.parts.push(body);
      upload.size += body.length;
      const range = { location: location(name, id), range: `0-${upload.size - 1}`, 'content-length': '0' };
      response.writeHead(202, range).end();
      return;
    }
    if (request.method !== 'PUT') return fail(response, 405, 'UNSUPPORTED');
    if (length === undefined && request.headers['transfer-encoding'] === undefined)
      violations.push('a PUT of a blob has no Content-Length');
    const body = Buffer.concat([...upload.parts, await bodyOf(request)]);
    const digest = url.searchParams.get('digest') ?? '';
    uploads.delete(id);
    if (!DIGEST.test(digest) || sha256(body) !== digest) return fail(response, 400, 'DIGEST_INVALID');
    blobs.set(digest, body);
    const headers = {
      location: `/v2/${name}/blobs/${digest}`,
      'content-length': '0',
      ...digestHeader(digest),
    };
    response.writeHead(201, headers).end();
  };

  const serveBlob = (
    request: IncomingMessage,
    response: ServerResponse,
    name: string,
    digest: string,
  ): undefined => {
    if (!DIGEST.test(digest)) return fail(response, 400, 'DIGEST_INVALID');
    const blob = store(name).blobs.get(digest);
    if (!blob) return fail(response, 404, 'BLOB_UNKNOWN');
    if (options.redirectBlobs) {
      response
        .writeHead(307, { location: `http://${address(storage)}/${name}/${digest}?X-Amz-Signature=s` })
        .end();
      return;
    }
    sendBlob(request, response, blob, digestHeader(digest));
  };

  const serveManifest = async (
    request: IncomingMessage,
    response: ServerResponse,
    name: string,
    reference: string,
  ): Promise<void> => {
    const { manifests, tags } = store(name);
    if (!DIGEST.test(reference) && !TAG.test(reference)) return fail(response, 400, 'TAG_INVALID');
    if (request.method === 'PUT') {
      const bytes = await bodyOf(request);
      if (bytes.length > MAX_MANIFEST) return fail(response, 413, 'SIZE_INVALID');
      const digest = sha256(bytes);
      if (DIGEST.test(reference) && reference !== digest) return fail(response, 400, 'DIGEST_INVALID');
      const problem = manifestProblem(bytes, request.headers['content-type'] ?? '', store(name));
      if (problem !== null)
        return fail(
          response,
          400,
          problem.startsWith('sha256:') ? 'MANIFEST_BLOB_UNKNOWN' : 'MANIFEST_INVALID',
          problem,
        );
      manifests.set(digest, { bytes, mediaType: request.headers['content-type'] ?? '' });
      if (!DIGEST.test(reference)) {
        tags.set(reference, digest);
        tagged.push(`${name}:${reference}@${digest}`);
      }
      const headers = {
        location: `/v2/${name}/manifests/${digest}`,
        'content-length': '0',
        ...digestHeader(digest),
      };
      response.writeHead(201, headers).end();
      return;
    }
    const digest = DIGEST.test(reference) ? reference : tags.get(reference);
    const found = digest === undefined ? undefined : manifests.get(digest);
    if (!found || digest === undefined) return fail(response, 404, 'MANIFEST_UNKNOWN');
    if (!(request.headers.accept ?? '').includes(found.mediaType))
      violations.push(`${found.mediaType} is not accepted`);
    const headers = {
      'content-type': found.mediaType,
      'content-length': String(found.bytes.length),
      ...digestHeader(digest),
    };
    response.writeHead(200, headers);
    response.end(request.method === 'HEAD' ? undefined : found.bytes);
  };

  const serveTags = (response: ServerResponse, name: string, url: URL): undefined => {
    const found = stores.get(name);
    if (!found || found.manifests.size === 0) return fail(response, 404, 'NAME_UNKNOWN');
    const sorted = [...found.tags.keys()].sort();
    const last = url.searchParams.get('last');
    const from = last === null ? 0 : sorted.findIndex((tag) => tag > last);
    const count = Math.min(Number(url.searchParams.get('n') ?? 1000), options.tagPage ?? 1000);
    const page = from === -1 ? [] : sorted.slice(from, from + count);
    const more = from !== -1 && from + count < sorted.length;
    const link = `</v2/${name}/tags/list?n=${count}&last=${page.at(-1) ?? ''}>; rel="next"`;
    response.writeHead(200, { 'content-type': 'application/json', ...(more && { link }) });
    response.end(JSON.stringify({ name, tags: page }));
  };

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://registry');
    if (url.pathname === '/token') return giveToken(request, response, url);
    if (url.pathname === '/v2/') return void response.writeHead(200).end('{}');
    const match = /^\/v2\/(.+)\/(blobs\/uploads|blobs|manifests|tags)\/([^/]*)$/.exec(url.pathname);
    const [, name = '', kind = '', last = ''] = match ?? [];
    if (!match) return fail(response, 404, 'NOT_FOUND');
    if (!NAME.test(name)) return fail(response, 400, 'NAME_INVALID');
    const write = request.method !== 'GET' && request.method !== 'HEAD';
    if (!allowed(request, response, name, write)) return;
    if (kind === 'blobs/uploads') return serveUpload(request, response, name, last, url);
    if (kind === 'blobs') return serveBlob(request, response, name, decodeURIComponent(last));
    if (kind === 'manifests') return serveManifest(request, response, name, decodeURIComponent(last));
    return serveTags(response, name, url);
  };

  const server = createServer((request, response) => {
    void (async () => {
      const seen = note(requests, request);
      const injected = await options.before?.(seen);
      if (injected === 'reset') return void request.socket.destroy();
      if (injected === 'drop') {
        // The work is done, and its answer is lost.
        response.writeHead = () => response;
        response.end = () => {
          request.socket.destroy();
          return response;
        };
      } else if (injected !== undefined) {
        request.resume();
        response.writeHead(injected.status, { 'content-type': 'application/json', ...injected.headers });
        return void response.end(injected.body ?? '');
      }
      await serve(request, response);
      // What a refused client still sends is not wanted.
      if (!request.complete) request.resume();
    })().catch(() => request.socket.destroy());
  });
  const storage = createServer((request, response) => {
    note(storageRequests, request);
    if (request.headers.authorization !== undefined)
      violations.push('credentials were sent to the blob storage');
    const [path = ''] = (request.url ?? '').split('?');
    const slash = path.lastIndexOf('/');
    const blob = stores.get(path.slice(1, slash))?.blobs.get(path.slice(slash + 1));
    if (blob) sendBlob(request, response, blob, {});
    else response.writeHead(404).end();
  });
  await Promise.all([listen(server), listen(storage)]);

  const close = async () => {
    for (const one of [server, storage]) {
      one.closeAllConnections();
      await new Promise((resolve) => one.close(resolve));
    }
    if (violations.length > 0)
      throw new Error(`the client broke the specification: ${violations.join('; ')}`);
  };
  return {
    host: address(server),
    storageHost: address(storage),
    requests,
    storageRequests,
    blobs: (name) => store(name).blobs,
    manifests: (name) => store(name).manifests,
    tags: (name) => store(name).tags,
    tagged,
    expireTokens: () => tokens.clear(),
    violations,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function note(list: SeenRequest[], request: IncomingMessage): SeenRequest {
  const { method = '', url = '', headers } = request;
  const seen = { number: list.length + 1, method, url, headers };
  list.push(seen);
  return seen;
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
}

function address(server: Server): string {
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
