import { argsOf, classOf, stateOf } from '../../wire/pickle/numpy.ts';
import { is, textOf, type Value } from '../../wire/pickle/values.ts';
import { codesIn, type FindClass, type FindText, type ScriptClass } from '../script.ts';
import { scalarType, type TorchTensor, tensorOf } from '../tensors.ts';
import type { Library } from './evaluate.ts';
import {
  type Abstract,
  type Code,
  cell,
  NotUnderstood,
  type ObjectView,
  plain,
  tensor,
  UNKNOWN,
} from './values.ts';

/* How the evaluator sees modules and constants that were pickled. */

export function abstractTensor(of: TorchTensor): Abstract {
  return tensor(
    cell(scalarType(of.dtype)),
    of.shape.map((size) => cell(size)),
  );
}

const MAX_ITEMS = 10_000;
const MAX_FILES = 1000;

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
    const list = /^torch\.jit\._pickle\.build_(int|tensor|bool)list$/.exec(nameOf(value))?.[1];
    const [given] = list === undefined ? [] : argsOf(value);
    if (is(given, 'list') && given.items.length <= MAX_ITEMS)
      return {
        kind: 'list',
        items: given.items.map((item) =>
          list === 'int' && typeof item === 'number'
            ? plain(item, true)
            : abstractOf(item, views, find, depth + 1),
        ),
      };
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
  const { code, changed, wholes } = textOfClass(find(name));
  const state = stateOf(value);
  const attributes = new Map<string, Value>(
    (state?.keys ?? []).map((key, index) => [textOf(key) ?? '', state?.values[index] ?? null]),
  );
  const seen = new Map<string, Abstract>();
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
      return attributes.has(key) ? null : code(key);
    },
  };
  const attributeOf = (key: string): Abstract => {
    // What code sets may be something else by the next call.
    if (!attributes.has(key) || changed.has(key)) return UNKNOWN;
    const held = attributes.get(key) ?? null;
    if (typeof held === 'number') return wholes.has(key) ? plain(held, true) : UNKNOWN;
    return abstractOf(held, views, find, 0);
  };
  views.set(value, view);
  return view;
}

interface ClassText {
  readonly code: (name: string) => Code | null;
  /** Attributes that code sets. */
  readonly changed: ReadonlySet<string>;
  /** Attributes that are whole numbers. */
  readonly wholes: ReadonlySet<string>;
}

const texts = new WeakMap<ScriptClass, ClassText>();
const NO_TEXT: ClassText = { code: () => null, changed: new Set(), wholes: new Set() };

function textOfClass(of: ScriptClass | null): ClassText {
  if (!of) return NO_TEXT;
  const before = texts.get(of);
  if (before) return before;
  const all = (pattern: RegExp): Set<string> =>
    new Set([...of.body.matchAll(pattern)].map((one) => one[1] ?? ''));
  const found = {
    code: codesIn(of.body),
    changed: all(/\.(\w+) = /g),
    wholes: all(/^[ \t]+(\w+) : (?:Final\[)?int\b/gm),
  };
  texts.set(of, found);
  return found;
}

/** The root module of an archive. */
export function pickledModule(value: Value, find: FindClass): ObjectView | null {
  return moduleView(value, new Map(), find);
}

/** The functions of code files, and the constants beside them. */
export function libraryOf(findText: FindText, constants: Value | undefined): Library {
  const items = is(constants, 'tuple') || is(constants, 'list') ? constants.items : [];
  const files = new Map<string, ((name: string) => Code | null) | null>();
  const values = new Map<number, Abstract>();
  return {
    function(name) {
      const dot = name.lastIndexOf('.');
      const file = name.slice(0, dot);
      let codes = files.get(file);
      if (codes === undefined) {
        // Every file that is asked for has to be unpacked.
        if (files.size >= MAX_FILES) throw new NotUnderstood('too many files of code');
        const text = findText(file);
        codes = text === null ? null : codesIn(text, true);
        files.set(file, codes);
      }
      return codes === null ? null : codes(name.slice(dot + 1));
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
