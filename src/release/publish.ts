import semver from 'semver';
import { canonicalJson } from '../contract/canonical.ts';
import type { Contract } from '../contract/types.ts';
import { type Collection, findVersion, isSemVer, replay, type Version } from '../ledger/collection.ts';
import type { Bump, PublishEvent } from '../ledger/event.ts';
import type { EventDraft } from '../ledger/ledger.ts';
import { appendEvent, type Derived, type LedgerStore } from '../ledger/store.ts';
import { contentDigest } from '../model/digest.ts';
import { modelName } from '../model/names.ts';
import { pushAssembled } from '../oci/push.ts';
import type { Assembled, Digest, Repository, Stamp } from '../oci/types.ts';
import { UserError } from '../ports/errors.ts';
import { type Healed, healTags, healVersion } from './heal.ts';
import { type NotedChange, releaseNotes } from './notes.ts';
import { explicitVersion, nextVersion, previousOf, type Versioning } from './version.ts';

/** What is to be published. Plain data, but for the repository and the two functions that cost something. */
export interface PublishPlan {
  readonly name: string;
  readonly contract: Contract;
  readonly framework: PublishEvent['framework'];
  readonly parameters: number | null;
  /** How it was made, for behaviour drift; sorted by key. */
  readonly properties?: PublishEvent['properties'];
  /** All files of the version, sorted by path. */
  readonly files: PublishEvent['files'];
  readonly repository: Repository;
  /** Makes the image or artifact ready. Called only when something has to be pushed, and once. */
  readonly assemble: () => Promise<Assembled>;
  readonly labels: Readonly<Record<string, string>>;
  /** Commit of the model, URL of its repository, URL of the workflow run; `null` where there is none. */
  readonly commit: string | null;
  readonly source: string | null;
  readonly run: string | null;
  /** What to do when the content is that of the latest version. */
  readonly onUnchanged: 'skip' | 'publish';
  readonly versioning: Versioning;
  /** A version that the user names, in place of the next one. */
  readonly version: string | null;
  /** A request body that the served model takes, for the notes. */
  readonly sample: unknown;
}

/** How contracts are compared: the bump that the differences ask for, and each of them. */
export type Compare = (
  before: Contract,
  after: Contract,
) => { readonly bump: Exclude<Bump, 'first'>; readonly changes: readonly NotedChange[] };

export interface PublishPorts {
  readonly store: LedgerStore;
  readonly compare: Compare;
}

interface Bound {
  readonly version: string;
  readonly digest: Digest;
  /** `repository@sha256:…`: what the version stands for, now and later. */
  readonly reference: string;
  readonly bump: Bump;
  /** Version that it was compared with. */
  readonly previous: string | null;
  readonly changes: readonly NotedChange[];
  /** The version's line of the ledger. */
  readonly line: string;
  /** Markdown. */
  readonly notes: string;
}

/** What became of it. */
export type Publication =
  | (Bound & {
      readonly kind: 'published';
      /** Commit that brought the line; `null` when an earlier attempt of the same run did. */
      readonly ledgerCommit: string | null;
    })
  | (Bound & {
      readonly kind: 'unchanged';
      /** What an earlier run had left undone in the registry, and this one has done. */
      readonly healed: Healed;
      readonly retired: boolean;
    });

/**
 * Publishes one version: push by digest, then the ledger by compare-and-swap, then the tag (DESIGN.md §4.4). It may be
 * stopped between any two of them, and run again: what is done is recognised by the content, and what is missing is
 * made up for. When another run wins the race for the ledger, the version is derived again from what it wrote.
 *
 * The registry gets a tag for the version and no other: `latest` and aliases are computed from the ledger, because a
 * tag that moves can not be moved together with it.
 * @throws UserError when the version is taken by other content, or git or the registry refuses.
 */
