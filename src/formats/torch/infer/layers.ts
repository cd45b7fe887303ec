import {
  broadcast,
  isFloat,
  like,
  type Operands,
  rankIn,
  several,
  slid,
  type Tensor,
  typed,
} from './operands.ts';
import { type Abstract, cell, Impossible, known, type Size, tensor, UNKNOWN } from './values.ts';

/*
 * Operators that have weights, or slide windows: what their inputs have to be, and what they give. Source: the shape checks of
 * aten/src/ATen/native. Weights in quantised types say nothing about inputs.
 */

export type Operator = (on: Operands) => Abstract;

/** The input has the type of the weight. */
function sameType(on: Operands, input: Tensor, weight: Tensor): void {
  const type = known(weight.type);
  if (type !== null && !isFloat(type)) return;
  on.facts.unify(input.type, weight.type);
}

const linear: Operator = (on) => {
  const [input, weight] = [on.tensor(0), on.tensor(1)];
  if (!input) return UNKNOWN;
  if (weight?.shape?.length !== 2) return tensor(input.type, null);
  sameType(on, input, weight);
  const [out, width] = weight.shape;
  if (input.shape?.length === 0) throw new Impossible('no axes');
  const last = input.shape?.at(-1);
  if (last && width) on.facts.unify(last, width);
  return tensor(input.type, input.shape && out ? [...input.shape.slice(0, -1), out] : null);
};

const addmm: Operator = (on) => product(on, on.tensor(1), on.tensor(2), 2);
const mm: Operator = (on) => product(on, on.tensor(0), on.tensor(1), 2);
const bmm: Operator = (on) => product(on, on.tensor(0), on.tensor(1), 3);

function product(on: Operands, a: Tensor | null, b: Tensor | null, rank: number): Abstract {
  if (!a || !b) return UNKNOWN;
  rankIn(a, rank);
  rankIn(b, rank);
  on.facts.unify(a.type, b.type);
  const [inner, other] = [a.shape?.at(-1), b.shape?.at(-2)];
  if (inner && other) on.facts.unify(inner, other);
  const [rows, columns] = [a.shape?.at(-2), b.shape?.at(-1)];
  if (!rows || !columns) return tensor(a.type, null);
  const many = a.shape?.slice(0, rank - 2) ?? [];
  many.forEach((size, axis) => {
    const same = b.shape?.[axis];
    if (same) on.facts.unify(size, same);
  });
  return tensor(a.type, [...many, rows, columns]);
}

const matmul: Operator = (on) => {
  const [a, b] = [on.tensor(0), on.tensor(1)];
  if (!a || !b) return UNKNOWN;
  on.facts.unify(a.type, b.type);
  if (!a.shape || !b.shape) {
    const last = a.shape?.at(-1);
    const first = b.shape && b.shape.length >= 2 ? b.shape.at(-2) : b.shape?.at(-1);
    if (last && first) on.facts.unify(last, first);
    return tensor(a.type, null);
  }
  const [last, other] = [a.shape.at(-1), b.shape.length >= 2 ? b.shape.at(-2) : b.shape.at(-1)];
  if (!last || !other) throw new Impossible('no axes');
  on.facts.unify(last, other);
  const batch = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2)) ?? [];
  const rows = a.shape.length >= 2 ? a.shape.slice(-2, -1) : [];
  const columns = b.shape.length >= 2 ? b.shape.slice(-1) : [];
  return tensor(a.type, [...batch, ...rows, ...columns]);
};

interface Windows {
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
}

