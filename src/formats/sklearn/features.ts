import { entryOf } from '../../model/entry.ts';
import { derived, stated, type Told } from '../told.ts';
import { arrayOf, attribute } from '../wire/pickle/numpy.ts';
import { is } from '../wire/pickle/values.ts';
import { boosterOf } from './boosters.ts';
import { array, at, child, count, has, itemsOf, type Obj, scalar, sizesOf } from './object.ts';

/** Where the model inside of a boosting object names its columns. */
export const INSIDE = 'the booster inside';

/** Where an attribute that every fitted instance has says the width: name, and axis (negative: from the end). */
const WIDTHS: readonly (readonly [string, number])[] = [
  ['coef_', -1],
  ['components_', 1],
  ['mean_', 0],
  ['scale_', 0],
  ['center_', 0],
  ['data_min_', 0],
  ['max_abs_', 0],
  ['statistics_', 0],
  ['theta_', 1],
  ['feature_log_prob_', 1],
  ['cluster_centers_', 1],
  ['subcluster_centers_', 1],
  ['means_', 1],
  ['support_vectors_', 1],
  ['centroids_', 1],
  ['_fit_X', 1],
  ['X_train_', 1],
  ['X_fit_', 1],
  ['training_data_', 1],
  ['scores_', 0],
  ['variances_', 0],
  ['quantiles_', 1],
  ['lambdas_', 0],
  ['location_', 0],
  ['idf_', 0],
  ['_idf_diag', 1],
  ['K_fit_rows_', 0],
  ['n_bins_', 0],
];

/** The same, for attributes that mean something else in other classes. */
const BY_CLASS: Readonly<Record<string, readonly [string, number]>> = {
  RFE: ['support_', 0],
  RFECV: ['support_', 0],
  PLSRegression: ['x_weights_', 0],
  PLSCanonical: ['x_weights_', 0],
  CCA: ['x_weights_', 0],
  PLSSVD: ['x_weights_', 0],
  FeatureAgglomeration: ['labels_', 0],
  LabelPropagation: ['X_', 1],
  LabelSpreading: ['X_', 1],
  RBFSampler: ['random_weights_', 0],
  SkewedChi2Sampler: ['random_weights_', 0],
  GaussianProcess: ['X', 1],
  KernelPCA: ['X_fit_', 1],
  DPGMM: ['means_', 1],
  VBGMM: ['means_', 1],
};

/** How many features an object takes, by its own attributes; `null` where they do not tell. */
export function ownWidth(obj: Obj): Told<number> | null {
  const special = entryOf(BY_CLASS, obj.name);
  for (const name of [
    'n_features_in_',
    '_n_features',
    'n_features_',
    '_n_features_in',
    'n_input_features_',
  ]) {
    // Of a selector it is how many are kept.
    if (name === 'n_features_' && special) continue;
    const width = count(obj, name);
    if (width !== null) return stated(width, at(obj, name));
  }
  const booster = boosterOf(obj);
  if (booster) {
    const inside = booster.contract?.signatures['predict']?.inputs;
    const width = booster.features ? booster.features.length : inside?.[0]?.shape?.[1];
    return typeof width === 'number' ? derived(width, INSIDE) : null;
  }
  if (['Pipeline', 'FeatureUnion', 'ColumnTransformer'].includes(obj.name) || obj.name.endsWith('SearchCV'))
    return null;
  if (special) return bySizes(obj, ...special);
  // One that is not 'all' says that other columns come beside those that are encoded.
  const given = scalar(obj, 'categorical_features');
  const some =
    given === null || given === undefined
      ? has(obj, 'categorical_features') && given === undefined
      : given !== 'all';
  const categories = itemsOf(attribute(obj.value, 'categories_'));
  if (categories && !some) return derived(categories.length, at(obj, 'categories_'));
  const indices = array(obj, 'feature_indices_')?.shape[0];
  if (indices !== undefined && !some) return derived(indices - 1, at(obj, 'feature_indices_'));
  const shapeFit = itemsOf(attribute(obj.value, 'shape_fit_'))?.[1];
  if (typeof shapeFit === 'number') return derived(shapeFit, `${at(obj, 'shape_fit_')}[1]`);
  const layer = arrayOf(itemsOf(attribute(obj.value, 'coefs_'))?.[0]);
  if (layer?.shape[0] !== undefined) return derived(layer.shape[0], `${at(obj, 'coefs_')}[0].shape[0]`);
  for (const [name, axis] of WIDTHS) {
    if (name === 'scores_' && sizesOf(obj, name)?.length !== 1) continue;
    const found = bySizes(obj, name, axis);
    if (found) return found;
  }
  return byTree(obj) ?? byInner(obj);
}

function bySizes(obj: Obj, name: string, axis: number): Told<number> | null {
  const width = sizesOf(obj, name)?.at(axis);
  return width === undefined ? null : derived(width, `${at(obj, name)}.shape[${axis}]`);
}

/** A decision tree is made with the number of features; trees of neighbours hold the data. */
function byTree(obj: Obj): Told<number> | null {
  const tree = attribute(obj.value, 'tree_');
  if (!is(tree, 'call')) return null;
  if (is(tree.args, 'tuple') && typeof tree.args.items[0] === 'number')
    return derived(tree.args.items[0], `${at(obj, 'tree_')}.n_features`);
  const state = tree.states.at(-1);
  const data = is(state, 'tuple') ? arrayOf(state.items[0]) : null;
  return data?.shape.length === 2 ? derived(data.shape[1] ?? 0, `${at(obj, 'tree_')}.data`) : null;
}

/** What an estimator inside has seen of the same columns. */
function byInner(obj: Obj): Told<number> | null {
  const neighbours = child(obj, 'nbrs_');
  const imputer = child(obj, 'initial_imputer_');
  return (neighbours && bySizes(neighbours, '_fit_X', 1)) ?? (imputer && bySizes(imputer, 'statistics_', 0));
}
