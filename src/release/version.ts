import semver from 'semver';
import { type Collection, highest, isInteger, isSemVer, type Version } from '../ledger/collection.ts';
import type { Bump } from '../ledger/event.ts';
import { versionName } from '../model/names.ts';
import { UserError } from '../ports/errors.ts';

/** How versions are counted: SemVer, with the bump derived from the contract, or 1, 2, 3 …. */
export type Versioning = 'semver' | 'integer';

/** The first version of a model is in use from the moment that it is published: 1.0.0, not 0.1.0. */
const FIRST = '1.0.0';

/**
 * The version that follows. SemVer counts from the latest version (from the highest pre-release where there is nothing
 * else); numbers that are taken already, by a retired version or one published by hand, are passed over.
 * @throws UserError when the collection was counted the other way so far.
 */
export function nextVersion(collection: Collection, bump: Bump, versioning: Versioning): string {
  const taken = new Set(collection.versions.map((one) => one.version));
  sameCounting(collection, versioning);
  if (versioning === 'integer') {
    const numbers = collection.versions.filter((one) => isInteger(one.version));
    return versionName(String(Math.max(0, ...numbers.map((one) => Number(one.version))) + 1));
  }
  const step = bump === 'first' ? 'patch' : bump;
  let version = semverBase(collection, step);
  while (taken.has(version)) version = semver.inc(version, step) ?? version;
  return versionName(version);
}

function semverBase(collection: Collection, step: 'major' | 'minor' | 'patch'): string {
  const latest = collection.latest?.version;
  if (latest !== undefined) return semver.inc(latest, step) ?? FIRST;
  const parsed = collection.versions.flatMap((one) => semver.parse(one.version) ?? []);
  const [top] = parsed.sort(semver.rcompare);
  return top ? `${top.major}.${top.minor}.${top.patch}` : FIRST;
}

function sameCounting(collection: Collection, versioning: Versioning): void {
  const other = collection.versions.find((one) =>
    versioning === 'integer' ? isSemVer(one.version) : isInteger(one.version),
  );
  if (!other) return;
  const counted = versioning === 'integer' ? 'semver' : 'integer';
  throw new UserError(
    `"${collection.name}" has the version ${other.version}, so it cannot be counted with "versioning: ${versioning}"`,
    { help: `Set \`versioning: ${counted}\`, or publish under another name.` },
  );
}

/**
 * Checks a version that the user has given.
 * @throws UserError when it is not legal, or not of the kind that the collection counts with.
 */
export function explicitVersion(collection: Collection, version: string, versioning: Versioning): string {
  versionName(version);
  const legal = versioning === 'semver' ? isSemVer(version) : isInteger(version);
  if (!legal)
    throw new UserError(`"${version}" is no version of "versioning: ${versioning}"`, {
      help: versioning === 'semver' ? 'Write it like 1.4.0 or 2.0.0-rc.1.' : 'Write a number: 1, 2, 3 …',
    });
  sameCounting(collection, versioning);
  return version;
}

/**
 * The version that `version` is compared with: the highest release below it that is not retired, so that 1.0.1 after
 * 2.0.0 is held against 1.0.0. Without `version`, the latest.
 */
export function previousOf(collection: Collection, version: string | null): Version | null {
  if (version === null || !isSemVer(version)) return collection.latest;
  return highest(
    collection.versions.filter(
      (one) => one.retired === null && isSemVer(one.version) && semver.lt(one.version, version),
    ),
  );
}
