import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type { Level } from '../model/finding.ts';
import { modelName, nameProblem } from '../model/names.ts';
import { UserError } from '../ports/errors.ts';

export const CONFIG_FILE = 'lading.yaml';
const MAX_CONFIG = 1 << 20;

export type Policy = 'none' | 'backward' | 'backward-transitive' | 'full' | 'full-transitive';
export type Versioning = 'semver' | 'integer';
export type Engine = 'docker' | 'oci';
export type FailOn = Level | 'never';

/** A finding that was agreed on, until the end of the day `expires`. */
export interface Approval {
  readonly fingerprint: string;
  readonly reason: string;
  /** `YYYY-MM-DD`. */
  readonly expires?: string;
}

/** What can be set for all models and for each. */
interface Settings {
  readonly policy?: Policy;
  readonly versioning?: Versioning;
  readonly 'base-image'?: string;
  readonly engine?: Engine;
  readonly 'fail-on'?: FailOn;
  readonly labels?: Readonly<Record<string, string>>;
  readonly paths?: readonly string[];
  readonly approvals?: readonly Approval[];
}

interface ModelEntry extends Settings {
  readonly path: string;
  readonly name?: string;
  readonly file?: string;
  readonly image?: string;
}

/** `lading.yaml` as it was written (schema: schemas/config.json). */
export interface Config extends Settings {
  /** Path of the file as the user knows it. */
  readonly file: string;
  readonly registry?: string;
  readonly models: readonly ModelEntry[];
}

/** Everything that is known about a model before its directory is opened. */
export interface ModelSettings {
  /** Directory, from the root of the repository, with `/` and no `/` at the end. */
  readonly path: string;
  readonly name: string;
  /** File or folder within the directory that is the model, where the user chose. */
  readonly file: string | null;
  /** Image repository; `null` where neither `image` nor `registry` is configured. */
  readonly image: string | null;
  readonly policy: Policy;
  readonly versioning: Versioning;
  /** Base image with Python; `null` takes the one that the model needs. */
  readonly baseImage: string | null;
  /** `null`: `docker` where images go to a registry, `oci` where they go to a folder. */
  readonly engine: Engine | null;
  readonly failOn: FailOn;
  readonly labels: Readonly<Record<string, string>>;
  readonly paths: readonly string[];
  readonly approvals: readonly Approval[];
}

/**
 * Reads the configuration.
 * @param path as the user gave it. The default file need not exist; another one that was named has to.
 * @throws UserError with the line of what is wrong.
 */
export async function loadConfig(cwd: string, path: string): Promise<Config | null> {
  const absolute = resolve(cwd, path);
  if (!existsSync(absolute)) {
    if (path === CONFIG_FILE) return null;
    throw new UserError(`there is no configuration file "${path}"`, {
      help: `Check the "config" input, or leave it out: ${CONFIG_FILE} is read where it exists.`,
    });
  }
  if (statSync(absolute).size > MAX_CONFIG)
    throw new UserError(`"${path}" is larger than 1 MiB`, { file: path });
  return parseConfig(readFileSync(absolute, 'utf8'), path);
}

/** The configuration in `text`. @throws UserError with file and line. */
export async function parseConfig(text: string, file: string): Promise<Config> {
  const { parseDocument, LineCounter, isNode } = await import('yaml');
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const [broken] = document.errors;
  if (broken)
    throw new UserError(`"${file}" is not YAML: ${broken.message}`, {
      file,
      line: lines.linePos(broken.pos[0]).line,
    });
  const value: unknown = document.toJS({ maxAliasCount: 100 });
  const { Ajv } = await import('ajv');
  const { default: schema } = await import('../../schemas/config.json', { with: { type: 'json' } });
  const validate = new Ajv({ allErrors: false, verbose: true }).compile(schema);
  if (!validate(value)) {
    const error = mostTelling(validate.errors ?? []);
    const keys = (error?.instancePath ?? '').split('/').slice(1).map(unescapePointer);
    const unknownKey: unknown = error?.params['additionalProperty'];
    const node = document.getIn(typeof unknownKey === 'string' ? [...keys, unknownKey] : keys, true);
    const offset = isNode(node) ? node.range?.[0] : undefined;
    throw new UserError(
      `"${file}": ${keys.length > 0 ? `"${keys.join('.')}" ` : ''}${explain(error, unknownKey)}`,
      {
        file,
        ...(offset !== undefined && { line: lines.linePos(offset).line }),
        help: 'The keys and their values are described in schemas/config.json.',
      },
    );
  }
  const config = value as Omit<Config, 'file' | 'models'> & { models: (string | ModelEntry)[] };
  return {
    ...config,
    file,
    models: config.models.map((entry) => {
      const model = typeof entry === 'string' ? { path: entry } : entry;
      return { ...model, path: cleanPath(model.path) };
    }),
  };
}

