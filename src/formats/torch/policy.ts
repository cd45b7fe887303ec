import { is, isNode, type PyGlobal, textOf, type Value } from '../wire/pickle/values.ts';

/** torch's files refer to storages that are beside the pickle. */
export const TORCH_EXPECTED: ReadonlySet<string> = new Set(['persistent-id']);

/** Classes of TorchScript live in the archive's code; Python imports nothing for them. */
export const isTorchScriptClass = (global: PyGlobal): boolean => /^__torch__(\.|$)/.test(global.module);

/** Plain holders of values that checkpoints are full of. */
export const isTorchHolder = (global: PyGlobal): boolean =>
  `${global.module}.${global.name}` === 'argparse.Namespace';

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
