import type { ScalarType, Shape } from '../../contract/types.ts';
import { isKerasOperation, type Operation } from './operation-calls.ts';
import {
  broadcast,
  isFloat,
  items,
  type Json,
  last,
  number,
  object,
  policyType,
  product,
  sum,
  type Tensor,
  text,
  times,
} from './values.ts';

/** What an operation returns; `null` where that is not known. */
type Rule = (operation: Operation) => Tensor | readonly Tensor[] | null;

const first = (operation: Operation): Tensor => operation.inputs[0] ?? { shape: null, type: null };
const at = (axis: number, rank: number): number => (axis < 0 ? rank + axis : axis);

/** The type that values of several types have together; numbers of the file count as floats only where all else is whole. */
export function together(operation: Operation): ScalarType | null {
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

export const reducing: Rule = (operation) => {
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

export const RULES: Readonly<Record<string, Rule>> = {
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
