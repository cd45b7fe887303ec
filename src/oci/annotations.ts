import type { Stamp } from './types.ts';
import { digestOf } from './verify.ts';

/** Contracts up to this size travel in the manifest (bytes); registries refuse manifests over 4 MiB. */
const MAX_CONTRACT = 60_000;

/** Keys of Lading's own; the others are OCI's predefined ones (image-spec v1.1, annotations.md). */
export const ANNOTATION = {
  contract: 'io.lading.contract',
  contractDigest: 'io.lading.contract.digest',
  /** Followed by the label's own name. */
  label: 'io.lading.label.',
  name: 'io.lading.name',
} as const;

/** What a stamp says, as annotations of a manifest or as labels of an image; sorted by key. */
export function stampAnnotations(stamp: Stamp): Record<string, string> {
  const contract = Buffer.from(stamp.contract);
  const entries: [string, string][] = [
    ['org.opencontainers.image.title', stamp.name],
    ['org.opencontainers.image.version', stamp.version],
    [ANNOTATION.name, stamp.name],
    [ANNOTATION.contractDigest, digestOf(contract)],
  ];
  if (contract.length < MAX_CONTRACT) entries.push([ANNOTATION.contract, stamp.contract]);
  if (stamp.revision !== undefined) entries.push(['org.opencontainers.image.revision', stamp.revision]);
  if (stamp.source !== undefined) entries.push(['org.opencontainers.image.source', stamp.source]);
  for (const [key, value] of Object.entries(stamp.labels)) entries.push([ANNOTATION.label + key, value]);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
