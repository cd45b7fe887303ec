import { UserError } from '../ports/errors.ts';
import type { Log } from '../ports/log.ts';
import { type Access, authorizer, refusal } from './auth.ts';
import type { FindCredentials } from './credentials.ts';
import {
  type HttpRequest,
  type HttpResponse,
  httpClient,
  isLoopback,
  isPassing,
  retryAfter,
  Transient,
  textOf,
} from './http.ts';
import type { RegistryReference } from './registry.ts';
import { collect } from './verify.ts';

const MAX_REDIRECTS = 5;

/** The calls of one repository: with authorization, redirects of reads, and errors that say what to do. */
export interface Session {
  readonly origin: URL;
  /** Path of the repository in URLs. */
  readonly path: string;
  readonly host: string;
  /**
   * One request. A 401 is answered once with (fresh) credentials; credentials go to the registry's own origin only.
   * A passing failure is thrown as `Transient`; every other status is the caller's.
   */
  call(request: HttpRequest, access: Access): Promise<HttpResponse>;
  /** The error for a status that was not expected; reads the rest of the response. `what` was wanted or sent. */
  explain(response: HttpResponse, access: Access, what: string): Promise<Error>;
  /** Where an answer points, made absolute. Proxies that forget that they speak TLS are corrected. */
  locate(response: HttpResponse, from: URL): URL;
  readBody(response: HttpResponse, limit: number): Promise<Buffer>;
  /** The error for a body that broke off. */
  broken(cause: unknown): Transient;
}

/** @param plainHttp no TLS although the registry is on another machine. */
export function createSession(
  { host, repository }: RegistryReference,
  find: FindCredentials,
  plainHttp: boolean,
  log: Log,
): Session {
  const hub = host === 'docker.io' || host === 'index.docker.io';
  const address = hub ? 'registry-1.docker.io' : host;
  const hostname = new URL(`http://${address}`).hostname;
  const origin = new URL(`${plainHttp || isLoopback(hostname) ? 'http' : 'https'}://${address}`);
  // Docker Hub keeps its own images under this name (distribution/reference).
  const path = hub && !repository.includes('/') ? `library/${repository}` : repository;
  const http = httpClient();
  const credentials: FindCredentials = () => find(hub ? 'docker.io' : host);
  const auth = authorizer(origin, path, credentials, http);

  const locate = (response: HttpResponse, from: URL): URL => {
    const target = URL.parse(response.headers.location ?? '', from.href);
    if (!target || (target.protocol !== 'https:' && target.protocol !== 'http:'))
      throw new UserError(`${host} answered ${response.status} without saying where to go on`);
    if (from.protocol === 'https:' && target.protocol === 'http:') {
      if (target.hostname !== from.hostname)
        throw new UserError(`${host} sends on from HTTPS to HTTP at ${target.host}, which is not followed`);
      return new URL(`${from.origin}${target.pathname}${target.search}`);
    }
    return target;
  };

  const send = async (request: HttpRequest, access: Access): Promise<HttpResponse> => {
    const own = request.url.origin === origin.origin;
    for (let asked = 0; ; asked += 1) {
      const authorization = own ? auth.header(access) : null;
      const headers = { ...request.headers, ...(authorization !== null && { authorization }) };
      const response = await http({ ...request, headers });
      log.debug(`${request.method} ${request.url.origin}${request.url.pathname}: ${response.status}`);
      if (response.status !== 401 || !own || asked >= 2) return response;
      await textOf(response);
      await auth.answer(response, access, authorization);
    }
  };

  const call = async (request: HttpRequest, access: Access): Promise<HttpResponse> => {
    let current = request;
    for (let hop = 0; ; hop += 1) {
      const response = await send(current, access);
      if (isPassing(response.status)) {
        const text = await textOf(response);
        const said = describe(text);
        throw new Transient(
          `${current.url.host} answered ${response.status}${said === '' ? '' : ` (${said})`}`,
          retryAfter(response.headers),
        );
      }
      const redirected = [301, 302, 303, 307, 308].includes(response.status);
      if (!redirected || request.body || (request.method !== 'GET' && request.method !== 'HEAD'))
        return response;
      await textOf(response);
      if (hop >= MAX_REDIRECTS) throw new UserError(`${host} redirects more than ${MAX_REDIRECTS} times`);
      current = { ...current, url: locate(response, current.url) };
    }
  };

  return {
    origin,
    path,
    host,
    call,
    locate,
    async explain(response, access, what) {
      const said = describe(await textOf(response));
      if (response.status === 401 || response.status === 403)
        return refusal(origin, path, access, await auth.looked(), said);
      const because = said === '' ? '' : `: ${said}`;
      if (response.status === 404)
        return new UserError(`${host} does not know ${path}, or ${what} in it${because}`, {
          help:
            access === 'pull'
              ? 'Check the name, and whether the credentials may read it: some registries answer 404 where they mean 403.'
              : 'Create the repository first: this registry does not do so by itself (Amazon ECR and some others).',
        });
      return new UserError(`${host} refused ${what} with status ${response.status}${because}`, {
        help: 'If this goes on, look into the log of the registry.',
      });
    },
    async readBody(response, limit) {
      const tooLong = () => new UserError(`${host} gave an answer of more than ${limit} bytes`);
      try {
        return await collect(response.body, limit, tooLong);
      } catch (cause) {
        response.body.destroy();
        throw cause instanceof UserError ? cause : broken(cause);
      }
    },
    broken,
  };

  function broken(cause: unknown): Transient {
    return new Transient(`an answer of ${host} broke off`, null, cause);
  }
}

/** What a registry says about an error, on one line: distribution-spec, "Error codes". Untrusted. */
function describe(text: string): string {
  let said = '';
  try {
    const parsed: unknown = JSON.parse(text);
    const errors: unknown =
      typeof parsed === 'object' && parsed !== null && 'errors' in parsed ? parsed.errors : null;
    if (Array.isArray(errors))
      said = errors
        .slice(0, 3)
        .map((one: unknown) => {
          const { code = '', message = '' } = { ...(typeof one === 'object' ? one : null) } as Record<
            string,
            unknown
          >;
          return [code, message].filter((part) => typeof part === 'string' && part !== '').join(' ');
        })
        .join('; ');
  } catch {
    said = text.trimStart().startsWith('<') ? '' : text;
  }
  return said
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, 300);
}
