import { derived, type Told, unknown } from '../told.ts';
import { argsOf, arrayOf, attribute, elementsOf, scalarOf } from '../wire/pickle/numpy.ts';
import { is } from '../wire/pickle/values.ts';
import { inputOf } from './inputs.ts';
import { array, at, count, has, itemsOf, MAX_DEPTH, type Obj, scalar, steps, text } from './object.ts';

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
};

const nothing = (obj: Obj): Told<number> => unknown(`the width of what ${obj.name} gives is not stored`);

/** How many columns `transform` gives. */
export function widthOf(obj: Obj, depth = 0): Told<number> {
  if (depth > MAX_DEPTH) return nothing(obj);
  const shape = BY_SHAPE[obj.name];
  if (shape) {
    const size = array(obj, shape[0])?.shape[shape[1]];
    return size === undefined ? nothing(obj) : derived(size, `${at(obj, shape[0])}.shape[${shape[1]}]`);
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
      return stops(obj);
    case 'CountVectorizer':
    case 'TfidfVectorizer': {
      const vocabulary = attribute(obj.value, 'vocabulary_');
      const where = `len(${at(obj, 'vocabulary_')})`;
      if (is(vocabulary, 'dict')) return derived(vocabulary.keys.length, where);
      return is(vocabulary, 'call') ? derived(vocabulary.entries.keys.length, where) : nothing(obj);
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
      return oneHot(obj);
    case 'OrdinalEncoder':
      return own();
    case 'SimpleImputer':
      return imputed(obj);
    case 'KNNImputer': {
      const valid = array(obj, '_valid_mask');
      const values = valid && elementsOf(valid);
      if (!values || scalar(obj, 'add_indicator') === true) return nothing(obj);
      const all = scalar(obj, 'keep_empty_features') === true;
      return derived(values.filter((one) => all || one === true).length, at(obj, '_valid_mask'));
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
    case 'SelectKBest': {
      const k = scalar(obj, 'k');
      const width = array(obj, 'scores_')?.shape[0];
      if (width === undefined) return nothing(obj);
      if (k === 'all') return derived(width, at(obj, 'k'));
      return typeof k === 'number' ? derived(Math.min(k, width), at(obj, 'k')) : nothing(obj);
    }
    case 'VarianceThreshold': {
      const variances = array(obj, 'variances_');
      const values = variances && elementsOf(variances);
      const threshold = scalar(obj, 'threshold');
      if (!values || typeof threshold !== 'number') return nothing(obj);
      return derived(values.filter((one) => Number(one) > threshold).length, at(obj, 'variances_'));
    }
    case 'RFE':
    case 'RFECV': {
      const size = count(obj, 'n_features_');
      return size === null ? nothing(obj) : derived(size, at(obj, 'n_features_'));
    }
    case 'SequentialFeatureSelector': {
      const size = count(obj, 'n_features_to_select_');
      return size === null ? nothing(obj) : derived(size, at(obj, 'n_features_to_select_'));
    }
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
      return attribute(obj.value, 'func') === null ? own() : nothing(obj);
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

function oneHot(obj: Obj): Told<number> {
  const categories = itemsOf(attribute(obj.value, 'categories_'));
  const limits = ['min_frequency', 'max_categories'].some((name) => (scalar(obj, name) ?? null) !== null);
  if (!categories || limits) return nothing(obj);
  let total = 0;
  for (let index = 0; index < categories.length; index += 1) {
    const size = arrayOf(categories[index])?.shape[0];
    if (size === undefined) return nothing(obj);
    total += size;
  }
  if (has(obj, 'drop_idx_')) {
    const drop = attribute(obj.value, 'drop_idx_');
    if (drop !== null) {
      const dropped = array(obj, 'drop_idx_');
      if (!dropped) return nothing(obj);
      const values = dropped.objects
        ? dropped.objects.map((one) => (one === null ? null : scalarOf(one)))
        : elementsOf(dropped);
      if (!values) return nothing(obj);
      total -= values.filter((one) => one !== null).length;
    }
  }
  return derived(total, at(obj, 'categories_'));
}

function imputed(obj: Obj): Told<number> {
  const statistics = array(obj, 'statistics_');
  if (!statistics || scalar(obj, 'add_indicator') === true) return nothing(obj);
  const width = statistics.shape[0] ?? 0;
  if (scalar(obj, 'keep_empty_features') === true) return derived(width, at(obj, 'statistics_'));
  const values = elementsOf(statistics);
  if (!values) return nothing(obj);
  const empty = values.filter((one) => typeof one === 'number' && Number.isNaN(one)).length;
  return derived(width - empty, at(obj, 'statistics_'));
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
