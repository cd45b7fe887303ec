import type { Bytes } from '../../model/bytes.ts';
import { type Column, tabularInputs } from '../columns.ts';
import { type Candidate, emptyReading, type Look, type Reading } from '../format.ts';
import { openCandidate } from '../open.ts';
import { assumed, derived, stated, type ToldField, tell } from '../told.ts';
import { openZip } from '../wire/zip.ts';
import { type Mojo, numbersOf, readMojo } from './ini.ts';
import { CLASSES, outputsOf } from './outputs.ts';

/** Reads a candidate of this format. Loaded where there is one. */
export async function readH2o(candidate: Candidate, look: Look): Promise<Reading> {
  using bytes = openCandidate(candidate, look);
  return readingOf(candidate, bytes);
}

function readingOf(candidate: Candidate, bytes: Bytes): Reading {
  const mojo = readMojo(openZip(bytes));
  const { info } = mojo;
  const category = info.get('category') ?? 'Unknown';
  const supervised = info.get('supervised') === 'true';
  const labels = supervised && CLASSES.has(category) ? (mojo.categories.at(-1) ?? null) : null;
  const columns = featuresOf(mojo, supervised);
  const features = columns.map((column) => column.name);
  const inputs = [
    ...tabularInputs(columns, features.length, assumed('float64', 'numeric'), '[columns]'),
    ...offsetOf(mojo, features),
  ];
  const told = tell({ predict: { inputs, outputs: outputsOf(category, labels, mojo) } });
  const version = info.get('h2o_version') ?? null;
  const keep = ['algo', 'category', 'mojo_version'].flatMap((key) => {
    const value = info.get(key);
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

/** Columns that are brought: what a model makes for itself of others is left out. */
function featuresOf(mojo: Mojo, supervised: boolean): Column[] {
  const { info, columns, categories } = mojo;
  const count = Number(info.get('n_features') ?? columns.length);
  const isAdditive = info.get('algo') === 'gam';
  // Columns that a GAM makes for itself stand behind those that it is given.
  const made = isAdditive ? Number(info.get('num_expanded_gam_columns_center') ?? 0) : 0;
  const given = (supervised ? Math.min(count, columns.length - 1) : count) - (made || 0);
  const products = new Set(numbersOf(info, 'interaction_targets'));
  const features = columns
    .slice(0, Math.max(0, given))
    .map((name, index): Column => {
      const list = categories[index];
      return {
        name,
        type: list
          ? derived('string', '[domains]')
          : info.get('algo') === 'word2vec'
            ? derived('string', 'algo = word2vec')
            : assumed('float64', 'numeric columns are doubles'),
        ...(list && { categories: list }),
      };
    })
    .filter((_, index) => !products.has(index));
  const names = new Set(features.map((column) => column.name));
  const smoothed = isAdditive ? (mojo.lines('gam_columns') ?? []) : [];
  for (const name of smoothed)
    if (!names.has(name)) {
      names.add(name);
      features.push({ name, type: derived('float64', 'gam_columns') });
    }
  return features;
}

/** What is added to each row's score; zero where it is not given. */
function offsetOf({ info }: Mojo, features: readonly string[]): ToldField[] {
  const name = info.get('offset_column');
  if (name === undefined || name === '' || name === 'null' || features.includes(name)) return [];
  return [
    {
      name: stated(name, '[info] offset_column'),
      type: assumed('float64', 'numeric columns are doubles'),
      shape: derived(['batch'], 'one value a row'),
      optional: true,
    },
  ];
}
