import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../ports/errors.ts';
import type { FileToCommit, Git, Identity, ObjectId } from '../ports/git.ts';
import type { Log } from '../ports/log.ts';
import { type Collection, replay } from './collection.ts';
import type { LedgerEvent } from './event.ts';
import { appendLine, type EventDraft, emptyLedger, type Ledger, parseLedger } from './ledger.ts';

/**
 * Where ledgers are kept: a folder on one branch, of the remote where there is one, else of this repository. One branch
 * holds all of it, because two branches with a ledger each could bind one version twice.
 */
export interface LedgerStore {
  readonly git: Git;
  readonly log: Log;
  readonly now: () => Date;
  /** `null`: the branch is one of this repository. */
  readonly remote: string | null;
  readonly branch: string;
  /** Folder on the branch. */
  readonly directory: string;
  /** Who commits, where neither git's configuration nor the environment says so. */
  readonly identity: Identity;
  /** Called between any two effects, with what has just been done: tests stop a run there. */
  readonly step: Step;
  /** Waits between attempts; milliseconds. */
  readonly pause: (milliseconds: number) => Promise<void>;
}

export type Step = (done: string) => void | Promise<void>;

/** The account that GitHub shows for what a workflow commits. */
export const ACTIONS_BOT: Identity = {
  name: 'github-actions[bot]',
  email: '41898282+github-actions[bot]@users.noreply.github.com',
};

/** A ledger as it stands on the branch. */
export interface Standing {
  readonly ledger: Ledger;
  readonly collection: Collection;
  /** The commit of the branch that it was read from; `null` when there is no such branch yet. */
  readonly commit: ObjectId | null;
}

/** What is to be done about a collection. `again` asks for a fresh look: something else has just changed it. */
export type Derived<T> =
  | {
      readonly kind: 'append';
      readonly event: EventDraft;
      /** Committed beside the ledger; paths within the store's folder. */
      readonly files: readonly { readonly path: string; readonly text: string }[];
      readonly message: string;
      readonly value: T;
    }
  | { readonly kind: 'skip'; readonly value: T }
  | { readonly kind: 'again'; readonly reason: string };

export type Appended<T> =
  | {
      readonly kind: 'appended';
      readonly event: LedgerEvent;
      /** The line as it was written, without its newline. */
      readonly line: string;
      readonly commit: ObjectId;
      readonly value: T;
    }
  | { readonly kind: 'skipped'; readonly collection: Collection; readonly value: T };

/** With twenty publishers at once, each attempt lets one through; beyond that something else is wrong. */
const ATTEMPTS = 40;
const LONGEST_PAUSE = 8000;

/**
 * Finds out where the ledgers of this repository are: on `branch` where it is given, else on the remote's default
 * branch, and without a remote on the branch that is checked out.
 * @throws UserError outside of a git repository, or when the branch cannot be told.
 */
export async function openStore(
  given: Pick<LedgerStore, 'git' | 'log' | 'now'> &
    Partial<Omit<LedgerStore, 'branch'>> & { readonly branch?: string | undefined },
): Promise<LedgerStore> {
  const { git } = given;
  if ((await git.root()) === null)
    throw new UserError('there is no git repository here, and the ledger is kept in one', {
      help: 'Run inside the repository that holds the models (`git init` makes one).',
    });
  const remote =
    given.remote !== undefined ? given.remote : (await git.remoteUrl('origin')) === null ? null : 'origin';
  const branch =
    given.branch ??
    (remote === null ? null : (await git.remoteState(remote, 'main')).defaultBranch) ??
    (await git.branch());
  if (branch === null)
    throw new UserError('no branch is checked out, so it is not known which one holds the ledger', {
      help: 'Name it with "ledger-branch".',
    });
  if (!isBranchName(branch))
    throw new UserError(`"${branch}" is no name of a branch`, {
      help: 'Give "ledger-branch" as in `git branch`.',
    });
  return {
    directory: 'ledger',
    identity: ACTIONS_BOT,
    step: () => {},
    pause: (milliseconds) => sleep(milliseconds),
    ...given,
    remote,
    branch,
  };
}

