import type { ScalarType, Shape } from '../../contract/types.ts';
import { entryOf } from '../../model/entry.ts';
import {
  broadcast,
  type Call,
  isFloat,
  items,
  type Json,
  type LayerConfig,
  last,
  list,
  number,
  object,
  policyType,
  product,
  sum,
  type Tensor,
  text,
  times,
} from './values.ts';

/** A function of `keras.ops` or of TensorFlow that stands in a graph as a layer, under one name for all of them. */
interface Operation {
  readonly name: string;
  readonly inputs: readonly Tensor[];
  /** Arguments that are no tensors, by name. */
  readonly options: Json;
  readonly call: Call;
}
type Rule = (operation: Operation) => Tensor | readonly Tensor[] | null;

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

const UNARY = new Set(
  `relu relu6 sigmoid softmax logsoftmax tanh softplus softsign silu swish gelu elu selu leakyrelu hardsigmoid hardsilu hardtanh
  exp expm1 log log1p log2 log10 sqrt rsqrt square absolute negative sign sin cos tan sinh cosh arcsin arccos arctan erf floor
  ceil round rint clip normalize unitnormalize identity stopgradient reciprocal flip roll cumsum cumprod nantonum tril triu celu glu
  sparseplus squareplus threshold softshrink hardshrink tanhshrink sparsesigmoid sparsemax zeroslike oneslike reverse sort
  ensureshape checknumerics copy layernormalization l2loss rmsnormalization batchnormalization logsigmoid mishlike mish`.split(
    /\s+/,
  ),
);
const BINARY = new Set(
  `add subtract multiply truedivide floordivide mod power maximum minimum squareddifference arctan2 where logaddexp hypot`.split(
    /\s+/,
  ),
);
const COMPARING = new Set(
  'greater greaterequal less lessequal equal notequal logicaland logicalor logicalnot logicalxor isnan isinf isfinite isclose'.split(
    ' ',
  ),
);
const REDUCING = new Set(
  'mean sum max min prod all any std var logsumexp norm argmax argmin median countnonzero average nansum nanmean'.split(
    ' ',
  ),
);

const first = (operation: Operation): Tensor => operation.inputs[0] ?? { shape: null, type: null };
const at = (axis: number, rank: number): number => (axis < 0 ? rank + axis : axis);

/** The type that values of several types have together; numbers of the file count as floats only where all else is whole. */
function together(operation: Operation): ScalarType | null {
  const types = operation.inputs.map((input) => input.type);
  if (types.some((type) => type === null)) return null;
  const floats = types.filter(isFloat);
  const order: readonly (ScalarType | null)[] = ['float64', 'float32', 'bfloat16', 'float16'];
  const widest = order.find((type) => floats.includes(type));
  if (widest !== undefined)
    return new Set(floats).size === 2 && !floats.includes('float32') && !floats.includes('float64')
      ? 'float32'
      : widest;
  const constants = [...operation.call.args, ...Object.values(operation.options)];
  const fraction = constants.some((one) => typeof one === 'number' && !Number.isInteger(one));
  // Keras turns whole numbers into floats here; TensorFlow refuses, or does it by the operation.
  if (fraction || operation.name === 'truedivide')
    return isKerasOperation(operation.call.layer) ? 'float32' : null;
  return types.every((type) => type === types[0]) ? (types[0] ?? null) : null;
}

function reduced(shape: Shape, axis: unknown, keep: boolean): Shape | null {
  const listed = axis === null || axis === undefined ? null : typeof axis === 'number' ? [axis] : items(axis);
  if (axis !== null && axis !== undefined && listed === null) return null;
  const axes = listed?.map((one) => at(number(one) ?? Number.NaN, shape.length));
  if (axes?.some(Number.isNaN)) return null;
  const gone = (index: number) => axes === undefined || axes.includes(index);
  return shape.flatMap((size, index) => (gone(index) ? (keep ? [1] : []) : [size]));
}

const reducing: Rule = (operation) => {
  const { name, options } = operation;
  const { shape, type } = first(operation);
  const keep = options['keepdims'] === true || options['keep_dims'] === true || options['keepDims'] === true;
  const axis = options['axis'] ?? options['dimension'] ?? null;
  const index = name === 'argmax' || name === 'argmin';
  const foreign = !isKerasOperation(operation.call.layer);
  if (index && axis === null && foreign) return { shape: shape && reduced(shape, 0, false), type: 'int64' };
  const float = ['mean', 'std', 'var', 'logsumexp', 'norm', 'median', 'average'].includes(name);
  const whole = type === 'int32' || type === 'int64';
  const counted = name === 'sum' || name === 'prod';
  const out: ScalarType | null = index
    ? foreign
      ? (policyType(options['output_type']) ?? 'int64')
      : 'int32'
    : name === 'all' || name === 'any'
      ? 'bool'
      : isFloat(type) || ((name === 'max' || name === 'min' || counted) && whole)
        ? type
        : float && !foreign && type !== null
          ? 'float32'
          : null;
  return { shape: shape && reduced(shape, axis, keep), type: out };
};

