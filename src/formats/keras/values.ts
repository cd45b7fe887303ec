import { SCALAR_TYPES, type ScalarType, type Shape } from '../../contract/types.ts';
import { modernised } from './old.ts';

export type Json = Readonly<Record<string, unknown>>;
type Size = Shape[number];

/** A layer as a Keras config describes it. Untrusted: every value is checked where it is used. */
export interface LayerConfig {
  readonly className: string;
  readonly config: Json;
  /** Where Keras 3 imports the class from: it tells `keras.layers.Add` from `keras.src.ops.numpy.Add`. */
  readonly module: string | null;
  /** The shape that Keras 3 built the layer for. */
  readonly built: Shape | null;
}

/** What goes from layer to layer. A shape of `null` is of any rank, as far as we know. */
export interface Tensor {
  readonly shape: Shape | null;
  readonly type: ScalarType | null;
  /** Why the shape, or a part of it, is not known. */
  readonly why?: string;
}

/** One call of a layer: the tensors that go in, in order, and the arguments as the config writes them. */
export interface Call {
  readonly layer: LayerConfig;
  readonly inputs: readonly Tensor[];
  /** Keras 3: positional arguments. Empty elsewhere. */
  readonly args: readonly unknown[];
  readonly kwargs: Json;
  /** The Keras that saved the model as a number, such as 3.12, where the file says so. */
  readonly release: number | null;
  /** Turns an argument into the tensor that it stands for; `null` for constants. */
  readonly tensorOf: (value: unknown) => Tensor | null;
  /** Calls another layer, or a model, in the place of this one: that inside a wrapper. */
  readonly run: (layer: LayerConfig, inputs: readonly Tensor[]) => readonly Tensor[];
}

export const object = (value: unknown): Json | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : null;
export const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
export const number = (value: unknown): number | null =>
  typeof value === 'number' && Number.isSafeInteger(value) ? value : null;
export const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);

export const last = (shape: Shape): Shape => shape.slice(0, -1);
export const sum = (sizes: Shape): number | null =>
  sizes.reduce<number | null>(
    (total, size) => (total === null || typeof size !== 'number' ? null : total + size),
    0,
  );
export const product = (sizes: Shape): number | null =>
  sizes.reduce<number | null>(
    (total, size) => (total === null || typeof size !== 'number' ? null : total * size),
    1,
  );
/** A size times a number; unknown stays unknown. */
export const times = (size: Size | undefined, factor: number): number | null =>
  typeof size === 'number' ? size * factor : null;

/** `[batch, free, free …]` of a rank. */
export const free = (rank: number): Shape =>
  Array.from({ length: rank }, (_, axis) => (axis === 0 ? 'batch' : null));

/** One number for each of `rank` axes: Keras writes `3`, `[3, 3]` or (for cropping and padding) pairs. */
export function perAxis(value: unknown, rank: number): number[] | null {
  if (typeof value === 'number') return Array<number>(rank).fill(value);
  if (!Array.isArray(value) || (value.length !== rank && value.length !== 1)) return null;
  const numbers = (value.length === 1 ? Array<unknown>(rank).fill(value[0]) : value).map(number);
  return numbers.every((one): one is number => one !== null) ? numbers : null;
}

/** A list as Keras writes one: plain, or as a tuple (`{class_name: "__tuple__", items}`). */
export function items(value: unknown): readonly unknown[] | null {
  if (Array.isArray(value)) return value;
  const one = object(value);
  return one?.['class_name'] === '__tuple__' ? list(one['items']) : null;
}

/** A shape as JSON writes it; the first free axis is the batch. */
export function shapeFrom(value: unknown): Shape | null {
  const sizes = items(value);
  if (sizes === null || sizes.length > 64) return null;
  if (!sizes.every((size) => size === null || (Number.isSafeInteger(size) && Number(size) >= 0))) return null;
  return sizes.map((size, axis) => (typeof size === 'number' ? size : axis === 0 ? 'batch' : null));
}

/** NumPy's broadcasting. `null` where a rank is not known. */
export function broadcast(shapes: readonly (Shape | null)[]): Shape | null {
  const known = shapes.filter((shape): shape is Shape => shape !== null);
  if (known.length !== shapes.length || known.length === 0) return null;
  const rank = Math.max(...known.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = known
      .map((shape) => shape[shape.length - rank + axis])
      .filter((size) => size !== undefined && size !== 1);
    if (sizes.length === 0) return 1;
    const fixed = sizes.find((size) => typeof size === 'number');
    return fixed ?? (sizes.every((size) => size === sizes[0]) ? (sizes[0] ?? null) : null);
  });
}

export const isFloat = (type: ScalarType | null): boolean => type !== null && /float/.test(type);

const scalarType = (name: unknown): ScalarType | null => SCALAR_TYPES.find((type) => type === name) ?? null;

/**
 * `float32`, `{config: {name: "mixed_float16"}}`, `int8_from_bfloat16` … as the type that a layer computes in. `null`
 * where the policy takes the type of the input.
 */
export function policyType(dtype: unknown, depth = 0): ScalarType | null {
  const inner = object(object(dtype)?.['config']);
  if (inner && depth < 3 && 'default_policy' in inner) return policyType(inner['default_policy'], depth + 1);
  const source = depth < 3 ? text(inner?.['source_name']) : null;
  const name = source ?? text(dtype) ?? text(inner?.['name']) ?? '';
  const plain = name.replace(/^.*_from_/, '').replace(/^tf\./, '');
  if (plain === 'mixed_float16') return 'float16';
  if (plain === 'mixed_bfloat16') return 'bfloat16';
  if (plain === 'half') return 'float16';
  return scalarType(plain === 'float' ? 'float32' : plain);
}

/** A class and its config, as layers, wrapped layers and whole models are written. */
export function innerLayer(value: unknown): LayerConfig | null {
  const one = object(value);
  const className = one?.['class_name'];
  const config = one?.['config'];
  if (typeof className !== 'string' || typeof config !== 'object' || config === null) return null;
  // Before Keras 2.2.3 the config of a Sequential model was the list of its layers itself.
  const own = Array.isArray(config) ? { layers: config } : (config as Json);
  // Old versions of TensorFlow write "Keras>Dense" or a package before the name.
  const built = shapeFrom(object(one?.['build_config'])?.['input_shape']);
  return { ...modernised(className.replace(/^.*>/, ''), own), module: text(one?.['module']), built };
}

export const nameOf = (layer: LayerConfig): string => text(layer.config['name']) ?? layer.className;

/** Whether a layer is a graph of layers that its config spells out, whatever its class is called. */
export const isFunctional = (layer: LayerConfig): boolean =>
  Array.isArray(layer.config['layers']) && 'input_layers' in layer.config && 'output_layers' in layer.config;
export const isSequential = (layer: LayerConfig): boolean => layer.className === 'Sequential';
export const isModel = (layer: LayerConfig): boolean => isSequential(layer) || isFunctional(layer);