/** git-check-ref-format(1), as far as a name could mean something else in a refspec. */
function isBranchName(name: string): boolean {
  return (
    /^(?![-/.])[^\s~^:?*[\\\p{Cc}]+$/u.test(name) && !/\.\.|@\{|\/\/|\/\.|\.lock(?:\/|$)|[/.]$/.test(name)
  );
}

/** Path of a model's ledger on the branch. @throws UserError */
export function ledgerPath(store: Pick<LedgerStore, 'directory'>, name: string): string {
  if (name.endsWith('.jsonl'))
    throw new UserError(`"${name}" cannot be the name of a model: its notes would lie where a ledger is`, {
      help: 'Choose a name that does not end in ".jsonl".',
    });
  return `${store.directory}/${name}.jsonl`;
}

/** Reads the ledger of one name from the branch as it stands now. A ledger that does not exist is empty. */
export async function readLedger(store: LedgerStore, name: string): Promise<Standing> {
  return readAt(store, name, await branchHead(store));
}

async function readAt(store: LedgerStore, name: string, commit: ObjectId | null): Promise<Standing> {
  const path = ledgerPath(store, name);
  const bytes = commit === null ? null : await store.git.show(commit, path);
  const ledger = bytes === null ? emptyLedger(name) : parseLedger(name, bytes, path);
  return { ledger, collection: replay(name, ledger.events), commit };
}

/** The newest commit of the branch, with its objects at hand. */
export async function branchHead(store: LedgerStore): Promise<ObjectId | null> {
  const { git, remote, branch } = store;
  if (remote === null) return git.resolve(`refs/heads/${branch}`);
  for (let attempt = 1; ; attempt++) {
    const { head } = await git.remoteState(remote, branch);
    if (head === null || (await git.resolve(head)) !== null) return head;
    // In a shallow clone, a branch other than the one at work would bring its whole history.
    const other = (await git.branch()) !== branch && (await git.isShallow());
    await git.fetch(remote, `refs/heads/${branch}`, other ? 1 : undefined);
    if ((await git.resolve(head)) !== null) return head;
    // The branch moved between the question and the fetch.
    if (attempt === ATTEMPTS) throw new UserError(`the branch "${branch}" of ${remote} could not be fetched`);
  }
}

/**
 * Appends one event to the ledger of `name` by compare-and-swap: reads the branch, lets `derive` decide on what it
 * says, commits on top of just that commit, and moves the branch only if it still stands there. When it does not, all
 * of it happens again on the new state, so that nothing is ever overwritten and nothing is decided on old facts.
 *
 * The commit message has no `[skip ci]`: a release tag that is put on such a commit would not start its workflow
 * either. Commits with GITHUB_TOKEN start none anyway, and with another token the next run finds nothing changed.
 * @throws UserError when the server refuses, or the branch does not come to rest.
 */
export async function appendEvent<T>(
  store: LedgerStore,
  name: string,
  derive: (collection: Collection) => Promise<Derived<T>>,
): Promise<Appended<T>> {
  const { git, log, remote, branch } = store;
  const place = remote === null ? `branch "${branch}"` : `branch "${branch}" of ${remote}`;
  let doubtful: { ledger: Ledger; event: LedgerEvent; commit: ObjectId; value: T } | null = null;
  let reason = '';
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (attempt > 0) {
      log.info(`The ${place} has changed (${reason}); reading it again.`);
      await store.pause(Math.random() * Math.min(LONGEST_PAUSE, 100 * 2 ** attempt));
    }
    const standing = await readLedger(store, name);
    // A push whose answer was lost may have arrived: then the branch has our line already.
    if (doubtful && standing.ledger.text.startsWith(doubtful.ledger.text)) return done(store, doubtful);
    doubtful = null;
    const derived = await derive(standing.collection);
    await store.step('derived');
    if (derived.kind === 'skip') {
      await syncCheckout(store, name, standing.commit);
      return { kind: 'skipped', collection: standing.collection, value: derived.value };
    }
    if (derived.kind === 'again') {
      reason = derived.reason;
      continue;
    }
    await mayStart(store, standing.commit);
    const ledger = appendLine(standing.ledger, derived.event, store.now());
    const event = ledger.events.at(-1);
    if (!event) throw new Error('the ledger has no line after one was appended');
    const files: FileToCommit[] = [
      { path: ledgerPath(store, name), bytes: Buffer.from(ledger.text) },
      ...derived.files.map((file) => ({
        path: `${store.directory}/${file.path}`,
        bytes: Buffer.from(file.text),
      })),
    ];
    const commit = await git.commitFiles({
      parent: standing.commit,
      files,
      message: `${derived.message}\n`,
      identity: (await git.identity()) ?? store.identity,
      at: store.now(),
    });
    await store.step('committed');
    const written = { ledger, event, commit, value: derived.value };
    if (remote === null) {
      if (await git.updateBranch(branch, standing.commit, commit, derived.message.split('\n')[0] ?? ''))
        return done(store, written);
      reason = 'another commit came first';
      continue;
    }
    const pushed = await git.push(remote, branch, standing.commit, commit);
    if (pushed.kind === 'pushed') return done(store, written);
    if (pushed.kind === 'unclear') doubtful = written;
    reason = pushed.kind === 'stale' ? 'another commit came first' : pushed.reason;
  }
  throw new UserError(`the ${place} did not accept the ledger in ${ATTEMPTS} attempts: ${reason}`, {
    help: 'Run it again; nothing is half done. If many models are published at once, give the job a `concurrency` group.',
  });
}

async function done<T>(
  store: LedgerStore,
  written: { ledger: Ledger; event: LedgerEvent; commit: ObjectId; value: T },
): Promise<Appended<T>> {
  await store.step('appended');
  await syncCheckout(store, written.ledger.name, written.commit);
  const line = written.ledger.text.trimEnd().split('\n').at(-1) ?? '';
  return { kind: 'appended', event: written.event, line, commit: written.commit, value: written.value };
}

/** A branch that the remote does not have is started only when it is not the user's own unpushed one. */
async function mayStart(store: LedgerStore, commit: ObjectId | null): Promise<void> {
  if (commit !== null || store.remote === null) return;
  if ((await store.git.branch()) === store.branch)
    throw new UserError(`${store.remote} has no branch "${store.branch}"`, {
      help: `Push it first: git push -u ${store.remote} ${store.branch}`,
    });
}

/**
 * Where the ledger's branch is the one that is checked out here (no remote), brings its files up to date in the
 * working tree; also those that a run left behind that was killed before it could.
 */
async function syncCheckout(store: LedgerStore, name: string, commit: ObjectId | null): Promise<void> {
  const { git, remote, branch, directory, log } = store;
  if (remote !== null || commit === null || (await git.branch()) !== branch) return;
  const paths = [ledgerPath(store, name), `${directory}/${name}`];
  const [committed, staged] = await Promise.all([git.lsTree(commit, paths), git.lsIndex(paths)]);
  const behind = [...committed].filter(([path, entry]) => staged.get(path)?.id !== entry.id);
  if (behind.length === 0) return;
  const contents = await git.cat(behind.map(([, entry]) => entry.id));
  const left = await git.syncFiles(
    behind.flatMap(([path, { id }]) => {
      const bytes = contents.get(id);
      return bytes ? [{ path, bytes }] : [];
    }),
  );
  for (const path of left)
    log.warn(
      `${path} has changes of your own and was left alone; the committed ledger is right. See: git diff HEAD -- ${path}`,
    );
}
