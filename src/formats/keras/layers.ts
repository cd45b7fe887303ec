import type { Shape } from '../../contract/types.ts';

/** A layer as a Keras config describes it. Untrusted: every value is checked where it is used. */
export interface LayerConfig {
  readonly className: string;
  readonly config: Readonly<Record<string, unknown>>;
}

/** The shapes that a layer returns, or why they cannot be told. */
export type Shapes = { readonly shapes: readonly Shape[] } | { readonly unknown: string };

type Rule = (input: Shape, config: LayerConfig['config'], inputs: readonly Shape[]) => Shape | null;

/** Layers that return what they were given in another value. */
const SAME_SHAPE = new Set([
  'InputLayer',
  'Activation',
  'ReLU',
  'LeakyReLU',
  'PReLU',
  'ELU',
  'ThresholdedReLU',
  'Softmax',
  'Identity',
  'Dropout',
  'SpatialDropout1D',
  'SpatialDropout2D',
  'SpatialDropout3D',
  'GaussianNoise',
  'GaussianDropout',
  'AlphaDropout',
  'ActivityRegularization',
  'Masking',
  'BatchNormalization',
  'SyncBatchNormalization',
  'LayerNormalization',
  'RMSNormalization',
  'GroupNormalization',
  'UnitNormalization',
  'SpectralNormalization',
  'Normalization',
  'Rescaling',
  'RandomFlip',
  'RandomRotation',
  'RandomZoom',
  'RandomTranslation',
  'RandomContrast',
  'RandomBrightness',
  'Discretization',
]);

const number = (value: unknown): number | null =>
  typeof value === 'number' && Number.isSafeInteger(value) ? value : null;
const last = (shape: Shape): Shape => shape.slice(0, -1);

/** One number for each of `rank` axes: Keras writes `3`, `[3, 3]` or (for cropping and padding) pairs. */
function perAxis(value: unknown, rank: number): number[] | null {
  if (typeof value === 'number') return Array<number>(rank).fill(value);
  if (!Array.isArray(value) || value.length !== rank) return null;
  const numbers = value.map(number);
  return numbers.every((one): one is number => one !== null) ? numbers : null;
}

function spatial(
  input: Shape,
  config: LayerConfig['config'],
): { first: boolean; axes: Shape; channels: Shape[number] } {
  const first = config['data_format'] === 'channels_first';
  return first
    ? { first, axes: input.slice(2), channels: input[1] ?? null }
    : { first, axes: input.slice(1, -1), channels: input.at(-1) ?? null };
}

function assemble(input: Shape, first: boolean, axes: Shape, channels: Shape[number]): Shape {
  const batch = input[0] ?? null;
  return first ? [batch, channels, ...axes] : [batch, ...axes, channels];
}

/** Sizes after sliding a window. Source: keras.src.ops.operation_utils.compute_conv_output_shape. */
function slide(
  axes: Shape,
  window: number[] | null,
  config: LayerConfig['config'],
  strides: unknown,
): Shape | null {
  const rank = axes.length;
  const steps = perAxis(strides, rank) ?? window;
  const dilation = perAxis(config['dilation_rate'] ?? 1, rank);
  if (!window || !steps || !dilation) return null;
  const padding = config['padding'] ?? 'valid';
  return axes.map((size, axis) => {
    if (typeof size !== 'number') return null;
    const step = steps[axis] ?? 1;
    const reach = ((window[axis] ?? 1) - 1) * (dilation[axis] ?? 1) + 1;
    return padding === 'valid' ? Math.floor((size - reach) / step) + 1 : Math.ceil(size / step);
  });
}

function convolution(
  rank: number,
  channelsOf: (config: LayerConfig['config'], channels: Shape[number]) => Shape[number],
): Rule {
  return (input, config) => {
    if (input.length !== rank + 2) return null;
    const { first, axes, channels } = spatial(input, config);
    const slid = slide(axes, perAxis(config['kernel_size'], rank), config, config['strides'] ?? 1);
    return slid && assemble(input, first, slid, channelsOf(config, channels));
  };
}

const filters = (config: LayerConfig['config']) => number(config['filters']);

/** Source: keras.src.backend.common.backend_utils.compute_conv_transpose_output_shape. */
function transposed(rank: number): Rule {
  return (input, config) => {
    if (input.length !== rank + 2 || (config['output_padding'] ?? null) !== null) return null;
    const { first, axes } = spatial(input, config);
    const kernel = perAxis(config['kernel_size'], rank);
    const strides = perAxis(config['strides'] ?? 1, rank);
    const dilation = perAxis(config['dilation_rate'] ?? 1, rank);
    if (!kernel || !strides || !dilation) return null;
    const grown = axes.map((size, axis) => {
      if (typeof size !== 'number') return null;
      const step = strides[axis] ?? 1;
      const reach = ((kernel[axis] ?? 1) - 1) * (dilation[axis] ?? 1) + 1;
      return config['padding'] === 'same' ? size * step : size * step + Math.max(reach - step, 0);
    });
    return assemble(input, first, grown, filters(config));
  };
}

