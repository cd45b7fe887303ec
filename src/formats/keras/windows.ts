import type { Shape } from '../../contract/types.ts';
import { entryOf } from '../../model/entry.ts';
import { free, type Json, number, perAxis, times } from './values.ts';

type Size = Shape[number];
/** The shape that a layer returns for one input. `null`: it cannot be told. */
export type ShapeRule = (input: Shape, config: Json) => Shape | null;

/** Axes that a window slides over, apart from batch and channels. */
interface Spatial {
  readonly first: boolean;
  readonly axes: Shape;
  readonly channels: Size;
}

export function spatial(input: Shape, config: Json): Spatial {
  const first = config['data_format'] === 'channels_first';
  return first
    ? { first, axes: input.slice(2), channels: input[1] ?? null }
    : { first, axes: input.slice(1, -1), channels: input.at(-1) ?? null };
}

export function assemble(input: Shape, first: boolean, axes: Shape, channels: Size): Shape {
  const batch = input[0] ?? null;
  return first ? [batch, channels, ...axes] : [batch, ...axes, channels];
}

/** Sizes after sliding a window. Source: keras.src.ops.operation_utils.compute_conv_output_shape. */
function slide(axes: Shape, window: number[] | null, config: Json, strides: unknown): Shape | null {
  const rank = axes.length;
  const steps = perAxis(strides, rank) ?? window;
  const dilation = perAxis(config['dilation_rate'] ?? 1, rank);
  if (!window || !steps || !dilation) return null;
  const padding = config['padding'] ?? 'valid';
  return axes.map((size, axis) => {
    if (typeof size !== 'number') return null;
    const step = steps[axis] ?? 1;
    const reach = ((window[axis] ?? 1) - 1) * (dilation[axis] ?? 1) + 1;
    if (padding === 'same' || padding === 'causal') return Math.ceil(size / step);
    const slid = Math.floor((size - reach) / step) + 1;
    return padding === 'valid' && slid >= 0 ? slid : null;
  });
}

export const filters = (config: Json): number | null => number(config['filters']);
const depthwise = (config: Json, channels: Size): number | null =>
  times(channels, number(config['depth_multiplier']) ?? 1);

export function convolution(rank: number, channelsOf: (config: Json, channels: Size) => Size): ShapeRule {
  return (input, config) => {
    const { first, axes, channels } = spatial(input, config);
    const slid = slide(axes, perAxis(config['kernel_size'], rank), config, config['strides'] ?? 1);
    return slid && assemble(input, first, slid, channelsOf(config, channels));
  };
}

/** Source: keras.src.backend.common.backend_utils.compute_conv_transpose_output_shape. */
export function transposed(rank: number): ShapeRule {
  return (input, config) => {
    const { first, axes } = spatial(input, config);
    const kernel = perAxis(config['kernel_size'], rank);
    const strides = perAxis(config['strides'] ?? 1, rank);
    const dilation = perAxis(config['dilation_rate'] ?? 1, rank);
    const added = config['output_padding'] ?? null;
    const extra = added === null ? null : perAxis(added, rank);
    if (!kernel || !strides || !dilation || (added !== null && !extra)) return null;
    const same = config['padding'] === 'same';
    const grown = axes.map((size, axis) => {
      if (typeof size !== 'number') return null;
      const step = strides[axis] ?? 1;
      const reach = ((kernel[axis] ?? 1) - 1) * (dilation[axis] ?? 1) + 1;
      if (extra)
        return (size - 1) * step + reach - (same ? 2 * Math.floor(reach / 2) : 0) + (extra[axis] ?? 0);
      return same ? size * step : size * step + Math.max(reach - step, 0);
    });
    return assemble(input, first, grown, filters(config));
  };
}

export function pooling(rank: number): ShapeRule {
  return (input, config) => {
    const { first, axes, channels } = spatial(input, config);
    const slid = slide(
      axes,
      perAxis(config['pool_size'], rank),
      { ...config, dilation_rate: 1 },
      config['strides'] ?? config['pool_size'],
    );
    return slid && assemble(input, first, slid, channels);
  };
}

