import { entryOf } from '../../model/entry.ts';
import type { Compression } from '../wire/compression.ts';
import { attribute } from '../wire/pickle/numpy.ts';
import type { PickleResult } from '../wire/pickle/read.ts';
import { is, isNode, textOf, type Value } from '../wire/pickle/values.ts';
import { type Obj, text } from './object.ts';

const MAX_NODES = 200_000;

/** The first `_sklearn_version` in an object or what is inside it. */
export function versionOf(root: Value): string | null {
  const seen = new Set<Value>();
  const queue: Value[] = [root];
  for (let index = 0; index < queue.length && seen.size < MAX_NODES; index += 1) {
    const value = queue[index];
    if (value === undefined || !isNode(value) || seen.has(value)) continue;
    seen.add(value);
    const version = textOf(attribute(value, '_sklearn_version'));
    if (version !== null && /^[\w.+-]{1,40}$/.test(version)) return version;
    for (const part of partsOf(value)) if (isNode(part)) queue.push(part);
  }
  return null;
}

/** Whether an object was made by that version of scikit-learn or a newer one, as far as it says. */
export function atLeast(obj: Obj, major: number, minor: number): boolean {
  const match = /^(\d+)\.(\d+)/.exec(text(obj, '_sklearn_version') ?? '');
  if (!match) return false;
  return Number(match[1]) > major || (Number(match[1]) === major && Number(match[2]) >= minor);
}

function partsOf(value: Value): readonly Value[] {
  if (is(value, 'dict')) return value.values;
  if (is(value, 'list') || is(value, 'tuple') || is(value, 'set')) return value.items;
  if (is(value, 'call')) return [...value.states, ...value.items, ...value.entries.values, value.args];
  return [];
}

/** Distributions by the packages that a pickle names. */
const DISTRIBUTIONS: Readonly<Record<string, string>> = {
  sklearn: 'scikit-learn',
  numpy: 'numpy',
  scipy: 'scipy',
  joblib: 'joblib',
  pandas: 'pandas',
  xgboost: 'xgboost',
  lightgbm: 'lightgbm',
  catboost: 'catboost',
  _catboost: 'catboost',
  imblearn: 'imbalanced-learn',
  category_encoders: 'category-encoders',
  feature_engine: 'feature-engine',
  mlxtend: 'mlxtend',
  skopt: 'scikit-optimize',
  cloudpickle: 'cloudpickle',
  dill: 'dill',
  sklearn_pandas: 'sklearn-pandas',
  sklearn2pmml: 'sklearn2pmml',
  statsmodels: 'statsmodels',
  torch: 'torch',
  hdbscan: 'hdbscan',
  umap: 'umap-learn',
  pyod: 'pyod',
  theano: 'Theano',
};

/** What has to be installed to load the pickle, with versions where it states them. */
export function requirementsOf(
  result: PickleResult,
  compression: Compression | null,
): Record<string, string | null> {
  const out: Record<string, string | null> = {};
  const root = result.values[0];
  for (const use of result.globals) {
    const name = entryOf(DISTRIBUTIONS, use.global.module.split('.')[0] ?? '');
    if (name !== undefined) out[name] = null;
  }
  if ('scikit-learn' in out && root !== undefined) {
    out['scikit-learn'] = versionOf(root);
    out['joblib'] = null;
  }
  if (compression !== null) out['joblib'] = null;
  if (compression === 'lz4') out['lz4'] = null;
  return out;
}