const reshaped: Rule = (operation) => {
  const { shape, type } = first(operation);
  const target = items(
    operation.options['newshape'] ?? operation.options['shape'] ?? operation.options['tensor'],
  );
  if (!target) return { shape: null, type };
  const sizes = target.map(number);
  const rest = product(sizes.filter((size) => size !== -1));
  const total = shape && product(shape);
  const inner = shape && shape.length > 0 ? product(shape.slice(1)) : null;
  return {
    type,
    shape: sizes.map((size, axis) => {
      if (size !== -1) return size;
      if (rest !== null && total !== null && rest > 0) return total / rest;
      // What is left over is the batch where everything else is accounted for.
      return axis === 0 && rest !== null && inner === rest ? (shape?.[0] ?? null) : null;
    }),
  };
};

const transposed: Rule = (operation) => {
  const { shape, type } = first(operation);
  const given = operation.options['axes'] ?? operation.options['perm'] ?? null;
  const axes = items(given);
  if (!shape || (given !== null && !axes)) return { shape: null, type };
  return {
    type,
    shape: axes
      ? axes.map((axis) => shape[at(number(axis) ?? -1, shape.length)] ?? null)
      : shape.toReversed(),
  };
};

const concatenated: Rule = ({ inputs, options }) => {
  const known = inputs.find((input) => input.shape !== null);
  const rank = known?.shape?.length;
  if (!known || rank === undefined) return { shape: null, type: known?.type ?? null };
  const axis = at(number(options['axis']) ?? 0, rank);
  const shape = known.shape?.map((size, index) =>
    index === axis ? sum(inputs.map((input) => input.shape?.[index] ?? null)) : size,
  );
  return {
    shape: shape ?? null,
    type: inputs.every((input) => input.type === known.type) ? known.type : null,
  };
};

const stacked: Rule = ({ inputs, options }) => {
  const [one] = inputs;
  if (!one?.shape) return { shape: null, type: one?.type ?? null };
  const axis = at(number(options['axis']) ?? 0, one.shape.length + 1);
  return { shape: one.shape.toSpliced(axis, 0, inputs.length), type: one.type };
};

const expanded: Rule = (operation) => {
  const { shape, type } = first(operation);
  const axis = operation.options['axis'];
  const axes = typeof axis === 'number' ? [axis] : items(axis)?.map(number);
  if (!shape || !axes || axes.some((one) => one === null)) return { shape: null, type };
  const rank = shape.length + axes.length;
  const new_ = axes.map((one) => at(one ?? 0, rank)).sort((a, b) => a - b);
  return { type, shape: new_.reduce<Shape>((out, one) => out.toSpliced(one, 0, 1), shape) };
};

const squeezed: Rule = (operation) => {
  const { shape, type } = first(operation);
  const axis = operation.options['axis'] ?? operation.options['squeeze_dims'] ?? null;
  if (!shape || (axis === null && shape.slice(1).some((size) => typeof size !== 'number')))
    return { shape: null, type };
  if (axis === null) return { type, shape: shape.filter((size) => size !== 1) };
  return { type, shape: reduced(shape, axis, false) };
};

const multiplied: Rule = (operation) => {
  const [left, right] = operation.inputs;
  const type = together(operation);
  let [a, b] = [left?.shape, right?.shape];
  const { options } = operation;
  if (!a || !b || a.length === 0 || b.length === 0) return { shape: null, type };
  const flip = (shape: Shape): Shape => [...shape.slice(0, -2), shape.at(-1) ?? null, shape.at(-2) ?? null];
  if (options['transpose_a'] === true || options['adj_x'] === true) a = flip(a);
  if (options['transpose_b'] === true || options['adj_y'] === true) b = flip(b);
  if (b.length === 1) return { type, shape: a.length === 1 ? [] : last(a) };
  if (a.length === 1) return { type, shape: [...b.slice(0, -2), b.at(-1) ?? null] };
  const around = a.length === 2 && b.length === 2 ? [] : broadcast([a.slice(0, -2), b.slice(0, -2)]);
  return { type, shape: around && [...around, a.at(-2) ?? null, b.at(-1) ?? null] };
};

