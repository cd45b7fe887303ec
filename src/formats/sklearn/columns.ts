import { argsOf, arrayOf, attribute, elementsOf } from '../wire/pickle/numpy.ts';
import { is, textOf, type Value } from '../wire/pickle/values.ts';
import { at, itemsOf, namesOf, type Obj, objectOf } from './object.ts';

/** Which columns one part of a ColumnTransformer gets. */
export interface ColumnUse {
  readonly obj: Obj | null;
  readonly dropped: boolean;
  /** Positions in the whole table. */
  readonly columns: readonly number[];
  readonly where: string;
}

/** The parts of a fitted ColumnTransformer, with the columns they get as positions. */
export function columnUses(obj: Obj, names: readonly string[] | null, width: number | null): ColumnUse[] {
  const items = itemsOf(attribute(obj.value, 'transformers_')) ?? [];
  return items.slice(0, 10_000).flatMap((item, index) => {
    const parts = itemsOf(item);
    if (!parts) return [];
    const where = `${at(obj, 'transformers_')}[${index}]`;
    const columns = positions(parts[2], names, width);
    return columns ? [{ obj: objectOf(parts[1], where), dropped: parts[1] === 'drop', columns, where }] : [];
  });
}

/** Positions that a column selection means: names, numbers, a slice, a mask, or arrays of these. */
function positions(
  value: Value | undefined,
  names: readonly string[] | null,
  width: number | null,
): number[] | null {
  if (value === undefined) return null;
  const one = textOf(value);
  if (one !== null) return indexesOf([one], names);
  if (typeof value === 'number') return [value < 0 && width !== null ? value + width : value];
  if (is(value, 'call') && is(value.callee, 'global') && value.callee.name === 'slice')
    return sliced(argsOf(value), names, width);
  // Between 1.4 and 1.7 the remainder is a list of a class of its own.
  const inner = attribute(value, 'data');
  if (is(value, 'call') && is(inner, 'list')) return positions(inner, names, width);
  const array = arrayOf(value);
  const given = namesOf(value);
  if (given) return indexesOf(given, names);
  const list = array ? elementsOf(array) : is(value, 'list') || is(value, 'tuple') ? value.items : null;
  if (!list) return null;
  if (list.length > 0 && list.every((item) => typeof item === 'boolean'))
    return list.flatMap((item, index) => (item === true ? [index] : []));
  if (!list.every((item) => typeof item === 'number')) return null;
  return list.map((item) => (Number(item) < 0 && width !== null ? Number(item) + width : Number(item)));
}

function indexesOf(wanted: readonly string[], names: readonly string[] | null): number[] | null {
  if (!names) return null;
  const found = wanted.map((name) => names.indexOf(name));
  return found.includes(-1) ? null : found;
}

function sliced(
  args: readonly Value[],
  names: readonly string[] | null,
  width: number | null,
): number[] | null {
  if (width === null || width > 100_000) return null;
  const [start, stop, step] = args;
  const place = (value: Value | undefined, fallback: number, inclusive: boolean): number | null => {
    if (value === null || value === undefined) return fallback;
    if (typeof value === 'number') return value < 0 ? value + width : value;
    const index = typeof value === 'string' && names ? names.indexOf(value) : -1;
    return index === -1 ? null : index + (inclusive ? 1 : 0);
  };
  const from = place(start, 0, false);
  const to = place(stop, width, true);
  if (from === null || to === null || (step !== null && step !== undefined && step !== 1)) return null;
  return Array.from({ length: Math.max(0, Math.min(to, width) - from) }, (_, index) => from + index);
}

/** The columns by name that the parts of a ColumnTransformer ask for: from before `feature_names_in_` existed. */
export function askedNames(obj: Obj): string[] {
  const items = itemsOf(attribute(obj.value, 'transformers_')) ?? [];
  return items.flatMap((item) => namesOf(itemsOf(item)?.[2]) ?? []);
}
