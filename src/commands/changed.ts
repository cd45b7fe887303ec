import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, UserError } from '../ports/errors.ts';
import type { Ports } from './command.ts';

/** What a commit changed, as git tells it. Paths are relative to the current folder, with `/`. */
export interface Change {
  readonly path: string;
  readonly kind: 'added' | 'modified' | 'deleted';
  /** Of a file that was moved here without a change. */
  readonly from?: string;
}

/** What changes are counted from. */
export type Base =
  | { readonly kind: 'commit'; readonly ref: string; readonly from: 'input' | 'pull request' | 'push' }
  /** There is nothing to compare with: everything is new. */
  | { readonly kind: 'none'; readonly reason: string };

/** The parts of a workflow's event that Lading looks at. */
export interface GitHubEvent {
  readonly pull_request?: {
    readonly number?: number;
    readonly base?: { readonly sha?: string; readonly ref?: string };
    readonly head?: { readonly sha?: string; readonly repo?: { readonly full_name?: string } | null };
  };
  readonly before?: string;
  readonly repository?: { readonly default_branch?: string; readonly full_name?: string };
}

/** Reads the event that started the workflow; an empty one outside of a workflow. */
export function readEvent(env: Ports['env']): GitHubEvent {
  const path = env['GITHUB_EVENT_PATH'];
  if (path === undefined || path === '' || !existsSync(path)) return {};
  try {
    const event: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return typeof event === 'object' && event !== null ? event : {};
  } catch (cause) {
    throw new UserError(`the event of the workflow cannot be read: ${messageOf(cause)}`, {
      cause,
      help: `GITHUB_EVENT_PATH is "${path}".`,
    });
  }
}

/** Input `base` → base of the pull request → what was there before the push → nothing. */
export function resolveBase(given: string | null, ports: Ports): Base {
  if (given !== null) {
    if (given.startsWith('-') || /[\s\0]/.test(given))
      throw new UserError(`"${given}" is not a commit, branch or tag`, { help: 'Check the input "base".' });
    return { kind: 'commit', ref: given, from: 'input' };
  }
  const event = readEvent(ports.env);
  const pull = event.pull_request?.base?.sha;
  if (pull !== undefined) return { kind: 'commit', ref: objectId(pull), from: 'pull request' };
  if (event.before === undefined) return { kind: 'none', reason: 'no base is given' };
  if (/^0+$/.test(event.before)) return { kind: 'none', reason: 'the branch is new' };
  return { kind: 'commit', ref: objectId(event.before), from: 'push' };
}

function objectId(text: string): string {
  if (!/^[0-9a-f]{40,64}$/.test(text)) throw new UserError('the event of the workflow names no commit');
  return text;
}

/**
 * What differs from `base`; `null` when everything counts as changed because there is nothing to compare with.
 * Two trees are compared: no file of the checkout is read. In a terminal the files of the working tree count too.
 * A shallow clone gets just the one commit that is missing.
 */
export async function changesSince(base: Base, ports: Ports): Promise<readonly Change[] | null> {
  if (base.kind === 'none') return null;
  const git = (...args: string[]) => ports.exec('git', args, { cwd: ports.cwd });
  // Moved files are recognised by their equal content only, which costs no reading.
  const diff = (...args: string[]) =>
    git('diff', '--name-status', '-z', '--find-renames=100%', '--relative', '--no-ext-diff', ...args, '--');
  const local = ports.surface === 'terminal';
  const fromMergeBase = () =>
    local ? diff('--merge-base', base.ref) : diff('--merge-base', base.ref, 'HEAD');
  const direct = () => (local ? diff(base.ref) : diff(base.ref, 'HEAD'));
  // A push replaces one commit by another; everywhere else, what happened on the base meanwhile is not ours.
  const first = base.from === 'push' ? direct : fromMergeBase;
  let result = await first();
  if (result.code !== 0) {
    if (!local || base.from !== 'input')
      await git('fetch', '--quiet', '--no-tags', '--depth=1', 'origin', base.ref);
    result = await direct();
    // A branch that only the fetch knows is in FETCH_HEAD.
    if (result.code !== 0 && base.from === 'input' && !local) result = await diff('FETCH_HEAD', 'HEAD');
  }
  if (result.code !== 0) {
    if (base.from === 'push') {
      ports.log.warn(
        `${base.ref} is not in the history any more (a forced push?): everything counts as changed`,
      );
      return null;
    }
    throw gitTrouble(result, base.ref);
  }
  const changes = parseNameStatus(result.stdout);
  if (!local) return changes;
  const untracked = await git('ls-files', '--others', '--exclude-standard', '-z');
  const added = untracked.stdout.split('\0').filter((path) => path !== '');
  return [...changes, ...added.map((path) => ({ path, kind: 'added' as const }))];
}

