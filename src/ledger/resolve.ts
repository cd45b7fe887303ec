import type { Version } from './collection.ts';
import { parseSelector, resolveReference } from './select.ts';
import { type LedgerStore, readLedger } from './store.ts';

/** A reference that means the same bytes for ever. */
export interface Resolved {
  readonly name: string;
  readonly version: string;
  /** `repository@sha256:…`. */
  readonly reference: string;
  readonly entry: Version;
}

/**
 * What `name`, `name:latest`, `name:alias`, `name:version` or `name:key=value,…` stands for now.
 * @throws UserError when nothing matches, or what matches is retired.
 */
export async function resolve(store: LedgerStore, text: string): Promise<Resolved> {
  const { name, selector } = parseSelector(text);
  const { collection } = await readLedger(store, name);
  const entry = resolveReference(collection, selector);
  return { name, version: entry.version, reference: imageReference(entry), entry };
}

/** `repository@sha256:…` of a version. */
export function imageReference({ published }: Version): string {
  return `${published.repository}@${published.digest}`;
}
