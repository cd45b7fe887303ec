import type { Node, Value } from './values.ts';
import { is, isNode, textOf } from './values.ts';

/** What torch's files refer to beside the pickle is expected there: storages, and in old files classes. */
const STORAGES: ReadonlySet<string> = new Set(['persistent-id']);

/** The anomalies that a pickle's references explain: none, where one of them is not of the kind that torch writes. */
export function expectedReferences(roots: readonly Value[]): ReadonlySet<string> {
  return oddReferences(roots) === null ? STORAGES : new Set();
}

const MAX_NODES = 2_000_000;

/** A reference to something else than a storage or a module's class, which torch does not write; `null` when there is none. */
function oddReferences(roots: readonly Value[]): string | null {
  let odd: string | null = null;
  const whole = eachNode(roots, (node) => {
    if (node.kind !== 'ref') return;
    const first = is(node.id, 'tuple') ? textOf(node.id.items[0]) : null;
    if (first !== 'storage' && first !== 'module') odd ??= 'it refers to an object outside of the file';
  });
  return odd ?? (whole ? null : 'the pickle is too large to see all of its references');
}

/** Visits every node once, however they refer to one another; `false` when there are too many to see all. */
export function eachNode(roots: readonly Value[], visit: (node: Node) => void): boolean {
  const seen = new Set<Value>();
  const pending: Value[] = [...roots];
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (!isNode(value) || seen.has(value)) continue;
    seen.add(value);
    if (seen.size > MAX_NODES) return false;
    visit(value);
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
      case 'ref':
        pending.push(value.id);
        break;
      default:
        break;
    }
  }
  return true;
}
