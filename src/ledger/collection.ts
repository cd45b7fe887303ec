import semver from 'semver';
import { UserError } from '../ports/errors.ts';
import type { LedgerEvent, PublishEvent } from './event.ts';

/** One published version with what later events made of it. */
export interface Version {
  readonly version: string;
  readonly published: PublishEvent;
  /** The published labels with all later edits. */
  readonly labels: Readonly<Record<string, string>>;
  readonly retired: { readonly at: string; readonly reason: string } | null;
}

/** All versions of one name: what the events of a ledger add up to. */
export interface Collection {
  readonly name: string;
  /** In the order in which they were published. */
  readonly versions: readonly Version[];
  /** `null` when nothing is published, or all that is published is retired or a pre-release. */
  readonly latest: Version | null;
  /** Alias → version; the version may have been retired since. */
  readonly aliases: ReadonlyMap<string, string>;
}

/**
 * Adds up the events of one ledger.
 * @throws UserError for an event that cannot follow those before it, such as a version that is published twice.
 */
export function replay(name: string, events: readonly LedgerEvent[]): Collection {
  const versions = new Map<string, Version>();
  const aliases = new Map<string, string>();
  const known = (event: Exclude<LedgerEvent, PublishEvent>): Version => {
    const version = versions.get(event.version);
    if (version) return version;
    throw impossible(event, `"${event.version}" was never published`);
  };
  for (const event of events) {
    switch (event.event) {
      case 'publish':
        if (versions.has(event.version))
          throw impossible(event, `version "${event.version}" is published a second time`);
        versions.set(event.version, {
          version: event.version,
          published: event,
          labels: event.labels,
          retired: null,
        });
        break;
      case 'promote':
        known(event);
        aliases.set(event.alias, event.version);
        break;
      case 'label': {
        const version = known(event);
        const labels = new Map(Object.entries(version.labels));
        for (const [key, value] of Object.entries(event.labels))
          if (value === null) labels.delete(key);
          else labels.set(key, value);
        versions.set(event.version, { ...version, labels: Object.fromEntries(labels) });
        break;
      }
      case 'retire':
        versions.set(event.version, {
          ...known(event),
          retired: { at: event.at, reason: event.reason },
        });
        break;
    }
  }
  const all = [...versions.values()];
  return { name, versions: all, latest: highest(all.filter((one) => one.retired === null)), aliases };
}

function impossible(event: LedgerEvent, what: string): UserError {
  return new UserError(`the ledger of "${event.name}", line ${event.seq}: ${what}`, {
    line: event.seq,
    help: 'Restore the ledger from the commit before this line was added (`git log -p`).',
  });
}

/** `1.2.3` or `1.2.3-rc.1`, and nothing that SemVer would first have to repair. */
export function isSemVer(version: string): boolean {
  return semver.valid(version) === version;
}

export function isInteger(version: string): boolean {
  return /^(?:0|[1-9]\d{0,14})$/.test(version);
}

/**
 * The highest version that is no pre-release: by number when all are integers, by SemVer precedence when any is
 * SemVer, else the one published last.
 */
export function highest(versions: readonly Version[]): Version | null {
  if (versions.every((one) => isInteger(one.version)))
    return pick(versions, (a, b) => Number(a.version) - Number(b.version));
  const releases = versions.filter((one) => isSemVer(one.version) && semver.prerelease(one.version) === null);
  if (releases.length > 0) return pick(releases, (a, b) => semver.compare(a.version, b.version));
  const others = versions.filter((one) => !isSemVer(one.version));
  return pick(others, (a, b) => a.published.seq - b.published.seq);
}

function pick(versions: readonly Version[], compare: (a: Version, b: Version) => number): Version | null {
  return versions.reduce<Version | null>(
    (best, one) => (best === null || compare(one, best) > 0 ? one : best),
    null,
  );
}

/** The version of that name, retired or not. */
export function findVersion(collection: Collection, version: string): Version | null {
  return collection.versions.find((one) => one.version === version) ?? null;
}
