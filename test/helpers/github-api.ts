import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

/** One request that has arrived, and where its answer goes. */
export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** What the pattern's groups have matched, decoded. */
  readonly groups: readonly string[];
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  /** The body as JSON. */
  json(): Record<string, unknown>;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

type Handler = (request: ApiRequest) => ApiAnswer;

export interface Asset {
  id: number;
  name: string;
  size: number;
  state: 'uploaded' | 'starter';
  content: Buffer;
}

export interface Release {
  id: number;
  tag_name: string;
  name: string;
  body: string;
  draft: boolean;
  prerelease: boolean;
  immutable: boolean;
  assets: Asset[];
}

/**
 * GitHub's REST API for one repository, on this machine: the shapes, statuses and messages of docs.github.com
 * (API version 2022-11-28), as far as Lading uses it. `on` adds or replaces routes.
 */
export interface GitHubApi {
  readonly url: string;
  readonly repository: 'acme/models';
  readonly token: string;
  readonly releases: Release[];
  /** `METHOD path` of every request, in order. */
  readonly log: string[];
  /** The token can only read from now on, as in a pull request from a fork. */
  readOnly: boolean;
  /** Releases cannot be changed once they are public. */
  immutableReleases: boolean;
  /** The next requests whose `METHOD path` matches are answered so, before anything else happens. */
  fail(pattern: RegExp, times: number, answer: ApiAnswer): void;
  /** The next requests that match are served, and their answers lost. */
  lose(pattern: RegExp, times: number): void;
  on(method: string, path: RegExp, handler: Handler): void;
}

export const REPOSITORY = 'acme/models';
const TOKEN = 'ghs_for_tests';

export const notFound: ApiAnswer = {
  status: 404,
  body: { message: 'Not Found', documentation_url: 'https://docs.github.com/rest', status: '404' },
};
export const readOnlyToken: ApiAnswer = {
  status: 403,
  body: {
    message: 'Resource not accessible by integration',
    documentation_url: 'https://docs.github.com/rest',
    status: '403',
  },
};
export const secondaryLimit: ApiAnswer = {
  status: 403,
  headers: { 'retry-after': '1' },
  body: {
    message: 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.',
    documentation_url: 'https://docs.github.com/rest/overview/rate-limits-for-the-rest-api',
  },
};

/** One page of a list, with the `Link` header that clients follow. */
export function paged<T>(request: ApiRequest, origin: string, all: readonly T[]): ApiAnswer {
  const size = Math.min(100, Number(request.query.get('per_page') ?? 30));
  const page = Number(request.query.get('page') ?? 1);
  const last = Math.max(1, Math.ceil(all.length / size));
  const link = (to: number, rel: string) =>
    `<${origin}${request.path}?per_page=${size}&page=${to}>; rel="${rel}"`;
  return {
    status: 200,
    body: all.slice((page - 1) * size, page * size),
    headers: page < last ? { link: `${link(page + 1, 'next')}, ${link(last, 'last')}` } : {},
  };
}

