import type { Label, ScalarType, Shape } from '../../contract/types.ts';
import { type Bytes, inMemory } from '../../model/bytes.ts';
import { type Column, tabularInputs, typeOfCategories } from '../columns.ts';
import { type Candidate, emptyReading, type Look, Malformed, type Reading } from '../format.ts';
import { openCandidate } from '../open.ts';
import { assumed, derived, MAX_FIELDS, stated, type Told, tell, tooWide, unknown } from '../told.ts';
import { parseJson } from '../wire/parse-json.ts';

/** Names of many thousand columns, and the values of their categories, fit into this. */
const EDGE = 4 * 1024 * 1024;

/** The head has a dozen. */
const MAX_LINES = 1000;

/** Reads a candidate of this format. Loaded where there is one. */
export async function readLightgbm(candidate: Candidate, look: Look): Promise<Reading> {
  using bytes = openCandidate(candidate, look);
  return readBooster(candidate, bytes);
}

/** A booster's text in memory: pickled wrappers hold it as a string. */
export const lightgbmInMemory = (
  candidate: Candidate,
  text: Uint8Array,
  beside?: readonly Label[][],
): Reading => readBooster(candidate, inMemory(text), beside);

/** @param beside what pandas had as categories, where the text does not say: before 3.0 the Python object alone had them. */
function readBooster(candidate: Candidate, bytes: Bytes, beside: readonly Label[][] = []): Reading {
  const head = textOf(bytes, 0, Math.min(EDGE, bytes.size));
  const from = Math.max(0, bytes.size - EDGE);
  const tail = textOf(bytes, from, bytes.size - from);
  const values = new Map<string, string>();
  const end = head.search(/\r?\n\r?\n/);
  if (end === -1) throw new Malformed('the head does not end: the file was probably cut short');
  for (const line of head.slice(0, end).split(/\r?\n/, MAX_LINES)) {
    const equals = line.indexOf('=');
    values.set(equals === -1 ? line : line.slice(0, equals), equals === -1 ? '' : line.slice(equals + 1));
  }
  // Before 2.2 the importances were all that stood behind the trees.
  if (!/end of (?:trees|parameters)|\nfeature[ _]importances:/.test(tail))
    throw new Malformed('the trees do not end: the file was probably cut short');
  if (/\nparameters:\r?\n/.test(tail) && !tail.includes('\nend of parameters'))
    throw new Malformed('the parameters do not end: the file was probably cut short');
  const own = categoriesOf(tail);
  const asked = /^\[categorical_(?:feature|column): ?([\d,]+)\]\r?$/m.exec(tail)?.[1];
  const lists = own.length > 0 ? own : beside;
  return readingOf(candidate, values, lists, asked?.split(',').map(Number) ?? null);
}

