/**
 * What a pickle stands for, without anything of it having been looked up or called. Objects are shared by
 * reference, as they are in the pickle, and may be cyclic: walk them with a visited set and a bound.
 */
export type Value = null | boolean | number | bigint | string | Node;

export type Node = PyBytes | PyTuple | PyList | PyDict | PySet | PyGlobal | PyCall | PyRef | PyArray;

/** Bytes, or a text too long to keep. `data` is shorter than `length` when only the beginning was kept. */
export interface PyBytes {
  readonly kind: 'bytes';
  readonly length: number;
  /** All of it, or its first part, or nothing: the reader lets go of what it has seen to be weights. */
  data: Uint8Array;
  /** It was a string in the pickle. */
  readonly text: boolean;
}

export interface PyTuple {
  readonly kind: 'tuple';
  readonly items: readonly Value[];
}

export interface PyList {
  readonly kind: 'list';
  readonly items: Value[];
}

/** Keys and values in the order of insertion; a later equal key wins. */
export interface PyDict {
  readonly kind: 'dict';
  readonly keys: Value[];
  readonly values: Value[];
  /** How many words or numbers more it has, which are not kept. */
  more: number;
}

export interface PySet {
  readonly kind: 'set';
  readonly items: Value[];
}

/** A class or function by name. One node for each name in a pickle. */
export interface PyGlobal {
  readonly kind: 'global';
  readonly module: string;
  readonly name: string;
}

/** A call that unpickling would make, and what would be done to its result. */
export interface PyCall {
  readonly kind: 'call';
  readonly how: 'reduce' | 'newobj' | 'newobj_ex' | 'obj' | 'inst';
  readonly callee: Value;
  readonly args: Value;
  readonly kwargs: Value;
  /** By BUILD, in order. */
  readonly states: Value[];
  /** By APPEND(S) and ADDITEMS. */
  readonly items: Value[];
  /** By SETITEM(S). */
  readonly entries: PyDict;
  /** The array that joblib wrote in the place of this wrapper. */
  array?: PyArray;
}

/** What a persistent id stands for: storages in torch files. */
export interface PyRef {
  readonly kind: 'ref';
  readonly id: Value;
}

/** An array whose raw bytes are in the stream itself, as joblib writes them. */
export interface PyArray {
  readonly kind: 'array';
  readonly shape: readonly number[];
  /** The value that describes the dtype. */
  readonly dtype: Value;
  readonly order: 'C' | 'F';
  /** `null` when it was passed over: too large, or objects. */
  readonly data: Uint8Array | null;
  /** The pickled array within, for arrays of objects. */
  readonly objects: Value;
}

export const isNode = (value: Value): value is Node => typeof value === 'object' && value !== null;

/** Whether `value` is a node of that kind. */
export function is<K extends Node['kind']>(
  value: Value | undefined,
  kind: K,
): value is Extract<Node, { kind: K }> {
  return typeof value === 'object' && value !== null && value.kind === kind;
}

export const newDict = (): PyDict => ({ kind: 'dict', keys: [], values: [], more: 0 });

/** `module.name`. */
export const fullName = (global: PyGlobal): string => `${global.module}.${global.name}`;

/** A string, also where the pickle has bytes (Python 2 wrote all its strings so); else `null`. */
export function textOf(value: Value | undefined): string | null {
  if (typeof value === 'string') return value;
  if (is(value, 'bytes') && value.data.length === value.length)
    return Buffer.from(value.data).toString(value.text ? 'utf8' : 'latin1');
  return null;
}

/** The value at a string key, also where the keys are bytes; `undefined` when there is none. */
export function getKey(dict: PyDict, key: string): Value | undefined {
  for (let at = dict.keys.length - 1; at >= 0; at -= 1) {
    const one = dict.keys[at];
    if (one === key || (is(one, 'bytes') && textOf(one) === key)) return dict.values[at];
  }
  return undefined;
}