export async function githubApi(t: TestContext): Promise<GitHubApi> {
  const routes: { method: string; path: RegExp; handler: Handler }[] = [];
  const planned: { pattern: RegExp; times: number; answer: ApiAnswer | null }[] = [];
  let origin = '';
  const api: GitHubApi = {
    get url() {
      return origin;
    },
    repository: REPOSITORY,
    token: TOKEN,
    releases: [],
    log: [],
    readOnly: false,
    immutableReleases: false,
    fail: (pattern, times, answer) => planned.push({ pattern, times, answer }),
    lose: (pattern, times) => planned.push({ pattern, times, answer: null }),
    on: (method, path, handler) => routes.unshift({ method, path, handler }),
  };
  const answer = (request: Omit<ApiRequest, 'groups'>): ApiAnswer => {
    if (!/^(?:token|bearer) ghs_for_tests$/i.test(request.headers.authorization ?? ''))
      return { status: 401, body: { message: 'Bad credentials', status: '401' } };
    // A query of GraphQL is a POST that reads.
    if (api.readOnly && request.method !== 'GET' && request.path !== '/graphql') return readOnlyToken;
    for (const { method, path, handler } of routes) {
      const match = method === request.method ? path.exec(request.path) : null;
      if (match) return handler({ ...request, groups: match.slice(1).map(decodeURIComponent) });
    }
    return notFound;
  };
  const server = createServer((incoming, response) => {
    const parts: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => parts.push(chunk));
    incoming.on('end', () => {
      const url = new URL(incoming.url ?? '/', origin);
      const body = Buffer.concat(parts);
      const method = incoming.method ?? 'GET';
      const line = `${method} ${url.pathname}`;
      api.log.push(line);
      const plan = planned.find((one) => one.times > 0 && one.pattern.test(line));
      if (plan) plan.times--;
      const given =
        plan?.answer ??
        answer({
          method,
          path: url.pathname,
          query: url.searchParams,
          headers: incoming.headers,
          body,
          json: () => JSON.parse(body.toString('utf8')) as Record<string, unknown>,
        });
      if (plan && plan.answer === null) {
        response.writeHead(502, { 'content-type': 'application/json' }).end('{"message":"Server Error"}');
        return;
      }
      const headers = { 'content-type': 'application/json; charset=utf-8', ...given.headers };
      response
        .writeHead(given.status, headers)
        .end(given.body === undefined ? '' : JSON.stringify(given.body));
    });
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  t.after(
    () =>
      new Promise((closed) => {
        server.closeAllConnections();
        server.close(closed);
      }),
  );
  releaseRoutes(api);
  return api;
}

/** https://docs.github.com/rest/releases/releases and …/assets */
function releaseRoutes(api: GitHubApi): void {
  const base = `^/repos/${REPOSITORY}/releases`;
  let next = 1;
  const show = (release: Release) => ({
    ...release,
    url: `${api.url}/repos/${REPOSITORY}/releases/${release.id}`,
    html_url: `https://github.invalid/${REPOSITORY}/releases/tag/${release.draft ? `untagged-${release.id}` : release.tag_name}`,
    upload_url: `${api.url}/uploads/repos/${REPOSITORY}/releases/${release.id}/assets{?name,label}`,
    assets: release.assets.map(showAsset),
  });
  const showAsset = ({ id, name, size, state }: Asset) => ({ id, name, size, state, label: null });
  const byId = (id: string | undefined) => api.releases.find((one) => one.id === Number(id));
  const invalid = (field: string, code: string): ApiAnswer => ({
    status: 422,
    body: { message: 'Validation Failed', errors: [{ resource: 'Release', code, field }], status: '422' },
  });
  const taken = (tag: unknown, but?: Release) =>
    api.releases.some((one) => one !== but && !one.draft && one.tag_name === tag);

  api.on('GET', new RegExp(`${base}$`), (request) =>
    paged(request, api.url, [...api.releases].reverse().map(show)),
  );
  api.on('GET', new RegExp(`${base}/tags/(.+)$`), ({ groups }) => {
    const found = api.releases.find((one) => !one.draft && one.tag_name === groups[0]);
    return found ? { status: 200, body: show(found) } : notFound;
  });
  api.on('POST', new RegExp(`${base}$`), (request) => {
    const given = request.json();
    if (taken(given['tag_name'])) return invalid('tag_name', 'already_exists');
    const release: Release = {
      id: next++,
      tag_name: String(given['tag_name']),
      name: String(given['name'] ?? ''),
      body: String(given['body'] ?? ''),
      draft: given['draft'] === true,
      prerelease: given['prerelease'] === true,
      immutable: false,
      assets: [],
    };
    if (release.body.length > 125_000) return invalid('body', 'custom');
    api.releases.push(release);
    return { status: 201, body: show(release) };
  });
  api.on('PATCH', new RegExp(`${base}/(\\d+)$`), (request) => {
    const release = byId(request.groups[0]);
    if (!release) return notFound;
    if (release.immutable) return invalid('body', 'custom');
    const given = request.json();
    if (given['body'] !== undefined) release.body = String(given['body']);
    if (given['draft'] === false) {
      if (taken(release.tag_name, release)) return invalid('tag_name', 'already_exists');
      release.draft = false;
      release.immutable = api.immutableReleases;
    }
    return { status: 200, body: show(release) };
  });
  api.on('GET', new RegExp(`${base}/(\\d+)/assets$`), (request) => {
    const release = byId(request.groups[0]);
    return release ? paged(request, api.url, release.assets.map(showAsset)) : notFound;
  });
  api.on('POST', new RegExp(`^/uploads/repos/${REPOSITORY}/releases/(\\d+)/assets$`), (request) => {
    const release = byId(request.groups[0]);
    if (!release) return notFound;
    const name = request.query.get('name') ?? '';
    if (release.immutable || release.assets.some((one) => one.name === name))
      return {
        status: 422,
        body: {
          message: 'Validation Failed',
          errors: [{ resource: 'ReleaseAsset', code: 'already_exists' }],
        },
      };
    const content = request.body;
    const asset: Asset = { id: next++, name, size: content.length, state: 'uploaded', content };
    release.assets.push(asset);
    return { status: 201, body: showAsset(asset) };
  });
  api.on('DELETE', new RegExp(`${base}/assets/(\\d+)$`), ({ groups }) => {
    for (const release of api.releases)
      release.assets = release.assets.filter((one) => one.id !== Number(groups[0]));
    return { status: 204 };
  });
}
