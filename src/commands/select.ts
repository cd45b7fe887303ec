import { UserError } from '../ports/errors.ts';
import { changesSince, resolveBase, touchedModels } from './changed.ts';
import type { Ports } from './command.ts';
import { type Config, loadConfig, type ModelSettings } from './config.ts';
import { expandModels, matches, modelPatterns, settingsOfAll } from './globs.ts';
import { settingsOfOne } from './models.ts';

/** One model of a plan. */
export interface Planned {
  readonly settings: ModelSettings;
  readonly changed: boolean;
  /** Why it counts as changed. */
  readonly reason: string | null;
  /** Where its files were at the base, if the folder was moved. */
  readonly movedFrom: string | null;
}

export interface Plan {
  readonly config: Config | null;
  readonly models: readonly Planned[];
  /** Folders of models that are gone since the base. */
  readonly deleted: readonly string[];
  /** What was compared with, or `null`. */
  readonly base: string | null;
  /** Why everything counts as changed, where it does. */
  readonly everything: string | null;
}

/** Finds the model directories, and which of them changed. No file of a model is opened. */
export async function planModels(
  given: { readonly models: readonly string[]; readonly config: string; readonly base: string | null },
  ports: Ports,
): Promise<Plan> {
  const config = await loadConfig(ports.cwd, given.config);
  const patterns = modelPatterns(given.models, config);
  const settings = settingsOfAll(expandModels(patterns, ports.cwd), config, ports.cwd);
  const base = resolveBase(given.base, ports);
  const changes = await changesSince(base, ports);
  const ref = base.kind === 'commit' ? base.ref : null;
  const all = (reason: string): Plan => ({
    config,
    models: settings.map((one) => ({ settings: one, changed: true, reason, movedFrom: null })),
    deleted: [],
    base: ref,
    everything: reason,
  });
  if (changes === null) return all(base.kind === 'none' ? base.reason : 'the base is not in the history');
  const isModel = (path: string) => patterns.some((pattern) => pattern === path || matches(pattern, path));
  const paths = settings.map((one) => one.path);
  const { changed, deleted } = touchedModels(changes, paths, isModel, ports.cwd);
  if (config && changes.some((change) => change.path === config.file))
    return { ...all(`${config.file} changed`), deleted };
  const models = settings.map((one): Planned => {
    const movedFrom = changed.get(one.path);
    if (movedFrom !== undefined)
      return {
        settings: one,
        changed: true,
        reason: movedFrom === null ? 'its files changed' : `it was moved from ${movedFrom}`,
        movedFrom,
      };
    const other = changes.find((change) => one.paths.some((pattern) => matches(pattern, change.path)));
    return {
      settings: one,
      changed: other !== undefined,
      reason: other ? `${other.path} changed` : null,
      movedFrom: null,
    };
  });
  return { config, models, deleted, base: ref, everything: null };
}

/** Where the files of a model were at the base, if its folder was moved as a whole; a job of a matrix has to ask. */
export async function movedFromOf(path: string, base: string | null, ports: Ports): Promise<string | null> {
  const from = resolveBase(base, ports);
  if (from.kind === 'none') return null;
  const changes = (await changesSince(from, ports)) ?? [];
  return touchedModels(changes, [path], () => false, ports.cwd).changed.get(path) ?? null;
}

/** The models that a command works on. */
export interface Selected {
  readonly config: Config | null;
  readonly models: readonly Planned[];
  /** The others that were looked for. */
  readonly unchanged: readonly ModelSettings[];
  /** Folders of models that are gone since the base. */
  readonly deleted: readonly string[];
  readonly base: string | null;
}

/**
 * The models that a command works on: the one of `model`, else those of `models` or of the configuration, of
 * which only the changed ones where `onlyChanged` is set.
 */
export async function selectModels(
  given: {
    readonly model: string | null;
    readonly models: readonly string[];
    readonly name?: string | null;
    readonly config: string;
    readonly base: string | null;
  },
  ports: Ports,
  onlyChanged: boolean,
): Promise<Selected> {
  if (given.model !== null) {
    if (given.models.length > 0)
      throw new UserError('"model" and "models" are both given', { help: 'Give one of them.' });
    const config = await loadConfig(ports.cwd, given.config);
    const settings = await settingsOfOne({ model: given.model, name: given.name ?? null }, config, ports.cwd);
    return {
      config,
      models: [{ settings, changed: true, reason: 'it is named', movedFrom: null }],
      unchanged: [],
      deleted: [],
      base: given.base,
    };
  }
  const plan = await planModels(given, ports);
  if (given.name != null && plan.models.length > 1)
    throw new UserError('"name" is given, and there are several models', {
      help: 'Give "model" as well, or set the names in lading.yaml.',
    });
  return {
    config: plan.config,
    models: plan.models.filter((model) => model.changed || !onlyChanged),
    unchanged: onlyChanged
      ? plan.models.filter((model) => !model.changed).map((model) => model.settings)
      : [],
    deleted: plan.deleted,
    base: plan.base,
  };
}
