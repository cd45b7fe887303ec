import { UserError } from '../ports/errors.ts';
import type { Credentials, FindCredentials } from './credentials.ts';
import { type Http, type HttpResponse, isPassing, retryAfter, Transient, textOf } from './http.ts';
import { once } from './verify.ts';

/** What a request wants to do; the second is asked for by everything that writes. */
export type Access = 'pull' | 'pull,push';

export interface Authorizer {
  /** Value for the Authorization header, or `null` as long as none was asked for. */
  header(access: Access): string | null;
  /**
   * Answers a 401: afterwards `header` gives something that has not been refused. `refused` is the header that was
   * sent. @throws UserError when there is nothing left to try.
   */
  answer(response: HttpResponse, access: Access, refused: string | null): Promise<void>;
  /** For messages: where credentials were looked for, and what was found. No secrets. */
  looked(): Promise<string>;
}

interface Token {
  readonly header: string;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

/**
 * Credentials for one repository of one registry: bearer tokens (distribution, token/jwt and token/oauth
 * specifications), basic authentication, or none. Credentials are looked up when the registry first asks. Tokens are
 * kept by what they allow, and never leave for another host.
 */
export function authorizer(origin: URL, repository: string, find: FindCredentials, http: Http): Authorizer {
  const tokens = new Map<Access, Token>();
  const pending = new Map<Access, Promise<void>>();
  let found: Promise<Credentials> | null = null;
  const credentials = () => {
    found ??= find(origin.host);
    return found;
  };
  const header = (access: Access): string | null => {
    for (const held of access === 'pull' ? (['pull', 'pull,push'] as const) : (['pull,push'] as const)) {
      const token = tokens.get(held);
      if (token && token.until > Date.now()) return token.header;
    }
    return null;
  };
  const looked = async () => (await credentials()).looked;

  const obtain = async (response: HttpResponse, access: Access): Promise<void> => {
    const challenges = parseChallenges(response.headers['www-authenticate'] ?? '');
    const given = await credentials();
    const bearer = challenges.find((one) => one.scheme === 'bearer');
    if (bearer) {
      tokens.set(access, await fetchToken(origin, repository, bearer.parameters, access, given, http));
      return;
    }
    if (challenges.some((one) => one.scheme === 'basic') && given.secret?.kind === 'password') {
      const { username, password } = given.secret;
      tokens.set(access, { header: basic(username, password), until: Number.POSITIVE_INFINITY });
      return;
    }
    throw refusal(origin, repository, access, given.looked);
  };

  return {
    header,
    looked,
    async answer(response, access, refused) {
      if (refused !== null)
        for (const [held, token] of tokens) if (token.header === refused) tokens.delete(held);
      const other = header(access);
      if (other !== null && other !== refused) return;
      let running = pending.get(access);
      if (!running) {
        running = obtain(response, access).finally(() => pending.delete(access));
        pending.set(access, running);
      }
      await running;
      if (header(access) === refused) throw refusal(origin, repository, access, await looked());
    },
  };
}

/** The registry does not let us: says which credentials were looked at and which right is missing. */
export function refusal(
  origin: URL,
  repository: string,
  access: Access,
  looked: string,
  said = '',
): UserError {
  const doing = access === 'pull' ? 'read from' : 'push to';
  const because = said === '' ? '' : ` It said: ${said}.`;
  return new UserError(`${origin.host} does not allow to ${doing} ${repository}.${because} ${looked}`, {
    help: rightNeeded(origin.hostname, access),
  });
}

function rightNeeded(host: string, access: Access): string {
  const write = access !== 'pull';
  if (host === 'ghcr.io')
    return (
      `Give the job \`permissions: packages: ${write ? 'write' : 'read'}\`, log in with docker/login-action ` +
      '(user github.actor, password github.token), and give the repository access to the package.'
    );
  if (host.endsWith('.amazonaws.com'))
    return `Log in with aws-actions/amazon-ecr-login${write ? '; the role needs ecr:PutImage and ecr:InitiateLayerUpload, and the repository has to exist' : ''}.`;
  if (host.endsWith('.pkg.dev') || host === 'gcr.io' || host.endsWith('.gcr.io'))
    return `Log in with google-github-actions/auth; the account needs the role artifactregistry.${write ? 'writer' : 'reader'}.`;
  return `Log in first (docker/login-action, or \`docker login\`) as someone who may ${write ? 'push' : 'pull'} there.`;
}

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

async function fetchToken(
  origin: URL,
  repository: string,
  parameters: ReadonlyMap<string, string>,
  access: Access,
  { secret, looked }: Credentials,
  http: Http,
): Promise<Token> {
  const realm = URL.parse(parameters.get('realm') ?? '');
  // Credentials of a registry with TLS are not sent out in the clear, whatever it asks for.
  if (!realm || (realm.protocol !== 'https:' && !(realm.protocol === 'http:' && origin.protocol === 'http:')))
    throw new UserError(`${origin.host} names no usable token server ("${parameters.get('realm') ?? ''}")`, {
      help: 'This is a fault of the registry: tell its administrator.',
    });
  const scope = `repository:${repository}:${access}`;
  const service = parameters.get('service');
  const fields = new URLSearchParams({ ...(service !== undefined && { service }), scope });
  const post = secret?.kind === 'identity';
  if (post) {
    fields.set('grant_type', 'refresh_token');
    fields.set('refresh_token', secret.token);
    fields.set('client_id', 'lading');
  } else {
    if (secret) fields.set('account', secret.username);
    for (const [name, value] of fields) realm.searchParams.append(name, value);
  }
  const body = Buffer.from(fields.toString());
  const response = await http({
    method: post ? 'POST' : 'GET',
    url: realm,
    headers: {
      accept: 'application/json',
      ...(secret?.kind === 'password' && { authorization: basic(secret.username, secret.password) }),
      ...(post && { 'content-type': 'application/x-www-form-urlencoded' }),
    },
    ...(post && { body: { size: body.length, open: () => once(body) } }),
  });
  const text = await textOf(response);
  if (isPassing(response.status))
    throw new Transient(
      `the token server ${realm.host} answered ${response.status}`,
      retryAfter(response.headers),
    );
  if (
    response.status === 400 ||
    response.status === 401 ||
    response.status === 403 ||
    response.status === 404
  )
    throw refusal(
      origin,
      repository,
      access,
      looked,
      `${response.status} from the token server ${realm.host}`,
    );
  if (response.status !== 200) throw unusable(realm, `status ${response.status}`);
  return readToken(realm, text);
}

function readToken(realm: URL, text: string): Token {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw unusable(realm, 'no JSON');
  }
  const answer: Record<string, unknown> = typeof parsed === 'object' && parsed !== null ? { ...parsed } : {};
  const token = answer['token'] ?? answer['access_token'];
  // Visible ASCII only: it becomes a header.
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) throw unusable(realm, 'no token');
  // 60 seconds unless it says otherwise (token specification); a fifth is left for clocks and the way.
  const seconds = typeof answer['expires_in'] === 'number' ? Math.max(answer['expires_in'], 10) : 60;
  return { header: `Bearer ${token}`, until: Date.now() + seconds * 800 };
}

function unusable(realm: URL, what: string): UserError {
  return new UserError(`the token server ${realm.host} gave an answer that is of no use: ${what}`, {
    help: 'This is a fault of the registry: tell its administrator.',
  });
}

interface Challenge {
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** Reads a WWW-Authenticate header (RFC 9110 §11.6.1); several challenges may share one line. */
export function parseChallenges(header: string): Challenge[] {
  const text = header.slice(0, 8192);
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  const token = /\s*,?\s*(?:([\w.~+-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))|([\w-]+))/y;
  for (let match = token.exec(text); match; match = token.exec(text)) {
    const [, name, quoted, bare, scheme] = match;
    if (scheme !== undefined) challenges.push({ scheme: scheme.toLowerCase(), parameters: new Map() });
    else if (name !== undefined)
      challenges.at(-1)?.parameters.set(name.toLowerCase(), quoted?.replaceAll(/\\(.)/g, '$1') ?? bare ?? '');
  }
  return challenges;
}
