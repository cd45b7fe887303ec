import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { UserError } from './errors.ts';
import type { ObjectId, RunGit } from './git.ts';
import { gitTrouble, isTransient, lastWords } from './git-trouble.ts';

export interface Identity {
  readonly name: string;
  readonly email: string;
}

export interface FileToCommit {
  readonly path: string;
  readonly bytes: Uint8Array;
}

export interface CommitOptions {
  /** `null` starts a history. */
  readonly parent: ObjectId | null;
  readonly files: readonly FileToCommit[];
  readonly message: string;
  readonly identity: Identity;
  readonly at: Date;
}

/**
 * What became of a push. `stale`: the branch stands elsewhere than was expected, and nothing was written.
 * `unclear`: the connection broke, and the branch may or may not have moved.
 */
export type PushResult =
  | { readonly kind: 'pushed' }
  | { readonly kind: 'stale' }
  | { readonly kind: 'unclear'; readonly reason: string };

export interface GitWriting {
  /** The identity that is configured for commits; `null` when git would only guess. */
  identity(): Promise<Identity | null>;
  /** Writes a commit object with `files` added to the tree of `parent`. No ref, index or file changes. */
  commitFiles(options: CommitOptions): Promise<ObjectId>;
  /**
   * Moves a branch of the remote from one commit to a descendant: a compare-and-swap, never forced.
   * `from` `null` means that the branch must not exist.
   * @throws UserError when the server refuses for any other reason than that the branch has moved.
   */
  push(remote: string, branch: string, from: ObjectId | null, to: ObjectId): Promise<PushResult>;
  /** The same for a branch of this repository. `false`: it stands elsewhere. */
  updateBranch(branch: string, from: ObjectId | null, to: ObjectId, why: string): Promise<boolean>;
  /**
   * Brings files of the working tree and their index entries up to date after the branch that is checked out has
   * moved. A file is touched only where both the index and the working tree hold nothing or a beginning of the new
   * content (ledgers only grow), so that no edit of a user is lost. Returns the paths that were left alone.
   */
  syncFiles(files: readonly FileToCommit[]): Promise<string[]>;
}

