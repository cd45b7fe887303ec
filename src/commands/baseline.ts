import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { parseContract } from '../contract/parse.ts';
import type { Contract } from '../contract/types.ts';
import { type Collection, findVersion, replay, type Version } from '../ledger/collection.ts';
import type { PublishEvent } from '../ledger/event.ts';
import { parseLedger } from '../ledger/ledger.ts';
import { parseSelector, resolveReference } from '../ledger/select.ts';
import { branchHead } from '../ledger/store.ts';
import { UserError } from '../ports/errors.ts';
import { type Git, gitPort } from '../ports/git.ts';
import { contractsAt, type Past } from './base-contracts.ts';
import { readEvent, resolveBase } from './changed.ts';
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

/** A model that is compared: its settings, and where it was at the base if it was moved. */
export interface Compared {
  readonly settings: ModelSettings;
  readonly movedFrom: string | null;
}

export interface BaselineOptions {
  /** Git ref, `name:version`, alias or file that the user names; else alias → latest → base of the pull request. */
  readonly against: string | null;
  readonly ledgerBranch: string | null;
  /** Commit that changes are counted from, where one is known. */
  readonly base: string | null;
}

/**
 * Finds what models are held against, by name. Git is asked for all of them together.
 *
 * Where a pull request is checked, the ledger of its base counts: a pull request cannot talk itself out of a break
 * by editing the ledger. Elsewhere the one that is checked out does, unless a branch is named.
 */
export async function findBaselines(
  options: BaselineOptions,
  models: readonly Compared[],
  ports: Ports,
): Promise<ReadonlyMap<string, Baselines>> {
  const git = gitPort(ports.exec, ports.cwd, { env: ports.env });
  const root = await git.root();
  const base = root === null ? null : await baseCommit(git, options, ports);
  const names = models.map((one) => one.settings.name);
  const ledgers = await readLedgers(git, root, base, options, names, ports);
  const collectionOf = (name: string) => ledgers.get(name) ?? replay(name, []);
  const found = new Map<string, Baselines>();
  const add = ({ name }: ModelSettings, main: Baseline | null, reason: string | null) => {
    const published = collectionOf(name)
      .versions.filter((one) => one.retired === null)
      .map((one) => of(name, one));
    found.set(name, { main, published, reason });
  };
  if (options.against !== null) {
    const mains = await explicit(options.against, models, collectionOf, git, root, ports);
    for (const { settings } of models) add(settings, mains.get(settings.name) ?? null, null);
    return found;
  }
  const unpublished: Compared[] = [];
  for (const model of models) {
    const collection = collectionOf(model.settings.name);
    const alias = collection.aliases.get(CALLERS_ALIAS);
    const promoted = alias === undefined ? null : findVersion(collection, alias);
    const version = promoted?.retired === null ? promoted : collection.latest;
    if (version) add(model.settings, of(model.settings.name, version), null);
    else unpublished.push(model);
  }
  if (unpublished.length === 0) return found;
  if (root === null || base === null) {
    const reason = 'no version is published, and there is no base to compare with';
    for (const { settings } of unpublished) add(settings, null, reason);
    return found;
  }
  const past = pastOf(root, unpublished, ports);
  const contracts = await contractsAt(git, root, base.commit, past, ports);
  for (const { settings } of unpublished) {
    const contract = contracts.get(settings.name);
    if (contract) add(settings, { label: base.label, contract, published: null }, null);
    else add(settings, null, `no version is published, and ${base.label} does not have this model`);
  }
  return found;
}

