import { admits } from './admits.ts';
import { effectiveShape, isContainer } from './labels.ts';
import { FLOATS, INTEGERS } from './scalars.ts';
import type { Contract, Dimension, Field, ScalarType, Shape, ValueType } from './types.ts';

/** Rows of the sample: two, so that a model that only works for one is found out. */
const BATCH = 2;
/** Most values of the whole sample. */
const MAX_VALUES = 5_000_000;

/**
 * A small payload that the inputs of a signature admit, for trying an image out: two rows, required inputs only,
 * values that vary with `seed`. `null` when the contract does not say enough (types or shapes are unknown).
 */
export function samplePayload(
  contract: Contract,
  signature: string,
  seed = 0,
): Record<string, unknown> | null {
  const inputs = Object.hasOwn(contract.signatures, signature)
    ? contract.signatures[signature]?.inputs
    : null;
  if (!inputs) return null;
  const state: State = { sizes: new Map(), next: generator(seed), left: MAX_VALUES };
  const required = inputs.filter((field) => field.optional !== true);
  // The leading axes are the batch, wherever else their names stand.
  for (const field of required) {
    const first = effectiveShape(field)?.[0];
    if (typeof first === 'string') state.sizes.set(first, BATCH);
  }
  const payload: Record<string, unknown> = {};
  for (const field of required) {
    const value = sampleValue(field, state, true);
    if (value === undefined) return null;
    Object.defineProperty(payload, field.name, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return admits(contract, signature, payload, 'input').length === 0 ? payload : null;
}

interface State {
  readonly sizes: Map<string, number>;
  /** Uniform in [0, 1). */
  readonly next: () => number;
  left: number;
}

/** `undefined` when it is not known what to put there. */
function sampleValue(field: Omit<Field, 'name'>, state: State, top: boolean): unknown {
  const shape = effectiveShape(field);
  if (shape === null || field.type === null) return undefined;
  const sizes = shape.map((dimension, axis) => sizeOf(dimension, axis, shape, state, top));
  const build = (axis: number): unknown => {
    const size = sizes[axis];
    if (size === undefined) return --state.left < 0 ? undefined : sampleElement(field, state);
    const list: unknown[] = [];
    for (let index = 0; index < size; index++) {
      const entry = build(axis + 1);
      if (entry === undefined) return undefined;
      list.push(entry);
    }
    return list;
  };
  return build(0);
}

function sizeOf(dimension: Dimension, axis: number, shape: Shape, state: State, top: boolean): number {
  if (typeof dimension === 'number') return dimension;
  // Free sizes after the batch: pictures need some room for their convolutions, sequences hardly any.
  const size = axis === 0 ? (top ? BATCH : 1) : shape.length >= 4 ? 32 : 8;
  if (dimension === null || !top) return size;
  const known = state.sizes.get(dimension) ?? size;
  state.sizes.set(dimension, known);
  return known;
}

function sampleElement(field: Omit<Field, 'name'>, state: State): unknown {
  const { type, categories } = field;
  if (categories) return categories[Math.floor(state.next() * categories.length)];
  if (type === null) return undefined;
  if (!isContainer(type)) return sampleScalar(type, field, state);
  const inner = (value: ValueType | undefined) => (value ? sampleValue(value, state, false) : undefined);
  if (type === 'sequence') {
    const item = inner(field.items);
    return item === undefined ? undefined : [item];
  }
  if (type === 'map') {
    const key = field.keys === undefined ? undefined : sampleScalar(field.keys, {}, state);
    const value = inner(field.values);
    return key === undefined || value === undefined ? undefined : { [String(key)]: value };
  }
  const record: [string, unknown][] = [];
  for (const member of field.fields ?? []) {
    if (member.optional === true) continue;
    const value = sampleValue(member, state, false);
    if (value === undefined) return undefined;
    record.push([member.name, value]);
  }
  return Object.fromEntries(record);
}

function sampleScalar(type: ScalarType, field: Pick<Field, 'range' | 'profile'>, state: State): unknown {
  const { min, max } = field.range ?? {};
  if (INTEGERS.has(type)) {
    // 0 and 1 are in every vocabulary and every category code.
    const low = Math.ceil(min ?? (max !== undefined && max < 0 ? max - 1 : 0));
    return Math.min(low + Math.floor(state.next() * 2), max ?? low + 1);
  }
  if (FLOATS.has(type)) {
    const low = min ?? (max !== undefined && max < 0 ? max - 1 : 0);
    const high = max ?? low + 1;
    if (type === 'float8_e8m0fnu') return 1;
    return low + (Math.round(state.next() * 1000) / 1000) * Math.min(high - low, 1e6);
  }
  switch (type) {
    case 'bool':
      return state.next() < 0.5;
    case 'string':
      return field.profile === 'text' ? 'A short text to try the model with.' : 'a';
    case 'bytes':
      return 'aGVsbG8=';
    case 'datetime64':
      return `2024-01-${10 + Math.floor(state.next() * 20)}T00:00:00Z`;
    default:
      return [state.next(), state.next()];
  }
}

/** Numbers that look random and are the same on every machine (mulberry32). */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
