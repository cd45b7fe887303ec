import { effectiveShape, isContainer, isLabel, labelRole } from './labels.ts';
import { COMPLEX, describe, INTEGERS, isNumber, scalarProblem } from './scalars.ts';
import type { Contract, Dimension, Field, ScalarType, Shape, ValueType } from './types.ts';

/** A place where a payload is not what the contract says. */
export interface Violation {
  /**
   * The field, such as `alcohol`; inside containers `record.member`, `sequence.items`, `map.keys`, `map.values`.
   * Empty when the payload as a whole is wrong.
   */
  readonly path: string;
  /** Which value, and why: `at [3]: "a" is not a number`. Untrusted text in it is raw. */
  readonly message: string;
}

export type Direction = 'input' | 'output';

/** Deepest nesting of arrays that is looked into. */
const MAX_DEPTH = 64;

/**
 * The meaning of a contract: whether a call's payload, `{name: value}` as `POST /predict` takes and returns it,
 * is one that the contract admits. Values are (nested) arrays with the batch axis first. No violation means
 * that it does; otherwise one violation a path, in the order of the contract, names that it does not have last.
 *
 * - Axes: a fixed size, any size, or a named one; equal names are equal sizes among all fields of the call
 *   (not inside containers). Arrays are rectangular. Below an axis of size 0 there is nothing to hold against.
 * - An unknown type admits any value, an unknown shape any rank; a container without a shape is one container.
 * - Contents are closed: names that the contract does not have are violations.
 *
 * The server in the image gives the same verdicts (test/fixtures/contract/admits.json holds both to it).
 *
 * @param sizes sizes of named axes that are known already; those met here are added. Passing the map of a
 * call's inputs on to its outputs ties the two.
 */
export function admits(
  contract: Contract,
  signature: string,
  payload: unknown,
  direction: Direction,
  sizes: Map<string, number> = new Map(),
): Violation[] {
  const found = Object.hasOwn(contract.signatures, signature) ? contract.signatures[signature] : undefined;
  if (!found) return [{ path: '', message: `there is no signature ${describe(signature)}` }];
  if (!isObject(payload))
    return [{ path: '', message: `the payload is ${describe(payload)}, not an object` }];
  const fields = direction === 'input' ? found.inputs : found.outputs;
  if (fields === null) return [];
  const violations = new Map<string, string>();
  members(fields, payload, '', { direction, sizes, violations, open: false });
  return [...violations].map(([path, message]) => ({ path, message }));
}

/**
 * As `admits`, for a list of fields. With `open`, names that the fields do not have are fine: so a caller reads
 * outputs, by the names that it knows.
 */
export function admitsFields(
  fields: readonly Field[],
  payload: Readonly<Record<string, unknown>>,
  direction: Direction,
  open: boolean,
): Violation[] {
  const violations = new Map<string, string>();
  members(fields, payload, '', { direction, sizes: new Map(), violations, open });
  return [...violations].map(([path, message]) => ({ path, message }));
}

/** Tells whether a value is one that the arrays of a field of scalar (or unknown) type may hold. */
export function elementTest(field: Omit<Field, 'name'>, direction: Direction): (value: unknown) => boolean {
  const { type } = field;
  if (type !== null && isContainer(type)) return () => false;
  const limits = elementLimits(field, direction);
  return (value) => (type === null || scalarProblem(type, value) === null) && limits(value) === null;
}

interface Check {
  readonly direction: Direction;
  /** `null` inside containers, where names do not tie. */
  readonly sizes: Map<string, number> | null;
  readonly violations: Map<string, string>;
  /** Whether names that the contract does not have are fine. */
  readonly open: boolean;
}

function members(
  fields: readonly Field[],
  values: Record<string, unknown>,
  prefix: string,
  check: Check,
): void {
  const known = new Set<string>();
  for (const field of fields) {
    known.add(field.name);
    const path = prefix + field.name;
    if (Object.hasOwn(values, field.name)) fieldValue(field, values[field.name], path, check);
    else if (field.optional !== true) report(check, path, 'it is missing');
  }
  if (check.open) return;
  for (const name of Object.keys(values))
    if (!known.has(name)) report(check, prefix + name, 'the contract has no such name');
}

function fieldValue(field: Field, value: unknown, path: string, check: Check): void {
  const limits = elementLimits(field, check.direction);
  const shape = effectiveShape(field);
  const inner: Check = { ...check, sizes: null };
  const leaf: Leaf = (element, at) => {
    const problem = elementProblem(field, element, path, inner) ?? limits(element);
    if (problem !== null)
      report(check, path, at.length === 0 ? problem : `at [${at.join('][')}]: ${problem}`);
    return problem === null;
  };
  if (shape === null)
    anyRank(field.type === null ? null : (field.type as ScalarType), value, path, leaf, check);
  else ofShape(shape, value, path, leaf, check);
}

/** Looks at one element; `false` ends the walk over its field. */
type Leaf = (element: unknown, at: readonly number[]) => boolean;

/** Walks the arrays of a field of known rank. */
function ofShape(shape: Shape, value: unknown, path: string, leaf: Leaf, check: Check): boolean {
  const sizes: (number | undefined)[] = [];
  const walk = (part: unknown, at: number[]): boolean => {
    const axis = at.length;
    const dimension = shape[axis];
    if (dimension === undefined) return leaf(part, at);
    if (!Array.isArray(part)) {
      report(
        check,
        path,
        `${describe(part)} stands where axis ${axis} of ${shape.length} should be an array`,
      );
      return false;
    }
    if (sizes[axis] === undefined) {
      sizes[axis] = part.length;
      const problem = sizeProblem(dimension, part.length, check.sizes);
      if (problem !== null) {
        report(check, path, `axis ${axis} has ${part.length} entries, ${problem}`);
        return false;
      }
    } else if (sizes[axis] !== part.length) {
      report(check, path, `axis ${axis} is ragged: ${sizes[axis]} and ${part.length} entries`);
      return false;
    }
    return everyEntry(part, at, walk);
  };
  return walk(value, []);
}