/** `at`: where stride, padding and dilation are among the arguments; `groups` where that is. */
function convolve(
  on: Operands,
  at: Windows,
  groups: number,
  transposed: boolean,
  outputPadding: number | null,
): Abstract {
  const [input, weight] = [on.tensor(0), on.tensor(1)];
  if (!input) return UNKNOWN;
  if (!weight?.shape || weight.shape.length < 3) return tensor(input.type, null);
  sameType(on, input, weight);
  const axes = weight.shape.length - 2;
  rankIn(input, axes + 1, axes + 2);
  const many = on.list[groups] === undefined ? 1 : on.whole(groups);
  const [first, second, ...kernel] = weight.shape;
  const times = (size: Size | undefined): Size => {
    const value = size ? known(size) : null;
    return value === null || many === null ? cell() : cell(value * many);
  };
  const takes = transposed ? first : times(second);
  const gives = transposed ? times(second) : first;
  if (!input.shape) return tensor(input.type, null);
  const channels = input.shape.at(-axes - 1);
  if (!channels || !takes || !gives) return UNKNOWN;
  on.facts.unify(channels, takes);
  const same = on.list[at.padding];
  const padded = same?.kind === 'plain' && typeof same.value === 'string' ? same.value : null;
  const option = (place: number, fallback: number): (number | null)[] =>
    on.list[place] === undefined
      ? kernel.map(() => fallback)
      : (on.wholes(place, axes) ?? kernel.map(() => null));
  const [stride, padding, dilation] = [
    option(at.stride, 1),
    padded === null ? option(at.padding, 0) : kernel.map(() => (padded === 'valid' ? 0 : null)),
    option(at.dilation, 1),
  ];
  const more = outputPadding === null ? null : option(outputPadding, 0);
  const spatial = input.shape.slice(-axes).map((size, axis): Size => {
    const [window, step, pad, reach] = [
      kernel[axis] ? known(kernel[axis]) : null,
      stride[axis] ?? null,
      padding[axis] ?? null,
      dilation[axis] ?? null,
    ];
    if (padded === 'same') return size;
    if (!transposed) return slid(size, window, step, pad, reach);
    const [value, extra] = [known(size), more?.[axis] ?? null];
    if (
      value === null ||
      window === null ||
      step === null ||
      pad === null ||
      reach === null ||
      extra === null
    )
      return cell();
    return cell((value - 1) * step - 2 * pad + reach * (window - 1) + extra + 1);
  });
  return tensor(input.type, [...input.shape.slice(0, -axes - 1), gives, ...spatial]);
}

const conv: Operator = (on) => convolve(on, { stride: 3, padding: 4, dilation: 5 }, 6, false, null);
const convTransposed: Operator = (on) => convolve(on, { stride: 3, padding: 4, dilation: 7 }, 6, true, 5);
/** input, weight, bias, stride, padding, dilation, transposed, output_padding, groups, … */
const convolution: Operator = (on) => {
  const transposed = on.bool(6);
  const input = on.tensor(0);
  if (transposed === null) return input ? tensor(input.type, null) : UNKNOWN;
  return convolve(on, { stride: 3, padding: 4, dilation: 5 }, 8, transposed, transposed ? 7 : null);
};

const batchNorm: Operator = (on) => {
  const input = on.tensor(0);
  if (!input) return UNKNOWN;
  const shaped = [1, 2, 3].map((at) => on.tensor(at)?.shape?.[0]).find((size) => size !== undefined);
  if (input.shape && input.shape.length < 2) throw new Impossible('fewer than two axes');
  const channels = input.shape?.[1];
  if (channels && shaped) on.facts.unify(channels, shaped);
  return tensor(input.type, input.shape);
};

const groupNorm: Operator = (on) => {
  const input = on.tensor(0);
  const channels = on.tensor(2)?.shape?.[0];
  if (!input) return UNKNOWN;
  if (input.shape && input.shape.length < 2) throw new Impossible('fewer than two axes');
  if (input.shape?.[1] && channels) on.facts.unify(input.shape[1], channels);
  return tensor(input.type, input.shape);
};

const layerNorm: Operator = (on) => {
  const input = on.tensor(0);
  const sizes = on.wholes(1);
  if (!input) return UNKNOWN;
  if (sizes && input.shape) {
    if (input.shape.length < sizes.length) throw new Impossible('fewer axes than are normalised');
    const tail = input.shape.slice(input.shape.length - sizes.length);
    for (const [axis, size] of tail.entries()) on.facts.set(size, sizes[axis] ?? 0);
  }
  return tensor(input.type, input.shape);
};

