import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { messageOf, UserError } from '../ports/errors.ts';
import type { Exec } from '../ports/exec.ts';

export type Secret =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  /** A refresh token, as `docker login` stores it for some registries. */
  | { readonly kind: 'identity'; readonly token: string };

export interface Credentials {
  /** `null`: go without. */
  readonly secret: Secret | null;
  /** One sentence for messages: where was looked, and what was found. Never a secret. */
  readonly looked: string;
}

/** Finds the credentials for a registry, given as `host` or `host:port`. */
export type FindCredentials = (host: string) => Promise<Credentials>;

/** Credentials for public registries. */
export const anonymous: FindCredentials = async () => ({
  secret: null,
  looked: 'No credentials were given.',
});

interface DockerConfig {
  readonly auths: Readonly<Record<string, unknown>>;
  readonly credHelpers: Readonly<Record<string, unknown>>;
  readonly credsStore: unknown;
}

/** Docker Hub is found under the address of its first API. */
const DOCKER_HUB = ['https://index.docker.io/v1/', 'index.docker.io', 'docker.io', 'registry-1.docker.io'];

/**
 * Credentials as `docker login` leaves them: `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`; a helper for
 * the host first, then the store for all hosts, then the file itself (docker/cli, cli/config/configfile).
 */
export function dockerCredentials(
  env: Readonly<Record<string, string | undefined>>,
  exec: Exec,
): FindCredentials {
  return async (host) => {
    const folder = env['DOCKER_CONFIG'] || join(env['HOME'] || homedir(), '.docker');
    const path = join(folder, 'config.json');
    const config = await readConfig(path);
    if (!config) return { secret: null, looked: `There are no credentials: "${path}" does not exist.` };
    const keys = keysFor(host);

    const helperKey = keys.find((key) => typeof config.credHelpers[key] === 'string');
    const helper = helperKey === undefined ? config.credsStore : config.credHelpers[helperKey];
    if (typeof helper === 'string' && helper !== '') {
      const secret = await askHelper(helper, helperKey ?? keys[0] ?? host, path, exec);
      if (secret) return { secret, looked: `Used were the credentials of docker-credential-${helper}.` };
      if (helperKey !== undefined)
        return { secret: null, looked: `docker-credential-${helper} has no credentials for ${host}.` };
    }
    for (const [key, entry] of Object.entries(config.auths)) {
      if (!keys.includes(normalised(key))) continue;
      const secret = readEntry(entry);
      if (secret) return { secret, looked: `Used were the credentials for "${key}" in "${path}".` };
    }
    return { secret: null, looked: `There are no credentials for ${host} in "${path}".` };
  };
}

function keysFor(host: string): string[] {
  return DOCKER_HUB.includes(host) ? DOCKER_HUB : [host];
}

/** `https://host/v1/` and `host` are the same key, except for Docker Hub's, which is kept as it is. */
function normalised(key: string): string {
  if (DOCKER_HUB.includes(key)) return key;
  return key.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
}

async function readConfig(path: string): Promise<DockerConfig | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ENOTDIR'))
      return null;
    throw new UserError(`cannot read Docker's configuration: ${messageOf(cause)}`, { file: path, cause });
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // No cause: the message of the parser quotes the file, and with it secrets.
    throw new UserError("Docker's configuration is not JSON", {
      file: path,
      help: 'Repair the file, or log in again with `docker login`.',
    });
  }
  const root = record(parsed);
  return {
    auths: record(root['auths']),
    credHelpers: record(root['credHelpers']),
    credsStore: root['credsStore'],
  };
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function readEntry(value: unknown): Secret | null {
  const entry = record(value);
  if (typeof entry['identitytoken'] === 'string' && entry['identitytoken'] !== '')
    return { kind: 'identity', token: entry['identitytoken'] };
  if (typeof entry['auth'] === 'string' && entry['auth'] !== '') {
    const decoded = Buffer.from(entry['auth'], 'base64').toString('utf8').replace(/\0+$/, '');
    const colon = decoded.indexOf(':');
    if (colon > 0) return asSecret(decoded.slice(0, colon), decoded.slice(colon + 1));
  }
  if (typeof entry['username'] === 'string' && typeof entry['password'] === 'string')
    return asSecret(entry['username'], entry['password']);
  return null;
}

/** Helpers mark a refresh token by this user name (docker-credential-helpers). */
function asSecret(username: string, password: string): Secret | null {
  if (username === '<token>') return { kind: 'identity', token: password };
  return username === '' ? null : { kind: 'password', username, password };
}

async function askHelper(helper: string, server: string, path: string, exec: Exec): Promise<Secret | null> {
  if (!/^[a-zA-Z0-9_-]+$/.test(helper))
    throw new UserError(`"${helper}" is not the name of a credential helper`, {
      file: path,
      help: 'Allowed are letters, digits, "_" and "-".',
    });
  const command = `docker-credential-${helper}`;
  const { code, stdout } = await exec(command, ['get'], { input: server });
  if (code === 127)
    throw new UserError(`${path} names the credential helper ${command}, which is not installed`, {
      help: 'Install it, or log in again without it.',
    });
  // "credentials not found in native keychain", and whatever else: helpers know no other way to say no.
  if (code !== 0) return null;
  let parsed: unknown;
  try {
    parsed = JSON.parse(stdout);
  } catch {
    return null;
  }
  const { Username: username, Secret: secret } = record(parsed);
  return typeof username === 'string' && typeof secret === 'string' ? asSecret(username, secret) : null;
}