export async function publishModel(plan: PublishPlan, ports: PublishPorts): Promise<Publication> {
  modelName(plan.name);
  const { store } = ports;
  const { repository } = plan;
  const content = contentDigest(plan.files);
  const assemble = once(plan.assemble);
  const pushed = new Map<string, Digest>();
  const foreign = new Map<string, number>();

  const derive = async (collection: Collection): Promise<Derived<Decision>> => {
    const bound = alreadyBound(collection, plan, content);
    if (bound && (await staysAsItIs(bound, plan))) return { kind: 'skip', value: { kind: 'bound', bound } };
    const draft = draftVersion(collection, plan, ports);
    const { version } = draft;
    const assembled = await assemble();
    const stamp = stampOf(plan, version);
    let digest = pushed.get(version);
    if (digest === undefined) {
      digest = (await pushAssembled(repository, assembled, stamp, store.log)).digest;
      pushed.set(version, digest);
      await store.step('pushed');
    }
    // The ledger comes before the tag: a tag that it does not know is either that of a run that has just won, or not ours.
    const tagged = await repository.getManifest(version);
    if (tagged && tagged.descriptor.digest !== digest) {
      const seen = (foreign.get(version) ?? 0) + 1;
      foreign.set(version, seen);
      if (seen < 3) return { kind: 'again', reason: `${repository.name} has a tag ${version} already` };
      throw new UserError(
        `${repository.name}:${version} exists in the registry, and the ledger does not know it`,
        {
          help: 'Publish with an explicit "version" that is free, or remove the tag if it was pushed by mistake.',
        },
      );
    }
    const event: EventDraft = {
      event: 'publish',
      version,
      bump: draft.bump,
      kind: assembled.kind,
      repository: repository.name,
      digest,
      content,
      contract: plan.contract,
      framework: plan.framework,
      parameters: plan.parameters,
      ...(plan.properties && Object.keys(plan.properties).length > 0 && { properties: plan.properties }),
      files: plan.files.map(({ path, size, sha256, blob }) => ({
        path,
        size,
        sha256,
        ...(blob !== undefined && { blob }),
      })),
      labels: plan.labels,
      ...(plan.commit !== null && { commit: plan.commit }),
      ...(plan.run !== null && { run: plan.run }),
    };
    const notes = releaseNotes({
      ...plan,
      ...draft,
      kind: assembled.kind,
      repository: repository.name,
      digest,
    });
    return {
      kind: 'append',
      event,
      files: [{ path: `${plan.name}/${version}.md`, text: notes }],
      message: `Publish ${plan.name} ${version}\n\n${repository.name}@${digest}`,
      value: { kind: 'new', ...draft, digest, notes, before: collection },
    };
  };

  const appended = await appendEvent(store, plan.name, derive);
  const decision = appended.value;
  if (appended.kind === 'skipped' || decision.kind === 'bound') {
    if (appended.kind !== 'skipped' || decision.kind !== 'bound')
      throw new Error('the decision and what was done about it differ');
    return finishBound(decision.bound, appended.collection, plan, ports, assemble);
  }
  await repository.tag(decision.digest, decision.version);
  await store.step('tagged');
  await healTags(decision.before, repository, store.log);
  return {
    kind: 'published',
    version: decision.version,
    digest: decision.digest,
    reference: `${repository.name}@${decision.digest}`,
    bump: decision.bump,
    previous: decision.previous,
    changes: decision.changes,
    line: appended.line,
    ledgerCommit: appended.commit,
    notes: decision.notes,
  };
}

interface NewVersion {
  readonly version: string;
  readonly bump: Bump;
  readonly previous: string | null;
  readonly changes: readonly NotedChange[];
}

type Decision =
  | { readonly kind: 'bound'; readonly bound: Version }
  | (NewVersion & {
      readonly kind: 'new';
      readonly digest: Digest;
      readonly notes: string;
      readonly before: Collection;
    });

/**
 * The version that has this content already: the one that was asked for, or the latest, or the one published last
 * (which a person may have retired: the same content is not published again behind their back).
 * @throws UserError when the version that was asked for has other content.
 */
