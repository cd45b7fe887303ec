import type { Dimension, ScalarType, Shape } from '../../contract/types.ts';
import { attributeOf, integerOf, type Node } from './graph.ts';
import { elementType } from './types.ts';

/** What is known of a tensor in the graph. `shape` null: not even its rank. */
export interface TensorType {
  readonly type: ScalarType | null;
  readonly shape: Shape | null;
}

export const UNKNOWN: TensorType = { type: null, shape: null };

/** The whole numbers of the input at a position, where they are a small constant. */
export type Wholes = (position: number) => readonly number[] | null;
type Rule = (given: readonly TensorType[], node: Node, wholes: Wholes) => TensorType;

const same: Rule = ([x = UNKNOWN]) => x;
const named = (names: string, rule: Rule): [string, Rule][] => names.split(' ').map((name) => [name, rule]);
const axisOf = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);
/** More axes than any tensor has. */
export const MAX_RANK = 32;
const whole = (size: Dimension | undefined): size is number => typeof size === 'number';

/** Sizes of two operands laid over each other from the right. */
function broadcast(a: Shape | null, b: Shape | null): Shape | null {
  if (!a || !b) return null;
  const [long, short] = a.length >= b.length ? [a, b] : [b, a];
  const skip = long.length - short.length;
  return long.map((size, axis) => {
    const other = axis < skip ? 1 : (short[axis - skip] ?? null);
    if (other === 1 || other === size) return size;
    if (size === 1) return other;
    return whole(size) ? size : whole(other) ? other : null;
  });
}

const elementwise: Rule = ([a = UNKNOWN, b = UNKNOWN]) => ({
  type: a.type ?? b.type,
  shape: broadcast(a.shape, b.shape),
});

const matMul: Rule = ([a = UNKNOWN, b = UNKNOWN]) => {
  const plain = a.shape && b.shape && b.shape.length === 2 && a.shape.length >= 2;
  return {
    type: a.type ?? b.type,
    shape: plain ? [...(a.shape ?? []).slice(0, -1), b.shape?.[1] ?? null] : null,
  };
};

const gemm: Rule = ([a = UNKNOWN, b = UNKNOWN], node) => {
  const [rows, columns] = [integerOf(node, 'transA', 0) ? 1 : 0, integerOf(node, 'transB', 0) ? 0 : 1];
  return {
    type: a.type,
    shape: a.shape && b.shape ? [a.shape[rows] ?? null, b.shape[columns] ?? null] : null,
  };
};

/** Without the axes that are reduced, or with 1 in their place. */
function reduced(shape: Shape | null, axes: readonly number[], keep: boolean): Shape | null {
  if (!shape) return null;
  const gone = new Set(axes.map((axis) => axisOf(axis, shape.length)));
  return shape.flatMap((size, axis): Dimension[] => (!gone.has(axis) ? [size] : keep ? [1] : []));
}

const argMax: Rule = ([x = UNKNOWN], node) => ({
  type: 'int64',
  shape: reduced(x.shape, [integerOf(node, 'axis', 0)], integerOf(node, 'keepdims', 1) === 1),
});

/** Whole numbers that are an attribute, and in later operator sets an input. */
function listOf(
  node: Node,
  name: string,
  input: readonly number[] | null | undefined,
): readonly number[] | null {
  const stated = attributeOf(node, name)?.get('ints');
  return stated?.flatMap((one) => (typeof one === 'number' ? [one] : [])) ?? input ?? null;
}

/** Axes are an attribute, and since opset 13 or 18 an input; none are all. */
const axesOf = (node: Node, wholes: Wholes): readonly number[] | null => listOf(node, 'axes', wholes(1));

const reduce: Rule = ([x = UNKNOWN], node, wholes) => {
  const axes = axesOf(node, wholes);
  const keep = integerOf(node, 'keepdims', 1) === 1;
  const all = (node.inputs[1] ?? '') === '' && integerOf(node, 'noop_with_empty_axes', 0) === 0;
  const which = axes ?? (all ? (x.shape ?? []).map((_, axis) => axis) : null);
  return { type: x.type, shape: which && reduced(x.shape, which, keep) };
};

