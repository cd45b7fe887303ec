import type { ScalarType, Shape } from '../../contract/types.ts';
import { entryOf } from '../../model/entry.ts';
import { lookup } from './lookup.ts';
import { operation } from './operations.ts';
import { recurrent } from './recurrent.ts';
import {
  broadcast,
  type Call,
  free,
  isFloat,
  items,
  type Json,
  type LayerConfig,
  last,
  nameOf,
  number,
  policyType,
  product,
  shapeFrom,
  sum,
  type Tensor,
  text,
} from './values.ts';
import { sized, windowed } from './windows.ts';

type Shapes = readonly (Shape | null)[];
type Rule = (input: Shape | null, config: Json, inputs: Shapes) => Shape | null;

/** Layers that return what they were given in other values. */
const SAME_SHAPE = new Set(
  `InputLayer Activation ReLU LeakyReLU PReLU ELU ThresholdedReLU ThresholdedRelu Softmax SReLU ParametricSoftplus Identity
  Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D GaussianNoise GaussianDropout AlphaDropout ActivityRegularization
  Masking Highway BatchNormalization BatchNormalizationV1 BatchNormalizationV2 SyncBatchNormalization LayerNormalization RMSNormalization
  GroupNormalization UnitNormalization Normalization Rescaling RandomFlip RandomRotation RandomZoom RandomTranslation
  RandomContrast RandomBrightness RandomColorJitter RandomColorDegeneration RandomGrayscale RandomHue RandomInvert
  RandomPosterization RandomSaturation RandomSharpness RandomShear RandomGaussianBlur RandomPerspective RandomElasticTransform
  RandomErasing Solarization Equalization AutoContrast AugMix RandAugment MixUp CutMix`.split(/\s+/),
);

/** Layers that hand on values of any type as they are. */
const HANDING_ON = new Set(
  `InputLayer Flatten Reshape Permute RepeatVector Identity Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D GaussianNoise
  GaussianDropout AlphaDropout ActivityRegularization Add Subtract Multiply Maximum Minimum Concatenate ZeroPadding1D
  ZeroPadding2D ZeroPadding3D Cropping1D Cropping2D Cropping3D UpSampling1D UpSampling3D ReLU MaxPooling1D MaxPooling2D
  GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D Masking`.split(/\s+/),
);

const reshape: Rule = (input, config) => {
  const target = items(config['target_shape']);
  if (!target) return null;
  const sizes = target.map(number);
  const fixed = sizes.filter((size): size is number => size !== null && size >= 0);
  const total = input ? product(input.slice(1)) : null;
  const rest = total === null ? null : total / fixed.reduce((a, b) => a * b, 1);
  const open = rest !== null && Number.isSafeInteger(rest) ? rest : null;
  return [input ? (input[0] ?? null) : 'batch', ...sizes.map((size) => (size === -1 ? open : size))];
};

const permute: Rule = (input, config) => {
  const axes = items(config['dims']);
  if (!axes) return null;
  const from = input ?? free(axes.length + 1);
  return [from[0] ?? null, ...axes.map((axis) => from[number(axis) ?? -1] ?? null)];
};

const merge: Rule = (_input, _config, inputs) => broadcast(inputs);

const concatenate: Rule = (_input, config, inputs) => {
  const known = inputs.find((shape) => shape !== null);
  if (!known) return null;
  const at = number(config['axis']) ?? number(config['concat_axis']) ?? -1;
  const axis = at < 0 ? known.length + at : at;
  if (inputs.some((shape) => shape !== null && shape.length !== known.length)) return null;
  return known.map((_, index) => {
    const sizes = inputs.map((shape) => shape?.[index] ?? null);
    if (index === axis) return sum(sizes);
    return sizes.find((size) => typeof size === 'number') ?? sizes.find((size) => size !== null) ?? null;
  });
};

/** Source: keras.src.layers.merging.dot.Dot.compute_output_shape. */
const dot: Rule = (_input, config, [left, right]) => {
  if (!left || !right) return null;
  const given = config['axes'];
  const pair = typeof given === 'number' ? [given, given] : items(given)?.map(number);
  const [a, b] = [number(pair?.[0]), number(pair?.[1])];
  if (a === null || b === null) return null;
  const [first, second] = [a < 0 ? left.length + a : a, b < 0 ? right.length + b : b];
  const out = [
    ...left.filter((_, axis) => axis !== first),
    ...right.filter((_, axis) => axis !== second && axis > 0),
  ];
  return out.length === 1 ? [...out, 1] : out;
};

