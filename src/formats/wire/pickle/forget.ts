import { costOf, type Machine } from './machine.ts';
import { is, type PyBytes, type Value } from './values.ts';

/*
 * Vocabularies of text models have millions of words, each with a number: readers need to know how many, and would not
 * have the memory for all of them. Beyond the first entries such a container is counted, and its words leave the memo.
 */

/** Entries of one container from which on words and numbers are counted only. */
const MANY = 10_000;
/** What stands in the memo for a word that is not kept: a text too long to keep, which names nothing. */
const FORGOTTEN: PyBytes = { kind: 'bytes', length: 1, data: new Uint8Array(0), text: true };
const NUMPY_SCALAR = /^numpy(?:\.\w+)*\.multiarray\.scalar$|^_codecs\.encode$/;

/**
 * Whether items that are put into a container with `size` others are counted instead of kept: plain words and numbers, of
 * which none could be the name of a method that unpickling calls. What they took goes back to the budgets.
 */
export function forget(machine: Machine, size: number, items: readonly Value[]): boolean {
  if (size < MANY || !items.every((item) => isPlain(item, 0))) return false;
  const gone = new Set<Value>();
  for (const item of items) gather(item, gone);
  const { memo, session } = machine;
  // What was made for these items was written down last.
  const from = Math.max(0, memo.length - gone.size - 8);
  for (let at = memo.length - 1; at >= from; at -= 1) {
    const value = memo[at];
    // Each is given back once, however often it is in the memo.
    if (value === undefined || !gone.delete(value)) continue;
    memo[at] = FORGOTTEN;
    session.structure += costOf(value);
    if (typeof value === 'string') session.budget.bytes += value.length;
    else if (is(value, 'bytes')) session.budget.bytes += value.data.length;
  }
  return true;
}

/** Texts, numbers, and the calls that make NumPy's numbers. */
function isPlain(value: Value, depth: number): boolean {
  if (typeof value === 'string') return !value.startsWith('__');
  if (typeof value !== 'object' || value === null || value === FORGOTTEN) return true;
  if (value.kind === 'bytes') return true;
  if (value.kind === 'tuple') return depth < 3 && value.items.every((item) => isPlain(item, depth + 1));
  return value.kind === 'call' && isNumber(value);
}

function isNumber(value: Extract<Value, { kind: 'call' }>): boolean {
  const { callee } = value;
  return is(callee, 'global') && NUMPY_SCALAR.test(`${callee.module}.${callee.name}`);
}

function gather(value: Value, into: Set<Value>): void {
  if (typeof value === 'string') into.add(value);
  if (typeof value !== 'object' || value === null || value === FORGOTTEN) return;
  if (value.kind === 'bytes') into.add(value);
  if (value.kind === 'tuple') {
    into.add(value);
    for (const item of value.items) gather(item, into);
  }
  if (value.kind === 'call' && isNumber(value)) {
    into.add(value);
    gather(value.args, into);
  }
}