const squeeze: Rule = ([x = UNKNOWN], node, wholes) => {
  const axes = axesOf(node, wholes);
  return { type: x.type, shape: axes && reduced(x.shape, axes, false) };
};

const unsqueeze: Rule = ([x = UNKNOWN], node, wholes) => {
  const axes = axesOf(node, wholes);
  if (!axes || !x.shape) return { type: x.type, shape: null };
  const rank = x.shape.length + axes.length;
  const added = new Set(axes.map((axis) => axisOf(axis, rank)));
  const rest = [...x.shape];
  return {
    type: x.type,
    shape: Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : (rest.shift() ?? null))),
  };
};

const flatten: Rule = ([x = UNKNOWN], node) => {
  if (!x.shape) return { type: x.type, shape: null };
  const axis = axisOf(integerOf(node, 'axis', 1), x.shape.length);
  const product = (part: Shape): Dimension =>
    part.length === 1
      ? (part[0] ?? null)
      : part.every(whole)
        ? part.reduce<number>((all, size) => all * (whole(size) ? size : 0), 1)
        : null;
  return { type: x.type, shape: [product(x.shape.slice(0, axis)), product(x.shape.slice(axis))] };
};

/** 0 is the size that was there; what becomes of -1 is left open. Of sizes that are computed their number is known. */
const reshape: Rule = ([x = UNKNOWN, sizes = UNKNOWN], node, wholes) => {
  const target = integerOf(node, 'allowzero', 0) === 0 ? wholes(1) : null;
  const sizeAt = (size: number, axis: number): Dimension =>
    size > 0 ? size : size === 0 ? (x.shape?.[axis] ?? null) : null;
  const rank = sizes.shape?.length === 1 ? sizes.shape[0] : undefined;
  const open = whole(rank) && rank <= MAX_RANK ? new Array<Dimension>(rank).fill(null) : null;
  return { type: x.type, shape: target?.map(sizeAt) ?? open };
};

/** The sizes of a tensor, as a tensor. */
const sizesOf: Rule = ([x = UNKNOWN], node) => ({
  type: 'int64',
  shape: x.shape && !attributeOf(node, 'start') && !attributeOf(node, 'end') ? [x.shape.length] : null,
});

/** A part of some axes, which since opset 10 are inputs. How much is left of one is known where no step is taken. */
const slice: Rule = ([x = UNKNOWN], node, wholes) => {
  const starts = listOf(node, 'starts', wholes(1));
  const ends = listOf(node, 'ends', wholes(2));
  const axes =
    (node.inputs[3] ?? '') === ''
      ? listOf(
          node,
          'axes',
          starts?.map((_, axis) => axis),
        )
      : wholes(3);
  if (!x.shape || !axes) return { type: x.type, shape: x.shape?.map(() => null) ?? null };
  const shape = [...x.shape];
  const stepped = (node.inputs[4] ?? '') !== '' && !wholes(4)?.every((step) => step === 1);
  for (const [index, given] of axes.entries()) {
    const axis = axisOf(given, shape.length);
    const size = shape[axis];
    const [start, end] = [starts?.[index], ends?.[index]];
    if (stepped || !whole(size) || start === undefined || end === undefined) shape[axis] = null;
    else {
      const within = (at: number) => Math.min(Math.max(axisOf(at, size), 0), size);
      shape[axis] = Math.max(within(end) - within(start), 0);
    }
  }
  return { type: x.type, shape };
};

const transpose: Rule = ([x = UNKNOWN], node) => {
  const order = attributeOf(node, 'perm')?.get('ints') ?? x.shape?.map((_, axis) => axis).reverse();
  return { type: x.type, shape: (x.shape && order?.map((axis) => x.shape?.[Number(axis)] ?? null)) ?? null };
};