const einsum: Rule = (operation) => {
  const [sides, to] = (text(operation.options['subscripts'] ?? operation.options['equation']) ?? '')
    .replaceAll(/\s/g, '')
    .split('->');
  const type = together(operation);
  if (sides === undefined || to === undefined || !/^[a-zA-Z,]*$/.test(sides)) return { shape: null, type };
  const sizes = new Map<string, Shape[number]>();
  for (const [index, letters] of sides.split(',').entries()) {
    const shape = operation.inputs[index]?.shape;
    if (shape && shape.length === letters.length)
      for (const [axis, letter] of [...letters].entries())
        if (typeof (sizes.get(letter) ?? null) !== 'number') sizes.set(letter, shape[axis] ?? null);
  }
  return { type, shape: [...to].map((letter) => sizes.get(letter) ?? null) };
};

/** `x[:, 1:3, None, ...]`. Source: NumPy's basic indexing. */
const indexed: Rule = (operation) => {
  const { shape, type } = first(operation);
  const raw = isKerasOperation(operation.call.layer)
    ? operation.call.args[1]
    : operation.options['slice_spec'];
  if (!shape || raw === undefined) return { shape: null, type };
  const keys = items(raw) ?? [raw];
  const isDots = (key: unknown) =>
    /ellipsis/i.test(String(object(key)?.['class_name'] ?? '')) || key === '...';
  const taken = keys.filter((key) => key !== null && !isDots(key)).length;
  if (taken > shape.length || keys.some((key) => operation.call.tensorOf(key) !== null))
    return { shape: null, type };
  const out: Shape[number][] = [];
  let axis = 0;
  for (const key of keys) {
    if (key === null) out.push(1);
    else if (isDots(key))
      for (let left = shape.length - taken; left > 0; left--) out.push(shape[axis++] ?? null);
    else {
      const slice = object(object(key)?.['config']) ?? object(key);
      if (slice) out.push(sliced(shape[axis] ?? null, slice));
      else if (number(key) === null) return { shape: null, type };
      axis++;
    }
  }
  return { type, shape: [...out, ...shape.slice(axis)] };
};

function sliced(size: Shape[number], slice: Json): Shape[number] {
  const [start, stop, step] = [slice['start'] ?? null, slice['stop'] ?? null, slice['step'] ?? 1];
  if (start === null && stop === null && (step === 1 || step === -1)) return size;
  if (start === 0 && stop === null && step === 1) return size;
  const [from, to] = [start === null ? 0 : number(start), stop === null ? size : number(stop)];
  if (
    typeof size !== 'number' ||
    from === null ||
    typeof to !== 'number' ||
    number(step) === null ||
    Number(step) < 1
  )
    return null;
  const clamp = (value: number) => Math.min(Math.max(value < 0 ? size + value : value, 0), size);
  return Math.max(0, Math.ceil((clamp(to) - clamp(from)) / Number(step)));
}

const splitted: Rule = (operation) => {
  const { shape, type } = first(operation);
  const { options } = operation;
  const given = options['indices_or_sections'] ?? options['num_or_size_splits'] ?? options['num_split'];
  const axis = shape && at(number(options['axis']) ?? 0, shape.length);
  if (!shape || axis === null) return { shape: null, type };
  const size = shape[axis] ?? null;
  const count = number(given);
  const listed = items(given)?.map(number);
  const parts: (number | null)[] =
    count !== null && count > 0 && count < 10_000
      ? Array<number | null>(count).fill(typeof size === 'number' ? size / count : null)
      : 'indices_or_sections' in options
        ? [...(listed ?? []), size].map((end, index, all) =>
            typeof end === 'number' ? end - (index === 0 ? 0 : (number(all[index - 1]) ?? Number.NaN)) : null,
          )
        : (listed ?? []);
  return parts.map((part) => ({ type, shape: shape.with(axis, Number.isSafeInteger(part) ? part : null) }));
};

