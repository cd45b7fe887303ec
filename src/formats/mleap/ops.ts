import type { Label, ScalarType, Shape } from '../../contract/types.ts';
import { assumed, derived, stated, type Told, unknown } from '../told.ts';
import type { Attribute, DataShape } from './attributes.ts';
import type { Node } from './bundle.ts';

/** What a port of a node takes or gives. */
export interface Port {
  readonly type: Told<ScalarType>;
  readonly shape: Told<Shape>;
  readonly categories?: readonly Label[];
  readonly labels?: readonly Label[];
}

type Side = (port: string, index: number) => Port | null;

/** How a kind of node is connected. Ports that it does not know are `null`. */
type Op = (node: Node) => { readonly input: Side; readonly output: Side };

const scalar = (type: ScalarType): Port => ({
  type: derived(type, 'what the node is'),
  shape: derived<Shape>(['batch'], 'one value a row'),
});
const texts: Port = {
  type: derived('string', 'what the node is'),
  shape: derived<Shape>(['batch', null], 'a list a row'),
};
const vector = (size: number | null, type: ScalarType = 'float64'): Port => ({
  type: derived(type, 'vectors are of doubles'),
  shape: derived<Shape>(
    ['batch', size],
    size === null ? 'the node does not state how wide its vectors are' : 'attributes of the node',
  ),
});

const attribute = (node: Node, name: string): Attribute | undefined => node.attributes.get(name);
function number(node: Node, name: string): number | null {
  const value = attribute(node, name)?.number ?? null;
  return value !== null && Number.isSafeInteger(value) && value >= 0 ? value : null;
}
/** One size of a tensor; of a list, how many values it has. */
function sizeOf(node: Node, name: string, axis = 0): number | null {
  const found = attribute(node, name);
  return found?.sizes?.[axis] ?? (axis === 0 && found?.sizes === null ? found.count : null);
}

const always =
  (port: Port): Side =>
  () =>
    port;
const named =
  (ports: Readonly<Record<string, Port>>): Side =>
  (port) =>
    ports[port] ?? null;
const fixed =
  (input: Port, output: Port): Op =>
  () => ({ input: always(input), output: always(output) });
/** A vector goes in, and one as wide comes out. */
const sameWidth =
  (...sizes: readonly ((node: Node) => number | null)[]): Op =>
  (node) => {
    const port = vector(sizes.map((size) => size(node)).find((size) => size !== null) ?? null);
    return { input: always(port), output: always(port) };
  };
const fromTo =
  (input: (node: Node) => number | null, output: (node: Node) => number | null): Op =>
  (node) => ({ input: always(vector(input(node))), output: always(vector(output(node))) });
const count = (name: string) => (node: Node) => number(node, name);
const size =
  (name: string, axis = 0) =>
  (node: Node) =>
    sizeOf(node, name, axis);

function classes(total: number | null): readonly Label[] | undefined {
  return total === null || total > 10_000 ? undefined : Array.from({ length: total }, (_, index) => index);
}

const withLabels = (port: Port, labels: readonly Label[] | undefined): Port =>
  labels ? { ...port, labels } : port;

const classifier =
  (features: (node: Node) => number | null, total: (node: Node) => number | null): Op =>
  (node) => {
    const labels = classes(total(node));
    const scores = withLabels(vector(total(node)), labels);
    return {
      input: always(vector(features(node))),
      output: named({
        raw_prediction: scores,
        probability: scores,
        prediction: withLabels(scalar('float64'), labels),
      }),
    };
  };

const regressor =
  (features: (node: Node) => number | null): Op =>
  (node) => ({
    input: always(vector(features(node))),
    output: named({
      prediction: scalar('float64'),
      link_prediction: scalar('float64'),
      quantiles: vector(sizeOf(node, 'quantile_probabilities')),
    }),
  });

const clusterer =
  (features: (node: Node) => number | null, total: (node: Node) => number | null): Op =>
  (node) => {
    const labels = classes(total(node));
    return {
      input: always(vector(features(node))),
      output: named({
        prediction: withLabels(scalar('int32'), labels),
        probability: withLabels(vector(total(node)), labels),
      }),
    };
  };

/** Coefficients of several classes have a row for each. */
const logistic: Op = (node) => {
  const several = sizeOf(node, 'coefficient_matrix', 1);
  return classifier(() => several ?? sizeOf(node, 'coefficients'), count('num_classes'))(node);
};

const layers = (at: number) => (node: Node) => attribute(node, 'layers')?.numbers.at(at) ?? null;

