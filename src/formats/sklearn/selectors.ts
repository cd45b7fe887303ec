import { derived, type Told, unknown } from '../told.ts';
import { attribute, elementsOf } from '../wire/pickle/numpy.ts';
import { array, at, child, count, has, type Obj, scalar, text } from './object.ts';
import { atLeast } from './versions.ts';

/** Transformers that keep some of the columns, as they are. */
export const SELECTORS: ReadonlySet<string> = new Set(
  `SelectKBest SelectPercentile SelectFpr SelectFdr SelectFwe GenericUnivariateSelect SelectFromModel RFE RFECV
  VarianceThreshold SequentialFeatureSelector RandomizedLasso RandomizedLogisticRegression`.split(/\s+/),
);

/** Scores this close to the threshold may fall on either side of it: sums are rounded in NumPy's own order. */
const CLOSE = 1e-9;

/** How many columns a selector keeps; `null` for other classes. Source: sklearn/feature_selection, 0.17 to 1.9. */
export function selectedOf(obj: Obj): Told<number> | null {
  switch (obj.name) {
    case 'SelectKBest':
      return best(obj, scalar(obj, 'k'));
    case 'SelectPercentile':
      return percentile(obj, scalar(obj, 'percentile'));
    case 'SelectFpr':
    case 'SelectFdr':
    case 'SelectFwe':
      return byChance(obj, obj.name.slice(-3).toLowerCase(), scalar(obj, 'alpha'));
    case 'GenericUnivariateSelect': {
      const mode = text(obj, 'mode') ?? '';
      const param = scalar(obj, 'param');
      if (mode === 'percentile') return percentile(obj, param);
      return mode === 'k_best' ? best(obj, param) : byChance(obj, mode, param);
    }
    case 'VarianceThreshold': {
      const threshold = scalar(obj, 'threshold');
      const values = numbers(obj, 'variances_');
      return values && typeof threshold === 'number'
        ? counted(values, (one) => one > threshold, at(obj, 'variances_'))
        : nothing(obj);
    }
    case 'RandomizedLasso':
    case 'RandomizedLogisticRegression': {
      const threshold = scalar(obj, 'selection_threshold');
      const values = numbers(obj, 'scores_');
      return values && typeof threshold === 'number'
        ? counted(values, (one) => one > threshold, at(obj, 'scores_'))
        : nothing(obj);
    }
    case 'RFE':
    case 'RFECV':
      return stored(obj, 'n_features_');
    case 'SequentialFeatureSelector':
      return stored(obj, 'n_features_to_select_');
    case 'SelectFromModel':
      return byImportance(obj);
    default:
      return null;
  }
}

const nothing = (obj: Obj): Told<number> => unknown(`how many columns ${obj.name} keeps is not stored`);

function stored(obj: Obj, name: string): Told<number> {
  const size = count(obj, name);
  return size === null ? nothing(obj) : derived(size, at(obj, name));
}

/** The elements of an array of rank 1 or 2, in memory order; what is no number counts as the lowest. */
function numbers(obj: Obj, name: string): number[] | null {
  const view = array(obj, name);
  const values = view && elementsOf(view);
  return values?.every((one) => typeof one === 'number')
    ? values.map((one) => (Number.isNaN(one) ? -Number.MAX_VALUE : Number(one)))
    : null;
}

const counted = (values: readonly number[], keep: (one: number) => boolean, where: string): Told<number> =>
  derived(values.filter(keep).length, where);

function best(obj: Obj, k: unknown): Told<number> {
  const width = array(obj, 'scores_')?.shape[0];
  if (width === undefined) return nothing(obj);
  if (k === 'all') return derived(width, at(obj, 'k'));
  return typeof k === 'number' ? derived(Math.min(k, width), at(obj, 'k')) : nothing(obj);
}

function percentile(obj: Obj, share: unknown): Told<number> {
  const scores = numbers(obj, 'scores_');
  const where = at(obj, 'scores_');
  if (!scores || typeof share !== 'number' || share < 0 || share > 100) return nothing(obj);
  if (share === 100) return derived(scores.length, where);
  if (share === 0) return derived(0, where);
  const sorted = [...scores].sort((a, b) => a - b);
  const place = ((sorted.length - 1) * (100 - share)) / 100;
  const low = sorted[Math.floor(place)] ?? 0;
  const high = sorted[Math.ceil(place)] ?? 0;
  const threshold = low + (high - low) * (place - Math.floor(place));
  const above = scores.filter((one) => one > threshold).length;
  const ties = scores.filter((one) => one === threshold).length;
  const room = Math.trunc((scores.length * share) / 100) - above;
  return derived(above + Math.max(0, Math.min(ties, room < 0 ? ties + room : room)), where);
}

