import { readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import picomatch from 'picomatch';
import { UserError } from '../ports/errors.ts';
import { type Config, cleanPath, type ModelSettings, settingsOf } from './config.ts';

const MAX_MODELS = 10_000;
const MAX_DEPTH = 16;

/** Whether `pattern` has glob characters. */
const isGlob = (pattern: string): boolean => /[*?[\]{}()!]/.test(pattern);

const matchers = new Map<string, (path: string) => boolean>();

/** Whether the glob (or plain path) `pattern` covers `path`. */
export function matches(pattern: string, path: string): boolean {
  let matcher = matchers.get(pattern);
  if (!matcher) {
    matcher = picomatch(pattern, { dot: false });
    matchers.set(pattern, matcher);
  }
  return matcher(path);
}

/**
 * The model directories that `patterns` name, sorted. Only folders are listed; no file is opened.
 * @throws UserError for a plain path that does not exist or is no directory.
 */
export function expandModels(patterns: readonly string[], cwd: string): string[] {
  const found = new Set<string>();
  for (const pattern of patterns) {
    const clean = cleanPath(pattern);
    if (!isGlob(clean)) {
      requireDirectory(clean, cwd);
      found.add(clean);
    } else for (const path of expandGlob(clean, cwd)) found.add(path);
    if (found.size > MAX_MODELS)
      throw new UserError(`"${pattern}" covers more than ${MAX_MODELS} directories`, {
        help: 'Name the folders of your models more closely.',
      });
  }
  return [...found].sort();
}

function requireDirectory(path: string, cwd: string): void {
  const kind = statSync(resolve(cwd, path), { throwIfNoEntry: false });
  if (kind?.isDirectory()) return;
  throw new UserError(
    kind ? `"${path}" is a file, not a model directory` : `there is no directory "${path}"`,
    {
      help: kind
        ? 'Give the folder that holds the model.'
        : 'Check the path: it starts at the root of the repository. In a workflow, actions/checkout has to run first.',
    },
  );
}

/** Folders that the glob covers. A folder within another covered one is part of that model. */
function expandGlob(pattern: string, cwd: string): string[] {
  const segments = pattern.split('/');
  const first = segments.findIndex(isGlob);
  const base = segments.slice(0, first).join('/');
  const depth = segments.includes('**') ? MAX_DEPTH : segments.length - first;
  const isMatch = picomatch(pattern, { dot: false });
  const out: string[] = [];
  const visit = (path: string, left: number): void => {
    const entries = listFolder(join(cwd, path));
    for (const entry of entries) {
      if (!entry.isDirectory() || entry.name.startsWith('.') || entry.name === 'node_modules') continue;
      const child = path === '' ? entry.name : `${path}/${entry.name}`;
      if (isMatch(child) && (!pattern.includes('**') || holdsFile(join(cwd, child)))) out.push(child);
      else if (left > 1) visit(child, left - 1);
    }
  };
  visit(base, depth);
  return out;
}

const holdsFile = (absolute: string): boolean => listFolder(absolute).some((entry) => entry.isFile());

function listFolder(absolute: string) {
  try {
    return readdirSync(absolute, { withFileTypes: true });
  } catch {
    // A base folder that does not exist (yet) covers no model.
    return [];
  }
}

/** The globs that say where models are: the input, or those of the configuration. */
export function modelPatterns(given: readonly string[], config: Config | null): readonly string[] {
  if (given.length > 0) return given;
  if (config) return config.models.map((entry) => entry.path);
  throw new UserError('it is not said where the models are', {
    help: 'Give the input "models" (such as models/*), or list them in lading.yaml:\n  models:\n    - models/*',
  });
}

/** Settings of several directories. @throws UserError when two of them would publish under one name. */
export function settingsOfAll(paths: readonly string[], config: Config | null, cwd: string): ModelSettings[] {
  const all = paths.map((path) => settingsOf(path, config, matches, cwd));
  const byName = new Map<string, string>();
  for (const { name, path } of all) {
    const other = byName.get(name);
    if (other !== undefined)
      throw new UserError(`"${other}" and "${path}" are both called "${name}"`, {
        help: 'Every model needs a name of its own: set `name:` for one of them in lading.yaml.',
      });
    byName.set(name, path);
  }
  return all;
}