function pooling(rank: number): Rule {
  return (input, config) => {
    if (input.length !== rank + 2) return null;
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

const globalPooling: Rule = (input, config) => {
  const { first, axes, channels } = spatial(input, config);
  return config['keepdims'] === true
    ? assemble(
        input,
        first,
        axes.map(() => 1),
        channels,
      )
    : [input[0] ?? null, channels];
};

/** Padding and cropping change each axis by what is added on both sides; `sign` is 1 or -1. */
function border(rank: number, key: string, sign: 1 | -1): Rule {
  return (input, config) => {
    if (input.length !== rank + 2) return null;
    const { first, axes, channels } = spatial(input, config);
    const value = config[key];
    const sums = Array.from({ length: rank }, (_, axis) => {
      const one: unknown = Array.isArray(value) && rank > 1 ? value[axis] : value;
      if (typeof one === 'number') return 2 * one;
      return Array.isArray(one)
        ? one.reduce((sum: number, side: unknown) => sum + (number(side) ?? 0), 0)
        : null;
    });
    const changed = axes.map((size, axis) => {
      const by = sums[axis];
      return typeof size === 'number' && typeof by === 'number' ? size + sign * by : null;
    });
    return assemble(input, first, changed, channels);
  };
}

function upsampling(rank: number): Rule {
  return (input, config) => {
    const { first, axes, channels } = spatial(input, config);
    const factors = perAxis(config['size'], rank);
    if (!factors || axes.length !== rank) return null;
    return assemble(
      input,
      first,
      axes.map((size, axis) => (typeof size === 'number' ? size * (factors[axis] ?? 1) : null)),
      channels,
    );
  };
}

const product = (sizes: Shape): number | null =>
  sizes.reduce<number | null>(
    (sum, size) => (sum === null || typeof size !== 'number' ? null : sum * size),
    1,
  );

const reshape: Rule = (input, config) => {
  const target = config['target_shape'];
  if (!Array.isArray(target)) return null;
  const sizes = target.map(number);
  const fixed = sizes.filter((size): size is number => size !== null && size >= 0);
  const total = product(input.slice(1));
  const rest = total === null ? null : total / fixed.reduce((a, b) => a * b, 1);
  return [input[0] ?? null, ...sizes.map((size) => (size === -1 ? rest : size))];
};

/** Elementwise on several inputs, with NumPy's broadcasting. */
const merge: Rule = (_input, _config, inputs) => {
  const rank = Math.max(...inputs.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = inputs
      .map((shape) => shape[shape.length - rank + axis])
      .filter((size) => size !== undefined && size !== 1);
    return (
      sizes.find((size) => typeof size === 'number') ??
      sizes[0] ??
      (inputs.length > 0 && sizes.length === 0 ? 1 : null)
    );
  });
};

const concatenate: Rule = (input, config, inputs) => {
  const at = number(config['axis']) ?? -1;
  const axis = at < 0 ? input.length + at : at;
  if (inputs.some((shape) => shape.length !== input.length)) return null;
  return input.map((size, index) =>
    index === axis ? sum(inputs.map((shape) => shape[index] ?? null)) : size,
  );
};

const sum = (sizes: Shape): number | null =>
  sizes.reduce<number | null>(
    (total, size) => (total === null || typeof size !== 'number' ? null : total + size),
    0,
  );

/** A vocabulary layer's axis of one-hot encodings. */
const encoded: Rule = (input, config) => {
  const mode = config['output_mode'] ?? 'int';
  if (mode === 'int') return input;
  const vocabulary = config['vocabulary'];
  const tokens =
    number(config['num_tokens']) ??
    number(config['num_bins']) ??
    (Array.isArray(vocabulary) ? vocabulary.length + (number(config['num_oov_indices']) ?? 1) : null);
  if (mode !== 'one_hot') return [...last(input), tokens];
  return input.at(-1) === 1 ? [...last(input), tokens] : [...input, tokens];
};

const RULES: Readonly<Record<string, Rule>> = {
  Dense: (input, config) => [...last(input), number(config['units'])],
  EinsumDense: () => null,
  Flatten: (input) => [input[0] ?? null, product(input.slice(1))],
  Reshape: reshape,
  Permute: (input, config) =>
    Array.isArray(config['dims'])
      ? [input[0] ?? null, ...config['dims'].map((axis) => input[number(axis) ?? -1] ?? null)]
      : null,
  RepeatVector: (input, config) => [input[0] ?? null, number(config['n']), input[1] ?? null],
  Embedding: (input, config) => [...input, number(config['output_dim'])],
  Conv1D: convolution(1, filters),
  Conv2D: convolution(2, filters),
  Conv3D: convolution(3, filters),
  SeparableConv1D: convolution(1, filters),
  SeparableConv2D: convolution(2, filters),
  DepthwiseConv1D: convolution(1, depthwise),
  DepthwiseConv2D: convolution(2, depthwise),
  Conv1DTranspose: transposed(1),
  Conv2DTranspose: transposed(2),
  Conv3DTranspose: transposed(3),
  MaxPooling1D: pooling(1),
  MaxPooling2D: pooling(2),
  MaxPooling3D: pooling(3),
  AveragePooling1D: pooling(1),
  AveragePooling2D: pooling(2),
  AveragePooling3D: pooling(3),
  GlobalMaxPooling1D: globalPooling,
  GlobalMaxPooling2D: globalPooling,
  GlobalMaxPooling3D: globalPooling,
  GlobalAveragePooling1D: globalPooling,
  GlobalAveragePooling2D: globalPooling,
  GlobalAveragePooling3D: globalPooling,
  ZeroPadding1D: border(1, 'padding', 1),
  ZeroPadding2D: border(2, 'padding', 1),
  ZeroPadding3D: border(3, 'padding', 1),
  Cropping1D: border(1, 'cropping', -1),
  Cropping2D: border(2, 'cropping', -1),
  Cropping3D: border(3, 'cropping', -1),
  UpSampling1D: upsampling(1),
  UpSampling2D: upsampling(2),
  UpSampling3D: upsampling(3),
  Add: merge,
  Subtract: merge,
  Multiply: merge,
  Average: merge,
  Maximum: merge,
  Minimum: merge,
  Concatenate: concatenate,
  Attention: (input, _config, inputs) => [...last(input), inputs[1]?.at(-1) ?? null],
  AdditiveAttention: (input, _config, inputs) => [...last(input), inputs[1]?.at(-1) ?? null],
  MultiHeadAttention: (input, config) => ((config['output_shape'] ?? null) === null ? input : null),
  Resizing: sized,
  CenterCrop: sized,
  RandomCrop: sized,
  StringLookup: encoded,
  IntegerLookup: encoded,
  Hashing: encoded,
  CategoryEncoding: (input, config) => encoded(input, { output_mode: 'multi_hot', ...config }, []),
  TextVectorization: (input, config) =>
    (config['output_mode'] ?? 'int') === 'int'
      ? [input[0] ?? null, number(config['output_sequence_length'])]
      : [input[0] ?? null, null],
};

function depthwise(config: LayerConfig['config'], channels: Shape[number]): Shape[number] {
  const factor = number(config['depth_multiplier']) ?? 1;
  return typeof channels === 'number' ? channels * factor : null;
}

function sized(input: Shape, config: LayerConfig['config']): Shape | null {
  if (input.length !== 4) return null;
  const { first, channels } = spatial(input, config);
  return assemble(input, first, [number(config['height']), number(config['width'])], channels);
}

/** The shapes that a layer of Keras itself returns for the shapes that it is given. */
export function layerShapes(layer: LayerConfig, inputs: readonly Shape[]): Shapes {
  const [input] = inputs;
  if (!input) return { unknown: `the input of ${layer.className} is not known` };
  if (SAME_SHAPE.has(layer.className)) return { shapes: [input] };
  if (['LSTM', 'GRU', 'SimpleRNN'].includes(layer.className)) return recurrent(layer, input);
  const inner = innerLayer(layer.config['layer']);
  if (layer.className === 'TimeDistributed' && inner) return timeDistributed(inner, input);
  if (layer.className === 'Bidirectional' && inner) return bidirectional(layer, inner, input);
  const rule = RULES[layer.className];
  const shape = rule?.(input, layer.config, inputs);
  return shape ? { shapes: [shape] } : { unknown: `the shape that ${layer.className} returns is not known` };
}

function recurrent(layer: LayerConfig, input: Shape): Shapes {
  const units = number(layer.config['units']);
  const batch = input[0] ?? null;
  const output: Shape =
    layer.config['return_sequences'] === true ? [batch, input[1] ?? null, units] : [batch, units];
  const states = layer.config['return_state'] === true ? (layer.className === 'LSTM' ? 2 : 1) : 0;
  return { shapes: [output, ...Array<Shape>(states).fill([batch, units])] };
}

function timeDistributed(inner: LayerConfig, input: Shape): Shapes {
  const [batch = null, time = null, ...rest] = input;
  const each = layerShapes(inner, [[batch, ...rest]]);
  if ('unknown' in each) return each;
  return { shapes: each.shapes.map((shape) => [batch, time, ...shape.slice(1)]) };
}

function bidirectional(layer: LayerConfig, inner: LayerConfig, input: Shape): Shapes {
  const one = layerShapes(inner, [input]);
  if ('unknown' in one || one.shapes.length !== 1)
    return { unknown: 'the shape that Bidirectional returns is not known' };
  const [shape = []] = one.shapes;
  const mode = layer.config['merge_mode'];
  if (mode === null) return { shapes: [shape, shape] };
  const width = shape.at(-1);
  return {
    shapes: [
      mode === 'concat' || mode === undefined
        ? [...last(shape), typeof width === 'number' ? 2 * width : null]
        : shape,
    ],
  };
}

/** The layer inside a wrapper. */
export function innerLayer(value: unknown): LayerConfig | null {
  if (typeof value !== 'object' || value === null) return null;
  const { class_name: className, config } = value as Record<string, unknown>;
  if (typeof className !== 'string' || typeof config !== 'object' || config === null) return null;
  return { className, config: config as LayerConfig['config'] };
}
