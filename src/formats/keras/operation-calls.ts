import { entryOf } from '../../model/entry.ts';
import { type Call, type Json, type LayerConfig, list, object, type Tensor, text } from './values.ts';

/** A function of `keras.ops` or of TensorFlow that stands in a graph as a layer, under one name for all of them. */
export interface Operation {
  readonly name: string;
  readonly inputs: readonly Tensor[];
  /** Arguments that are no tensors, by name. */
  readonly options: Json;
  readonly call: Call;
}

/** TensorFlow's names for what `keras.ops` calls otherwise. */
const SYNONYMS: Readonly<Record<string, string>> = {
  addv2: 'add', biasadd: 'add', addn: 'add', sub: 'subtract', mul: 'multiply', realdiv: 'truedivide', truediv: 'truedivide',
  divide: 'truedivide', div: 'truedivide', divnonan: 'truedivide', dividenonan: 'truedivide', floordiv: 'floordivide', floormod: 'mod', pow: 'power', neg: 'negative',
  concatv2: 'concatenate', concat: 'concatenate', pack: 'stack', reducemean: 'mean', reducesum: 'sum', reducemax: 'max', reducemin: 'min',
  reduceprod: 'prod', reduceall: 'all', reduceany: 'any', reducestd: 'std', reducevariance: 'var', reducelogsumexp: 'logsumexp',
  amax: 'max', amin: 'min', batchmatmul: 'matmul', batchmatmulv2: 'matmul', clipbyvalue: 'clip', l2normalize: 'normalize',
  less: 'less', lt: 'less', gt: 'greater', ge: 'greaterequal', le: 'lessequal', eq: 'equal', ne: 'notequal', not: 'logicalnot',
  and: 'logicaland', or: 'logicalor', selectv2: 'where', select: 'where', resizebilinear: 'resize', resizewithbilinear: 'resize',
  abs: 'absolute', euclideannorm: 'norm', rsub: 'subtract', radd: 'add', rmul: 'multiply', rtruediv: 'truedivide',
}; // biome-ignore format: a table

export const REDUCING = new Set(
  'mean sum max min prod all any std var logsumexp norm argmax argmin median countnonzero average nansum nanmean'.split(
    ' ',
  ),
);

export const isKerasOperation = (layer: LayerConfig): boolean =>
  layer.className !== 'TFOpLambda' &&
  layer.className !== 'SlicingOpLambda' &&
  layer.className !== 'TensorFlowOpLayer';

/** The operation that a layer of a graph is; `null` where it is a layer proper. */
export function operationOf(call: Call): Operation | null {
  const { layer, inputs } = call;
  const { className, config } = layer;
  const plain = (name: string): string => {
    const short = name.replace(/^.*\./, '').replaceAll('_', '').toLowerCase();
    return entryOf(SYNONYMS, short) ?? short;
  };
  if (className === 'TFOpLambda')
    return { name: plain(text(config['function']) ?? ''), inputs, options: call.kwargs, call };
  if (className === 'SlicingOpLambda') return { name: 'getitem', inputs, options: call.kwargs, call };
  if (className === 'TensorFlowOpLayer') return parseNode(call, plain);
  // Operations of Keras 3 have no weights and so nothing to say of training; layers always do.
  const isOperation =
    layer.module === null
      ? !('trainable' in config) && call.args.length > 0
      : /\.ops\.|^keras\.ops/.test(layer.module);
  return isOperation
    ? { name: plain(className), inputs, options: { ...call.kwargs, ...config }, call }
    : null;
}

/**
 * TensorFlow 2.0 to 2.3: a node of a TensorFlow graph as JSON or as a text of it, with the constants that go into it by
 * position.
 */
function parseNode(call: Call, plain: (name: string) => string): Operation | null {
  const given = call.layer.config['node_def'];
  const node = object(given) ?? object(parseText(text(given)));
  const written = text(node?.['op']);
  if (!node || written === null) return null;
  const op = plain(written);
  const attributes = object(node['attr']) ?? {};
  const whole = (key: string): number => Number(object(attributes[key])?.['i'] ?? 0);
  const constants = object(call.layer.config['constants']) ?? {};
  const [value] = Object.values(constants);
  const dims = list(object(object(attributes['squeeze_dims'])?.['list'])?.['i']).map(Number);
  const option = REDUCING.has(op) ? 'axis' : entryOf(CONSTANTS, op);
  const options: Json = {
    ...(option !== undefined && { [option]: value }),
    ...(op === 'stack' && { axis: whole('axis') }),
    ...(op === 'cast' && { dtype: tensorflowType(object(attributes['DstT'])?.['type']) }),
    ...(op === 'squeeze' && dims.length > 0 && { axis: dims }),
    ...(op === 'matmul' && {
      transpose_a: object(attributes['transpose_a'] ?? attributes['adj_x'])?.['b'] === true,
      transpose_b: object(attributes['transpose_b'] ?? attributes['adj_y'])?.['b'] === true,
    }),
    keepdims: object(attributes['keep_dims'])?.['b'] === true,
  };
  if (op === 'stridedslice') {
    const slice_spec = sliceOf(constants, whole);
    return { name: 'getitem', inputs: call.inputs, options: { ...(slice_spec && { slice_spec }) }, call };
  }
  return { name: op, inputs: call.inputs, options, call };
}

/** What the constant beside the tensor is. */
const CONSTANTS: Readonly<Record<string, string>> = {
  reshape: 'shape',
  transpose: 'axes',
  expanddims: 'axis',
  concatenate: 'axis',
  tile: 'repeats',
  pad: 'pad_width',
};

function parseText(source: string | null): unknown {
  try {
    return source === null ? null : JSON.parse(source);
  } catch {
    return null;
  }
}

const tensorflowType = (name: unknown): string =>
  entryOf({ DT_HALF: 'float16', DT_FLOAT: 'float32', DT_DOUBLE: 'float64' }, String(name)) ??
  String(name).replace(/^DT_/, '').toLowerCase();

/** Begins, ends and steps of a strided slice, with their masks, as an index. */
function sliceOf(constants: Json, mask: (key: string) => number): unknown[] | null {
  const [begins, ends, steps] = ['1', '2', '3'].map((key) => list(constants[key]));
  if (!begins || !ends || begins.length === 0 || begins.length > 32) return null;
  return begins.map((begin, axis) => {
    const has = (key: string) => (mask(key) & (1 << axis)) !== 0;
    if (has('ellipsis_mask')) return '...';
    if (has('new_axis_mask')) return null;
    if (has('shrink_axis_mask')) return begin;
    return {
      start: has('begin_mask') ? null : begin,
      stop: has('end_mask') ? null : ends[axis],
      step: steps?.[axis] ?? 1,
    };
  });
}