export function gitWriting(run: RunGit): GitWriting {
  const text = async (args: readonly string[], doing: string, more: Parameters<RunGit>[1] = {}) =>
    (await run(args, { ...more, check: doing })).stdout.trim();
  const writeBlob = (bytes: Uint8Array) =>
    text(['hash-object', '-w', '--stdin', '--no-filters'], 'write an object', { input: bytes });
  return {
    identity: async () => {
      const { code, stdout } = await run(['-c', 'user.useConfigOnly=true', 'var', 'GIT_COMMITTER_IDENT']);
      const [, name, email] = /^(.+) <(.*)> \d+ [+-]\d+\s*$/.exec(stdout) ?? [];
      return code === 0 && name !== undefined && email !== undefined ? { name, email } : null;
    },
    commitFiles: async ({ parent, files, message, identity, at }) => {
      const index = join(tmpdir(), `lading-index-${randomUUID()}`);
      const env = { GIT_INDEX_FILE: index };
      try {
        if (parent !== null) await run(['read-tree', parent], { check: 'read a tree', env });
        let entries = '';
        for (const file of files) entries += `100644 ${await writeBlob(file.bytes)} 0\t${file.path}\0`;
        await run(['update-index', '-z', '--add', '--index-info'], {
          check: `add ${files.map((file) => `"${file.path}"`).join(', ')} to a commit`,
          input: entries,
          env,
        });
        const tree = await text(['write-tree'], 'write a tree', { env });
        const date = `@${Math.floor(at.getTime() / 1000)} +0000`;
        const parents = parent === null ? [] : ['-p', parent];
        return await text(['commit-tree', ...parents, '-F', '-', tree], 'write a commit', {
          input: message,
          env: {
            GIT_AUTHOR_NAME: identity.name,
            GIT_AUTHOR_EMAIL: identity.email,
            GIT_AUTHOR_DATE: date,
            GIT_COMMITTER_NAME: identity.name,
            GIT_COMMITTER_EMAIL: identity.email,
            GIT_COMMITTER_DATE: date,
          },
        });
      } finally {
        await rm(index, { force: true });
        await rm(`${index}.lock`, { force: true });
      }
    },
    push: async (remote, branch, from, to) => {
      const ref = `refs/heads/${branch}`;
      // The lease is the comparison. `to` descends from `from`, so that nothing can be rewound by it.
      const lease = `--force-with-lease=${ref}:${from ?? ''}`;
      const result = await run(['push', '--porcelain', '--no-verify', lease, '--', remote, `${to}:${ref}`]);
      // "Up to date": another process has pushed this very commit (same parent, content and second). It was not us.
      if (result.code === 0) return { kind: /^=\t/m.test(result.stdout) ? 'stale' : 'pushed' };
      const said = `${result.stderr}\n${result.stdout}`;
      if (isStale(said)) return { kind: 'stale' };
      if (isTransient(said)) return { kind: 'unclear', reason: lastWords(result.stderr) };
      const [, reason] = /\[(?:remote )?rejected\] \((.*)\)/.exec(result.stdout) ?? [];
      const words = reason === undefined ? result.stderr : `${result.stderr}\nremote: ${reason}`;
      throw gitTrouble(`push to the branch "${branch}" of ${remote}`, result.code, words);
    },
    updateBranch: async (branch, from, to, why) => {
      const ref = `refs/heads/${branch}`;
      const old = from ?? '0'.repeat(to.length);
      const { code, stderr } = await run(['update-ref', '-m', why, ref, to, old]);
      if (code === 0) return true;
      if (/but expected|reference already exists|unable to resolve reference|File exists/.test(stderr))
        return false;
      throw gitTrouble(`move the branch "${branch}"`, code, stderr);
    },
    syncFiles: async (files) => {
      const root = await text(['rev-parse', '--show-toplevel'], 'find the working tree');
      const left: string[] = [];
      for (const file of files) {
        const staged = await stagedContent(run, root, file.path);
        const inTree = await readFile(join(root, file.path)).catch(() => new Uint8Array(0));
        if (staged === null || !begins(file.bytes, staged) || !begins(file.bytes, inTree)) {
          left.push(file.path);
          continue;
        }
        await replaceFile(join(root, file.path), file.bytes);
        const id = await writeBlob(file.bytes);
        await run(['-C', root, 'update-index', '-z', '--add', '--index-info'], {
          check: 'update the index',
          input: `100644 ${id} 0\t${file.path}\0`,
        });
      }
      return left;
    },
  };
}

/** What the index holds for a path: empty for nothing, `null` in the middle of a merge. */
async function stagedContent(run: RunGit, root: string, path: string): Promise<Uint8Array | null> {
  const { stdout } = await run(['-C', root, 'ls-files', '-s', '-z', '--', path], { check: 'list the index' });
  const [, id, stage] = /^\d{6} ([0-9a-f]+) (\d)\t/.exec(stdout) ?? [];
  if (id === undefined) return new Uint8Array(0);
  if (stage !== '0') return null;
  const parts: Uint8Array[] = [];
  await run(['cat-file', 'blob', id], { check: 'read an object', onBytes: (chunk) => parts.push(chunk) });
  return Buffer.concat(parts);
}

function begins(whole: Uint8Array, start: Uint8Array): boolean {
  return Buffer.from(whole.subarray(0, start.length)).equals(start);
}

/** Writes beside the file and renames, so that a reader never sees half of it. */
async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  const beside = `${path}.${randomUUID()}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(beside, bytes);
    await rename(beside, path);
  } catch (cause) {
    await rm(beside, { force: true });
    throw new UserError(`"${path}" could not be written`, { cause });
  }
}

/** The ways in which git, and the servers that speak its protocol, say that a ref has moved meanwhile. */
function isStale(said: string): boolean {
  return /\((?:stale info|fetch first|non-fast-forward|remote ref updated since checkout|failed to update ref|failed to lock|incorrect old value provided|reference already exists|cannot lock ref[^)]*|reference conflict[^)]*)\)|cannot lock ref '[^']*': (?:is at|reference already exists|Unable to create)|failed to lock/i.test(
    said,
  );
}