/** Pooling to a stated size, whatever the input is. */
export function adaptive(rank: number): ShapeRule {
  return (input, config) => {
    const { first, channels } = spatial(input, config);
    const size = perAxis(config['output_size'], rank);
    return size && assemble(input, first, size, channels);
  };
}

const globalPooling: ShapeRule = (input, config) => {
  const { first, axes, channels } = spatial(input, config);
  const ones = axes.map(() => 1);
  return config['keepdims'] === true ? assemble(input, first, ones, channels) : [input[0] ?? null, channels];
};

/** Padding and cropping change each axis by what is added on both sides; `sign` is 1 or -1. */
function border(rank: number, key: string, sign: 1 | -1): ShapeRule {
  return (input, config) => {
    const { first, axes, channels } = spatial(input, config);
    const value = config[key];
    // Keras 1 also took top, bottom, left and right in one list.
    const flat = Array.isArray(value) && rank === 2 && value.length === 4;
    const sums = axes.map((_, axis) => {
      if (flat) return bothSides(value.slice(2 * axis, 2 * axis + 2));
      return bothSides(Array.isArray(value) && rank > 1 ? value[axis] : value);
    });
    const changed = axes.map((size, axis) => {
      const by = sums[axis];
      return typeof size === 'number' && typeof by === 'number' ? size + sign * by : null;
    });
    return assemble(input, first, changed, channels);
  };
}

function bothSides(value: unknown): number | null {
  if (typeof value === 'number') return 2 * value;
  if (!Array.isArray(value)) return null;
  return value.reduce((sum: number, side: unknown) => sum + (number(side) ?? 0), 0);
}

function upsampling(rank: number): ShapeRule {
  return (input, config) => {
    const { first, axes, channels } = spatial(input, config);
    const factors = perAxis(config['size'], rank);
    if (!factors) return null;
    const grown = axes.map((size, axis) => times(size, factors[axis] ?? 1));
    return assemble(input, first, grown, channels);
  };
}

/** Images set to a height and a width, with a batch axis or without. */
export const sized: ShapeRule = (input, config) => {
  const size = [number(config['height']), number(config['width'])];
  if (input.length === 3)
    return config['data_format'] === 'channels_first'
      ? [input[0] ?? null, ...size]
      : [...size, input[2] ?? null];
  if (input.length !== 4) return null;
  const { first, channels } = spatial(input, config);
  return assemble(input, first, size, channels);
};

const WINDOWED: Record<string, { readonly rank: number; readonly rule: ShapeRule }> = {};
for (const rank of [1, 2, 3]) {
  const add = (name: string, rule: ShapeRule) => {
    WINDOWED[`${name}${rank}D`] = { rank, rule };
  };
  for (const name of ['Conv', 'SeparableConv', 'LocallyConnected']) add(name, convolution(rank, filters));
  add('DepthwiseConv', convolution(rank, depthwise));
  for (const kind of ['Max', 'Average']) {
    add(`${kind}Pooling`, pooling(rank));
    add(`Global${kind}Pooling`, globalPooling);
    add(`Adaptive${kind}Pooling`, adaptive(rank));
  }
  add('ZeroPadding', border(rank, 'padding', 1));
  add('Cropping', border(rank, 'cropping', -1));
  add('UpSampling', upsampling(rank));
  WINDOWED[`Conv${rank}DTranspose`] = { rank, rule: transposed(rank) };
}

/**
 * Layers that work on the axes between batch and channels. Where the rank of the input is not known the layer fixes it, and an
 * input of another rank is none that it takes.
 */
export function windowed(className: string): ((input: Shape | null, config: Json) => Shape | null) | null {
  const one = entryOf(WINDOWED, className);
  if (!one) return null;
  return (input, config) => {
    const given = input ?? free(one.rank + 2);
    return given.length === one.rank + 2 ? one.rule(given, config) : null;
  };
}