function shaped(type: Told<ScalarType>, shape: DataShape | undefined): Port {
  const known = (dimensions: Shape) => stated<Shape>(['batch', ...dimensions], 'the shapes of the node');
  if (shape?.base === 'scalar') return { type, shape: known([]) };
  if (shape?.base === 'list') return { type, shape: known([null]) };
  return {
    type,
    shape: shape?.dimensions
      ? known(shape.dimensions)
      : unknown('the bundle does not say how wide what goes in is', 'the shape'),
  };
}

/** How many numbers a shape has. */
function widthOf(shape: DataShape): number | null {
  if (shape.base === 'scalar') return 1;
  return (shape.dimensions ?? [null]).reduce<number | null>(
    (all, one) => (all === null || one === null ? null : all * one),
    1,
  );
}

const assembler: Op = (node) => {
  const shapes = attribute(node, 'input_shapes')?.shapes ?? [];
  const total = shapes
    .map(widthOf)
    .reduce((sum, one) => (sum === null || one === null ? null : sum + one), 0);
  const any = assumed('float64', 'any number is taken') as Told<ScalarType>;
  return {
    input: (_, index) => shaped(any, shapes[index]),
    output: always(vector(shapes.length === 0 ? null : total)),
  };
};

/** Takes one thing or another, and gives its like. */
const alike =
  (name: string, input: ScalarType, output: ScalarType): Op =>
  (node) => {
    const shape = attribute(node, name)?.shapes[0];
    const labels = attribute(node, 'labels')?.texts ?? [];
    const made = shaped(derived(output, 'what the node is'), shape ?? { base: 'scalar', dimensions: null });
    return {
      input: always(
        shaped(derived(input, 'what the node is'), shape ?? { base: 'scalar', dimensions: null }),
      ),
      output: always(output === 'string' && labels.length > 0 ? { ...made, labels } : made),
    };
  };

const indexer: Op = (node) => {
  const strict = (attribute(node, 'handle_invalid')?.text ?? 'error') === 'error';
  const labels = (index: number) =>
    (attribute(node, `labels_array_${index}`) ?? attribute(node, 'labels'))?.texts ?? [];
  return {
    input: (_, index) => {
      const known = labels(index);
      const text = scalar('string');
      return strict && known.length > 0 && known.length <= 1000 ? { ...text, categories: known } : text;
    },
    output: always(scalar('float64')),
  };
};

const hasher: Op = (node) => {
  const shapes = attribute(node, 'input_shapes')?.shapes ?? [];
  const types = attribute(node, 'basic_types')?.types ?? [];
  const any = unknown('the node takes numbers and text', 'the type');
  return {
    input: (_, index) => {
      const type = types[index];
      return shaped(type ? stated(type, 'basic_types of the node') : any, shapes[index]);
    },
    output: always(vector(number(node, 'num_features'))),
  };
};

/** The runtime's schema and its rows do not agree on the width: it is left open. */
const oneHot: Op = fixed(scalar('float64'), vector(null));
const hashes: Op = (node) => ({
  input: always(vector(number(node, 'input_size'))),
  output: always({
    type: derived('float64', 'what the node is'),
    shape: derived<Shape>(['batch', null, 1], 'a vector of one number for each table of hashes'),
  }),
});

const isotonic: Op = (node) => ({
  input: always(node.attributes.has('feature_index') ? vector(null) : scalar('float64')),
  output: always(scalar('float64')),
});

/** All products of at most `degree` of `n` numbers, without the constant: C(n + degree, degree) - 1. */
function products(node: Node): number | null {
  const [n, degree] = [number(node, 'input_size'), number(node, 'degree')];
  if (n === null || degree === null || degree > 32) return null;
  let all = 1;
  for (let step = 1; step <= degree; step += 1) all = (all * (n + step)) / step;
  return Number.isSafeInteger(Math.round(all)) ? Math.round(all) - 1 : null;
}

/** All products of one number of each column, where a category counts as a vector of zeros and a one. */
const interaction: Op = (node) => {
  const shapes = attribute(node, 'input_shapes')?.shapes ?? [];
  const inputs = number(node, 'num_inputs');
  const sizes = Array.from({ length: Math.min(inputs ?? 0, 1000) }, (_, index) =>
    (attribute(node, `num_features${index}`)?.numbers ?? []).reduce((sum, one) => sum + one, 0),
  );
  const all = sizes.reduce((product, one) => product * one, 1);
  const known = sizes.length === inputs && sizes.length > 0 && Number.isSafeInteger(all) && all > 0;
  return {
    input: (_, index) => shaped(derived('float64', 'what the node is'), shapes[index]),
    output: always(vector(known ? all : null)),
  };
};

