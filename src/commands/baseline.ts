import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve, sep } from 'node:path';
import { readDeclared } from '../check/declared.ts';
import { inspectModel } from '../check/inspect.ts';
import { parseContract } from '../contract/parse.ts';
import type { Contract } from '../contract/types.ts';
import { type Collection, findVersion, replay, type Version } from '../ledger/collection.ts';
import type { PublishEvent } from '../ledger/event.ts';
import { parseLedger } from '../ledger/ledger.ts';
import { parseSelector, resolveReference } from '../ledger/select.ts';
import { readLedger } from '../ledger/store.ts';
import { walk } from '../model/walk.ts';
import { UserError } from '../ports/errors.ts';
import { type Git, gitPort } from '../ports/git.ts';
import { readEvent } from './changed.ts';
import type { Ports } from './command.ts';
import type { ModelSettings } from './config.ts';
import { openLedger } from './store.ts';

/** Folder of the ledgers, from the root of the repository. */
const LEDGER_FOLDER = 'ledger';
/** The alias that callers are taken to use, where a model has it. */
const CALLERS_ALIAS = 'production';

/** A contract that a new one is held against. */
export interface Baseline {
  /** As people know it: `churn:1.2.0`, `main`, `old/contract.yaml`. */
  readonly label: string;
  readonly contract: Contract;
  /** What was published, where it comes from the ledger. */
  readonly published: PublishEvent | null;
}

/** What a model is held against, and every version that callers may still use. */
export interface Baselines {
  /** `null` for a new model. */
  readonly main: Baseline | null;
  /** All versions that are not retired, for policies that look at all of them. */
  readonly published: readonly Baseline[];
  /** Why there is no baseline. */
  readonly reason: string | null;
}

/** Finds what models are held against. Made once for a run: what is read from git is read for all models together. */
export interface BaselineSource {
  baselines(settings: ModelSettings, movedFrom: string | null): Promise<Baselines>;
}

export interface BaselineOptions {
  /** Git ref, `name:version`, alias or file that the user names; else alias → latest → base of the pull request. */
  readonly against: string | null;
  readonly ledgerBranch: string | null;
  /** Commit that changes are counted from, where one is known. */
  readonly base: string | null;
}

/**
 * Opens the source of baselines.
 *
 * Where a pull request is checked, the ledger of its base counts: a pull request cannot talk itself out of a break
 * by editing the ledger. Elsewhere the one that is checked out does, unless a branch is named.
 */
export async function openBaselines(
  options: BaselineOptions,
  names: readonly string[],
  ports: Ports,
): Promise<BaselineSource> {
  const git = gitPort(ports.exec, ports.cwd, { env: ports.env });
  const root = await git.root();
  const base = root === null ? null : await baseCommit(git, options, ports);
  const read = await ledgerReader(git, root, base, options, names, ports);
  return {
    async baselines(settings, movedFrom) {
      const collection = await read(settings.name);
      const published = collection.versions
        .filter((one) => one.retired === null)
        .map((one) => of(settings.name, one));
      if (options.against !== null) {
        const main = await explicit(options.against, settings, collection, git, root, ports);
        return { main, published, reason: null };
      }
      const alias = collection.aliases.get(CALLERS_ALIAS);
      const promoted = alias === undefined ? null : findVersion(collection, alias);
      const version = promoted?.retired === null ? promoted : collection.latest;
      if (version) return { main: of(settings.name, version), published, reason: null };
      if (root === null || base === null)
        return {
          main: null,
          published,
          reason: 'no version is published, and there is no base to compare with',
        };
      const path = movedFrom ?? settings.path;
      const contract = await contractAt(root, base.commit, path, settings, ports);
      return contract
        ? { main: { label: base.label, contract, published: null }, published, reason: null }
        : {
            main: null,
            published,
            reason: `no version is published, and ${base.label} does not have this model`,
          };
    },
  };
}

function of(name: string, version: Version): Baseline {
  return {
    label: `${name}:${version.version}`,
    contract: version.published.contract,
    published: version.published,
  };
}

interface Commit {
  readonly commit: string;
  readonly label: string;
}

/** The commit that a pull request or the user names as its base, fetched if it is not here. */
async function baseCommit(git: Git, options: BaselineOptions, ports: Ports): Promise<Commit | null> {
  const pull = readEvent(ports.env).pull_request?.base;
  const ref = options.base ?? pull?.sha ?? null;
  if (ref === null) return null;
  const label = (ref === pull?.sha ? pull.ref : options.base) ?? ref.slice(0, 12);
  const commit = await atHand(git, ref);
  return commit === null ? null : { commit, label };
}

/** The commit of `ref`; a full id that is not here is fetched by itself. */
async function atHand(git: Git, ref: string): Promise<string | null> {
  const here = await git.resolve(ref);
  if (here !== null || !/^[0-9a-f]{40,64}$/.test(ref)) return here;
  if ((await git.remoteUrl('origin')) === null) return null;
  await git.fetch('origin', ref, (await git.isShallow()) ? 1 : undefined);
  return git.resolve(ref);
}