/** Source: keras.src.layers.core.einsum_dense: all sizes but the batch and those under `...` are in `output_shape`. */
const einsumDense: Rule = (input, config) => {
  const equation = /^(\.\.\.)?([a-zA-Z]+)(\.\.\.)?,([a-zA-Z]+)->(\.\.\.)?([a-zA-Z]+)(\.\.\.)?$/.exec(
    text(config['equation'])?.replaceAll(/\s/g, '') ?? '',
  );
  if (!equation) return null;
  const [, left, from = '', right] = equation;
  const given = config['output_shape'];
  const stated = (typeof given === 'number' ? [given] : (items(given) ?? [])).map(number);
  const elided = left !== undefined || right !== undefined;
  const source = input ?? (elided ? null : free(from.length));
  if (!source) return null;
  const extra = elided ? source.length - from.length : 0;
  const [batch = null] = source;
  // Keras takes the sizes that are stated as they are, open ones included.
  return left !== undefined
    ? [batch, ...source.slice(1, Math.max(1, extra)), ...stated]
    : [batch, ...stated, ...source.slice(source.length - Math.max(0, extra))];
};

const RULES: Readonly<Record<string, Rule>> = {
  Dense: (input, config) => input && [...last(input), number(config['units'])],
  MaxoutDense: (input, config) => [input?.[0] ?? 'batch', number(config['units'])],
  EinsumDense: einsumDense,
  Flatten: (input) => [input ? (input[0] ?? null) : 'batch', input ? product(input.slice(1)) : null],
  Reshape: reshape,
  Permute: permute,
  RepeatVector: (input, config) => {
    const [batch = null, width = null] = input ?? free(2);
    return [batch, number(config['n']), width];
  },
  Embedding: (input, config) => input && [...input, number(config['output_dim'])],
  ReversibleEmbedding: (input, config) => input && [...input, number(config['output_dim'])],
  Add: merge,
  Subtract: merge,
  Multiply: merge,
  Average: merge,
  Maximum: merge,
  Minimum: merge,
  Concatenate: concatenate,
  Dot: dot,
  Resizing: (input, config) => sized(input ?? free(4), config),
  CenterCrop: (input, config) => sized(input ?? free(4), config),
  RandomCrop: (input, config) => sized(input ?? free(4), config),
  // How images are filled up is chosen at random, and so is their size.
  RandomHeight: (input) => (input && input.length >= 3 ? input.with(-3, null) : null),
  RandomWidth: (input) => (input && input.length >= 3 ? input.with(-2, null) : null),
  MelSpectrogram: (input, config) => {
    const stride = number(config['sequence_stride']);
    const bins = number(config['num_mel_bins']);
    const frames = input?.at(-1);
    if (!input || stride === null || stride < 1) return null;
    const count = typeof frames === 'number' ? Math.floor((frames + stride + 1) / stride) : null;
    return [...last(input), bins, count];
  },
};

/** Merging in Keras 1: one layer with a mode. */
function mergeByMode(config: Json, inputs: Shapes): Shape | null {
  const mode = config['mode'];
  if (mode === 'concat') return concatenate(null, { axis: config['concat_axis'] }, inputs);
  if (mode === 'dot' || mode === 'cos') {
    const shape = dot(null, { axes: config['dot_axes'] }, inputs);
    return mode === 'cos' && shape && shape.length === 2 && shape[1] === 1 ? [...shape] : shape;
  }
  return ['sum', 'mul', 'ave', 'max', 'min'].includes(String(mode)) ? (inputs[0] ?? null) : null;
}

/** Attention returns values for queries, and its scores beside them when it is asked to. */
function attention(call: Call, inputs: Shapes): Shapes | null {
  const { className, config } = call.layer;
  const kwargs = call.kwargs;
  const query = call.tensorOf(kwargs['query'])?.shape ?? inputs[0] ?? null;
  const value = call.tensorOf(kwargs['value'])?.shape ?? inputs[1] ?? null;
  const scores = kwargs['return_attention_scores'] === true;
  if (className === 'Attention' || className === 'AdditiveAttention') {
    const out = query && [...last(query), value?.at(-1) ?? null];
    return scores ? [out, query && [...last(query), value?.at(-2) ?? null]] : [out];
  }
  if (
    className !== 'MultiHeadAttention' &&
    className !== 'GroupQueryAttention' &&
    className !== 'GroupedQueryAttention'
  )
    return null;
  const given = config['output_shape'] ?? null;
  const width =
    given === null ? null : typeof given === 'number' ? [given] : (items(given)?.map(number) ?? [null]);
  const out = query && (width === null ? query : [...last(query), ...width]);
  const heads = number(config['num_heads']) ?? number(config['num_query_heads']);
  const grid = query && value && [query[0] ?? null, heads, query.at(-2) ?? null, value.at(-2) ?? null];
  return scores ? [out, grid] : [out];
}

/** What a Lambda layer says of its output itself; its code may differ, but Keras 1 and 3 believe it. */
function lambda(layer: LayerConfig, input: Tensor | undefined): Tensor[] {
  const given = layer.config['output_shape'];
  const stated = layer.config['output_shape_type'] === 'lambda' ? null : items(given);
  const sizes = stated?.every((size) => size === null || number(size) !== null) ? stated.map(number) : null;
  const shape: Shape | null = sizes && [input?.shape?.[0] ?? 'batch', ...sizes];
  return [{ shape, type: null, why: `only the code of the Lambda layer "${nameOf(layer)}" knows` }];
}

