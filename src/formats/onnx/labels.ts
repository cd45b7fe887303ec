import type { Label } from '../../contract/types.ts';
import {
  attributeOf,
  integerOf,
  labelsOf,
  type Node,
  type TensorHead,
  tensorAttribute,
  tensorValues,
} from './graph.ts';

/** What a value of the graph is about: a column of class labels, or scores with one entry a class. */
export interface Labelled {
  readonly kind: 'label' | 'scores';
  readonly labels: readonly Label[];
  /** What says so, such as `TreeEnsembleClassifier.classlabels_strings`. */
  readonly where: string;
}

/**
 * Collects class labels and category sets. Nodes come before initializers in the file, so that what passes by is
 * noted as facts, and followed once all of them are there.
 */
export interface LabelTrace {
  readonly initializer: (tensor: TensorHead) => void;
  readonly node: (node: Node) => void;
  /** What is known of a value by name. */
  readonly labelled: (value: string) => Labelled | null;
  /** The only values that graph inputs admit, by name. `widths`: sizes of their last axes, where stated. */
  readonly categories: (widths: ReadonlyMap<string, number | null>) => ReadonlyMap<string, Labelled>;
}

const ML = 'ai.onnx.ml';
/** Each entry along the last axis is made of the same entry of the input. */
const ENTRYWISE = new Set([
  ...['Identity', 'Cast', 'Softmax', 'LogSoftmax', 'Sigmoid', 'Tanh', 'Relu', 'Normalizer'],
  ...['Log', 'Exp', 'Neg', 'Clip', 'Abs', 'Sqrt', 'LpNormalization'],
]);
/** The same for two operands, of which one may have a single entry that counts for all. */
const BROADCAST = new Set(['Add', 'Sub', 'Mul', 'Div']);
/** The values stay the same in another shape. */
const SAME_VALUES = new Set(['Identity', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze']);
/** Facts of each kind that are kept, and steps that are followed: bounds memory and time on graphs of any size. */
const MAX_FACTS = 100_000;
const MAX_STEPS = 200;
/** Category sets, and inputs that are set side by side, that are followed. */
const MAX_SETS = 1000;
/** TensorProto.STRING and BOOL: a cast to one of them gives other labels. */
const STRING = 8;
const OTHER_VALUES = new Set([STRING, 9]);

/** What an encoder gives for keys that are in no table of it. */
const DEFAULTS = ['default_string', 'default_int64', 'default_float', 'default_tensor'];

interface Encoder {
  readonly input: string;
  /** Whether it says what becomes of other keys. */
  readonly rest: boolean;
  readonly table: ReadonlyMap<Label, Label>;
}

/** Starts a trace. */
export function traceLabels(): LabelTrace {
  /** Tensors by name, and lists that nodes have in themselves. */
  const constants = new Map<string, TensorHead | readonly Label[]>();
  /** Stated by a node about one of its outputs. */
  const stated = new Map<string, Labelled>();
  /** Value → the value with the same labels in it. */
  const same = new Map<string, string>();
  /** Value → the value with the same categories in it: as `same`, without casts. */
  const exact = new Map<string, string>();
  /** Value → the values whose entries it is made of. */
  const entrywise = new Map<string, readonly string[]>();
  const encoders = new Map<string, Encoder>();
  /** ArgMax output → its scores. */
  const argMax = new Map<string, string>();
  /** Output of `classes[index]` → the two names. */
  const picks = new Map<string, { classes: string; index: string }>();
  /** Value → one column of another. */
  const columns = new Map<string, { of: string; index: string }>();
  const concatenated = new Map<string, readonly string[]>();
  const encoded = new Map<string, Labelled>();
  /** Value → the numbers or strings that it is the text of. */
  const texts = new Map<string, string>();
  /** Output of `where(condition, yes, no)` → the names of the two. */
  const choices = new Map<string, { yes: string; no: string }>();
  const keep = <T>(map: Map<string, T>, key: string | undefined, value: T): void => {
    if (key !== undefined && key !== '' && map.size < MAX_FACTS) map.set(key, value);
  };

  const classifier = (node: Node): void => {
    for (const name of ['classlabels_strings', 'classlabels_int64s', 'classlabels_ints']) {
      const labels = labelsOf(node, name);
      if (!labels) continue;
      const where = `${node.operator}.${name}`;
      keep(stated, node.outputs[0], { kind: 'label', labels, where });
      // Without probabilities an SVM scores pairs of classes, not classes.
      if (node.operator !== 'SVMClassifier' || attributeOf(node, 'prob_a') !== undefined)
        keep(stated, node.outputs[1], { kind: 'scores', labels, where });
      return;
    }
  };

  const mlNode = (node: Node): void => {
    const [input = '', second = ''] = node.inputs;
    const [output] = node.outputs;
    if (node.operator.endsWith('Classifier')) classifier(node);
    else if (node.operator === 'ZipMap') {
      for (const name of ['classlabels_strings', 'classlabels_int64s']) {
        const labels = labelsOf(node, name);
        if (labels) keep(stated, output, { kind: 'scores', labels, where: `ZipMap.${name}` });
      }
    } else if (node.operator === 'LabelEncoder') {
      const side = (word: string) => {
        const tensor = tensorAttribute(node, `${word}_tensor`);
        return (
          labelsOf(node, `${word}_strings`) ??
          labelsOf(node, `${word}_int64s`) ??
          (tensor ? tensorValues(tensor) : null)
        );
      };
      const keys = side('keys');
      const values = side('values');
      if (!keys || keys.length !== values?.length) return;
      const table = new Map(keys.flatMap((key, at): [Label, Label][] => [[key, values[at] ?? key]]));
      const rest = DEFAULTS.some((name) => attributeOf(node, name) !== undefined);
      keep(encoders, output, { input, table, rest });
    } else if (node.operator === 'ArrayFeatureExtractor') {
      keep(picks, output, { classes: input, index: second });
      keep(columns, output, { of: input, index: second });
    } else if (node.operator === 'OneHotEncoder' && integerOf(node, 'zeros', 1) === 0) {
      for (const name of ['cats_strings', 'cats_int64s']) {
        const labels = labelsOf(node, name);
        if (labels) keep(encoded, input, { kind: 'label', labels, where: `OneHotEncoder.${name}` });
      }
    }
  };

  const plainNode = (node: Node): void => {
    const [input = '', second = ''] = node.inputs;
    const [output] = node.outputs;
    const { operator } = node;
    if (operator === 'ArgMax') {
      if ([-1, 1].includes(integerOf(node, 'axis', 0))) keep(argMax, output, input);
    } else if (operator === 'Gather') {
      keep(columns, output, { of: input, index: second });
      if (integerOf(node, 'axis', 0) === 0) keep(picks, output, { classes: input, index: second });
    } else if (operator === 'Constant') {
      const tensor = tensorAttribute(node, 'value');
      const list = labelsOf(node, 'value_strings') ?? labelsOf(node, 'value_ints');
      if (list ?? tensor) keep(constants, output, list ?? tensor ?? []);
    } else if (operator === 'Where') keep(choices, output, { yes: second, no: node.inputs[2] ?? '' });
    else if (operator === 'Concat') keep(concatenated, output, node.inputs);
    if (SAME_VALUES.has(operator)) {
      keep(exact, output, input);
      keep(same, output, input);
    } else if (operator === 'Cast') {
      const to = integerOf(node, 'to', 0);
      if (to === STRING) keep(texts, output, input);
      else if (!OTHER_VALUES.has(to)) keep(same, output, input);
    }
  };

  /** Follows a chain to its end. */
  const root = (chain: ReadonlyMap<string, string>, value: string): string => {
    let at = value;
    for (let step = 0; step < MAX_STEPS; step++) {
      const next = chain.get(at);
      if (next === undefined) return at;
      at = next;
    }
    return at;
  };

  const values = new Map<TensorHead, readonly Label[] | null>();
  const valuesOf = (tensor: TensorHead | readonly Label[]): readonly Label[] | null => {
    if (!('dimensions' in tensor)) return tensor;
    const known = values.get(tensor);
    if (known !== undefined) return known;
    const read = tensorValues(tensor);
    values.set(tensor, read);
    return read;
  };

  const pickOf = (value: string): { scores: string; labels: readonly Label[]; where: string } | null => {
    const pick = picks.get(value);
    const name = pick && root(same, pick.classes);
    const tensor = name === undefined ? undefined : constants.get(name);
    const scores = pick && argMax.get(root(same, pick.index));
    const labels = tensor && scores !== undefined ? valuesOf(tensor) : null;
    return tensor && scores !== undefined && labels ? { scores, labels, where: `initializer ${name}` } : null;
  };

  /** The classes that an encoder names of the best of some scores: 0, 1, 2 …, each with a name of its own. */
  const encodedPick = (value: string) => {
    const encoder = encoders.get(value);
    const scores = encoder && argMax.get(root(same, encoder.input));
    if (!encoder || encoder.rest || scores === undefined) return null;
    const labels = Array.from({ length: encoder.table.size }, (_, index) => encoder.table.get(index));
    if (labels.includes(undefined) || new Set(labels).size !== labels.length) return null;
    return { scores, labels: labels.filter((label) => label !== undefined), where: 'LabelEncoder' };
  };

  /** One of two constants, by a condition: that of the answer no first. */
  const chosen = (value: string): Labelled | null => {
    const choice = choices.get(value);
    const sides = [choice?.no, choice?.yes].map((name) => {
      const tensor = name === undefined ? undefined : constants.get(root(same, name));
      return tensor ? valuesOf(tensor) : null;
    });
    const labels = sides.flatMap((side) => (side?.length === 1 ? side : []));
    return labels.length === 2 && labels[0] !== labels[1]
      ? { kind: 'label', labels, where: 'the two sides of Where' }
      : null;
  };

  const labelOf = (value: string, steps: number): Labelled | null => {
    const base = stated.get(value) ?? stated.get(root(same, value));
    if (base) return base.kind === 'label' || stated.get(value) === base ? base : null;
    const at = root(same, value);
    const pick = pickOf(at) ?? encodedPick(at);
    if (pick) return { kind: 'label', labels: pick.labels, where: pick.where };
    const either = chosen(at);
    if (either) return either;
    const text = texts.get(at);
    if (text !== undefined) {
      const of = steps > 0 ? labelOf(text, steps - 1) : null;
      return of?.kind === 'label' ? { ...of, labels: of.labels.map(String) } : null;
    }
    const encoder = encoders.get(at);
    const from = encoder && steps > 0 ? labelOf(encoder.input, steps - 1) : null;
    if (!encoder || from?.kind !== 'label') return null;
    const labels = from.labels.flatMap((label) => encoder.table.get(label) ?? []);
    return labels.length === from.labels.length
      ? { kind: 'label', labels, where: `${from.where}, LabelEncoder` }
      : null;
  };

  /** Scores that a node states, or that an ArgMax picks the class by; upstream through one operand alone. */
  let scored: Map<string, Labelled> | null = null;
  const allScores = (): Map<string, Labelled> => {
    if (scored) return scored;
    scored = new Map([...stated].filter(([, labelled]) => labelled.kind === 'scores'));
    for (const output of [...picks.keys(), ...encoders.keys()]) {
      const pick = pickOf(output) ?? encodedPick(output);
      let at: string | undefined = pick?.scores;
      for (let step = 0; pick && at !== undefined && step < MAX_STEPS; step++) {
        keep(scored, at, { kind: 'scores', labels: pick.labels, where: pick.where });
        const sources: readonly string[] = entrywise.get(at) ?? [];
        at = sources.length === 1 ? sources[0] : undefined;
      }
    }
    return scored;
  };

  const scoresOf = (value: string): Labelled | null => {
    const all = allScores();
    const seen = new Set([value]);
    for (const at of seen) {
      const found = all.get(at);
      if (found) return found;
      if (seen.size < MAX_STEPS) for (const source of entrywise.get(at) ?? []) seen.add(source);
    }
    return null;
  };

  const constantIndex = (name: string): number | null => {
    const tensor = constants.get(name);
    const list = tensor && valuesOf(tensor);
    return list?.length === 1 && typeof list[0] === 'number' ? list[0] : null;
  };

  return {
    initializer(tensor) {
      if (tensor.dimensions.length <= 2 && tensor.name !== '') keep(constants, tensor.name, tensor);
    },
    node(node) {
      const [output] = node.outputs;
      if (node.domain === ML) mlNode(node);
      else if (node.domain === '' || node.domain === 'ai.onnx') plainNode(node);
      else return;
      if (ENTRYWISE.has(node.operator)) keep(entrywise, output, node.inputs.slice(0, 1));
      else if (BROADCAST.has(node.operator)) keep(entrywise, output, node.inputs.slice(0, 2));
    },
    labelled: (value) => labelOf(value, 20) ?? scoresOf(value),
    categories(widths) {
      const found = new Map<string, Labelled>();
      for (const [value, labelled] of [...encoded].slice(0, MAX_SETS)) {
        let at = root(exact, value);
        const column = columns.get(at);
        if (!column) {
          if (widths.has(at)) found.set(at, labelled);
          continue;
        }
        // One column of an input that has no other, or of inputs of one column each set side by side.
        at = root(exact, column.of);
        const index = constantIndex(column.index);
        const parts = (concatenated.get(at) ?? [at]).slice(0, MAX_SETS).map((part) => root(exact, part));
        const part = index === null ? undefined : parts[index];
        if (part !== undefined && parts.every((one) => widths.get(one) === 1)) found.set(part, labelled);
      }
      return found;
    },
  };
}