/** `pooling(2, …)`: windows of that many axes. */
function pool(axes: number, dilation: number | null, ceil: number, indices = false): Operator {
  return (on) => {
    const input = on.tensor(0);
    if (!input) return UNKNOWN;
    rankIn(input, axes + 1, axes + 2);
    const kernel = on.wholes(1, axes);
    const given = on.list[2];
    const empty =
      given === undefined ||
      (given.kind === 'list' && given.items?.length === 0) ||
      (given.kind === 'plain' && given.value === null);
    const stride = empty ? kernel : on.wholes(2, axes);
    const padding = on.list[3] === undefined ? new Array(axes).fill(0) : on.wholes(3, axes);
    const dilated =
      dilation === null || on.list[dilation] === undefined
        ? new Array(axes).fill(1)
        : on.wholes(dilation, axes);
    const up = on.list[ceil] === undefined ? false : on.bool(ceil);
    const shape = input.shape && [
      ...input.shape.slice(0, -axes),
      ...input.shape
        .slice(-axes)
        .map((size, axis) =>
          up === null
            ? cell<number>()
            : slid(
                size,
                kernel?.[axis] ?? null,
                stride?.[axis] ?? null,
                padding?.[axis] ?? null,
                dilated?.[axis] ?? null,
                up,
              ),
        ),
    ];
    const out = tensor(input.type, shape);
    return indices ? several(out, typed('int64', shape)) : out;
  };
}

function adaptive(axes: number, indices: boolean): Operator {
  return (on) => {
    const input = on.tensor(0);
    if (!input) return UNKNOWN;
    rankIn(input, axes + 1, axes + 2);
    const sizes = on.wholes(1, axes);
    const shape = input.shape && [
      ...input.shape.slice(0, -axes),
      ...input.shape.slice(-axes).map((_, axis) => cell(sizes?.[axis] ?? null)),
    ];
    const out = tensor(input.type, shape);
    return indices ? several(out, typed('int64', shape)) : out;
  };
}

function resize(axes: number): Operator {
  return (on) => {
    const input = on.tensor(0);
    if (!input) return UNKNOWN;
    rankIn(input, axes + 2);
    const sizes = on.wholes(1, axes);
    return tensor(
      input.type,
      input.shape && [
        ...input.shape.slice(0, 2),
        ...input.shape.slice(2).map((_, axis) => cell(sizes?.[axis] ?? null)),
      ],
    );
  };
}

const embedding: Operator = (on) => {
  const [weight, ids] = [on.tensor(0), on.tensor(1)];
  if (!ids) return UNKNOWN;
  if (known(ids.type) === null) on.facts.set(ids.type, 'int64');
  const width = weight?.shape?.length === 2 ? weight.shape[1] : undefined;
  return tensor(weight?.type ?? cell(), ids.shape && width ? [...ids.shape, width] : null);
};

const embeddingBag: Operator = (on) => {
  const [weight, ids, offsets] = [on.tensor(0), on.tensor(1), on.tensor(2)];
  if (ids && known(ids.type) === null) on.facts.set(ids.type, 'int64');
  if (offsets && known(offsets.type) === null) on.facts.set(offsets.type, 'int64');
  return several(
    tensor(weight?.type ?? cell(), weight?.shape?.[1] ? [cell(), weight.shape[1]] : null),
    UNKNOWN,
    UNKNOWN,
    UNKNOWN,
  );
};

/** LSTM, GRU and RNN of several layers: input, state, weights, has_biases, layers, dropout, train, bidirectional, batch_first. */
function recurrent(cells: boolean): Operator {
  return (on) => {
    const input = on.tensor(0);
    const weights = on.list[2];
    const nothing = cells ? several(UNKNOWN, UNKNOWN, UNKNOWN) : several(UNKNOWN, UNKNOWN);
    // With packed sequences the sizes of batches come second.
    if (!input || weights?.kind !== 'list' || typeof on.bool(3) !== 'boolean' || on.list.length < 9)
      return nothing;
    const [first, hidden] = weights.items ?? [];
    if (
      first?.kind !== 'tensor' ||
      first.shape?.length !== 2 ||
      hidden?.kind !== 'tensor' ||
      hidden.shape?.length !== 2
    )
      return nothing;
    sameType(on, input, first);
    const both = on.bool(7);
    const layers = on.whole(4);
    if (!input.shape || both === null) return nothing;
    rankIn(input, 3);
    const width = hidden.shape[1] ? known(hidden.shape[1]) : null;
    if (input.shape[2] && first.shape[1]) on.facts.unify(input.shape[2], first.shape[1]);
    const [ahead, behind] = input.shape;
    if (!ahead || !behind) return nothing;
    const directions = both ? 2 : 1;
    const batch = on.bool(8);
    const out = tensor(input.type, [ahead, behind, cell(width === null ? null : width * directions)]);
    const rows = batch === null ? cell<number>() : batch ? ahead : behind;
    const state = tensor(input.type, [cell(layers === null ? null : layers * directions), rows, cell(width)]);
    // A projection makes the state of a cell wider than its output.
    return cells
      ? several(
          out,
          state,
          tensor(input.type, [cell(layers === null ? null : layers * directions), rows, cell()]),
        )
      : several(out, state);
  };
}

