import type { Label, ScalarType, Shape } from '../contract/types.ts';
import { type Bytes, inMemory } from '../model/bytes.ts';
import { type Column, tabularInputs, typeOfCategories } from './columns.ts';
import { type Candidate, emptyReading, type Format, Malformed, type Reading } from './format.ts';
import { openCandidate } from './open.ts';
import { assumed, derived, stated, type Told, tell } from './told.ts';

/** Names of many thousand columns, and the values of their categories, fit into this. */
const EDGE = 4 * 1024 * 1024;

/** Boosters that LightGBM saved as text: parameters at the head, trees, then `pandas_categorical` at the tail. */
export const lightgbm: Format = {
  id: 'lightgbm',
  title: 'LightGBM',
  detect: (look) =>
    look.directory.files
      .filter((file) =>
        /^tree\r?\nversion=v\d/.test(Buffer.from(look.head(file).subarray(0, 64)).toString('latin1')),
      )
      .map((file): Candidate => ({ format: 'lightgbm', path: file.path, role: 'model', covers: [] })),
  async read(candidate, look) {
    using bytes = openCandidate(candidate, look);
    return readBooster(candidate, bytes);
  },
};

/** A booster's text in memory: pickled wrappers hold it as a string. */
export const lightgbmInMemory = (candidate: Candidate, text: Uint8Array): Reading =>
  readBooster(candidate, inMemory(text));

function readBooster(candidate: Candidate, bytes: Bytes): Reading {
  const head = textOf(bytes, 0, Math.min(EDGE, bytes.size));
  const from = Math.max(0, bytes.size - EDGE);
  const tail = textOf(bytes, from, bytes.size - from);
  const values = new Map<string, string>();
  const end = head.search(/\r?\n\r?\n/);
  if (end === -1) throw new Malformed('the head does not end: the file was probably cut short');
  for (const line of head.slice(0, end).split(/\r?\n/)) {
    const equals = line.indexOf('=');
    values.set(equals === -1 ? line : line.slice(0, equals), equals === -1 ? '' : line.slice(equals + 1));
  }
  if (!tail.includes('end of trees') && !tail.includes('end of parameters'))
    throw new Malformed('the trees do not end: the file was probably cut short');
  if (/\nparameters:\r?\n/.test(tail) && !tail.includes('\nend of parameters'))
    throw new Malformed('the parameters do not end: the file was probably cut short');
  return readingOf(candidate, values, categoriesOf(tail));
}

function readingOf(
  candidate: Candidate,
  values: ReadonlyMap<string, string>,
  categories: readonly Label[][],
): Reading {
  const names = values.get('feature_names')?.split(' ') ?? [];
  const count = Number(values.get('max_feature_idx') ?? Number.NaN) + 1;
  if (!Number.isSafeInteger(count) || count < 1) throw new Malformed('max_feature_idx is not stated');
  const named = names.length === count && !names.every((name, index) => name === `Column_${index}`);
  const infos = values.get('feature_infos')?.split(' ') ?? [];
  const categorical = infos.flatMap((info, index) => (/^\[|^none$/.test(info) ? [] : [index]));
  // The lists of pandas come in column order; with unused columns it cannot be told which list belongs to which.
  const matched = categorical.length === categories.length;
  const columns = names.map((name, index): Column => {
    const list = matched ? categories[categorical.indexOf(index)] : undefined;
    return { name, type: columnType(list), ...(list && { categories: list }) };
  });
  const objective = values.get('objective') ?? null;
  const told = tell({
    predict: {
      inputs: tabularInputs(
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
    const parsed: unknown = JSON.parse(line);
    if (!Array.isArray(parsed)) return [];
    const isLabel = (one: unknown): one is Label => ['string', 'number', 'boolean'].includes(typeof one);
    return parsed.map((list) => (Array.isArray(list) ? list.filter(isLabel) : []));
  } catch {
    return [];
  }
}

function textOf(bytes: Bytes, offset: number, length: number): string {
  return Buffer.from(bytes.read(offset, length)).toString('utf8');
}