type ReadLedger = (name: string) => Promise<Collection>;

async function ledgerReader(
  git: Git,
  root: string | null,
  base: Commit | null,
  options: BaselineOptions,
  names: readonly string[],
  ports: Ports,
): Promise<ReadLedger> {
  const collect = (name: string, bytes: Uint8Array | undefined, file: string): Collection =>
    replay(name, bytes === undefined ? [] : parseLedger(name, bytes, file).events);
  if (options.ledgerBranch !== null) {
    const store = await openLedger({ 'ledger-branch': options.ledgerBranch }, ports);
    return async (name) => (await readLedger(store, name)).collection;
  }
  const pathOf = (name: string) => `${LEDGER_FOLDER}/${name}.jsonl`;
  if (base !== null && readEvent(ports.env).pull_request) {
    const entries = await git.lsTree(base.commit, names.map(pathOf));
    const blobs = await git.cat([...entries.values()].map((entry) => entry.id));
    return async (name) => {
      const entry = entries.get(pathOf(name));
      return collect(name, entry && blobs.get(entry.id), pathOf(name));
    };
  }
  return async (name) => {
    const file = join(root ?? ports.cwd, pathOf(name));
    return collect(name, existsSync(file) ? readFileSync(file) : undefined, pathOf(name));
  };
}

/** What the user names: a file, something in the ledger, or a commit. @throws UserError when it is none of them. */
async function explicit(
  against: string,
  settings: ModelSettings,
  collection: Collection,
  git: Git,
  root: string | null,
  ports: Ports,
): Promise<Baseline> {
  const file = resolve(ports.cwd, against);
  if (statSync(file, { throwIfNoEntry: false })?.isFile()) {
    const parsed = parseContract(readFileSync(file, 'utf8'), against);
    const broken = parsed.problems.find((problem) => problem.level === 'error');
    if (broken)
      throw new UserError(broken.message, {
        file: against,
        ...(broken.line !== undefined && { line: broken.line }),
      });
    return { label: against, contract: parsed.contract, published: null };
  }
  const selected = fromLedger(against, settings.name, collection);
  if (selected) return of(settings.name, selected);
  const commit = root === null || against.startsWith('-') ? null : await atHand(git, against);
  if (root !== null && commit !== null) {
    const contract = await contractAt(root, commit, settings.path, settings, ports);
    if (contract) return { label: against, contract, published: null };
    throw new UserError(`"${against}" has no contract of ${settings.path}`, {
      help: 'The model is new there, or its files say nothing. Choose another "against".',
    });
  }
  throw new UserError(`there is no file, version, alias, branch or commit "${against}"`, {
    help:
      collection.versions.length > 0
        ? `Published versions of ${settings.name}: ${collection.versions.map((one) => one.version).join(', ')}.`
        : `No version of ${settings.name} is published. With actions/checkout, branches need fetch-depth: 0.`,
  });
}

/** `1.2.0`, `production` or `name:1.2.0`; `null` where the ledger knows no such thing. */
function fromLedger(against: string, name: string, collection: Collection): Version | null {
  const text = /^[^:@]+$/.test(against) && against !== name ? `${name}:${against}` : against;
  try {
    const { name: asked, selector } = parseSelector(text);
    return asked === name ? resolveReference(collection, selector) : null;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    // With a colon nothing else than a version can be meant: the ledger's message is the best one.
    if (against.startsWith(`${name}:`)) throw error;
    return null;
  }
}

/** The contract of a model as it stood at a commit: the declared one, else what its files said. */
async function contractAt(
  root: string,
  commit: string,
  path: string,
  settings: ModelSettings,
  ports: Ports,
): Promise<Contract | null> {
  const inRoot = relative(root, resolve(ports.cwd, path)).split(sep).join('/');
  if (inRoot.startsWith('..')) return null;
  const scratch = mkdtempSync(join(tmpdir(), 'lading-base-'));
  try {
    // An index of its own: that of the user is never touched. Pointers of Git LFS stay pointers.
    const env = { GIT_INDEX_FILE: join(scratch, 'index'), GIT_LFS_SKIP_SMUDGE: '1' };
    const run = (...args: string[]) => ports.exec('git', args, { cwd: root, env });
    const tree = inRoot === '' ? commit : `${commit}:${inRoot}`;
    if ((await run('read-tree', tree)).code !== 0) return null;
    const out = join(scratch, 'model');
    const done = await run('-c', 'core.symlinks=false', 'checkout-index', '--all', `--prefix=${out}/`);
    if (done.code !== 0 || !existsSync(out)) return null;
    const directory = walk(path, out);
    const declared = readDeclared(directory);
    if (declared.contract) return declared.contract.contract;
    const { inspection } = await inspectModel(directory, { name: settings.name, choice: settings.file });
    return inspection.contract;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
