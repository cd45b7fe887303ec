import type { ScalarType, Shape } from '../../contract/types.ts';
import { entryOf } from '../../model/entry.ts';
import type { Schema } from '../wire/protobuf.ts';
import { child, children, number, strings, type Tree } from '../wire/tree.ts';
import type { Constant } from './constant.ts';
import type { GraphNode } from './graph.ts';
import { scalarType, TENSOR_SHAPE } from './types.ts';

/** A feature of a tf.Example, or of a tf.SequenceExample. */
export interface ExampleFeature {
  readonly name: string;
  readonly type: ScalarType | null;
  /** `null`: any number of values. */
  readonly shape: Shape | null;
  /** Whether an example may lack it. */
  readonly optional: boolean;
  /** What stands for it then, where that is a value. */
  readonly fallback: string | null;
  /** Whether it is a list with one entry a step. */
  readonly steps: boolean;
}

/**
 * What the inputs of an operator are, in order: `*` marks a group of one input for each feature. Features have their
 * names from the inputs, else from the attribute `<group>_keys` (tensorflow/core/ops/parsing_ops.cc).
 */
const LAYOUTS: Readonly<Record<string, readonly string[]>> = {
  ParseExample: ['-', 'sparse*', 'dense*', 'dense_defaults*'],
  ParseExampleV2: ['-', 'sparse', 'dense', 'ragged', 'dense_defaults*'],
  ParseSingleExample: ['dense_defaults*'],
  ParseSingleSequenceExample: [
    ...['-', 'context_sparse*', 'context_dense*', 'feature_list_sparse*', 'feature_list_dense*'],
    'context_dense_defaults*',
  ],
  ParseSequenceExample: ['-', 'context_dense_defaults*'],
  ParseSequenceExampleV2: [
    ...[
      '-',
      'context_sparse',
      'context_dense',
      'context_ragged',
      'feature_list_sparse',
      'feature_list_dense',
    ],
    ...['feature_list_ragged', '-', 'context_dense_defaults*'],
  ],
};

/** The attribute that has the types of a group. */
const TYPES: Readonly<Record<string, string>> = {
  sparse: 'sparse_types',
  dense: 'Tdense',
  ragged: 'ragged_value_types',
  context_sparse: 'context_sparse_types',
  context_dense: 'Tcontext_dense',
  context_ragged: 'context_ragged_value_types',
  feature_list_sparse: 'feature_list_sparse_types',
  feature_list_dense: 'feature_list_dense_types',
  feature_list_ragged: 'feature_list_ragged_value_types',
};

/** Entries of NodeDef.attr: lists, and functions that are called. */
export const LISTS_AND_FUNCTIONS: Schema = {
  key: [1, 'string'],
  value: [
    2,
    {
      list: [1, { s: [2, 'string'], type: [6, 'int'], shape: [7, TENSOR_SHAPE] }],
      func: [10, { name: [1, 'string'] }],
    },
  ],
};

const MAX_FEATURES = 2000;

/** Whether an operator takes examples apart. */
export function parsesExamples(operator: string): boolean {
  return Object.hasOwn(LAYOUTS, operator);
}

/** A constant with its strings. */
export interface Known extends Constant {
  readonly texts: readonly string[];
}

/** The features that an operator takes out, sorted by name. `constant` gives the one that an input is. */
export function featuresOf(
  parser: GraphNode,
  constant: (input: string) => Known | undefined,
): ExampleFeature[] {
  const attributes = parser.attributes(LISTS_AND_FUNCTIONS);
  const list = (name: string): Tree | undefined => child(attributes.get(name), 'list');
  const types = (group: string) => list(TYPES[group] ?? '')?.get('type') ?? [];
  const names = new Map<string, readonly string[]>();
  const defaults: (Known | undefined)[] = [];
  let at = 1;
  const take = (): Known | undefined => {
    const input = parser.inputs[at++];
    return input === undefined ? undefined : constant(input);
  };
  for (const step of entryOf(LAYOUTS, parser.operator) ?? []) {
    const group = step.replace('*', '');
    const each = types(group.replace(/_defaults$/, '')).length;
    if (group.endsWith('_defaults')) for (let index = 0; index < each; index++) defaults.push(take());
    else if (step.endsWith('*'))
      names.set(
        group,
        Array.from({ length: each }, () => take()?.texts[0] ?? ''),
      );
    else names.set(group, take()?.texts ?? []);
  }
  const features: ExampleFeature[] = [];
  for (const group of Object.keys(TYPES)) {
    const keys = names.get(group) ?? strings(list(`${group}_keys`), 's');
    const dense = group.endsWith('dense');
    const steps = group.startsWith('feature_list');
    const shapes = children(list(group.replace(/dense$/, 'dense_shapes')), 'shape');
    for (const [index, code] of types(group).entries()) {
      const name = keys[index];
      if (name === undefined || name === '' || features.length >= MAX_FEATURES) continue;
      const shape = dense ? sizes(shapes[index]) : null;
      const fallback = dense && !steps ? defaults[index] : undefined;
      const given = fallback?.shape?.every((size) => size !== 0) ?? false;
      features.push({
        name,
        type: scalarType(code),
        shape,
        optional: !dense || given,
        fallback: given && fallback ? shown(fallback, shape) : null,
        steps,
      });
    }
  }
  return features.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

function sizes(shape: Tree | undefined): Shape {
  return children(shape, 'dim').map((one) => {
    const size = number(one, 'size');
    return size < 0 ? null : size;
  });
}

/** What stands for a feature that is missing; where the number of values is free it only pads, and says nothing. */
function shown({ values, texts }: Known, shape: Shape | null): string | null {
  if (shape?.[0] === null) return null;
  const all: readonly (string | number)[] = texts.length > 0 ? texts : (values ?? []).map(short);
  const [first] = all;
  if (first === undefined || all.length > 8) return null;
  return JSON.stringify(all.every((one) => one === first) ? first : all).slice(0, 100);
}

/** A float32 as it was written. */
function short(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(7));
}

/** A feature in words, such as `int64 [1], optional (default 0)`. */
export function describeFeature({ type, shape, optional, fallback, steps }: ExampleFeature): string {
  const size = shape === null ? ', any number of values' : ` ${JSON.stringify(shape).replaceAll(',', ', ')}`;
  const absent = fallback === null ? ', optional' : `, optional (default ${fallback})`;
  return `${type ?? 'of unknown type'}${size}${steps ? ' for each step' : ''}${optional ? absent : ''}`;
}