const attention: Operator = (on) => {
  const [query, , value] = [on.tensor(0), on.tensor(1), on.tensor(2)];
  const last = value?.shape?.at(-1);
  return tensor(query?.type ?? cell(), query?.shape && last ? [...query.shape.slice(0, -1), last] : null);
};

const quantize: Operator = (on) => {
  const input = like(on.tensor(0));
  if (known(input.type) === null) on.facts.set(input.type, 'float32');
  return typed(null, input.shape);
};

const quantizedLinear: Operator = (on) => {
  const input = like(on.tensor(0));
  if (known(input.type) === null) on.facts.set(input.type, 'float32');
  return typed('float32', input.shape && [...input.shape.slice(0, -1), cell()]);
};

const conversion: Operator = (on) => typed('float32', like(on.tensor(0)).shape);

const pixelShuffle: Operator = (on) => {
  const input = like(on.tensor(0));
  const by = on.whole(1);
  if (!input.shape || input.shape.length < 3 || by === null) return tensor(input.type, null);
  const scaled = (size: Size | undefined, factor: number): Size => {
    const value = size ? known(size) : null;
    return cell(value === null ? null : Math.floor(value * factor));
  };
  const [channels, height, width] = input.shape.slice(-3);
  return tensor(input.type, [
    ...input.shape.slice(0, -3),
    scaled(channels, 1 / (by * by)),
    scaled(height, by),
    scaled(width, by),
  ]);
};

export const LAYERS: Readonly<Record<string, Operator>> = {
  linear, addmm, mm, bmm, matmul,
  conv1d: conv, conv2d: conv, conv3d: conv, _convolution: convolution, convolution,
  conv_transpose1d: convTransposed, conv_transpose2d: convTransposed, conv_transpose3d: convTransposed,
  batch_norm: batchNorm, group_norm: groupNorm, layer_norm: layerNorm,
  max_pool1d: pool(1, 4, 5), max_pool2d: pool(2, 4, 5), max_pool3d: pool(3, 4, 5),
  max_pool2d_with_indices: pool(2, 4, 5, true), avg_pool1d: pool(1, null, 4), avg_pool2d: pool(2, null, 4), avg_pool3d: pool(3, null, 4),
  adaptive_avg_pool1d: adaptive(1, false), adaptive_avg_pool2d: adaptive(2, false), adaptive_avg_pool3d: adaptive(3, false),
  adaptive_max_pool1d: adaptive(1, true), adaptive_max_pool2d: adaptive(2, true), adaptive_max_pool3d: adaptive(3, true),
  upsample_nearest1d: resize(1), upsample_nearest2d: resize(2), upsample_nearest3d: resize(3), upsample_linear1d: resize(1), upsample_bilinear2d: resize(2),
  upsample_bicubic2d: resize(2), upsample_trilinear3d: resize(3),
  embedding, embedding_bag: embeddingBag, lstm: recurrent(true), gru: recurrent(false), rnn_tanh: recurrent(false), rnn_relu: recurrent(false),
  scaled_dot_product_attention: attention, quantize_per_tensor: quantize, quantize_per_channel: quantize, dequantize: conversion,
  'quantized.linear_dynamic': quantizedLinear, 'quantized.linear_relu_dynamic': quantizedLinear, pixel_shuffle: pixelShuffle,
}; // biome-ignore format: a list of words
