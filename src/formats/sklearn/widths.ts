import { entryOf } from '../../model/entry.ts';
import { derived, stated, type Told, unknown } from '../told.ts';
import { argsOf, attribute, elementsOf } from '../wire/pickle/numpy.ts';
import { is } from '../wire/pickle/values.ts';
import { columnUses } from './columns.ts';
import { imputedWidth, nearestImputedWidth, oneHotWidth, targetWidth } from './encoders.ts';
import { keepsColumns } from './functions.ts';
import { inputOf } from './inputs.ts';
import {
  array,
  at,
  child,
  count,
  has,
  itemsOf,
  MAX_DEPTH,
  type Obj,
  scalar,
  sizesOf,
  steps,
  text,
} from './object.ts';
import { selectedOf } from './selectors.ts';
import { atLeast } from './versions.ts';

/** Transformers that give as many columns as they take. */
const SAME = new Set(
  `StandardScaler MinMaxScaler MaxAbsScaler RobustScaler Normalizer QuantileTransformer PowerTransformer Binarizer
  TfidfTransformer KernelCenterer`.split(/\s+/),
);
/** Where the number of columns that come out stands: an attribute and its axis. */
const BY_SHAPE: Readonly<Record<string, readonly [string, number]>> = {
  PCA: ['components_', 0],
  IncrementalPCA: ['components_', 0],
  TruncatedSVD: ['components_', 0],
  NMF: ['components_', 0],
  MiniBatchNMF: ['components_', 0],
  FastICA: ['components_', 0],
  FactorAnalysis: ['components_', 0],
  SparsePCA: ['components_', 0],
  MiniBatchSparsePCA: ['components_', 0],
  DictionaryLearning: ['components_', 0],
  MiniBatchDictionaryLearning: ['components_', 0],
  LatentDirichletAllocation: ['components_', 0],
  BernoulliRBM: ['components_', 0],
  GaussianRandomProjection: ['components_', 0],
  SparseRandomProjection: ['components_', 0],
  SparseCoder: ['dictionary', 0],
  RandomizedPCA: ['components_', 0],
  ProjectedGradientNMF: ['components_', 0],
  NeighborhoodComponentsAnalysis: ['components_', 0],
  Nystroem: ['components_', 0],
  RBFSampler: ['random_offset_', 0],
  SkewedChi2Sampler: ['random_offset_', 0],
  KMeans: ['cluster_centers_', 0],
  MiniBatchKMeans: ['cluster_centers_', 0],
  BisectingKMeans: ['cluster_centers_', 0],
  Birch: ['subcluster_centers_', 0],
  Isomap: ['embedding_', 1],
  LocallyLinearEmbedding: ['embedding_', 1],
  PLSRegression: ['x_weights_', 1],
  PLSCanonical: ['x_weights_', 1],
  CCA: ['x_weights_', 1],
  PLSSVD: ['x_weights_', 1],
};

const nothing = (obj: Obj): Told<number> => unknown(`the width of what ${obj.name} gives is not stored`);

