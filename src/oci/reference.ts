import { resolve } from 'node:path';
import { modelName } from '../model/names.ts';
import { UserError } from '../ports/errors.ts';
import type { Exec } from '../ports/exec.ts';
import type { Log } from '../ports/log.ts';
import { dockerCredentials } from './credentials.ts';
import { layoutRepository } from './layout.ts';
import { registryRepository } from './registry.ts';
import type { OnePassRepository } from './types.ts';

/** Where models are published: below it every model has a repository of its own name. */
export type Destination =
  | {
      readonly kind: 'layout';
      /** As the user wrote it. */
      readonly root: string;
    }
  | {
      readonly kind: 'registry';
      /** With the port where one is given. */
      readonly host: string;
      /** Path below which the repositories are: `acme/models`; '' is the registry's root. */
      readonly path: string;
    };

/** distribution-spec v1.1, "Pulling manifests": the grammar of a repository's name. */
const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const HOST =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[0-9a-fA-F:]+\])(?::\d{1,5})?$/;
/** Longest name with its host that the common clients take. */
const MAX_LENGTH = 255;

/**
 * Reads `ghcr.io/acme/models`, `127.0.0.1:5000/x` or `oci:./dir`.
 * @throws UserError that says what is wrong with it.
 */
export function parseDestination(text: string): Destination {
  const given = text.trim();
  const bad = (problem: string, help?: string) =>
    new UserError(`"${text}" is no place to publish to: ${problem}`, {
      help: help ?? 'Write it like ghcr.io/acme/models, or oci:./folder for a folder.',
    });
  if (given === '') throw bad('it is empty');
  if (given.startsWith('oci:')) {
    const root = given.slice('oci:'.length);
    if (root.startsWith('//') || root === '') throw bad('after "oci:" comes the path of a folder');
    if (root.includes('\0')) throw bad('a path has no NUL characters');
    return { kind: 'layout', root };
  }
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(given);
  if (scheme)
    throw bad(`it begins with "${scheme[0]}"`, `Write it without: ${given.slice(scheme[0].length)}`);
  const [host = '', ...rest] = given.replace(/\/+$/, '').split('/');
  const path = rest.join('/');
  if (!/[.:]/.test(host) && host !== 'localhost')
    throw bad(
      `"${host}" is no host`,
      `Name the registry, for example ghcr.io/${given} or docker.io/${given}.`,
    );
  if (!HOST.test(host) || !isPort(host)) throw bad(`"${host}" is no host`);
  if (path.includes('@')) throw bad('it has a digest; only the place is wanted');
  if (path.includes(':'))
    throw bad('it has a tag; Lading sets the tags', `Write ${given.replace(/:[^:/]*$/, '')}.`);
  if (/[A-Z]/.test(path))
    throw bad(
      'registries allow no upper case in names',
      `Write ${host.toLowerCase()}/${path.toLowerCase()}.`,
    );
  if (path !== '' && !REPOSITORY.test(path))
    throw bad('names are groups of a-z and 0-9, joined by ".", "_", "__", hyphens or "/"');
  return { kind: 'registry', host: host.toLowerCase(), path };
}

function isPort(host: string): boolean {
  const port = /:(\d+)$/.exec(host)?.[1];
  return port === undefined || (Number(port) > 0 && Number(port) < 65_536);
}

/** The effects that opening a repository may have. */
export interface RepositoryPorts {
  readonly exec: Exec;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What a relative layout folder is relative to. */
  readonly cwd: string;
  readonly log: Log;
}

/** The repository of one model at a destination. Nothing is read or sent before its first call. */
export function repositoryFor(
  destination: Destination,
  model: string,
  ports: RepositoryPorts,
  options: { readonly plainHttp?: boolean } = {},
): OnePassRepository {
  modelName(model);
  if (destination.kind === 'layout')
    return layoutRepository(resolve(ports.cwd, destination.root), model, destination.root);
  const repository = destination.path === '' ? model : `${destination.path}/${model}`;
  const length = destination.host.length + 1 + repository.length;
  if (length > MAX_LENGTH)
    throw new UserError(
      `the name ${destination.host}/${repository} has ${length} characters; ${MAX_LENGTH} are allowed`,
    );
  return registryRepository(
    { host: destination.host, repository },
    dockerCredentials(ports.env, ports.exec),
    {
      log: ports.log,
      plainHttp: options.plainHttp ?? false,
    },
  );
}
