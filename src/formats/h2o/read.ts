import type { Label, ScalarType, Shape } from '../../contract/types.ts';
import type { Bytes } from '../../model/bytes.ts';
import { type Column, tabularInputs } from '../columns.ts';
import { type Candidate, emptyReading, type Look, Malformed, type Reading } from '../format.ts';
import { openCandidate } from '../open.ts';
import { assumed, derived, stated, type Told, type ToldField, tell, unknown } from '../told.ts';
import { findEntry, openZip, readText, type Zip } from '../wire/zip.ts';

const MAX_TEXT = 16 * 1024 * 1024;

/** Reads a candidate of this format. Loaded where there is one. */
export async function readH2o(candidate: Candidate, look: Look): Promise<Reading> {
  using bytes = openCandidate(candidate, look);
  return readMojo(candidate, bytes);
}

interface Ini {
  readonly info: ReadonlyMap<string, string>;
  readonly columns: readonly string[];
  /** Name of the file with a column's categories, by the column's number. */
  readonly domains: ReadonlyMap<number, string>;
}

function parseIni(text: string): Ini {
  const info = new Map<string, string>();
  const columns: string[] = [];
  const domains = new Map<number, string>();
  let section = '';
  for (const line of text.split(/\r?\n/)) {
    if (/^\[\w+\]$/.test(line)) section = line.slice(1, -1);
    else if (line === '') continue;
    else if (section === 'info') {
      const equals = line.indexOf('=');
      info.set(line.slice(0, equals).trim(), line.slice(equals + 1).trim());
    } else if (section === 'columns') columns.push(line);
    else if (section === 'domains') {
      const [, column, file] = /^(\d+): \d+ (\S+)$/.exec(line) ?? [];
      if (column !== undefined && file !== undefined) domains.set(Number(column), file);
    }
  }
  return { info, columns, domains };
}

function readMojo(candidate: Candidate, bytes: Bytes): Reading {
  const zip = openZip(bytes);
  const entry = findEntry(zip, 'model.ini');
  if (!entry) throw new Malformed('the archive has no model.ini');
  const ini = parseIni(readText(zip, entry, MAX_TEXT));
  const escaped = ini.info.get('escape_domain_values') === 'true';
  const categories = ini.columns.map((_, index) => categoriesOf(zip, ini.domains.get(index), escaped));
  const supervised = ini.info.get('supervised') === 'true';
  const count = Number(ini.info.get('n_features') ?? ini.columns.length);
  const category = ini.info.get('category') ?? 'Unknown';
  // Columns that a GAM makes for itself stand behind those that it is given.
  const made =
    ini.info.get('algo') === 'gam' ? Number(ini.info.get('num_expanded_gam_columns_center') ?? 0) : 0;
  const given = (supervised ? Math.min(count, ini.columns.length - 1) : count) - (made || 0);
  const features = ini.columns.slice(0, Math.max(0, given));
  const labels = supervised && CLASSES.has(category) ? (categories.at(-1) ?? null) : null;
  const columns = features.map((name, index): Column => {
    const list = categories[index];
    return {
      name,
      type: list
        ? derived('string', '[domains]')
        : ini.info.get('algo') === 'word2vec'
          ? derived('string', 'algo = word2vec')
          : assumed('float64', 'numeric columns are doubles'),
      ...(list && { categories: list }),
    };
  });
  const inputs = [
    ...tabularInputs(columns, features.length, assumed('float64', 'numeric'), '[columns]'),
    ...offsetOf(ini),
  ];
  const told = tell({ predict: { inputs, outputs: outputsOf(category, labels, ini.info) } });
  const version = ini.info.get('h2o_version') ?? null;
  const keep = ['algo', 'category', 'mojo_version'].flatMap((key) => {
    const value = ini.info.get(key);
    return value === undefined ? [] : [[key.replace('_', ' '), value] as const];
  });
  return {
    ...emptyReading(candidate),
    framework: { name: 'h2o', version },
    contract: told.contract,
    evidence: told.evidence,
    features,
    labels,
    properties: Object.fromEntries(keep),
    requirements: { h2o: version },
  };
}

function categoriesOf(zip: Zip, file: string | undefined, escaped: boolean): Label[] | null {
  const entry = file === undefined ? undefined : findEntry(zip, `domains/${file}`);
  if (!entry) return null;
  const lines = readText(zip, entry, MAX_TEXT).split('\n');
  if (lines.at(-1) === '') lines.pop();
  return escaped ? lines.map((line) => line.replaceAll('\\n', '\n')) : lines;
}

/** Kinds of models that tell classes. */
const CLASSES: ReadonlySet<string> = new Set(['Binomial', 'Multinomial', 'Ordinal']);
const MAX_COLUMNS = 10_000;

/** What is added to each row's score; zero where it is not given. */
function offsetOf(ini: Ini): ToldField[] {
  const name = ini.info.get('offset_column');
  if (name === undefined || name === '' || name === 'null') return [];
  return [
    {
      name: stated(name, '[info] offset_column'),
      type: assumed('float64', 'numeric columns are doubles'),
      shape: derived(['batch'], 'one value a row'),
      optional: true,
    },
  ];
}

/**
 * The columns of a prediction frame: `predict`, and one probability a class. Source: H2O, hex.ModelMojo writers and the
 * frames that `predict` gives.
 */
function outputsOf(
  category: string,
  labels: readonly Label[] | null,
  info: ReadonlyMap<string, string>,
): readonly ToldField[] | Told<never> {
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
    default:
      return unknown(`the columns that a model of the category "${category}" gives`, 'the outputs');
  }
}
