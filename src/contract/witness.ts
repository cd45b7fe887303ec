import { admitsFields, type Direction, elementTest } from './admits.ts';
import { effectiveShape, isContainer, labelRole } from './labels.ts';
import { FLOATS, INTEGERS } from './scalars.ts';
import type { Field, Label, ScalarType, ValueType } from './types.ts';

/** What a payload is to show; everything else in it is as plain as can be. */
export interface Choices {
  /** Sizes of axes: by name at the top level, else by `path/axis`. Others are 1. */
  readonly sizes?: ReadonlyMap<string, number>;
  /** The element at a path, as `admits` names paths. */
  readonly elements?: ReadonlyMap<string, unknown>;
  /** Paths of members that are left out. */
  readonly without?: ReadonlySet<string>;
}

/** The values that a field lists, `null` when it lists none. */
export function listedValues(field: Omit<Field, 'name'>, direction: Direction): readonly Label[] | null {
  if (field.categories) return field.categories;
  return direction === 'output' && labelRole(field) === 'values' ? (field.labels ?? null) : null;
}

/**
 * Elements of `field`, the plainest first, among them one that `other` does not admit if there is any: the ends
 * of both, values beside them, and more different ones than `other` lists.
 */
export function elements(
  field: Omit<Field, 'name'>,
  other: Omit<Field, 'name'>,
  direction: Direction,
): unknown[] {
  const found: unknown[] = [...(listedValues(field, direction) ?? [])];
  const listed = listedValues(other, direction) ?? [];
  const { type } = field;
  if (type === null || type === 'bool') found.push(true, false);
  if (type === null || INTEGERS.has(type as ScalarType) || FLOATS.has(type as ScalarType))
    found.push(...numbers(field, other, listed, direction));
  if (type === 'complex64' || type === 'complex128') found.push([0.5, 0], [3.5e38, 0]);
  if (type === 'datetime64') found.push('2024-01-31T00:00:00Z', '2024-01-31T00:00:01Z');
  if (type === 'bytes') found.push('aGk=', 'aGkh');
  if (type === null || type === 'string') found.push('other', 'not base64!', 'aGk=', '2024-01-31T00:00:00Z');
  for (let count = 0; count <= listed.length && count < 5000; count++) {
    if (type === 'string') found.push(`other ${count}`);
    if (type === 'bytes') found.push(Buffer.from(`other ${count}`).toString('base64'));
    if (type === 'datetime64')
      found.push(`${2000 + (count % 8000)}-01-01T00:00:0${Math.floor(count / 8000)}Z`);
    if (type === 'complex64' || type === 'complex128') found.push([count, 1]);
  }
  return found.filter(elementTest(field, direction));
}

function numbers(
  field: Omit<Field, 'name'>,
  other: Omit<Field, 'name'>,
  listed: readonly Label[],
  direction: Direction,
): (number | bigint)[] {
  const found: (number | bigint)[] = [0.5, 1, 0, -1, 1.5, -0.5];
  const around = (end: number | bigint | undefined): void => {
    if (end === undefined || !(typeof end === 'bigint' || Number.isFinite(end))) return;
    if (typeof end === 'bigint') {
      found.push(...[end, end - 1n, end + 1n].map((n) => (isSafe(n) ? Number(n) : n)));
      return;
    }
    found.push(
      end,
      end + 1,
      end - 1,
      Math.floor(end),
      Math.ceil(end),
      Math.floor(end) - 1,
      Math.ceil(end) + 1,
    );
    found.push(neighbour(end, 1), neighbour(end, -1), end + 0.5, end - 0.5, end * 1.001, end * 0.999);
  };
  for (const side of [other, field]) {
    around(side.range?.min);
    around(side.range?.max);
    for (const end of INTEGERS.get(side.type as ScalarType) ?? []) around(end);
    const limit = FLOATS.get(side.type as ScalarType)?.limit;
    around(limit);
    around(limit === undefined ? undefined : -limit);
    // The indices of labels.
    if (direction === 'output') around(side.labels?.length);
  }
  found.push(Number.MAX_VALUE, -Number.MAX_VALUE, Number.MIN_VALUE);
  for (const label of listed.slice(0, 5000))
    if (typeof label === 'number') found.push(label + 1, label - 1, label + 0.5);
  const top = listed.reduce<number>(
    (most, label) => (typeof label === 'number' && label > most ? label : most),
    0,
  );
  found.push(top + 1);
  const start = Math.ceil(field.range?.min ?? 0);
  for (let count = 0; count <= listed.length && count < 5000; count++) found.push(start + count);
  return found;
}

const isSafe = (n: bigint): boolean => n >= Number.MIN_SAFE_INTEGER && n <= Number.MAX_SAFE_INTEGER;