/**
 * What a layer of Keras itself returns for what it is given. What cannot be told is `null` there, with the reason; the rank is
 * known after layers that take and give one rank only.
 */
export function layerOutputs(call: Call): readonly Tensor[] {
  const { layer, inputs } = call;
  const { className } = layer;
  const [first] = inputs;
  const inner = recurrent(layer, inputs, call.run) ?? lookup(layer, inputs, call.release);
  if (inner) return inner.map((one) => ({ ...one, ...whyOf(one, layer, first) }));
  if (className === 'Lambda') return lambda(layer, first);
  const computed = operation(call);
  if (computed) return computed.map((one) => ({ ...one, ...whyOf(one, layer, first) }));
  const shapes = inputs.map((input) => input.shape);
  const type = typeOf(call);
  const own = isOwn(layer);
  const ruled: Shapes | null = own ? ruledShapes(call, shapes) : null;
  if (ruled) return ruled.map((shape) => ({ shape, type, ...whyOf({ shape, type }, layer, first) }));
  return [{ shape: null, type: null, why: `only the code of ${className} knows what it returns` }];
}

function ruledShapes(call: Call, shapes: Shapes): Shapes | null {
  const { className, config } = call.layer;
  const input = shapes[0] ?? null;
  if (SAME_SHAPE.has(className)) return [input];
  if (className === 'Merge') return [mergeByMode(config, shapes)];
  if (className === 'Embedding' && call.kwargs['reverse'] === true)
    return [input && [...last(input), number(config['input_dim'])]];
  if (className === 'ReversibleEmbedding' && call.kwargs['reverse'] === true)
    return [input && [...last(input), number(config['input_dim'])]];
  // Keras 1 has the whole shape, with the batch, in the config.
  if (className === 'Deconvolution2D') return [shapeFrom(config['output_shape'])];
  if (className === 'STFTSpectrogram') return [spectrogram(input, config)];
  const slid = windowed(className);
  if (slid) return [slid(input, config)];
  const rule = entryOf(RULES, className);
  if (rule) return [rule(input, config, shapes)];
  return attention(call, shapes);
}

/** Source: keras.src.layers.preprocessing.stft_spectrogram. */
function spectrogram(input: Shape | null, config: Json): Shape | null {
  const last3 = input?.length === 3 ? input : free(3);
  const firstAxis = config['data_format'] === 'channels_first';
  const channels = (firstAxis ? last3[1] : last3[2]) ?? null;
  const length = number(config['frame_length']);
  const fft = number(config['fft_length']) ?? length;
  if (length === null || fft === null) return null;
  const bands = (Math.floor(fft / 2) + 1) * (config['mode'] === 'stft' ? 2 : 1);
  const wide = typeof channels === 'number' ? bands * channels : null;
  const [batch = null, a = null, b = null] =
    windowed('Conv1D')?.(last3, {
      kernel_size: length,
      strides: config['frame_step'] ?? Math.max(1, Math.floor(length / 2)),
      padding: config['padding'],
      data_format: config['data_format'],
      filters: wide,
    }) ?? [];
  if (config['expand_dims'] !== true) return [batch, a, b];
  return firstAxis ? [batch, channels, b, bands] : [batch, a, bands, channels];
}

/** Classes of other packages may have the names of Keras's own and do something else. */
function isOwn(layer: LayerConfig): boolean {
  return (
    layer.module === null || /^(tensorflow\.)?(tf_)?keras(\.|$)|^tensorflow\.python\.keras/.test(layer.module)
  );
}

/** The type of what a layer returns: that in which it computes, or of what it hands on. */
function typeOf({ layer, inputs, release }: Call): ScalarType | null {
  const given = inputs[0]?.type ?? null;
  const policy = policyType(layer.config['dtype']);
  if (given !== null && !isFloat(given) && HANDING_ON.has(layer.className))
    return inputs.every((input) => input.type === given) ? given : null;
  // Keras 3 declares floats for images of bytes, and returns bytes.
  if (
    given !== null &&
    !isFloat(given) &&
    (release === null || release >= 3) &&
    /^(Resizing|CenterCrop|RandomCrop)$/.test(layer.className)
  )
    return null;
  if (policy !== null && isFloat(policy)) return policy;
  // Without a policy (old versions) the type of the values goes through; indexes are looked up as floats.
  return given !== null && isFloat(given) ? given : 'float32';
}

function whyOf(one: Tensor, layer: LayerConfig, input: Tensor | undefined): { why?: string } {
  const open = one.shape === null || one.type === null || one.shape.some((size) => size === null);
  if (!open) return {};
  if (one.why !== undefined) return { why: one.why };
  if (input?.why !== undefined) return { why: input.why };
  return one.shape === null ? { why: `the shape that ${layer.className} returns is not known` } : {};
}
