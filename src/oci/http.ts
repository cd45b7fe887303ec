import {
  Agent as HttpAgent,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as requestHttp,
} from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../ports/errors.ts';
import { collect } from './verify.ts';

/** Idle time after which a connection is given up (milliseconds). A registry may move gigabytes before it answers. */
const IDLE = 60_000;
const IDLE_WITH_BODY = 600_000;
const MAX_ERROR_BODY = 64 * 1024;
/** Longest that a Retry-After is honoured (milliseconds). */
const LONGEST_WAIT = 120_000;

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'PUT';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: { readonly size: number; open(): AsyncIterable<Uint8Array> };
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Has to be read to its end, or destroyed. */
  readonly body: IncomingMessage;
}

/** One exchange: no redirect is followed and nothing is tried twice. @throws Transient, UserError. */
export type Http = (request: HttpRequest) => Promise<HttpResponse>;

/** The other side, or the way to it, failed in a manner that may pass. */
export class Transient extends Error {
  override readonly name = 'Transient';
  /** Milliseconds that the server asked to wait. */
  readonly wait: number | null;

  constructor(message: string, wait: number | null = null, cause?: unknown) {
    super(message, { cause });
    this.wait = wait;
  }
}

/** Connections are kept; proxies are taken from the environment, except for loopback addresses. */
export function httpClient(): Http {
  const shared = { keepAlive: true, maxSockets: 16 };
  const proxied = { ...shared, proxyEnv: process.env };
  const agents = {
    loopback: new HttpAgent(shared),
    'http:': new HttpAgent(proxied),
    'https:': new HttpsAgent(proxied),
  };
  return (given) => {
    const secure = given.url.protocol === 'https:';
    const plainAgent = isLoopback(given.url.hostname) ? agents.loopback : agents['http:'];
    const agent = secure ? agents['https:'] : plainAgent;
    return exchange(given, agent);
  };
}

/** Whether a host name is this machine. */
export function isLoopback(hostname: string): boolean {
  return /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\]|::1)$/.test(hostname);
}

function exchange({ method, url, headers, body }: HttpRequest, agent: HttpAgent): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, {
      method,
      agent,
      headers: {
        'user-agent': 'lading',
        ...headers,
        ...(body && { 'content-length': String(body.size) }),
        ...(!body && method !== 'GET' && method !== 'HEAD' && { 'content-length': '0' }),
      },
    });
    const state = { answered: false, over: false };
    request.setTimeout(body ? IDLE_WITH_BODY : IDLE, () => {
      request.destroy(new Transient(`${url.host} did not answer in time`));
    });
    request.on('response', (response) => {
      state.answered = true;
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: response });
      // An answer before the whole body was sent is a refusal; the connection cannot be used again.
      if (!request.writableEnded) response.once('close', () => request.destroy());
    });
    request.on('error', (error) => reject(transportError(url, error)));
    request.on('close', () => {
      state.over = true;
    });
    if (!body) {
      request.end();
      return;
    }
    pump(request, body.open(), state).catch((error: unknown) => {
      // The source failed, not the connection: that is what the caller has to hear.
      reject(error);
      request.destroy();
    });
  });
}

/** Sends chunk by chunk: a chunk is with the system before the next one is asked for. */
async function pump(
  request: ReturnType<typeof requestHttp>,
  chunks: AsyncIterable<Uint8Array>,
  state: { readonly answered: boolean; readonly over: boolean },
): Promise<void> {
  let wake: (() => void) | null = null;
  const awake = () => wake?.();
  for (const event of ['close', 'error', 'response']) request.on(event, awake);
  for await (const chunk of chunks) {
    if (state.answered || state.over || request.destroyed) return;
    await new Promise<void>((resolve) => {
      wake = resolve;
      request.write(chunk, () => resolve());
    });
    wake = null;
  }
  if (!request.destroyed) request.end();
}

const PASSING = new Set([
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EAI_AGAIN',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'ERR_SOCKET_CLOSED',
  'HPE_INVALID_EOF_STATE',
]);

function transportError(url: URL, error: Error): Error {
  if (error instanceof Transient || error instanceof UserError) return error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (PASSING.has(code)) return new Transient(`the connection to ${url.host} broke (${code})`, null, error);
  if (code === 'ECONNREFUSED')
    return new UserError(`nothing listens at ${url.host}`, {
      help: 'Check host and port of the registry, and that it runs.',
      cause: error,
    });
  if (code === 'ENOTFOUND')
    return new UserError(`there is no host "${url.hostname}"`, {
      help: 'Check the name of the registry.',
      cause: error,
    });
  if (code === 'EPROTO' || code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code.startsWith('HPE_'))
    return new UserError(`${url.host} does not speak ${url.protocol === 'https:' ? 'HTTPS' : 'HTTP'}`, {
      help: 'Only registries on this machine are called without TLS; for another one set `plain-http`.',
      cause: error,
    });
  if (/CERT|SIGNATURE|SELF_SIGNED|ALTNAME|^ERR_TLS/.test(code))
    return new UserError(`the TLS certificate of ${url.host} is not trusted (${code})`, {
      help: 'Give the certificate of your authority in NODE_EXTRA_CA_CERTS.',
      cause: error,
    });
  return error;
}

/** Status codes that may pass: too early or too many requests, time-outs, and a server in trouble. */
export function isPassing(status: number): boolean {
  return (
    status === 408 || status === 425 || status === 429 || (status >= 500 && status !== 501 && status !== 505)
  );
}

/** Milliseconds that a response asks to wait: Retry-After in seconds or as a date (RFC 9110 §10.2.3). */
export function retryAfter(headers: IncomingHttpHeaders, now = Date.now()): number | null {
  const value = headers['retry-after']?.trim();
  if (value === undefined) return null;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}

export interface Patience {
  /** How often something is tried in all. */
  readonly attempts: number;
  readonly sleep: (milliseconds: number) => Promise<unknown>;
}

export const PATIENT: Patience = { attempts: 6, sleep: (milliseconds) => sleep(milliseconds) };

/** Tries again after what may pass: 0.5 s, 1 s, 2 s … with jitter, or as long as the server asks. */
export async function patiently<T>(patience: Patience, body: (attempt: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await body(attempt);
    } catch (error) {
      if (!(error instanceof Transient)) throw error;
      const wait = error.wait ?? Math.min(500 * 2 ** (attempt - 1), 30_000) * (0.5 + Math.random());
      if (attempt >= patience.attempts || wait > LONGEST_WAIT)
        throw new UserError(`${error.message}, ${attempt === 1 ? 'once' : `${attempt} times`}`, {
          help:
            wait > LONGEST_WAIT
              ? `The server asks to come back in ${Math.ceil(wait / 60_000)} minutes.`
              : 'Run again later: what has been uploaded already is not sent twice.',
          cause: error,
        });
      await patience.sleep(wait);
    }
  }
}

/** The text of a response that is not needed for its bytes: at most 64 KiB. Untrusted. */
export async function textOf(response: HttpResponse): Promise<string> {
  try {
    return (await collect(response.body, MAX_ERROR_BODY, () => new Error('too long'))).toString('utf8');
  } catch {
    response.body.destroy();
    return '';
  }
}
