import { Malformed } from '../../format.ts';
import type { Budget } from './operands.ts';
import { fullName, is, newDict, type PyBytes, type PyCall, type PyGlobal, type Value } from './values.ts';

/** How bad something odd in a pickle is, whatever the names in it. */
export type Severity = 'danger' | 'review' | 'malformed';

/** Something that no honest pickler writes. */
export interface Anomaly {
  readonly severity: Severity;
  /** Stable kebab-case word, such as `build-on-global`. */
  readonly what: string;
  readonly message: string;
  /** In the decompressed stream. */
  readonly offset: number;
  /** The call that it is about. */
  readonly call?: PyCall;
}

/** A name that the pickle makes Python import. */
export interface GlobalUse {
  readonly global: PyGlobal;
  /** Of the first use. */
  readonly offset: number;
  /** How often it is the callee of a call. */
  calls: number;
  /** The first of these calls. */
  readonly samples: PyCall[];
}

export interface Limits {
  readonly opcodes: number;
  readonly stack: number;
  readonly memo: number;
  /** Bytes of strings, byte strings and small arrays that are kept; of what is beyond, only the length is. */
  readonly kept: number;
  /** Bytes that everything else may take in memory: lists, calls, memo, names. */
  readonly structure: number;
  /** Pickles within pickles. */
  readonly depth: number;
}

export const LIMITS: Limits = {
  opcodes: 20_000_000,
  stack: 1_000_000,
  memo: 4_000_000,
  kept: 24 * 1024 * 1024,
  structure: 40 * 1024 * 1024,
  depth: 8,
};

/** What all pickles of one stream share. */
export interface Session {
  readonly limits: Limits;
  readonly budget: Budget;
  /** What of `limits.structure` is left. */
  structure: number;
  opcodes: number;
  /** Whether an opcode was met that Python 3 never writes: a string of bytes. */
  python2: boolean;
  readonly uses: Map<string, GlobalUse>;
  readonly anomalies: Anomaly[];
  /** Texts and byte strings that look as if they were pickles themselves, in some coding. */
  readonly suspects: (string | PyBytes)[];
}

/** The state of one pickle being run. */
export interface Machine {
  readonly session: Session;
  readonly stack: Value[];
  /** Heights of the stack at each MARK. */
  readonly marks: number[];
  /** Memo keys 0, 1, 2 … as picklers count them, and any others. */
  readonly memo: Value[];
  readonly sparse: Map<number, Value>;
  readonly fetched: Set<number>;
  /** Offset of the opcode being run. */
  offset: number;
  protocol: number;
}

const MAX_ANOMALIES = 1000;
const MAX_SAMPLES = 2000;

export function newSession(limits: Partial<Limits> = {}): Session {
  const all = { ...LIMITS, ...limits };
  return {
    limits: all,
    budget: { bytes: all.kept },
    structure: all.structure,
    opcodes: 0,
    python2: false,
    uses: new Map(),
    anomalies: [],
    suspects: [],
  };
}

export function note(
  machine: Machine,
  severity: Severity,
  what: string,
  message: string,
  call?: PyCall,
): void {
  const list = machine.session.anomalies;
  if (list.length < MAX_ANOMALIES)
    list.push({ severity, what, message, offset: machine.offset, ...(call && { call }) });
}

export function push(machine: Machine, value: Value): void {
  if (machine.stack.length >= machine.session.limits.stack) throw new Malformed('the stack grows too high');
  machine.stack.push(value);
}

/** Takes bytes off what a pickle's values may take in memory. @throws Malformed when there is no more. */
export function spend(machine: Machine, bytes: number): void {
  machine.session.structure -= bytes;
  if (machine.session.structure < 0) throw new Malformed('it holds more values than are kept in memory');
}

/** Bytes that a value takes beside its text; roughly, as V8 lays objects out. */
export function costOf(value: Value): number {
  if (typeof value === 'number') return Number.isInteger(value) ? 0 : 16;
  if (typeof value === 'string') return 24;
  if (typeof value === 'bigint') return 32;
  if (typeof value !== 'object' || value === null) return 0;
  switch (value.kind) {
    case 'tuple':
      return 56 + 8 * value.items.length;
    case 'list':
    case 'set':
      return 64 + 8 * value.items.length;
    case 'dict':
      return 112;
    case 'bytes':
      return 560;
    case 'call':
      return 330;
    default:
      return 64;
  }
}