/** Where models were; those outside of the repository were nowhere. */
function pastOf(root: string, models: readonly Compared[], ports: Ports): Past[] {
  return models.flatMap(({ settings, movedFrom }) => {
    const folder = relative(root, resolve(ports.cwd, movedFrom ?? settings.path))
      .split(sep)
      .join('/');
    return folder.startsWith('..') ? [] : [{ settings, folder: folder === '' ? '.' : folder }];
  });
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

/** The commit that the user, a pull request or a push names as its base, fetched if it is not here. */
async function baseCommit(git: Git, options: BaselineOptions, ports: Ports): Promise<Commit | null> {
  const base = resolveBase(options.base, ports);
  if (base.kind === 'none') return null;
  const pull = readEvent(ports.env).pull_request?.base;
  const label = base.ref === pull?.sha ? (pull.ref ?? base.ref) : base.ref;
  const short = /^[0-9a-f]{40,64}$/.test(label) ? label.slice(0, 12) : label;
  try {
    const commit = await atHand(git, base.ref, ports);
    return commit === null ? null : { commit, label: short };
  } catch (error) {
    // What a forced push replaced may be gone from the server.
    if (error instanceof UserError && isBefore(base.ref, ports)) return null;
    throw error;
  }
}

const isBefore = (ref: string, ports: Ports): boolean => {
  const event = readEvent(ports.env);
  return event.pull_request === undefined && event.before === ref;
};

/** The commit of `ref`. What is not here is looked for at the remote, and only that commit is fetched. */
async function atHand(git: Git, ref: string, ports: Ports): Promise<string | null> {
  const here = (await git.resolve(ref)) ?? (await git.resolve(`refs/remotes/origin/${ref}`));
  if (here !== null || (await git.remoteUrl('origin')) === null) return here;
  const id = /^[0-9a-f]{40,64}$/.test(ref) ? ref : await idAtRemote(ref, ports);
  if (id === null) return null;
  await git.fetch('origin', id, (await git.isShallow()) ? 1 : undefined);
  return git.resolve(id);
}

/** What the remote has under the name of a branch or tag; `null` for anything else. */
async function idAtRemote(ref: string, ports: Ports): Promise<string | null> {
  if (!/^[\w][\w./@+-]*$/.test(ref)) return null;
  const names = [`refs/heads/${ref}`, `refs/tags/${ref}^{}`, `refs/tags/${ref}`, ref];
  const { code, stdout } = await ports.exec('git', ['ls-remote', '--', 'origin', ...names], {
    cwd: ports.cwd,
    env: { GIT_TERMINAL_PROMPT: '0' },
  });
  if (code !== 0) return null;
  const ids = new Map(stdout.split('\n').map((line) => line.split('\t').reverse() as [string, string]));
  return names.map((name) => ids.get(name)).find((id) => id !== undefined) ?? null;
}

async function readLedgers(
  git: Git,
  root: string | null,
  base: Commit | null,
  options: BaselineOptions,
  names: readonly string[],
  ports: Ports,
): Promise<Map<string, Collection>> {
  const collections = new Map<string, Collection>();
  const add = (name: string, bytes: Uint8Array, file: string) =>
    collections.set(name, replay(name, parseLedger(name, bytes, file).events));
  const pathOf = (name: string) => `${LEDGER_FOLDER}/${name}.jsonl`;
  const readAt = async (commit: string) => {
    const entries = await git.lsTree(commit, names.map(pathOf));
    const blobs = await git.cat([...new Set([...entries.values()].map((entry) => entry.id))]);
    for (const name of names) {
      const entry = entries.get(pathOf(name));
      const bytes = entry && blobs.get(entry.id);
      if (bytes) add(name, bytes, pathOf(name));
    }
  };
  if (options.ledgerBranch !== null) {
    const commit = await branchHead(await openLedger({ 'ledger-branch': options.ledgerBranch }, ports));
    if (commit !== null) await readAt(commit);
  } else if (base !== null && readEvent(ports.env).pull_request) await readAt(base.commit);
  else
    for (const name of names) {
      const file = join(root ?? ports.cwd, pathOf(name));
      if (existsSync(file)) add(name, readFileSync(file), pathOf(name));
    }
  return collections;
}

/**
 * What the user names, by model: a file, something in the ledger, or a commit.
 * @throws UserError when it is none of them for one of the models.
 */
async function explicit(
  against: string,
  models: readonly Compared[],
  collectionOf: (name: string) => Collection,
  git: Git,
  root: string | null,
  ports: Ports,
): Promise<Map<string, Baseline>> {
  const found = new Map<string, Baseline>();
  const file = resolve(ports.cwd, against);
  if (statSync(file, { throwIfNoEntry: false })?.isFile()) {
    const parsed = parseContract(readFileSync(file, 'utf8'), against);
    const broken = parsed.problems.find((problem) => problem.level === 'error');
    if (broken)
      throw new UserError(broken.message, {
        file: against,
        ...(broken.line !== undefined && { line: broken.line }),
      });
    const main = { label: against, contract: parsed.contract, published: null };
    return new Map(models.map(({ settings }) => [settings.name, main]));
  }
  const rest: Compared[] = [];
  for (const model of models) {
    const { name } = model.settings;
    const selected = fromLedger(against, name, collectionOf(name));
    if (selected) found.set(name, of(name, selected));
    else rest.push(model);
  }
  const [first] = rest;
  if (!first) return found;
  const commit = root === null || against.startsWith('-') ? null : await atHand(git, against, ports);
  if (root === null || commit === null) throw nothingNamed(against, first.settings.name, collectionOf);
  const unmoved = rest.map(({ settings }) => ({ settings, movedFrom: null }));
  const contracts = await contractsAt(git, root, commit, pastOf(root, unmoved, ports), ports);
  const moved = rest.filter((one) => one.movedFrom !== null && !contracts.has(one.settings.name));
  const older = await contractsAt(git, root, commit, pastOf(root, moved, ports), ports);
  for (const [name, contract] of older) contracts.set(name, contract);
  for (const { settings } of rest) {
    const contract = contracts.get(settings.name);
    if (!contract)
      throw new UserError(`"${against}" has no contract of ${settings.path}`, {
        help: 'The model is new there, or its files say nothing. Choose another "against".',
      });
    found.set(settings.name, { label: against, contract, published: null });
  }
  return found;
}

function nothingNamed(against: string, name: string, collectionOf: (name: string) => Collection): UserError {
  const { versions } = collectionOf(name);
  return new UserError(`there is no file, version, alias, branch or commit "${against}"`, {
    help:
      versions.length > 0
        ? `Published versions of ${name}: ${versions.map((one) => one.version).join(', ')}.`
        : `No version of ${name} is published, and neither this clone nor its remote has it.`,
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
