import type { Label, Shape } from '../contract/types.ts';
import type { Bytes } from '../model/bytes.ts';
import { type Column, tabularInputs } from './columns.ts';
import { type Candidate, emptyReading, type Format, Malformed, type Reading } from './format.ts';
import { openCandidate } from './open.ts';
import { assumed, derived, stated, type ToldField, tell } from './told.ts';
import { findEntry, looksLikeZip, openZip, readText, type Zip } from './wire/zip.ts';

const MAX_TEXT = 16 * 1024 * 1024;

/** H2O MOJO archives: `model.ini` states columns, their categories and the kind of model. Source: H2O, hex.genmodel. */
export const h2o: Format = {
  id: 'h2o',
  title: 'H2O MOJO',
  detect: (look) =>
    look.directory.files
      // model.ini is the first member that H2O writes, so its name stands at the start of the archive.
      .filter(
        (file) =>
          looksLikeZip(look.head(file)) &&
          Buffer.from(look.head(file)).toString('latin1').includes('model.ini'),
      )
      .map((file): Candidate => ({ format: 'h2o', path: file.path, role: 'model', covers: [] })),
  async read(candidate, look) {
    using bytes = openCandidate(candidate, look);
    return readMojo(candidate, bytes);
  },
};

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
  const features = ini.columns.slice(0, supervised ? Math.min(count, ini.columns.length - 1) : count);
  const labels = supervised ? (categories.at(-1) ?? null) : null;
  const columns = features.map((name, index): Column => {
    const list = categories[index];
    return {
      name,
      type: list ? derived('string', '[domains]') : assumed('float64', 'numeric columns are doubles'),
      ...(list && { categories: list }),
    };
  });
  const category = ini.info.get('category') ?? 'Unknown';
  const inputs = tabularInputs(columns, features.length, assumed('float64', 'numeric'), '[columns]');
  const told = tell({ predict: { inputs, outputs: outputsOf(category, labels) } });
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

/** The columns of a prediction frame: `predict`, and one probability a class. */
function outputsOf(category: string, labels: readonly Label[] | null): ToldField[] {
  const shape = (value: Shape) => derived(value, 'one value a row');
  const number = (name: string): ToldField => ({
    name: derived(name, `category = ${category}`),
    type: derived('float64', 'predictions are doubles'),
    shape: shape(['batch']),
  });
  if (labels && ['Binomial', 'Multinomial', 'Ordinal'].includes(category))
    return [
      {
        name: derived('predict', `category = ${category}`),
        type: derived('string', '[domains]'),
        shape: shape(['batch']),
        labels: stated(labels, '[domains]'),
      },
      // H2O names probability columns after the labels, with a p before labels that are numbers.
      ...labels.map((label) => number(/^-?\d+$/.test(String(label)) ? `p${label}` : String(label))),
    ];
  if (category === 'Clustering')
    return [
      {
        name: derived('predict', 'category = Clustering'),
        type: derived('int64', 'a cluster number'),
        shape: shape(['batch']),
      },
    ];
  if (category === 'AnomalyDetection') return [number('predict'), number('mean_length')];
  return [number('predict')];
}