/** Pushes a value that was not there before. */
export function make(machine: Machine, value: Value): void {
  spend(machine, costOf(value));
  push(machine, value);
}

/** The top of the stack, taken off. */
export function pop(machine: Machine): Value {
  const floor = machine.marks.at(-1) ?? 0;
  if (machine.stack.length <= floor) throw new Malformed('the stack is empty where a value is needed');
  return machine.stack.pop() ?? null;
}

/** The top of the stack, left there. */
export function top(machine: Machine): Value {
  const floor = machine.marks.at(-1) ?? 0;
  if (machine.stack.length <= floor) throw new Malformed('the stack is empty where a value is needed');
  return machine.stack.at(-1) ?? null;
}

/** The uppermost values, taken off, the lowest of them first. */
export function popMany(machine: Machine, count: number): Value[] {
  const from = machine.stack.length - count;
  if (from < (machine.marks.at(-1) ?? 0)) throw new Malformed('the stack is empty where a value is needed');
  return machine.stack.splice(from);
}

/** Everything above the last MARK, taken off together with it. */
export function popMark(machine: Machine): Value[] {
  const from = machine.marks.pop();
  if (from === undefined) throw new Malformed('there is no MARK on the stack');
  return machine.stack.splice(from);
}

/** How many keys the memo has: MEMOIZE writes to this one. */
export const memoSize = (machine: Machine): number => machine.memo.length + machine.sparse.size;

export function remember(machine: Machine, key: number, value: Value): void {
  if (memoSize(machine) >= machine.session.limits.memo) throw new Malformed('the memo grows too large');
  if (machine.fetched.has(key) && (machine.memo[key] ?? machine.sparse.get(key)) !== value)
    note(machine, 'review', 'memo-overwritten', `memo ${key} is overwritten after it was used`);
  if (key < machine.memo.length) machine.memo[key] = value;
  else if (key === machine.memo.length && !machine.sparse.has(key)) {
    spend(machine, 8);
    machine.memo.push(value);
  } else {
    spend(machine, 48);
    machine.sparse.set(key, value);
  }
}

export function recall(machine: Machine, key: number): Value {
  const value = key < machine.memo.length ? machine.memo[key] : machine.sparse.get(key);
  if (value === undefined) {
    note(machine, 'review', 'memo-unknown', `memo ${key} is read, and was never written`);
    throw new Malformed(`memo ${key} is read, and was never written`);
  }
  if (!machine.fetched.has(key)) {
    spend(machine, 40);
    machine.fetched.add(key);
  }
  return value;
}

/** The node of a name: one for each name. */
export function globalOf(machine: Machine, module: string, name: string): PyGlobal {
  const { uses } = machine.session;
  const key = `${module}\n${name}`;
  const known = uses.get(key);
  if (known) return known.global;
  const global: PyGlobal = { kind: 'global', module, name };
  spend(machine, 400);
  if (uses.size >= 100_000) throw new Malformed('more than 100000 different names are imported');
  uses.set(key, { global, offset: machine.offset, calls: 0, samples: [] });
  return global;
}

/** An inert call node; what is odd about the call is noted. */
export function call(
  machine: Machine,
  how: PyCall['how'],
  given: Value,
  args: Value,
  kwargs: Value = null,
): PyCall {
  const callee = classBehind(given);
  const node: PyCall = {
    kind: 'call',
    how,
    callee,
    args,
    kwargs,
    states: [],
    items: [],
    entries: newDict(),
  };
  if (is(callee, 'global')) {
    const use = machine.session.uses.get(`${callee.module}\n${callee.name}`);
    if (use) {
      use.calls += 1;
      if (use.samples.length < MAX_SAMPLES) use.samples.push(node);
    }
  } else if (is(callee, 'call')) {
    const by = is(callee.callee, 'global') ? fullName(callee.callee) : 'another call';
    note(machine, 'danger', 'call-of-result', `the result of ${by} is called`, node);
  } else note(machine, 'danger', 'call-of-value', 'something that is no function is called');
  return node;
}

/** torch's old files name the class of a module by a reference: `('module', class, source file, source)`. */
function classBehind(callee: Value): Value {
  if (!is(callee, 'ref') || !is(callee.id, 'tuple') || callee.id.items[0] !== 'module') return callee;
  const of = callee.id.items[1];
  return is(of, 'global') ? of : callee;
}
