import type { Label, Shape } from '../../contract/types.ts';
import { Truncated } from '../../model/bytes.ts';
import { Malformed } from '../format.ts';
import { decode, fields, type Message, messageIn, type Schema, textIn } from '../wire/protobuf.ts';
import { child, children, has, number, numbers, string, strings, type Tree } from '../wire/tree.ts';

/** Source: coremltools, mlmodel/format/MIL.proto. */
const TENSOR: Schema = {
  ints: [2, { all: [1, 'int'] }],
  texts: [4, { all: [1, 'string'] }],
  longs: [5, { all: [1, 'int'] }],
};
const IMMEDIATE: Schema = { tensor: [1, TENSOR], list: [3, { values: [1, () => VALUE] }] };
const VALUE: Schema = { immediate: [3, IMMEDIATE] };
const OPERATION: Schema = {
  inputs: [2, { key: [1, 'string'], value: [2, { bound: [1, { name: [1, 'string'], value: [2, VALUE] }] }] }],
  outputs: [3, { name: [1, 'string'] }],
  attributes: [5, { key: [1, 'string'], value: [2, VALUE] }],
};
/** What an operation gives: `rank` is the count of dimensions, and negative where it is not known. */
const RESULTS: Schema = {
  outputs: [
    3,
    {
      name: [1, 'string'],
      type: [
        2,
        { tensor: [1, { rank: [2, 'int'], dimensions: [3, { constant: [1, { size: [1, 'int'] }] }] }] },
      ],
    },
  ],
};
/** From the model to the operations of a block: mlProgram, functions, their value, block_specializations, their value. */
const PATH = [502, 2, 2, 3, 2] as const;
const OPERATIONS = 3;
const MAX_LABELS = 1_000_000;

/**
 * The classes of an ML Program: its `classify` operation has them, or the constant that it refers to. Other operations cost
 * the reading of their kind.
 * @param model the whole model. @returns `null` where no operation classifies.
 */
export function programLabels(model: Message): Label[] | null {
  try {
    for (const block of along(model, 0)) {
      const classify = operation(block, (kind) => kind === 'classify');
      if (!classify) continue;
      const bound = child(child(pair(classify, 'inputs', 'classes'), 'value'), 'bound');
      const name = string(bound, 'name');
      const constant = name === '' ? null : constantNamed(block, name);
      const labels = labelsIn(
        child(bound, 'value') ?? child(pair(constant, 'attributes', 'val'), 'value'),
        0,
      );
      if (labels.length > 0) return labels;
    }
  } catch (error) {
    // What the model describes of itself is read by then: the labels alone stay unknown.
    if (!(error instanceof Malformed || error instanceof Truncated)) throw error;
  }
  return null;
}

/**
 * The shapes that the operations of an ML Program state of what they give. A description leaves out those of outputs whose
 * size follows that of an input, and of scalars, which may come out with an axis: of these nothing is said.
 * @param model the whole model, of one function. @param names the outputs that are asked for.
 */
export function programShapes(model: Message, names: ReadonlySet<string>): Map<string, Shape> {
  const found = new Map<string, Shape>();
  if (names.size === 0) return found;
  try {
    for (const block of along(model, 0))
      for (const field of fields(block)) {
        if (field.number !== OPERATIONS || field.wire !== 2) continue;
        for (const output of children(decode(messageIn(block, field), RESULTS), 'outputs')) {
          const tensor = child(child(output, 'type'), 'tensor');
          const dimensions = children(tensor, 'dimensions');
          const known = dimensions.length > 0 && number(tensor, 'rank') === dimensions.length;
          if (!known || !names.has(string(output, 'name'))) continue;
          const sizes = dimensions.map((one) =>
            has(one, 'constant') ? number(child(one, 'constant'), 'size') : null,
          );
          found.set(string(output, 'name'), sizes);
        }
      }
  } catch (error) {
    if (!(error instanceof Malformed || error instanceof Truncated)) throw error;
  }
  return found;
}

/** All messages that the path leads to. */
function* along(message: Message, step: number): Generator<Message> {
  if (step === PATH.length) {
    yield message;
    return;
  }
  for (const field of fields(message))
    if (field.number === PATH[step] && field.wire === 2) yield* along(messageIn(message, field), step + 1);
}

function operation(
  block: Message,
  wanted: (kind: string) => boolean,
  holds: (tree: Tree) => boolean = () => true,
): Tree | null {
  for (const field of fields(block)) {
    if (field.number !== OPERATIONS || field.wire !== 2) continue;
    const inner = messageIn(block, field);
    const [kind] = fields(inner);
    if (kind?.number !== 1 || kind.wire !== 2 || !wanted(textIn(inner, kind))) continue;
    const tree = decode(inner, OPERATION);
    if (holds(tree)) return tree;
  }
  return null;
}

const constantNamed = (block: Message, name: string): Tree | null =>
  operation(
    block,
    (kind) => kind === 'const',
    (tree) => string(child(tree, 'outputs'), 'name') === name,
  );

const pair = (tree: Tree | null, field: string, key: string): Tree | undefined =>
  children(tree ?? undefined, field).find((one) => string(one, 'key') === key);

/** Texts or whole numbers: in one tensor, or in a list of tensors with one of them each. */
function labelsIn(value: Tree | undefined, depth: number): Label[] {
  const immediate = child(value, 'immediate');
  const tensor = child(immediate, 'tensor');
  const own: Label[] = [
    ...strings(child(tensor, 'texts'), 'all'),
    ...numbers(child(tensor, 'ints'), 'all'),
    ...numbers(child(tensor, 'longs'), 'all'),
  ];
  if (own.length > 0 || depth > 0) return own;
  return children(child(immediate, 'list'), 'values')
    .slice(0, MAX_LABELS)
    .flatMap((one) => labelsIn(one, depth + 1));
}