function gitTrouble(result: { code: number; stderr: string }, ref: string): UserError {
  if (result.code === 127)
    return new UserError('git is not installed', { help: 'Install git, or run without "base".' });
  if (/not a git repository/i.test(result.stderr))
    return new UserError('this is not a git repository', {
      help: 'In a workflow, actions/checkout has to run before; in a terminal, run Lading inside of the clone.',
    });
  const said = result.stderr.trim().split('\n').at(-1) ?? '';
  return new UserError(`git cannot compare with "${ref}": ${said}`, {
    help: 'Check the input "base"; with actions/checkout, `fetch-depth: 0` makes the whole history available.',
  });
}

/** Parses `git diff --name-status -z`: status, path, and for `R` and `C` a second path, with NUL after each. */
export function parseNameStatus(text: string): Change[] {
  const parts = text.split('\0');
  const changes: Change[] = [];
  for (let index = 0; index + 1 < parts.length; ) {
    const status = parts[index++] ?? '';
    const path = parts[index++] ?? '';
    if (status.startsWith('R') || status.startsWith('C')) {
      const to = parts[index++] ?? '';
      if (status.startsWith('R')) changes.push({ path, kind: 'deleted' });
      changes.push({ path: to, kind: 'added', from: path });
    } else if (status === 'A') changes.push({ path, kind: 'added' });
    else if (status === 'D') changes.push({ path, kind: 'deleted' });
    else changes.push({ path, kind: 'modified' });
  }
  return changes;
}

/** Which of the directories `paths` a change touches, and what moved from where. */
export interface Touched {
  /** Model directory → where its files came from, if it was moved as a whole. */
  readonly changed: ReadonlyMap<string, string | null>;
  /** Folders that are gone and that `isModel` recognises as models. */
  readonly deleted: readonly string[];
}

/**
 * Sorts changes by model directory. The cost grows with the changes and their depth, not with the models.
 * @param isModel tells whether a folder that does not exist any more was a model directory.
 */
export function touchedModels(
  changes: readonly Change[],
  paths: readonly string[],
  isModel: (path: string) => boolean,
  cwd: string,
): Touched {
  const models = new Set(paths);
  const changed = new Map<string, string | null>();
  const deleted = new Set<string>();
  for (const change of changes) {
    const own = parents(change.path).find((folder) => models.has(folder));
    if (own !== undefined) {
      const rest = own === '.' ? change.path : change.path.slice(own.length + 1);
      const from = change.from?.endsWith(`/${rest}`) ? change.from.slice(0, -rest.length - 1) : undefined;
      const moved = from === undefined || models.has(from) ? null : from;
      changed.set(own, changed.get(own) ?? moved);
    } else if (change.kind === 'deleted') {
      const gone = parents(change.path).find((folder) => isModel(folder) && !existsSync(join(cwd, folder)));
      if (gone !== undefined) deleted.add(gone);
    }
  }
  return { changed, deleted: [...deleted].sort() };
}

/** `a/b/c.txt` → `a/b`, `a`, `.`. */
function parents(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return [...parts.map((_, index) => parts.slice(0, parts.length - index).join('/')), '.'];
}