const RULES: Readonly<Record<string, Rule>> = {
  reshape: reshaped,
  transpose: transposed,
  permute: transposed,
  concatenate: concatenated,
  stack: stacked,
  expanddims: expanded,
  squeeze: squeezed,
  matmul: multiplied,
  dot: (operation) => ((first(operation).shape?.length ?? 9) <= 2 ? multiplied(operation) : null),
  einsum,
  getitem: indexed,
  split: splitted,
  cast: (operation) => ({
    shape: first(operation).shape,
    type: policyType(operation.options['dtype'] ?? operation.options['DstT']),
  }),
  swapaxes: (operation) => {
    const { shape, type } = first(operation);
    const [a, b] = [number(operation.options['axis1']), number(operation.options['axis2'])];
    if (!shape || a === null || b === null) return { shape: null, type };
    const [i, j] = [at(a, shape.length), at(b, shape.length)];
    if (!(i in shape && j in shape)) return { shape: null, type };
    return { type, shape: shape.with(i, shape[j] ?? null).with(j, shape[i] ?? null) };
  },
  moveaxis: (operation) => {
    const { shape, type } = first(operation);
    const [from, to] = [number(operation.options['source']), number(operation.options['destination'])];
    if (!shape || from === null || to === null) return { shape: null, type };
    const source = at(from, shape.length);
    return {
      type,
      shape: shape.toSpliced(source, 1).toSpliced(at(to, shape.length), 0, shape[source] ?? null),
    };
  },
  topk: (operation) => {
    const { shape, type } = first(operation);
    const out = shape && [...last(shape), number(operation.options['k'])];
    return [
      { shape: out, type },
      { shape: out, type: 'int32' },
    ];
  },
  onehot: (operation) => {
    const { shape } = first(operation);
    const depth = number(operation.options['num_classes'] ?? operation.options['depth']);
    const axis = shape && at(number(operation.options['axis']) ?? -1, shape.length + 1);
    const type = policyType(operation.options['dtype']) ?? 'float32';
    return { type, shape: shape && axis !== null ? shape.toSpliced(axis, 0, depth) : null };
  },
  pad: (operation) => {
    const { shape, type } = first(operation);
    const widths = items(operation.options['pad_width'] ?? operation.options['paddings']);
    if (!shape || !widths) return { shape: null, type };
    return {
      type,
      shape: shape.map((size, axis) => {
        const pair = items(widths[axis]);
        const by = pair ? (number(pair[0]) ?? 0) + (number(pair[1]) ?? 0) : null;
        return by === 0 ? size : typeof size === 'number' && by !== null ? size + by : null;
      }),
    };
  },
  repeat: (operation) => {
    const { shape, type } = first(operation);
    const [by, axis] = [number(operation.options['repeats']), number(operation.options['axis'])];
    if (!shape || axis === null) return { shape: null, type };
    const index = at(axis, shape.length);
    return {
      type,
      shape: shape.map((size, one) => (one !== index ? size : by === null ? null : times(size, by))),
    };
  },
  tile: (operation) => {
    const { shape, type } = first(operation);
    const by = items(operation.options['repeats'] ?? operation.options['multiples'])?.map(number);
    if (!shape || !by || by.length !== shape.length) return { shape: null, type };
    return {
      type,
      shape: shape.map((size, axis) => (by[axis] === 1 ? size : times(size, by[axis] ?? Number.NaN))),
    };
  },
  resize: (operation) => {
    const { shape, type } = first(operation);
    const size = items(operation.options['size'])?.map(number);
    if (shape?.length !== 4 || !size || operation.options['preserve_aspect_ratio'] === true)
      return { shape: null, type };
    const front = operation.options['data_format'] === 'channels_first';
    return {
      type: isKerasOperation(operation.call.layer) ? type : 'float32',
      shape: front ? [...shape.slice(0, 2), ...size] : [shape[0] ?? null, ...size, shape[3] ?? null],
    };
  },
};

const isKerasOperation = (layer: LayerConfig): boolean =>
  layer.className !== 'TFOpLambda' &&
  layer.className !== 'SlicingOpLambda' &&
  layer.className !== 'TensorFlowOpLayer';

/** What a function in the graph returns; `null` for layers. */
export function operation(call: Call): readonly Tensor[] | null {
  const parsed = parse(call);
  if (!parsed) return null;
  const { name, inputs } = parsed;
  const shapes = inputs.map((input) => input.shape);
  const unknown: Tensor = {
    shape: null,
    type: null,
    why: `what ${call.layer.className} "${name}" returns is not known`,
  };
  if (inputs.length === 0) return [unknown];
  if (UNARY.has(name)) return [{ shape: shapes[0] ?? null, type: together(parsed) }];
  if (BINARY.has(name)) {
    const values =
      name === 'where' ? { ...parsed, inputs: inputs.filter((input) => input.type !== 'bool') } : parsed;
    return [{ shape: broadcast(shapes), type: values.inputs.length > 0 ? together(values) : null }];
  }
  if (COMPARING.has(name)) return [{ shape: broadcast(shapes), type: 'bool' }];
  const rule = REDUCING.has(name) ? reducing : entryOf(RULES, name);
  const out = rule?.(parsed) ?? unknown;
  return Array.isArray(out) ? out : [out as Tensor];
}

function parse(call: Call): Operation | null {
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
  ({ DT_HALF: 'float16', DT_FLOAT: 'float32', DT_DOUBLE: 'float64' })[String(name)] ??
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