/** By p-values: false positive rate, false discovery rate, family-wise error. */
function byChance(obj: Obj, mode: string, alpha: unknown): Told<number> {
  const values = numbers(obj, 'pvalues_');
  const where = at(obj, 'pvalues_');
  if (!values || typeof alpha !== 'number') return nothing(obj);
  if (values.some((one) => one < 0)) return nothing(obj);
  if (mode === 'fpr') return counted(values, (one) => one < alpha, where);
  if (mode === 'fwe') return counted(values, (one) => one < alpha / values.length, where);
  // Before 0.18 the ranks began at 0.
  if (mode !== 'fdr' || !atLeast(obj, 0, 18)) return nothing(obj);
  const sorted = [...values].sort((a, b) => a - b);
  const passed = sorted.filter((one, index) => one <= (alpha / values.length) * (index + 1)).at(-1);
  return passed === undefined ? derived(0, where) : counted(values, (one) => one <= passed, where);
}

/** By the coefficients of the estimator inside; what trees find important is not stored. */
function byImportance(obj: Obj): Told<number> {
  const inner = child(obj, 'estimator_') ?? (scalar(obj, 'prefit') === true ? child(obj, 'estimator') : null);
  const most = count(obj, 'max_features_') ?? count(obj, 'max_features');
  if (!inner || (has(obj, 'importance_getter') && text(obj, 'importance_getter') !== 'auto'))
    return nothing(obj);
  const given = attribute(obj.value, 'threshold');
  if (scalar(obj, 'threshold') === -Infinity && most !== null) return derived(most, at(obj, 'max_features'));
  const scores = importances(inner, scalar(obj, 'norm_order') ?? 1);
  if (!scores || scores.length === 0) return nothing(obj);
  const threshold = given === null ? usual(inner, scores) : thresholdOf(scalar(obj, 'threshold'), scores);
  if (threshold === null) return nothing(obj);
  if (threshold !== 0 && scores.some((one) => Math.abs(one - threshold) < Math.abs(threshold) * CLOSE))
    return nothing(obj);
  const kept = scores.filter((one) => one >= threshold).length;
  return derived(most === null ? kept : Math.min(most, kept), `${at(inner, 'coef_')} and the threshold`);
}

function importances(inner: Obj, order: unknown): number[] | null {
  const view = array(inner, 'coef_');
  const values = numbers(inner, 'coef_');
  if (!view || !values || order !== 1) return null;
  const [rows = 1, columns = 1] = view.shape.length === 1 ? [1, view.shape[0]] : view.shape;
  return Array.from({ length: columns }, (_, column) => {
    let sum = 0;
    for (let row = 0; row < rows; row += 1)
      sum += Math.abs(values[view.fortran ? column * rows + row : row * columns + column] ?? 0);
    return sum;
  });
}

/** The threshold where none is given: L1 makes zeros, all others are held against the mean. */
function usual(inner: Obj, scores: readonly number[]): number | null {
  const ratio = scalar(inner, 'l1_ratio_') ?? scalar(inner, 'l1_ratio');
  const sparse =
    text(inner, 'penalty') === 'l1' ||
    inner.name.includes('Lasso') ||
    (ratio === 1 && (inner.name.includes('ElasticNet') || inner.name.startsWith('LogisticRegression')));
  return sparse ? 1e-5 : thresholdOf('mean', scores);
}

function thresholdOf(given: unknown, scores: readonly number[]): number | null {
  if (typeof given === 'number') return given;
  const match = /^\s*(?:([\d.]+)\s*\*)?\s*(mean|median)\s*$/.exec(typeof given === 'string' ? given : '');
  if (!match) return null;
  const scale = Number(match[1] ?? 1);
  if (match[2] === 'mean') return (scale * scores.reduce((sum, one) => sum + one, 0)) / scores.length;
  const sorted = [...scores].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const at = (index: number) => sorted[index] ?? 0;
  return scale * (sorted.length % 2 === 1 ? at(Math.floor(middle)) : (at(middle - 1) + at(middle)) / 2);
}
