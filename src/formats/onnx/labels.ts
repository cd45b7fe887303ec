import type { Label } from '../../contract/types.ts';
import { attributeOf, integerOf, labelsOf, type Node, type TensorHead, tensorValues } from './graph.ts';

/** What a value of the graph is about: a column of class labels, or scores with one entry a class. */
export interface Labelled {
  readonly kind: 'label' | 'scores';
  readonly labels: readonly Label[];
  /** The node that says so, such as `TreeEnsembleClassifier.classlabels_strings`. */
  readonly where: string;
}

/** Collects class labels and category sets while the nodes pass by in the order of the graph. */
export interface LabelTrace {
  readonly initializer: (tensor: TensorHead) => void;
  readonly node: (node: Node) => void;
  /** After the last node: what is known of a value by name. */
  readonly labelled: (value: string) => Labelled | null;
  /** After the last node: the only values that a graph input admits. */
  readonly categories: (value: string) => { labels: readonly Label[]; where: string } | null;
}

const ML = 'ai.onnx.ml';
/** Outputs whose entries along the last axis stand for the same classes as those of the input. */
const SCORE_PASSES = new Set([
  'Identity',
  'Cast',
  'Softmax',
  'LogSoftmax',
  'Sigmoid',
  'Normalizer',
  'Log',
  'Clip',
]);
/** Outputs that hold the same labels as the input. */
const LABEL_PASSES = new Set(['Identity', 'Cast', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze']);
/** Values that are remembered: bounds the memory on graphs of any size. */
const MAX_KEPT = 100_000;
const TO_STRING = 8;

/** Starts a trace. ONNX orders nodes so that what a node reads was written before it. */
export function traceLabels(): LabelTrace {
  const known = new Map<string, Labelled>();
  /** Index values of an ArgMax by the scores that it looked at. */
  const argMaxOf = new Map<string, string>();
  /** Score values by the value that they were computed from. */
  const scoreSource = new Map<string, string>();
  /** Values that are a graph input or initializer in another form. */
  const sameAs = new Map<string, string>();
  const constants = new Map<string, TensorHead>();
  const categories = new Map<string, { labels: readonly Label[]; where: string }>();
  const keep = <T>(map: Map<string, T>, key: string | undefined, value: T): void => {
    if (key !== undefined && key !== '' && map.size < MAX_KEPT) map.set(key, value);
  };
  const root = (map: ReadonlyMap<string, string>, value: string): string => {
    let at = value;
    for (let step = 0; step < 100; step++) {
      const next = map.get(at);
      if (next === undefined) break;
      at = next;
    }
    return at;
  };

  const classifier = (node: Node): void => {
    const names = ['classlabels_strings', 'classlabels_int64s', 'classlabels_ints'];
    for (const name of names) {
      const labels = labelsOf(node, name);
      if (!labels) continue;
      const where = `${node.operator}.${name}`;
      keep(known, node.outputs[0], { kind: 'label', labels, where });
      // Without probabilities an SVM scores pairs of classes, not classes.
      if (node.operator !== 'SVMClassifier' || attributeOf(node, 'prob_a') !== undefined)
        keep(known, node.outputs[1], { kind: 'scores', labels, where });
      return;
    }
  };

  const encoder = (node: Node, input: string): void => {
    const from = known.get(input);
    if (from?.kind !== 'label') return;
    const keys = labelsOf(node, 'keys_int64s') ?? labelsOf(node, 'keys_strings');
    const values = labelsOf(node, 'values_strings') ?? labelsOf(node, 'values_int64s');
    if (!keys || !values || keys.length !== values.length) return;
    const table = new Map(keys.map((key, index) => [key, values[index]]));
    const labels = from.labels.map((label) => table.get(label)).filter((label) => label !== undefined);
    if (labels.length === from.labels.length)
      keep(known, node.outputs[0], { kind: 'label', labels, where: `${from.where}, LabelEncoder` });
  };

  const ml = (node: Node): void => {
    const [input = ''] = node.inputs;
    if (node.operator.endsWith('Classifier')) classifier(node);
    else if (node.operator === 'ZipMap') {
      for (const name of ['classlabels_strings', 'classlabels_int64s']) {
        const labels = labelsOf(node, name);
        if (!labels) continue;
        keep(known, node.outputs[0], { kind: 'scores', labels, where: `ZipMap.${name}` });
        break;
      }
    } else if (node.operator === 'LabelEncoder') encoder(node, input);
    else if (node.operator === 'ArrayFeatureExtractor') {
      const tensor = constants.get(root(sameAs, input));
      const scores = argMaxOf.get(root(sameAs, node.inputs[1] ?? ''));
      const labels = tensor && scores !== undefined ? tensorValues(tensor) : null;
      if (!tensor || scores === undefined || !labels) return;
      const where = `initializer ${tensor.name}`;
      keep(known, node.outputs[0], { kind: 'label', labels, where });
      keep(known, root(scoreSource, scores), { kind: 'scores', labels, where });
    } else if (node.operator === 'OneHotEncoder' && integerOf(node, 'zeros', 1) === 0) {
      for (const name of ['cats_strings', 'cats_int64s']) {
        const labels = labelsOf(node, name);
        if (labels) keep(categories, root(sameAs, input), { labels, where: `OneHotEncoder.${name}` });
      }
    }
  };

  return {
    initializer(tensor) {
      if (tensor.dimensions.length <= 2 && tensor.name !== '') keep(constants, tensor.name, tensor);
    },
    node(node) {
      const [input = ''] = node.inputs;
      const [output = ''] = node.outputs;
      if (node.domain === ML) ml(node);
      if (node.domain !== '' && node.domain !== 'ai.onnx' && node.operator !== 'Normalizer') return;
      if (node.operator === 'ArgMax') keep(argMaxOf, output, input);
      const becomesText = node.operator === 'Cast' && integerOf(node, 'to', 0) === TO_STRING;
      if (LABEL_PASSES.has(node.operator) && !becomesText) {
        keep(sameAs, output, input);
        const labelled = known.get(input);
        if (labelled?.kind === 'label') keep(known, output, labelled);
      }
      if (SCORE_PASSES.has(node.operator) && !becomesText) keep(scoreSource, output, input);
    },
    labelled(value) {
      const direct = known.get(value);
      if (direct) return direct;
      let at: string | undefined = value;
      for (let step = 0; step < 100 && at !== undefined; step++) {
        at = scoreSource.get(at);
        const found = at === undefined ? undefined : known.get(at);
        if (found?.kind === 'scores') return found;
      }
      return null;
    },
    categories: (value) => categories.get(value) ?? null,
  };
}