function alreadyBound(collection: Collection, plan: PublishPlan, content: string): Version | null {
  if (plan.version !== null) {
    const taken = findVersion(collection, explicitVersion(collection, plan.version, plan.versioning));
    if (taken && taken.published.content !== content)
      throw new UserError(`${plan.name}:${plan.version} is published already, with other content`, {
        help: `A version is bound once (${taken.published.digest}). Choose another version, or leave it out to get the next one.`,
      });
    return taken;
  }
  const newest = collection.versions.at(-1);
  return [collection.latest, newest].find((one) => one?.published.content === content) ?? null;
}

/** Whether a version with the same content is the answer, or the user wants another one made of it. */
async function staysAsItIs(bound: Version, plan: PublishPlan): Promise<boolean> {
  if (plan.onUnchanged === 'skip' || plan.version !== null || isOwn(bound, plan)) return true;
  const { repository, digest } = bound.published;
  if (repository !== plan.repository.name) return false;
  // In the ledger, in the registry, and without its tag: a run was stopped. Going on where it ended is what was asked.
  const tagged = await plan.repository.getManifest(bound.version);
  return tagged?.descriptor.digest !== digest && (await plan.repository.getManifest(digest)) !== null;
}

/** An earlier attempt of the very workflow run that this is. */
function isOwn(bound: Version, plan: PublishPlan): boolean {
  return plan.run !== null && bound.published.run === plan.run;
}

function draftVersion(
  collection: Collection,
  plan: PublishPlan,
  { compare, store }: PublishPorts,
): NewVersion {
  const previous = previousOf(collection, plan.version);
  const comparison = previous && compare(previous.published.contract, plan.contract);
  const bump: Bump = comparison?.bump ?? 'first';
  const version = plan.version ?? nextVersion(collection, bump, plan.versioning);
  if (plan.version !== null && previous && comparison && isSemVer(previous.version)) {
    const wanted = semver.inc(previous.version, comparison.bump);
    if (wanted !== null && semver.lt(version, wanted))
      store.log.warn(
        `${plan.name} ${version} promises more than it holds: compared with ${previous.version} it is a ${bump} change (${wanted}).`,
      );
  }
  return { version, bump, previous: previous?.version ?? null, changes: comparison?.changes ?? [] };
}

function stampOf(plan: PublishPlan, version: string): Stamp {
  return {
    name: plan.name,
    version,
    ...(plan.commit !== null && { revision: plan.commit }),
    ...(plan.source !== null && { source: plan.source }),
    contract: canonicalJson(plan.contract),
    labels: plan.labels,
  };
}

/** Ends a run that finds its content published: by an earlier attempt of itself, or by another. */
async function finishBound(
  bound: Version,
  collection: Collection,
  plan: PublishPlan,
  ports: PublishPorts,
  assemble: () => Promise<Assembled>,
): Promise<Publication> {
  const { published, version } = bound;
  const { digest, repository, bump } = published;
  const healed = await healVersion(bound, plan, assemble, ports.store.log);
  await ports.store.step('tagged');
  const before = replay(
    plan.name,
    collection.versions.map((one) => one.published).filter((one) => one.seq < published.seq),
  );
  const previous = previousOf(before, plan.version);
  const changes = previous ? ports.compare(previous.published.contract, published.contract).changes : [];
  const facts = { previous: previous?.version ?? null, changes };
  const same = {
    version,
    digest,
    reference: `${repository}@${digest}`,
    bump,
    ...facts,
    line: JSON.stringify(published),
    notes: releaseNotes({ ...published, ...facts, commit: published.commit ?? null, sample: plan.sample }),
  };
  // The steps after this one are those of a run that has published: they get what the first attempt would have said.
  if (isOwn(bound, plan)) return { kind: 'published', ...same, ledgerCommit: null };
  return { kind: 'unchanged', ...same, healed, retired: bound.retired !== null };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () => {
    made ??= make();
    return made;
  };
}
