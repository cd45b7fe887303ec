import type { Value } from './values.ts';
import { is, isNode, textOf } from './values.ts';

/** What torch's files refer to beside the pickle is expected there: storages, and in old files classes. */
const STORAGES: ReadonlySet<string> = new Set(['persistent-id']);

/** The anomalies that a pickle's references explain: none, where one of them is not of the kind that torch writes. */
export function expectedReferences(roots: readonly Value[]): ReadonlySet<string> {
  return oddReferences(roots) === null ? STORAGES : new Set();
}

const MAX_NODES = 2_000_000;

/** A reference to something else than a storage or a module's class, which torch does not write; `null` when there is none. */
export function oddReferences(roots: readonly Value[]): string | null {
  const seen = new Set<Value>();
  const pending: Value[] = [...roots];
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (!isNode(value) || seen.has(value)) continue;
    seen.add(value);
    if (seen.size > MAX_NODES) return 'the pickle is too large to see all of its references';
    switch (value.kind) {
      case 'tuple':
      case 'list':
      case 'set':
        for (const item of value.items) pending.push(item);
        break;
      case 'dict':
        for (const item of value.keys) pending.push(item);
        for (const item of value.values) pending.push(item);
        break;
      case 'call':
        pending.push(value.callee, value.args, value.kwargs, value.entries);
        for (const item of value.states) pending.push(item);
        for (const item of value.items) pending.push(item);
        break;
      case 'ref': {
        const first = is(value.id, 'tuple') ? textOf(value.id.items[0]) : null;
        if (first !== 'storage' && first !== 'module') return 'it refers to an object outside of the file';
        break;
      }
      default:
        break;
    }
  }
  return null;
}