function readingOf(
  candidate: Candidate,
  values: ReadonlyMap<string, string>,
  categories: readonly Label[][],
  asked: readonly number[] | null,
): Reading {
  const count = Number(values.get('max_feature_idx') ?? Number.NaN) + 1;
  if (!Number.isSafeInteger(count) || count < 1) throw new Malformed('max_feature_idx is not stated');
  const listed = (key: string): string[] => values.get(key)?.split(' ', MAX_FIELDS + 1) ?? [];
  const names = listed('feature_names');
  const wide = count > MAX_FIELDS && names.length > MAX_FIELDS;
  const named = names.length === count && !names.every((name, index) => name === `Column_${index}`);
  const infos = listed('feature_infos');
  const shown = infos.flatMap((info, index) => (/^\[|^none$/.test(info) ? [] : [index]));
  const categorical = asked ?? shown;
  const matched = matchLists(categorical, categories, infos);
  const among = new Set(categorical);
  const columns = names.map((name, index): Column => {
    const list = matched?.get(index);
    const open = matched === null && (among.has(index) || infos[index] === 'none');
    return { name, type: open ? OPEN : columnType(list), ...(list && { categories: list }) };
  });
  const objective = values.get('objective') ?? null;
  const told = tell({
    predict: {
      inputs: wide
        ? tooWide(count)
        : tabularInputs(
            named ? columns : null,
            count,
            assumed('float64', 'LightGBM computes in float64'),
            named ? 'feature_names' : 'max_feature_idx',
          ),
      outputs: [
        outputOf(objective, Number(values.get('num_tree_per_iteration') ?? values.get('num_class') ?? 1)),
      ],
    },
  });
  const properties: Record<string, string> = { 'file version': values.get('version') ?? '' };
  if (objective !== null) properties['objective'] = objective;
  const classes = Number(values.get('num_class') ?? 1);
  if (classes > 1) properties['classes'] = String(classes);
  return {
    ...emptyReading(candidate),
    // The text states the version of the file's form (v2, v3, v4) and not LightGBM's own.
    framework: { name: 'lightgbm', version: null },
    contract: told.contract,
    evidence: told.evidence,
    features: named ? names : null,
    properties,
    requirements: { lightgbm: null },
  };
}

const OPEN = unknown(
  'a categorical feature, and it is open which list of pandas_categorical is its own',
  'the type of its categories, such as string',
);
/** Lists times columns up to which it is tried which list may belong to which column. */
const MAX_TRIED = 1_000_000;

/**
 * Which list of pandas belongs to which column. The lists come in the order of the columns; columns that are categorical by
 * wish and hold numbers have none, and a list is too short for codes that are beyond it. `null` when several ways are left.
 */
function matchLists(
  columns: readonly number[],
  lists: readonly Label[][],
  infos: readonly string[],
): Map<number, readonly Label[]> | null {
  if (lists.length === 0) return new Map();
  if (lists.length === columns.length)
    return new Map(columns.map((column, index) => [column, lists[index] ?? []]));
  if (lists.length > columns.length || lists.length * columns.length > MAX_TRIED) return null;
  const highest = columns.map((column) =>
    Math.max(
      ...(/^-?\d+(:-?\d+)*$/
        .exec(infos[column] ?? '')?.[0]
        .split(':')
        .map(Number) ?? [-1]),
    ),
  );
  const fits = (list: number, column: number) => (highest[column] ?? 0) < (lists[list]?.length ?? 0);
  // Ways to give the lists from one on to the columns from one on; more than one is all that has to be known.
  const ways = lists.map(() => new Uint8Array(columns.length + 1));
  ways.push(new Uint8Array(columns.length + 1).fill(1));
  for (let list = lists.length - 1; list >= 0; list--)
    for (let column = columns.length - 1; column >= 0; column--) {
      const without = ways[list]?.[column + 1] ?? 0;
      const given = fits(list, column) ? (ways[list + 1]?.[column + 1] ?? 0) : 0;
      const row = ways[list];
      if (row) row[column] = Math.min(2, without + given);
    }
  if (ways[0]?.[0] !== 1) return null;
  const out = new Map<number, readonly Label[]>();
  for (let list = 0, column = 0; list < lists.length && column < columns.length; column++)
    if (ways[list]?.[column + 1] !== 1) out.set(columns[column] ?? -1, lists[list++] ?? []);
  return out;
}

function columnType(categories: readonly Label[] | undefined): Told<ScalarType> {
  return categories
    ? derived(typeOfCategories(categories), 'pandas_categorical')
    : assumed('float64', 'LightGBM computes in float64');
}

/** What `Booster.predict` returns. Source: LightGBM, "Python API", Booster.predict. */
function outputOf(objective: string | null, trees: number) {
  const task = objective?.split(' ')[0] ?? null;
  const shape: Shape = trees > 1 ? ['batch', trees] : ['batch'];
  const name =
    task === 'multiclass' || task === 'multiclassova'
      ? 'probabilities'
      : task === 'binary'
        ? 'probability'
        : 'prediction';
  const where = objective === null ? 'num_tree_per_iteration' : `objective=${objective}`;
  return {
    name: assumed(name, where),
    type: derived('float64' as const, 'Booster.predict returns float64'),
    shape: objective === null ? derived(shape, where) : stated(shape, where),
  };
}

/** The last line: category values of each categorical column of the training frame, as JSON. */
function categoriesOf(tail: string): Label[][] {
  const line = /^pandas_categorical:(.*)$/m.exec(tail)?.[1];
  if (line === undefined) return [];
  try {
    const parsed: unknown = parseJson(line);
    if (!Array.isArray(parsed)) return [];
    const isLabel = (one: unknown): one is Label => ['string', 'number', 'boolean'].includes(typeof one);
    return parsed.map((list) => (Array.isArray(list) ? list.filter(isLabel) : []));
  } catch (error) {
    if (error instanceof Malformed) throw error;
    return [];
  }
}

function textOf(bytes: Bytes, offset: number, length: number): string {
  return Buffer.from(bytes.read(offset, length)).toString('utf8');
}
