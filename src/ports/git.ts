import { UserError } from './errors.ts';
import type { Exec, ExecResult } from './exec.ts';
import { gitTrouble, isTransient } from './git-trouble.ts';
import { type GitWriting, gitWriting } from './git-write.ts';

export type { CommitOptions, FileToCommit, Identity, PushResult } from './git-write.ts';

/** Full object id, 40 or 64 hex digits. */
export type ObjectId = string;

export interface TreeEntry {
  readonly id: ObjectId;
  /** Octal, such as `100644`. */
  readonly mode: string;
  readonly type: 'blob' | 'tree' | 'commit';
}

/** One path that differs between two commits. `from` is the old path of a rename. */
export interface PathChange {
  readonly status: 'added' | 'modified' | 'deleted' | 'renamed';
  readonly path: string;
  readonly from?: string;
}

/** Where a branch of a remote stands, and which branch the remote calls its default. */
export interface RemoteState {
  /** `null`: the remote has no such branch. */
  readonly head: ObjectId | null;
  readonly defaultBranch: string | null;
}

/**
 * Git, as far as Lading needs it. Paths are from the root of the repository, with `/`, and any byte that git admits;
 * none is ever a pattern. Nothing here touches the user's index or files except `syncFiles`.
 * Every call throws a UserError with git's own words when git fails.
 */
export interface Git extends GitWriting {
  /** Absolute path of the working tree; `null` outside of a repository. */
  root(): Promise<string | null>;
  /** The commit that a ref, tag or id stands for; `null` when there is none. */
  resolve(ref: string): Promise<ObjectId | null>;
  /** `null` before the first commit. */
  head(): Promise<ObjectId | null>;
  /** Short name of the branch that is checked out; `null` when HEAD is detached (tags, pull requests). */
  branch(): Promise<string | null>;
  remoteUrl(remote: string): Promise<string | null>;
  isShallow(): Promise<boolean>;
  /** Files at or below `paths`, by path. Paths that do not exist are not in the answer. */
  lsTree(commit: ObjectId, paths: readonly string[]): Promise<Map<string, TreeEntry>>;
  /** Blob ids of files in the index, by path; conflicted ones are left out. */
  lsIndex(paths: readonly string[]): Promise<Map<string, TreeEntry>>;
  /** Content of a file at a commit; `null` when it is not there. */
  show(commit: ObjectId, path: string): Promise<Uint8Array | null>;
  showText(commit: ObjectId, path: string): Promise<string | null>;
  /** Contents of many blobs by one process; ids that are missing are not in the answer. */
  cat(ids: readonly ObjectId[]): Promise<Map<ObjectId, Uint8Array>>;
  /** What changed from one commit to another; `null` as `from` lists all of `to` as added. */
  diff(from: ObjectId | null, to: ObjectId): Promise<PathChange[]>;
  /** Asks the remote; nothing is fetched. */
  remoteState(remote: string, branch: string): Promise<RemoteState>;
  /**
   * Fetches what `ref` (a full ref or a commit id) needs, and touches no ref. `depth` 1 leaves a clone shallow: give it
   * only where the clone is shallow already.
   */
  fetch(remote: string, ref: string, depth?: number): Promise<void>;
}

export interface GitOptions {
  /** The environment that the programs will see: earlier `GIT_CONFIG_COUNT` entries are kept. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /**
   * Sent to URLs below `server` (such as `https://github.com`) and to no other, in place of what actions/checkout
   * left in the configuration. It goes through the environment: never on disk, never among the arguments.
   */
  readonly auth?: { readonly server: string; readonly token: string };
}

/** Runs git with fixed settings. `check` names what is being done, for the message when git fails. */
export type RunGit = (
  args: readonly string[],
  options?: {
    readonly check?: string;
    readonly input?: string | Uint8Array;
    readonly env?: Readonly<Record<string, string>>;
    readonly onBytes?: (chunk: Uint8Array) => void;
  },
) => Promise<ExecResult>;

/**
 * Settings of the repository that could run programs or change what we read are switched off for our calls: hooks,
 * file system monitors, external diffs, the `ext` transport, submodules, background maintenance.
 */
const SETTINGS = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.splitIndex=false',
  'index.sparse=false',
  'protocol.ext.allow=never',
  'submodule.recurse=false',
  'fetch.recurseSubmodules=no',
  'push.recurseSubmodules=no',
  'push.gpgSign=false',
  'push.followTags=false',
  'gc.auto=0',
  'maintenance.auto=false',
].flatMap((setting) => ['-c', setting]);