/** The next double above or below. */
function neighbour(value: number, step: 1 | -1): number {
  if (value === 0) return step * Number.MIN_VALUE;
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  view.setBigInt64(0, view.getBigInt64(0) + BigInt(value > 0 ? step : -step));
  return view.getFloat64(0);
}

/** An element of `field` that `other` does not admit; `undefined` when there is none. */
export function strangeElement(
  field: Omit<Field, 'name'>,
  other: Omit<Field, 'name'>,
  direction: Direction,
): unknown {
  const admitted = elementTest(other, direction);
  return elements(field, other, direction).find((value) => !admitted(value));
}

/**
 * Puts together a payload that the fields admit. Arrays share their entries, so that large ones cost little.
 * @returns `null` when a field admits nothing that could be put there.
 */
export function buildPayload(
  fields: readonly Field[],
  direction: Direction,
  choices: Choices,
): Record<string, unknown> | null {
  return members(fields, '', { direction, choices, inside: false });
}

interface Build {
  readonly direction: Direction;
  readonly choices: Choices;
  /** Inside of a container, where names of axes do not tie. */
  readonly inside: boolean;
}

const NOTHING = Symbol('nothing that is admitted');

function members(fields: readonly Field[], prefix: string, build: Build): Record<string, unknown> | null {
  const entries: [string, unknown][] = [];
  for (const field of fields) {
    const path = prefix + field.name;
    if (build.choices.without?.has(path)) continue;
    const value = fieldValue(field, path, build);
    if (value === NOTHING) return null;
    entries.push([field.name, value]);
  }
  return Object.fromEntries(entries);
}

function fieldValue(field: Omit<Field, 'name'>, path: string, build: Build): unknown {
  let value = element(field, path, { ...build, inside: true });
  const shape = effectiveShape(field) ?? [];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const dimension = shape[axis] ?? null;
    const size =
      typeof dimension === 'number'
        ? dimension
        : (build.choices.sizes?.get(dimension !== null && !build.inside ? dimension : `${path}/${axis}`) ??
          1);
    if (size > 10_000_000) return NOTHING;
    value = size === 0 ? [] : value === NOTHING ? NOTHING : new Array<unknown>(size).fill(value);
  }
  return value;
}

function element(field: Omit<Field, 'name'>, path: string, build: Build): unknown {
  const chosen = build.choices.elements;
  if (chosen?.has(path)) return chosen.get(path);
  const { type } = field;
  if (type === null || !isContainer(type)) {
    const [plain = NOTHING] = elements(field, field, build.direction);
    return plain;
  }
  const inner = (value: ValueType | undefined, at: string): unknown =>
    value ? fieldValue(value, at, build) : 'anything';
  if (type === 'sequence') {
    const item = inner(field.items, `${path}.items`);
    return item === NOTHING ? NOTHING : [item];
  }
  if (type === 'record') return members(field.fields ?? [], `${path}.`, build) ?? NOTHING;
  const key = element({ type: field.keys ?? 'string', shape: [] }, `${path}.keys`, build);
  const value = inner(field.values, `${path}.values`);
  return value === NOTHING || key === NOTHING ? NOTHING : Object.fromEntries([[String(key), value]]);
}

const NAMED = new WeakMap<readonly Field[], ReadonlyMap<string, Field>>();

/** The fields by name; kept, since every change of a wide table asks for it. */
function named(fields: readonly Field[]): ReadonlyMap<string, Field> {
  const known = NAMED.get(fields) ?? new Map(fields.map((field) => [field.name, field]));
  NAMED.set(fields, known);
  return known;
}

/** Above this many fields a payload shows the fields that matter, and not all others beside them. */
const MANY = 40;

/**
 * A payload that `sub` admits and `sup` does not, for a reason at `path`: the proof that going from one to the
 * other breaks a caller. `null` when `choices` do not make one.
 * @param focus names of the top-level fields that matter.
 */
export function prove(
  sub: readonly Field[],
  sup: readonly Field[],
  direction: Direction,
  path: string,
  focus: readonly string[],
  choices: Choices,
): Record<string, unknown> | null {
  const only = (fields: readonly Field[]) =>
    [...new Set(focus)].flatMap((name) => named(fields).get(name) ?? []);
  const attempt = (from: readonly Field[], to: readonly Field[]) => {
    const payload = buildPayload(from, direction, choices);
    if (!payload || admitsFields(from, payload, direction, false).length > 0) return null;
    const violations = admitsFields(to, payload, direction, direction === 'output');
    return violations.some((v) => v.path === path || v.path.startsWith(`${path}.`)) ? payload : null;
  };
  const whole = sub.length <= MANY && sup.length <= MANY ? attempt(sub, sup) : null;
  return whole ?? attempt(only(sub), only(sup));
}
