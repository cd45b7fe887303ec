import type { Label, ScalarType } from '../../contract/types.ts';
import { Malformed } from '../format.ts';
import {
  type ArrayView,
  argsOf,
  arrayOf,
  attribute,
  classOf,
  type DType,
  elementsOf,
  scalarOf,
  scalarTypeOf,
  sizeOf,
} from '../wire/pickle/numpy.ts';
import { getKey, is, textOf, type Value } from '../wire/pickle/values.ts';

/** How deep estimators may be inside one another. */
export const MAX_DEPTH = 24;

/** An object of a pickle, with its class's name and where in the file it stands. */
export interface Obj {
  readonly value: Value;
  readonly module: string;
  readonly name: string;
  /** Such as `steps[1].coef_`; '' at the root. */
  readonly path: string;
}

/** Objects may be shared and so be met again and again: what one reading may look at is bounded. */
const MAX_VISITS = 1_000_000;
let visits = 0;
let byPython2 = false;

/**
 * Runs `body`, which reads one model, with a bound on the objects it meets. `python2` is of a file that Python 2
 * wrote, whose strings are bytes. @throws Malformed over the bound.
 */
export function bounded<T>(body: () => T, python2: boolean): T {
  visits = 0;
  byPython2 = python2;
  return body();
}

/** The contract's type of an array's elements; `null` for objects. */
export function typeOfArray(dtype: DType): ScalarType | null {
  return byPython2 && dtype.kind === 'S' ? 'string' : scalarTypeOf(dtype);
}

export function objectOf(value: Value | undefined, path: string): Obj | null {
  visits += 1;
  if (visits > MAX_VISITS) throw new Malformed('its objects are inside of one another too often');
  const of = classOf(value);
  if (of === null || value === undefined) return null;
  return { value, module: of.module, name: of.name.split('.').at(-1) ?? of.name, path };
}

export const at = (obj: Obj, name: string): string => (obj.path === '' ? name : `${obj.path}.${name}`);

/** An attribute that is an object itself. */
export function child(obj: Obj, name: string): Obj | null {
  return objectOf(attribute(obj.value, name), at(obj, name));
}

export const has = (obj: Obj, name: string): boolean => attribute(obj.value, name) !== undefined;

/** Items of a list or tuple, however it is pickled; `null` when the value is none. */
export function itemsOf(value: Value | undefined): readonly Value[] | null {
  if (is(value, 'list') || is(value, 'tuple')) return value.items;
  if (is(value, 'call') && value.items.length > 0) return value.items;
  const array = arrayOf(value);
  return array?.objects ?? null;
}

/** Objects in an attribute that is a list of them. */
export function children(obj: Obj, name: string): Obj[] {
  const items = itemsOf(attribute(obj.value, name)) ?? [];
  return items.slice(0, 10_000).flatMap((item, index) => objectOf(item, `${at(obj, name)}[${index}]`) ?? []);
}

/** A parameter or attribute that is a plain value; `undefined` when it is missing or no scalar. */
export function scalar(obj: Obj, name: string): Label | bigint | null | undefined {
  const value = attribute(obj.value, name);
  if (value === undefined) return undefined;
  if (value === null) return null;
  return scalarOf(value) ?? undefined;
}

/** An attribute that is a whole number. */
export function count(obj: Obj, name: string): number | null {
  const value = scalar(obj, name);
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : null;
}

export const text = (obj: Obj, name: string): string | null => textOf(attribute(obj.value, name));

/** An attribute that is an array. */
export function array(obj: Obj, name: string): ArrayView | null {
  return arrayOf(attribute(obj.value, name));
}

/** The shape of an attribute that is an array or a sparse matrix. */
export function sizesOf(obj: Obj, name: string): readonly number[] | null {
  const value = attribute(obj.value, name);
  const direct = arrayOf(value);
  if (direct) return direct.shape;
  const shape = attribute(value, '_shape');
  return shape === undefined ? null : sizeOf(shape);
}

/** Column names from an array of strings, a list, or a pandas Index. */
export function namesOf(value: Value | undefined): string[] | null {
  const list = is(value, 'list') || is(value, 'tuple') ? value.items.map(textOf) : indexNames(value);
  return list?.every((one) => typeof one === 'string') ? list.map(String) : null;
}

function indexNames(value: Value | undefined): (Label | bigint | null)[] | null {
  const direct = arrayOf(value);
  if (direct) return direct.shape.length === 1 ? elementsOf(direct) : null;
  // pandas: _new_Index(cls, {'data': array, 'name': …})
  if (!is(value, 'call') || !is(value.callee, 'global') || value.callee.name !== '_new_Index') return null;
  const [, given] = argsOf(value);
  if (!is(given, 'dict')) return null;
  const data = getKey(given, 'data');
  const inner = arrayOf(data) ?? pandasArray(data);
  return inner ? elementsOf(inner) : null;
}

/** pandas' own array classes hold a NumPy one in their state or arguments. */
function pandasArray(value: Value | undefined): ArrayView | null {
  if (!is(value, 'call')) return null;
  for (const state of [...value.states, value.args]) {
    const parts = is(state, 'dict') ? state.values : is(state, 'tuple') ? state.items : [];
    for (const part of parts) {
      const found = arrayOf(part);
      if (found) return found;
    }
  }
  return null;
}

/** A named part of a Pipeline or FeatureUnion; `obj` is `null` for 'passthrough', 'drop' and None. */
export interface Step {
  readonly name: string;
  readonly obj: Obj | null;
  readonly dropped: boolean;
}

/** The named parts in an attribute such as `steps`. */
export function steps(obj: Obj, name = 'steps'): Step[] {
  const items = itemsOf(attribute(obj.value, name)) ?? [];
  return items.slice(0, 1000).flatMap((item, index) => {
    const pair = itemsOf(item);
    if (!pair) return [];
    const dropped = pair[1] === 'drop';
    return [{ name: textOf(pair[0]) ?? '', obj: objectOf(pair[1], `${at(obj, name)}[${index}]`), dropped }];
  });
}
