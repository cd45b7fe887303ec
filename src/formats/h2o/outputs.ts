import type { Label, ScalarType, Shape } from '../../contract/types.ts';
import { derived, stated, type Told, type ToldField, unknown } from '../told.ts';
import { type Mojo, numbersOf } from './ini.ts';

/** Kinds of models that tell classes. */
export const CLASSES: ReadonlySet<string> = new Set(['Binomial', 'Multinomial', 'Ordinal']);
const MAX_COLUMNS = 10_000;

/**
 * The columns of a prediction frame: `predict`, and one probability a class. Source: H2O, hex.ModelMojo writers and the
 * frames that `predict` gives.
 */
export function outputsOf(
  category: string,
  labels: readonly Label[] | null,
  mojo: Mojo,
): readonly ToldField[] | Told<never> {
  const { info } = mojo;
  const where = `category = ${category}`;
  const field = (name: string, type: ScalarType): ToldField => ({
    name: derived(name, where),
    type: derived(type, where),
    shape: derived<Shape>(['batch'], 'one value a row'),
  });
  const number = (name: string) => field(name, 'float64');
  const numbered = (prefix: string, count: number): ToldField[] | Told<never> =>
    Number.isSafeInteger(count) && count > 0 && count <= MAX_COLUMNS
      ? Array.from({ length: count }, (_, index) => number(`${prefix}${index + 1}`))
      : unknown(`${where}, and the number of its columns is not stated`);
  if (CLASSES.has(category)) {
    if (!labels) return unknown(`${where}, and the archive has no list of classes`, 'the outputs');
    return [
      { ...field('predict', 'string'), labels: stated(labels, '[domains]') },
      // H2O names probability columns after the labels, with a p before labels that are numbers.
      ...labels.map((label) => number(/^-?\d+$/.test(String(label)) ? `p${label}` : String(label))),
    ];
  }
  const algo = info.get('algo');
  switch (category) {
    case 'Regression':
      return [number('predict')];
    case 'Clustering':
      return [field('predict', 'int64')];
    case 'CoxPH':
      return [number('lp')];
    case 'BinomialUplift':
      return ['uplift_predict', 'p_y1_with_treatment', 'p_y1_without_treatment'].map(number);
    case 'AnomalyDetection':
      if (algo === 'extendedisolationforest') return [number('anomaly_score'), number('mean_length')];
      return info.get('output_anomaly_flag') === 'true'
        ? [field('predict', 'int64'), number('score'), number('mean_length')]
        : [number('predict'), number('mean_length')];
    case 'DimReduction':
      if (algo === 'pca') return numbered('PC', Number(info.get('k')));
      return algo === 'glrm' ? numbered('Arch', Number(info.get('ncolX'))) : unknown(where, 'the outputs');
    case 'AutoEncoder':
      return reconstructed(mojo)?.map(number) ?? unknown(where, 'the outputs');
    case 'WordEmbedding':
      return numbered('C', Number(info.get('vec_size')));
    case 'TargetEncoder':
      return encoded(mojo)?.map(number) ?? unknown(where, 'the outputs');
    default:
      return unknown(`the columns that a model of the category "${category}" gives`, 'the outputs');
  }
}

/** All numbers that the input layer takes, with one for each category and one for what is missing. */
function reconstructed({ info, columns, categories }: Mojo): string[] | null {
  const offsets = numbersOf(info, 'cat_offsets');
  const names = columns.flatMap((column, index) => {
    const levels = categories[index];
    if (!levels) return [column];
    const width = (offsets[index + 1] ?? 0) - (offsets[index] ?? 0);
    const missing = width > levels.length ? ['missing(NA)'] : [];
    return [...levels, ...missing].map((level) => `${column}.${level}`);
  });
  const sizes = numbersOf(info, 'neural_network_sizes');
  if (names.length !== sizes.at(-1) || names.length > MAX_COLUMNS) return null;
  return names.map((name) => `reconstr_${name}`);
}

/** Columns that are added; those that they are made of stay. */
function encoded(mojo: Mojo): string[] | null {
  const lines = mojo.lines('feature_engineering/target_encoding/input_output_columns_map.ini') ?? [];
  let section = '';
  const names = lines.filter((line) => {
    const header = /^\[(\w+)\]$/.exec(line)?.[1];
    section = header ?? section;
    return header === undefined && section === 'to' && line !== '';
  });
  return names.length > 0 && names.length <= MAX_COLUMNS ? names : null;
}
