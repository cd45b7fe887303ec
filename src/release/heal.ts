import { canonicalJson } from '../contract/canonical.ts';
import type { Collection, Version } from '../ledger/collection.ts';
import { pushAssembled } from '../oci/push.ts';
import type { Assembled, Repository, Stamp } from '../oci/types.ts';
import { digestOf } from '../oci/verify.ts';
import { UserError } from '../ports/errors.ts';
import type { Log } from '../ports/log.ts';

/** What of a version was missing in the registry and is there now. */
export type Healed = readonly ('manifest' | 'tag')[];

/**
 * Makes the registry say what the ledger says of a version: its manifest is stored, and its tag points there. A run
 * that was stopped, or a registry that lost something, is healed by any later run with the same content.
 */
export async function healVersion(
  bound: Version,
  where: { readonly repository: Repository; readonly source: string | null },
  assemble: () => Promise<Assembled>,
  log: Log,
): Promise<Healed> {
  const { repository, source } = where;
  const { published, version } = bound;
  const title = `${published.name}:${version}`;
  if (published.repository !== repository.name) {
    log.info(`${title} is in ${published.repository}; ${repository.name} was not looked at.`);
    return [];
  }
  const healed: ('manifest' | 'tag')[] = [];
  if (!(await repository.getManifest(published.digest))) {
    const assembled = await assemble();
    const stamp: Stamp = {
      name: published.name,
      version,
      ...(published.commit !== undefined && { revision: published.commit }),
      ...(source !== null && { source }),
      contract: canonicalJson(published.contract),
      labels: published.labels,
    };
    if (digestOf(assembled.stamp(stamp).manifest) !== published.digest) {
      log.warn(
        `${title} is no longer in ${repository.name}, and what can be made now is not the same to the byte. ` +
          'Publish it as a new version (on-unchanged: publish), and retire this one.',
      );
      return [];
    }
    await pushAssembled(repository, assembled, stamp, log);
    healed.push('manifest');
  }
  if (await setTag(bound, repository, log)) healed.push('tag');
  if (healed.length > 0)
    log.info(`${title} was complete in the ledger only; its ${healed.join(' and ')} is restored.`);
  return healed;
}

/** How far back tags are looked for: each is a run in a row that was stopped at the same place. */
const MOST_BEHIND = 20;

/**
 * Sets the tags that earlier runs did not come to, newest first, up to the first version that has its tag. They were
 * stopped after the ledger was written, and their content will perhaps never be published again. What the registry
 * refuses is a warning: the version of this run is published all the same.
 */
export async function healTags(collection: Collection, repository: Repository, log: Log): Promise<void> {
  try {
    await setMissingTags(collection, repository, log);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    log.warn(
      `An earlier version of ${collection.name} lacks its tag, and it could not be set: ${error.message}`,
    );
  }
}

async function setMissingTags(collection: Collection, repository: Repository, log: Log): Promise<void> {
  const own = collection.versions.filter(
    (one) => one.retired === null && one.published.repository === repository.name,
  );
  for (const version of own.reverse().slice(0, MOST_BEHIND)) {
    if (!(await repository.getManifest(version.published.digest))) continue;
    if (!(await setTag(version, repository, log))) return;
    log.info(`${collection.name}:${version.version} was complete in the ledger only; its tag is restored.`);
  }
}

/** Points the tag of a version where the ledger says. `false`: it does already. */
async function setTag({ published, version }: Version, repository: Repository, log: Log): Promise<boolean> {
  const tagged = await repository.getManifest(version);
  if (tagged?.descriptor.digest === published.digest) return false;
  if (tagged)
    log.warn(
      `The tag of ${published.name}:${version} pointed at ${tagged.descriptor.digest}; the ledger binds ${published.digest}.`,
    );
  await repository.tag(published.digest, version);
  return true;
}