/** Git in the folder `cwd`, which may be anywhere within the repository. */
export function gitPort(exec: Exec, cwd: string, options: GitOptions = {}): Git {
  const fixed: Record<string, string> = {
    LC_ALL: 'C',
    GIT_TERMINAL_PROMPT: '0',
    GIT_LITERAL_PATHSPECS: '1',
    GIT_OPTIONAL_LOCKS: '0',
    ...authorization(options),
  };
  const run: RunGit = async (args, { check, input, env, onBytes } = {}) => {
    const result = await exec('git', [...SETTINGS, ...args], {
      cwd,
      env: { ...fixed, ...env },
      ...(input !== undefined && { input }),
      ...(onBytes && { onBytes }),
    });
    if (result.code === 127) throw new UserError('git was not found', { help: 'Install git.' });
    if (check !== undefined && result.code !== 0) throw gitTrouble(check, result.code, result.stderr);
    return result;
  };
  return { ...gitReading(run), ...gitWriting(run) };
}

function authorization({ env = {}, auth }: GitOptions): Record<string, string> {
  if (!auth) return {};
  const given = Number.parseInt(env['GIT_CONFIG_COUNT'] ?? '0', 10);
  const start = Number.isSafeInteger(given) && given > 0 ? given : 0;
  const earlier: Record<string, string> = {};
  for (let index = 0; index < start; index++)
    for (const name of [`GIT_CONFIG_KEY_${index}`, `GIT_CONFIG_VALUE_${index}`])
      earlier[name] = env[name] ?? '';
  const key = `http.${auth.server.replace(/\/+$/, '')}/.extraheader`;
  const basic = Buffer.from(`x-access-token:${auth.token}`).toString('base64');
  return {
    ...earlier,
    GIT_CONFIG_COUNT: String(start + 2),
    // An empty value forgets the headers before it: two Authorization headers are an error at GitHub.
    [`GIT_CONFIG_KEY_${start}`]: key,
    [`GIT_CONFIG_VALUE_${start}`]: '',
    [`GIT_CONFIG_KEY_${start + 1}`]: key,
    [`GIT_CONFIG_VALUE_${start + 1}`]: `AUTHORIZATION: basic ${basic}`,
  };
}

const TREE_ENTRY = /^(\d{6}) (?:(blob|tree|commit) )?([0-9a-f]{40,64})(?: (\d))?\t(.+)$/s;
/** Bytes of arguments in one call; Linux allows 128 KiB for one argument and megabytes for all. */
const MAX_ARGUMENTS = 100_000;