/** The error that is about the deepest place; of an entry that is an object, not that it is no string. */
function mostTelling<E extends SchemaError>(errors: readonly E[]): E | undefined {
  const depth = (error: E) => error.instancePath.split('/').length * 2 + (error.keyword === 'type' ? 0 : 1);
  return errors
    .filter((error) => error.keyword !== 'anyOf')
    .reduce<E | undefined>((best, one) => (best && depth(best) >= depth(one) ? best : one), undefined);
}

interface SchemaError {
  readonly instancePath: string;
  readonly keyword: string;
  readonly message?: string;
  readonly params: Record<string, unknown>;
  readonly data?: unknown;
}

function explain(error: SchemaError | undefined, unknownKey: unknown): string {
  if (typeof unknownKey === 'string') return `has no key "${unknownKey}"`;
  if (error?.keyword === 'enum') {
    const allowed = (error.params['allowedValues'] as unknown[]).join(', ');
    return `is ${JSON.stringify(error.data)}; allowed are ${allowed}`;
  }
  return error?.message ?? 'is not valid';
}

const unescapePointer = (key: string) => key.replaceAll('~1', '/').replaceAll('~0', '~');

/** `./models/churn/` → `models/churn`. @throws UserError for a path that leaves the repository. */
export function cleanPath(path: string): string {
  const parts = path
    .replaceAll('\\', '/')
    .split('/')
    .filter((part) => part !== '' && part !== '.');
  if (parts.includes('..'))
    throw new UserError(`the path "${path}" leaves the repository`, {
      help: 'Give a path from the root of the repository, without "..".',
    });
  return parts.join('/') || '.';
}

/**
 * The settings of one directory: defaults, then the top of the configuration, then every entry that matches.
 * @param matches tells whether the glob `pattern` covers `path`.
 * @param anyName takes a folder's name as it is, for commands that only look and bind no version to it.
 */
export function settingsOf(
  path: string,
  config: Config | null,
  matches: (pattern: string, path: string) => boolean,
  cwd: string,
  anyName = false,
): ModelSettings {
  const entries: readonly ModelEntry[] =
    config?.models.filter((entry) => entry.path === path || matches(entry.path, path)) ?? [];
  const layers: readonly Settings[] = [...(config ? [config] : []), ...entries];
  const last = <K extends keyof Settings>(key: K): Settings[K] | undefined =>
    layers.reduce<Settings[K] | undefined>((value, layer) => layer[key] ?? value, undefined);
  const own = <K extends 'name' | 'file' | 'image'>(key: K): string | undefined =>
    entries.reduce<string | undefined>((value, entry) => entry[key] ?? value, undefined);
  const name = modelNameOf(path, own('name'), config, cwd, anyName);
  const registry = config?.registry;
  return {
    path,
    name,
    file: own('file') ?? null,
    image: own('image') ?? (registry === undefined ? null : `${registry.replace(/\/+$/, '')}/${name}`),
    policy: last('policy') ?? 'backward',
    versioning: last('versioning') ?? 'semver',
    baseImage: last('base-image') ?? null,
    engine: last('engine') ?? null,
    failOn: last('fail-on') ?? 'error',
    labels: Object.assign({}, ...layers.map((layer) => layer.labels ?? {})) as Record<string, string>,
    paths: layers.flatMap((layer) => layer.paths ?? []),
    approvals: layers.flatMap((layer) => layer.approvals ?? []),
  };
}

function modelNameOf(
  path: string,
  given: string | undefined,
  config: Config | null,
  cwd: string,
  anyName: boolean,
): string {
  if (given !== undefined) return modelName(given);
  const folder = path === '.' ? basename(resolve(cwd)) : (path.split('/').at(-1) ?? path);
  const problem = nameProblem(folder);
  if (problem === null || anyName) return folder;
  throw new UserError(`the folder name "${folder}" of "${path}" is not a model name: ${problem}`, {
    help: `Rename the folder, or give the model a name in ${config?.file ?? CONFIG_FILE}:\n  models:\n    - {path: ${path}, name: …}`,
    file: path,
  });
}