/** How many columns `transform` gives. */
export function widthOf(obj: Obj, depth = 0): Told<number> {
  if (depth > MAX_DEPTH) return nothing(obj);
  const selected = selectedOf(obj);
  if (selected) return selected;
  const shape = entryOf(BY_SHAPE, obj.name);
  if (shape) {
    const size = sizesOf(obj, shape[0])?.[shape[1]];
    const twice = scalar(obj, 'split_sign') === true ? 2 : 1;
    return size === undefined
      ? nothing(obj)
      : derived(size * twice, `${at(obj, shape[0])}.shape[${shape[1]}]`);
  }
  for (const name of ['_n_features_out', 'n_features_out_']) {
    const size = count(obj, name);
    if (size !== null) return stated(size, at(obj, name));
  }
  const own = (): Told<number> => {
    const input = inputOf(obj);
    return input.kind === 'matrix' ? input.width : nothing(obj);
  };
  if (SAME.has(obj.name)) return own();
  switch (obj.name) {
    case 'Pipeline': {
      const parts = steps(obj).flatMap((step) => step.obj ?? []);
      const last = parts.at(-1);
      return last ? widthOf(last, depth + 1) : nothing(obj);
    }
    case 'FeatureUnion':
      return sum(
        steps(obj, 'transformer_list').map((step) =>
          step.dropped ? derived(0, 'dropped') : step.obj ? widthOf(step.obj, depth + 1) : own(),
        ),
        at(obj, 'transformer_list'),
      );
    case 'ColumnTransformer':
      return has(obj, 'output_indices_') ? stops(obj) : partWidths(obj, depth);
    case 'CountVectorizer':
    case 'TfidfVectorizer': {
      const vocabulary = attribute(obj.value, 'vocabulary_');
      const where = `len(${at(obj, 'vocabulary_')})`;
      const words = is(vocabulary, 'call') ? vocabulary.entries : vocabulary;
      return is(words, 'dict') ? derived(words.keys.length + words.more, where) : nothing(obj);
    }
    case 'HashingVectorizer':
    case 'FeatureHasher': {
      const size = count(obj, 'n_features');
      return size === null ? nothing(obj) : derived(size, at(obj, 'n_features'));
    }
    case 'DictVectorizer': {
      const size = itemsOf(attribute(obj.value, 'feature_names_'))?.length;
      return size === undefined ? nothing(obj) : derived(size, `len(${at(obj, 'feature_names_')})`);
    }
    case 'OneHotEncoder':
      return oneHotWidth(obj);
    case 'RandomTreesEmbedding': {
      const encoder = child(obj, 'one_hot_encoder_');
      return encoder ? oneHotWidth(encoder) : nothing(obj);
    }
    case 'OrdinalEncoder':
      return own();
    case 'TargetEncoder':
      return targetWidth(obj, own().value);
    case 'SimpleImputer':
    case 'Imputer':
    case 'IterativeImputer':
      return imputedWidth(obj);
    case 'KNNImputer':
      return nearestImputedWidth(obj);
    case 'MissingIndicator': {
      const size = array(obj, 'features_')?.shape[0];
      // Before 0.21 none was the same as all.
      if (size === 0 && !atLeast(obj, 0, 21)) return own();
      return size === undefined ? nothing(obj) : derived(size, `len(${at(obj, 'features_')})`);
    }
    case 'AdditiveChi2Sampler': {
      const width = own().value;
      const samples = count(obj, 'sample_steps');
      return width === null || samples === null
        ? nothing(obj)
        : derived(width * Math.max(1, 2 * samples - 1), at(obj, 'sample_steps'));
    }
    case 'KNeighborsTransformer':
    case 'RadiusNeighborsTransformer': {
      const size = count(obj, 'n_samples_fit_');
      return size === null ? nothing(obj) : derived(size, at(obj, 'n_samples_fit_'));
    }
    case 'PolynomialCountSketch': {
      const size = count(obj, 'n_components');
      return size === null ? nothing(obj) : derived(size, at(obj, 'n_components'));
    }
    case 'KBinsDiscretizer': {
      if (text(obj, 'encode') === 'ordinal') return own();
      const bins = array(obj, 'n_bins_');
      const sizes = bins && elementsOf(bins);
      if (!sizes?.every((one) => typeof one === 'number')) return nothing(obj);
      return derived(
        sizes.reduce((total: number, one) => total + Number(one), 0),
        `sum(${at(obj, 'n_bins_')})`,
      );
    }
    case 'PolynomialFeatures':
      return polynomial(obj, own().value);
    case 'FeatureAgglomeration': {
      const size = count(obj, 'n_clusters_') ?? count(obj, 'n_clusters');
      return size === null ? nothing(obj) : derived(size, at(obj, 'n_clusters_'));
    }
    case 'KernelPCA': {
      const size = (array(obj, 'eigenvalues_') ?? array(obj, 'lambdas_'))?.shape[0];
      return size === undefined ? nothing(obj) : derived(size, `${at(obj, 'eigenvalues_')}.shape[0]`);
    }
    case 'LinearDiscriminantAnalysis': {
      const size = count(obj, '_max_components');
      const scalings = array(obj, 'scalings_')?.shape[1];
      if (size === null) return nothing(obj);
      return derived(Math.min(size, scalings ?? size), at(obj, '_max_components'));
    }
    case 'FunctionTransformer':
      return keepsColumns(attribute(obj.value, 'func')) ? own() : nothing(obj);
    default:
      return nothing(obj);
  }
}

function sum(parts: readonly Told<number>[], where: string): Told<number> {
  let total = 0;
  for (const part of parts) {
    if (part.value === null) return part;
    total += part.value;
  }
  return derived(total, where);
}

/** A ColumnTransformer since 1.0 stores where the columns of each part go. */
function stops(obj: Obj): Told<number> {
  const indices = attribute(obj.value, 'output_indices_');
  if (!is(indices, 'dict')) return nothing(obj);
  let last = 0;
  for (const value of indices.values) {
    const stop = is(value, 'call') ? argsOf(value)[1] : undefined;
    if (typeof stop !== 'number') return nothing(obj);
    last = Math.max(last, stop);
  }
  return derived(last, at(obj, 'output_indices_'));
}

/** Before 1.0: as many as all parts give together. */
function partWidths(obj: Obj, depth: number): Told<number> {
  const input = inputOf(obj);
  if (input.kind !== 'matrix') return nothing(obj);
  const uses = columnUses(obj, input.names.value, input.width.value);
  if (uses.length !== (itemsOf(attribute(obj.value, 'transformers_')) ?? []).length) return nothing(obj);
  return sum(
    uses.map((use) =>
      use.dropped || use.columns.length === 0
        ? derived(0, use.where)
        : use.obj
          ? widthOf(use.obj, depth + 1)
          : derived(use.columns.length, use.where),
    ),
    at(obj, 'transformers_'),
  );
}

/** Combinations of `n` features up to a degree: scikit-learn does not store how many there are. */
function polynomial(obj: Obj, n: number | null): Told<number> {
  const stored = count(obj, 'n_output_features_') ?? count(obj, '_n_output_features');
  if (stored !== null) return derived(stored, at(obj, 'n_output_features_'));
  const degree = attribute(obj.value, 'degree');
  const range = is(degree, 'tuple') || is(degree, 'list') ? degree.items : [0, degree];
  const [low, high] = range;
  if (n === null || typeof low !== 'number' || typeof high !== 'number' || high > 100) return nothing(obj);
  const only = scalar(obj, 'interaction_only') === true;
  let total = scalar(obj, 'include_bias') === false ? 0 : 1;
  for (let d = Math.max(1, low); d <= high; d += 1) {
    let ways = 1;
    for (let k = 0; k < d; k += 1) ways = (ways * (only ? n - k : n + k)) / (k + 1);
    total += Math.round(Math.max(0, ways));
  }
  return derived(total, `${at(obj, 'degree')} and the number of features`);
}