function gitReading(run: RunGit): Omit<Git, keyof GitWriting> {
  const line = async (args: readonly string[]): Promise<string | null> => {
    const { code, stdout } = await run(args);
    return code === 0 && stdout.trim() !== '' ? stdout.replace(/\r?\n$/, '') : null;
  };
  const list = async (args: readonly string[], paths: readonly string[], doing: string) => {
    const entries = new Map<string, TreeEntry>();
    for (const some of chunks(paths, MAX_ARGUMENTS)) {
      const { stdout } = await run([...args, '--', ...some], { check: doing });
      for (const record of stdout.split('\0')) {
        const [, mode, type, id, stage, path] = TREE_ENTRY.exec(record) ?? [];
        if (mode === undefined || id === undefined || path === undefined) continue;
        if (stage === undefined || stage === '0')
          entries.set(path, { id, mode, type: (type ?? 'blob') as TreeEntry['type'] });
      }
    }
    return entries;
  };
  const lsTree = async (commit: ObjectId, paths: readonly string[]) =>
    list(['ls-tree', '-r', '-z', '--full-tree', objectId(commit)], paths, 'list the files of a commit');
  const cat = (ids: readonly ObjectId[]) => catBatch(run, ids);
  const show = async (commit: ObjectId, path: string) => {
    const entry = (await lsTree(commit, [path])).get(path);
    if (entry?.type !== 'blob') return null;
    return (await cat([entry.id])).get(entry.id) ?? null;
  };
  const root = () => line(['rev-parse', '--show-toplevel']);
  const resolve = (ref: string) =>
    line(['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`]);
  return {
    root,
    resolve,
    head: () => resolve('HEAD'),
    branch: () => line(['symbolic-ref', '--quiet', '--short', 'HEAD']),
    remoteUrl: (remote) => line(['config', '--get', `remote.${remote}.url`]),
    isShallow: async () => (await line(['rev-parse', '--is-shallow-repository'])) === 'true',
    lsTree,
    lsIndex: async (paths) => {
      const top = (await root()) ?? '.';
      return list(['-C', top, 'ls-files', '-s', '-z', '--full-name'], paths, 'list the index');
    },
    show,
    showText: async (commit, path) => {
      const bytes = await show(commit, path);
      return bytes && new TextDecoder().decode(bytes);
    },
    cat,
    diff: async (from, to) => {
      const range = from === null ? ['--root', objectId(to)] : [objectId(from), objectId(to)];
      const { stdout } = await run(
        ['diff-tree', '-r', '-z', '--no-commit-id', '--name-status', '-M', '--no-ext-diff', ...range, '--'],
        { check: 'compare two commits' },
      );
      return parseDiff(stdout);
    },
    remoteState: async (remote, branch) => {
      const ref = `refs/heads/${branch}`;
      const { stdout } = await run(['ls-remote', '--symref', '--', remote, 'HEAD', ref], {
        check: `read the branch "${branch}" of ${remote}`,
      });
      let head: ObjectId | null = null;
      let defaultBranch: string | null = null;
      for (const row of stdout.split('\n')) {
        const [left = '', right] = row.split('\t');
        if (right === ref) head = left;
        else if (right === 'HEAD' && left.startsWith('ref: refs/heads/'))
          defaultBranch = left.slice('ref: refs/heads/'.length);
      }
      return { head, defaultBranch };
    },
    fetch: async (remote, ref, depth) => {
      const args = ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', '--refmap=', '--no-auto-gc'];
      if (depth !== undefined) args.push(`--depth=${depth}`);
      const attempt = () => run([...args, '--', remote, ref]);
      let result = await attempt();
      if (result.code !== 0 && isTransient(result.stderr)) result = await attempt();
      if (result.code !== 0) throw gitTrouble(`fetch "${ref}" from ${remote}`, result.code, result.stderr);
    },
  };
}

/** @throws Error when `id` is not an object id: names of refs must have been resolved before. */
export function objectId(id: string): ObjectId {
  if (!/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/.test(id)) throw new Error(`"${id}" is not a full object id`);
  return id;
}

function* chunks(paths: readonly string[], limit: number): Generator<string[]> {
  let some: string[] = [];
  let size = 0;
  for (const path of paths) {
    // The empty path would be no path for git, and so everything.
    if (path === '' || path.includes('\0')) continue;
    size += Buffer.byteLength(path) + 1;
    if (size > limit && some.length > 0) {
      yield some;
      some = [];
      size = Buffer.byteLength(path) + 1;
    }
    some.push(path);
  }
  if (some.length > 0) yield some;
}

/** `git cat-file --batch`: for each id a line `<id> <type> <size>`, the bytes and a newline (git-cat-file(1)). */
async function catBatch(run: RunGit, ids: readonly ObjectId[]): Promise<Map<ObjectId, Uint8Array>> {
  const found = new Map<ObjectId, Uint8Array>();
  if (ids.length === 0) return found;
  const parts: Uint8Array[] = [];
  await run(['cat-file', '--batch'], {
    check: 'read objects',
    input: `${ids.map(objectId).join('\n')}\n`,
    onBytes: (chunk) => parts.push(chunk),
  });
  const bytes = Buffer.concat(parts);
  let at = 0;
  while (at < bytes.length) {
    const end = bytes.indexOf(10, at);
    if (end === -1) break;
    const [id = '', type, size] = bytes.toString('latin1', at, end).split(' ');
    at = end + 1;
    if (type === 'missing' || size === undefined) continue;
    found.set(id, bytes.subarray(at, at + Number(size)));
    at += Number(size) + 1;
  }
  return found;
}

function parseDiff(stdout: string): PathChange[] {
  const tokens = stdout.split('\0');
  const changes: PathChange[] = [];
  for (let at = 0; at + 1 < tokens.length; ) {
    const status = tokens[at++] ?? '';
    const path = tokens[at++] ?? '';
    if (status.startsWith('R') || status.startsWith('C')) {
      const target = tokens[at++] ?? '';
      if (status.startsWith('R')) changes.push({ status: 'renamed', path: target, from: path });
      else changes.push({ status: 'added', path: target });
    } else if (status === 'A') changes.push({ status: 'added', path });
    else if (status === 'D') changes.push({ status: 'deleted', path });
    else changes.push({ status: 'modified', path });
  }
  return changes;
}
