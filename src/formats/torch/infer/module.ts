import { classOf, stateOf } from '../../wire/pickle/numpy.ts';
import { is, textOf, type Value } from '../../wire/pickle/values.ts';
import { codeOf, type FindClass, type FindText } from '../script.ts';
import { scalarType, type TorchTensor, tensorOf } from '../tensors.ts';
import type { Library } from './evaluate.ts';
import { type Abstract, type Code, cell, type ObjectView, plain, tensor, UNKNOWN } from './values.ts';

/* How the evaluator sees modules and constants that were pickled. */

export function abstractTensor(of: TorchTensor): Abstract {
  return tensor(
    cell(scalarType(of.dtype)),
    of.shape.map((size) => cell(size)),
  );
}

const MAX_ITEMS = 10_000;

function abstractOf(value: Value, views: Map<Value, ObjectView>, find: FindClass, depth: number): Abstract {
  const weights = tensorOf(value);
  if (weights) return abstractTensor(weights);
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return plain(value, false);
  if (depth > 8) return UNKNOWN;
  if (is(value, 'list') || is(value, 'tuple'))
    return value.items.length > MAX_ITEMS
      ? UNKNOWN
      : { kind: value.kind, items: value.items.map((item) => abstractOf(item, views, find, depth + 1)) };
  if (is(value, 'call')) {
    const list = /^torch\.jit\._pickle\.build_(\w+)list$/.exec(nameOf(value));
    // What the items of such lists are is stated by the function's name only.
    if (list) return UNKNOWN;
    const view = views.get(value) ?? moduleView(value, views, find);
    return view ? { kind: 'object', of: view } : UNKNOWN;
  }
  return UNKNOWN;
}

const nameOf = (value: Value): string =>
  is(value, 'call') && is(value.callee, 'global') ? `${value.callee.module}.${value.callee.name}` : '';

function moduleView(value: Value, views: Map<Value, ObjectView>, find: FindClass): ObjectView | null {
  const of = classOf(value);
  if (!of) return null;
  const name = `${of.module}.${of.name}`;
  const body = find(name)?.body ?? '';
  const state = stateOf(value);
  const attributes = new Map<string, Value>(
    (state?.keys ?? []).map((key, index) => [textOf(key) ?? '', state?.values[index] ?? null]),
  );
  const seen = new Map<string, Abstract>();
  const codes = new Map<string, Code | null>();
  const view: ObjectView = {
    name,
    attribute(key) {
      const before = seen.get(key);
      if (before) return before;
      const found = attributeOf(key);
      seen.set(key, found);
      return found;
    },
    method(key) {
      if (attributes.has(key)) return null;
      const before = codes.get(key);
      if (before !== undefined) return before;
      const found = codeOf(body, key);
      codes.set(key, found);
      return found;
    },
  };
  const attributeOf = (key: string): Abstract => {
    // What code sets may be something else by the next call.
    if (!attributes.has(key) || body.includes(`.${key} = `)) return UNKNOWN;
    const held = attributes.get(key) ?? null;
    if (typeof held === 'number')
      return new RegExp(`^\\s+${key} : (Final\\[)?int\\b`, 'm').test(body) ? plain(held, true) : UNKNOWN;
    return abstractOf(held, views, find, 0);
  };
  views.set(value, view);
  return view;
}

/** The root module of an archive. */
export function pickledModule(value: Value, find: FindClass): ObjectView | null {
  return moduleView(value, new Map(), find);
}

/** The functions of code files, and the constants beside them. */
export function libraryOf(findText: FindText, constants: Value | undefined): Library {
  const items = is(constants, 'tuple') || is(constants, 'list') ? constants.items : [];
  const found = new Map<string, Code | null>();
  const values = new Map<number, Abstract>();
  return {
    function(name) {
      const before = found.get(name);
      if (before !== undefined) return before;
      const parts = name.split('.');
      const text = findText(parts.slice(0, -1).join('.'));
      const code = text === null ? null : codeOf(text, parts.at(-1) ?? '', true);
      found.set(name, code);
      return code;
    },
    constant(index) {
      const before = values.get(index);
      if (before) return before;
      const value = abstractOf(items[index] ?? null, new Map(), () => null, 0);
      const kept = items[index] === undefined ? UNKNOWN : value;
      values.set(index, kept);
      return kept;
    },
  };
}