/** Walks the entries of an array; `at` is one list that grows and shrinks, since arrays have many entries. */
function everyEntry(
  array: readonly unknown[],
  at: number[],
  walk: (entry: unknown, at: number[]) => boolean,
): boolean {
  for (let index = 0; index < array.length; index++) {
    // The very same entry again has the same verdict: payloads that are put together for a proof share theirs.
    if (index > 0 && array[index] === array[index - 1]) continue;
    at.push(index);
    const more = walk(array[index], at);
    at.pop();
    if (!more) return false;
  }
  return true;
}

function sizeProblem(dimension: Dimension, size: number, sizes: Map<string, number> | null): string | null {
  if (typeof dimension === 'number') return size === dimension ? null : `not ${dimension}`;
  if (dimension === null || sizes === null) return null;
  const bound = sizes.get(dimension);
  if (bound === undefined) {
    sizes.set(dimension, size);
    return null;
  }
  return size === bound ? null : `but "${dimension}" is ${bound} elsewhere in this call`;
}

/** Walks a field of any rank: rectangular arrays down to elements. */
function anyRank(type: ScalarType | null, value: unknown, path: string, leaf: Leaf, check: Check): void {
  // Without a type and a rank there is no telling an element from an array of them.
  const isElement = (part: unknown): boolean =>
    type !== null && COMPLEX.has(type)
      ? !Array.isArray(part) || (part.length > 0 && !Array.isArray(part[0]))
      : !Array.isArray(part);
  const sizes: number[] = [];
  let rank: number | null = null;
  const walk = (part: unknown, at: number[]): boolean => {
    if (at.length > MAX_DEPTH) {
      report(check, path, `arrays are nested deeper than ${MAX_DEPTH}`);
      return false;
    }
    const axis = at.length;
    const element = isElement(part);
    if (type !== null && rank !== null && element !== (axis === rank)) {
      report(check, path, 'the arrays are ragged: elements and arrays stand side by side');
      return false;
    }
    if (element) {
      rank = axis;
      return leaf(part, at);
    }
    const array = part as readonly unknown[];
    if (array.length === 0) rank = axis + 1;
    const size = sizes[axis];
    if (type !== null && size !== undefined && size !== array.length) {
      report(check, path, `axis ${axis} is ragged: ${size} and ${array.length} entries`);
      return false;
    }
    sizes[axis] = array.length;
    return everyEntry(array, at, walk);
  };
  walk(value, []);
}

/** What limits single elements beyond their type: categories, labels, range. */
function elementLimits(
  field: Omit<Field, 'name'>,
  direction: Direction,
): (element: unknown) => string | null {
  const role = direction === 'output' ? labelRole(field) : null;
  const { categories, range } = field;
  const labels = new Set(role === null ? [] : field.labels);
  const allowed = new Set(categories);
  // What a container holds has limits of its own.
  if (field.type !== null && isContainer(field.type)) return () => null;
  return (element) => {
    if (categories && !isLabel(element, allowed))
      return `${describe(element)} is not one of the ${categories.length} categories`;
    if (role === 'values' && !isLabel(element, labels))
      return `${describe(element)} is not one of the ${labels.size} labels`;
    if (role === 'index' && isNumber(element) && (element < 0 || element >= (field.labels ?? []).length))
      return `${element} is no index of the labels`;
    if (range && isNumber(element)) {
      if (range.min !== undefined && element < range.min) return `${element} is under ${range.min}`;
      if (range.max !== undefined && element > range.max) return `${element} is over ${range.max}`;
    }
    return null;
  };
}

/** Problems inside a container are reported under paths of their own; then the element itself is fine. */
function elementProblem(value: ValueType, element: unknown, path: string, check: Check): string | null {
  const { type } = value;
  if (type === null) return null;
  if (!isContainer(type)) return scalarProblem(type, element);
  if (type === 'sequence') {
    if (!Array.isArray(element)) return `${describe(element)} is not an array`;
    if (value.items)
      for (const item of element) fieldValue({ name: '', ...value.items }, item, `${path}.items`, check);
    return null;
  }
  if (!isObject(element)) return `${describe(element)} is not an object`;
  if (type === 'record') {
    if (value.fields) members(value.fields, element, `${path}.`, check);
    return null;
  }
  for (const [key, entry] of Object.entries(element)) {
    const problem = value.keys ? scalarProblem(value.keys, keyValue(value.keys, key)) : null;
    if (problem !== null) report(check, `${path}.keys`, problem);
    if (value.values) fieldValue({ name: '', ...value.values }, entry, `${path}.values`, check);
  }
  return null;
}

/** A key of a JSON object as a value of the map's key type: keys that are no strings are written as JSON writes them. */
function keyValue(type: ScalarType, key: string): unknown {
  if (type === 'string' || type === 'bytes' || type === 'datetime64') return key;
  if (type === 'bool') return key === 'true' ? true : key === 'false' ? false : key;
  if (INTEGERS.has(type)) return /^-?(?:0|[1-9][0-9]{0,19})$/.test(key) ? BigInt(key) : key;
  return /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/.test(key) ? Number(key) : key;
}

function report(check: Check, path: string, message: string): void {
  if (!check.violations.has(path)) check.violations.set(path, message);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