const concat: Rule = (given, node) => {
  const [first = UNKNOWN] = given;
  const shapes = given.map((one) => one.shape);
  if (!first.shape || shapes.includes(null)) return { type: first.type, shape: null };
  const along = axisOf(integerOf(node, 'axis', 0), first.shape.length);
  const sizes = shapes.map((shape) => shape?.[along] ?? null);
  const sum = sizes.every(whole)
    ? sizes.reduce<number>((all, size) => all + (whole(size) ? size : 0), 0)
    : null;
  return { type: first.type, shape: first.shape.map((size, axis) => (axis === along ? sum : size)) };
};

const gather: Rule = ([data = UNKNOWN, index = UNKNOWN], node) => {
  if (!data.shape || !index.shape) return { type: data.type, shape: null };
  const axis = axisOf(integerOf(node, 'axis', 0), data.shape.length);
  return {
    type: data.type,
    shape: [...data.shape.slice(0, axis), ...index.shape, ...data.shape.slice(axis + 1)],
  };
};

/** Channels are those of the kernel; how large the picture gets depends on more than is followed here. */
const convolution: Rule = ([x = UNKNOWN, kernel = UNKNOWN]) => ({
  type: x.type,
  shape:
    x.shape && kernel.shape
      ? [x.shape[0] ?? null, kernel.shape[0] ?? null, ...x.shape.slice(2).map(() => null)]
      : null,
});

const pooled: Rule = ([x = UNKNOWN]) => ({
  type: x.type,
  shape: x.shape && [...x.shape.slice(0, 2), ...x.shape.slice(2).map(() => null)],
});

const overall: Rule = ([x = UNKNOWN]) => ({
  type: x.type,
  shape: x.shape && [...x.shape.slice(0, 2), ...x.shape.slice(2).map(() => 1)],
});

/** By operator of ONNX and of ai.onnx.ml. An operator that is not here ends the way. */
export const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ...named(
    `Identity Relu Softmax LogSoftmax Hardmax Sigmoid Tanh Clip Neg Abs Exp Log Sqrt Erf Gelu Elu Selu LeakyRelu PRelu Softplus
     HardSigmoid HardSwish Floor Ceil Round Dropout BatchNormalization LayerNormalization InstanceNormalization LpNormalization
     Reciprocal Sign Sin Cos`.replaceAll(/\s+/g, ' '),
    same,
  ),
  ...named('Add Sub Mul Div Pow Max Min Sum', elementwise),
  ...named('Equal Greater Less GreaterOrEqual LessOrEqual And Or', (given, node, wholes) => ({
    ...elementwise(given, node, wholes),
    type: 'bool',
  })),
  ...named('LabelEncoder CategoryMapper', ([x = UNKNOWN]) => ({ ...x, type: null })),
  ['Not', ([x = UNKNOWN]) => ({ ...x, type: 'bool' })],
  ['Cast', ([x = UNKNOWN], node) => ({ ...x, type: elementType(integerOf(node, 'to', 0)) })],
  [
    'Where',
    ([condition = UNKNOWN, yes = UNKNOWN, no = UNKNOWN]) => ({
      type: yes.type ?? no.type,
      shape: broadcast(condition.shape, broadcast(yes.shape, no.shape)),
    }),
  ],
  ['MatMul', matMul],
  ['Gemm', gemm],
  ...named('ArgMax ArgMin', argMax),
  ...named('ReduceMean ReduceSum ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceLogSumExp', reduce),
  ['Squeeze', squeeze],
  ['Unsqueeze', unsqueeze],
  ['Flatten', flatten],
  ['Reshape', reshape],
  ['Shape', sizesOf],
  ['Slice', slice],
  ['Transpose', transpose],
  ['Concat', concat],
  ['Gather', gather],
  ['Conv', convolution],
  ...named('MaxPool AveragePool', pooled),
  ...named('GlobalAveragePool GlobalMaxPool', overall),
]);