/** Beside what other models give, the leaf of each tree and what each feature contributes, where they are asked for. */
const boosted =
  (model: Op): Op =>
  (node) => {
    const { input, output } = model(node);
    const list: Port = { ...texts, type: derived('float64', 'what the node is') };
    const isList = (port: string) => port === 'leaf_prediction' || port === 'contrib_prediction';
    return { input, output: (port, index) => (isList(port) ? list : output(port, index)) };
  };

const math: Op = fixed(scalar('float64'), scalar('float64'));
const features = count('num_features');
const trees = classifier(features, count('num_classes'));
const width = count('input_size');

/** Nodes by `op`. Source: MLeap, the schemas of mleap-core's models. */
export const OPS: Readonly<Record<string, Op>> = {
  tokenizer: fixed(scalar('string'), texts),
  regex_tokenizer: fixed(scalar('string'), texts),
  regex_indexer: fixed(scalar('string'), scalar('int32')),
  string_map: fixed(scalar('string'), scalar('float64')),
  string_indexer: indexer,
  reverse_string_indexer: alike('input_shape', 'float64', 'string'),
  stopwords_remover: fixed(texts, texts),
  ngram: fixed(texts, texts),
  word_filter: fixed(texts, texts),
  count_vectorizer: (node) => ({ input: always(texts), output: always(vector(sizeOf(node, 'vocabulary'))) }),
  hashing_term_frequency: (node) => ({
    input: always(texts),
    output: always(vector(number(node, 'num_features'))),
  }),
  word_to_vector: (node) => {
    const [all, words] = [sizeOf(node, 'word_vectors'), sizeOf(node, 'words')];
    const each = all !== null && words !== null && words > 0 ? all / words : 0;
    return {
      input: always(texts),
      output: always(vector(Number.isSafeInteger(each) && each > 0 ? each : null)),
    };
  },
  idf: sameWidth(size('idf')),
  binarizer: alike('input_shapes', 'float64', 'float64'),
  bucketizer: math,
  imputer: math,
  math_unary: math,
  math_binary: math,
  coalesce: math,
  vector_assembler: assembler,
  one_hot_encoder: oneHot,
  feature_hasher: hasher,
  interaction,
  standard_scaler: sameWidth(size('std'), size('mean')),
  min_max_scaler: sameWidth(size('min'), size('max')),
  max_abs_scaler: sameWidth(size('maxAbs')),
  normalizer: sameWidth(width),
  dct: sameWidth(width),
  elementwise_product: sameWidth(size('scaling_vec')),
  vector_indexer: sameWidth(features),
  pca: fromTo(size('principal_components', 0), size('principal_components', 1)),
  polynomial_expansion: fromTo(width, products),
  chi_sq_selector: fromTo(width, size('filter_indices')),
  vector_slicer: fromTo(width, (node) => {
    const [indices, names] = [sizeOf(node, 'indices'), sizeOf(node, 'named_indices')];
    return indices === null && names === null ? null : (indices ?? 0) + (names ?? 0);
  }),
  bucketed_random_projection_lsh: hashes,
  min_hash_lsh: hashes,
  logistic_regression: logistic,
  linear_svc: classifier(size('coefficients'), count('num_classes')),
  support_vector_machine: classifier(size('coefficients'), count('num_classes')),
  random_forest_classifier: trees,
  decision_tree_classifier: trees,
  gbt_classifier: trees,
  naive_bayes: trees,
  multi_layer_perceptron_classifier: classifier(layers(0), layers(-1)),
  one_vs_rest: (node) => {
    const { input, output } = trees(node);
    // Here the probability is that of the class that is chosen.
    return { input, output: (port, at) => (port === 'probability' ? scalar('float64') : output(port, at)) };
  },
  linear_regression: regressor(size('coefficients')),
  generalized_linear_regression: regressor(size('coefficients')),
  aft_survival_regression: regressor(size('coefficients')),
  random_forest_regression: regressor(features),
  decision_tree_regression: regressor(features),
  gbt_regression: regressor(features),
  isotonic_regression: isotonic,
  'xgboost.classifier': boosted(trees),
  'xgboost.regression': boosted(regressor(features)),
  k_means: clusterer(features, size('cluster_centers')),
  bisecting_k_means: clusterer(
    () => null,
    () => null,
  ),
  gaussian_mixture: clusterer((node) => attribute(node, 'means')?.inner?.[0] ?? null, size('weights')),
  lda_local_model_op: (node) => ({
    input: always(vector(null)),
    output: always(vector(sizeOf(node, 'topicMatrix', 1))),
  }),
  als: () => ({ input: always(scalar('int32')), output: always(scalar('float32')) }),
};
