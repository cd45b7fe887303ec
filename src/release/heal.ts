import { canonicalJson } from '../contract/canonical.ts';
import type { Version } from '../ledger/collection.ts';
import { pushAssembled } from '../oci/push.ts';
import type { Assembled, Repository, Stamp } from '../oci/types.ts';
import { digestOf } from '../oci/verify.ts';
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
  const tagged = await repository.getManifest(version);
  if (tagged?.descriptor.digest !== published.digest) {
    if (tagged)
      log.warn(
        `The tag of ${title} pointed at ${tagged.descriptor.digest}; the ledger binds ${published.digest}.`,
      );
    await repository.tag(published.digest, version);
    healed.push('tag');
  }
  if (healed.length > 0)
    log.info(`${title} was complete in the ledger only; its ${healed.join(' and ')} is restored.`);
  return healed;
}
