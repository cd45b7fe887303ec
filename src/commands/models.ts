import { type Config, cleanPath, type ModelSettings, settingsOf } from './config.ts';

/** Settings of the one directory that the input `model` names. */
export async function settingsOfOne(
  given: { readonly model: string; readonly name?: string | null },
  config: Config | null,
  cwd: string,
  anyName = false,
): Promise<ModelSettings> {
  // An absolute path, or one outside of the current folder, is fine where one model is looked at.
  const inside = !given.model.startsWith('/') && !given.model.split(/[\\/]/).includes('..');
  const path = inside ? cleanPath(given.model) : given.model.replace(/(?<=.)\/+$/, '');
  const named = given.name == null ? config : withName(config, path, given.name);
  // Globs are only in configurations; without one, their library is not loaded.
  const matches = config ? (await import('./globs.ts')).matches : () => false;
  return settingsOf(path, named, matches, cwd, anyName);
}

function withName(config: Config | null, path: string, name: string): Config {
  const base = config ?? { file: '', models: [] };
  return { ...base, models: [...base.models, { path, name }] };
}
