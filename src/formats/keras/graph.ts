import { SCALAR_TYPES, type ScalarType, type Shape } from '../../contract/types.ts';
import { innerLayer, type LayerConfig, layerShapes, type Shapes } from './layers.ts';

/** An input or output of a Keras model as its config describes it. */
export interface Port {
  readonly name: string;
  readonly type: ScalarType | null;
  /** A reason where the shape cannot be told. */
  readonly shape: Shape | { readonly unknown: string };
  readonly where: string;
}

export interface ModelPorts {
  readonly inputs: readonly Port[] | null;
  readonly outputs: readonly Port[] | null;
  /** Layers in order, nested models included: for what they say of activations and active content. */
  readonly layers: readonly LayerConfig[];
}

type Json = Readonly<Record<string, unknown>>;
const MAX_DEPTH = 40;
const MAX_LAYERS = 50_000;

const object = (value: unknown): Json | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : null;
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** Reads the architecture of a model: Sequential, Functional, or something that only its own code understands. */
export function portsOf(model: LayerConfig, buildConfig: unknown): ModelPorts {
  const layers = allLayers(model, 0);
  if (model.className === 'Sequential') return { ...sequentialPorts(model, buildConfig), layers };
  if (model.className === 'Functional' || model.className === 'Model')
    return { ...functionalPorts(model), layers };
  const built = shapeFrom(object(buildConfig)?.['input_shape']);
  return {
    inputs: built ? [{ name: 'inputs', type: null, shape: built, where: 'build_config.input_shape' }] : null,
    outputs: null,
    layers,
  };
}

function layerList(model: LayerConfig): LayerConfig[] {
  // Before Keras 2.2.3 the config of a Sequential model was the list itself.
  const given = Array.isArray(model.config) ? model.config : list(model.config['layers']);
  return given.slice(0, MAX_LAYERS).flatMap((one: unknown) => {
    const layer = innerLayer(one);
    return layer ? [layer] : [];
  });
}

function allLayers(model: LayerConfig, depth: number): LayerConfig[] {
  if (depth > MAX_DEPTH) return [];
  const own = isModel(model)
    ? layerList(model)
    : [innerLayer(model.config['layer'])].filter((one) => one !== null);
  return own.flatMap((layer) => [layer, ...allLayers(layer, depth + 1)]);
}

const isModel = (layer: LayerConfig): boolean =>
  ['Sequential', 'Functional', 'Model'].includes(layer.className);

function sequentialPorts(model: LayerConfig, buildConfig: unknown): Omit<ModelPorts, 'layers'> {
  const layers = layerList(model);
  const [first] = layers;
  if (!first) return { inputs: null, outputs: null };
  const stated = shapeFrom(first.config['batch_shape'] ?? first.config['batch_input_shape']);
  const shape = stated ?? shapeFrom(object(buildConfig)?.['input_shape']) ?? nestedInputShape(first);
  const name = String(first.config['name'] ?? 'input');
  const input: Port = {
    // A first layer that is no InputLayer gets one of its own, called after it.
    name: first.className === 'InputLayer' ? name : `${name}_input`,
    type: inputType(first),
    shape: shape ?? { unknown: 'the model was saved before it was built' },
    where: stated ? 'config.layers[0].config' : 'build_config.input_shape',
  };
  let known: Shapes = shape ? { shapes: [shape] } : { unknown: 'the shape of the input is not known' };
  for (const layer of layers) if ('shapes' in known) known = shapesThrough(layer, known.shapes, 0);
  return { inputs: [input], outputs: [portFrom(layers.at(-1) ?? first, known, 0)] };
}

function nestedInputShape(layer: LayerConfig): Shape | null {
  if (!isModel(layer)) return null;
  const shape = portsOf(layer, null).inputs?.[0]?.shape;
  return shape && !('unknown' in shape) ? shape : null;
}

/** What a layer, or a model used as one, returns. */
function shapesThrough(layer: LayerConfig, inputs: readonly Shape[], depth: number): Shapes {
  if (!isModel(layer)) return layerShapes(layer, inputs);
  if (depth > MAX_DEPTH) return { unknown: 'models are nested too deep' };
  if (layer.className === 'Sequential') {
    let known: Shapes = { shapes: inputs };
    for (const one of layerList(layer))
      if ('shapes' in known) known = shapesThrough(one, known.shapes, depth + 1);
    return known;
  }
  const outputs = functionalPorts(layer).outputs ?? [];
  const unknown = outputs.find((port) => 'unknown' in port.shape);
  if (unknown || outputs.length === 0)
    return { unknown: `the shape that ${layer.className} returns is not known` };
  return { shapes: outputs.map((port) => ('unknown' in port.shape ? [] : port.shape)) };
}

function portFrom(layer: LayerConfig, known: Shapes, index: number): Port {
  const shape = 'shapes' in known ? known.shapes[index] : undefined;
  return {
    name: String(layer.config['name'] ?? layer.className),
    type: outputType(layer),
    shape: shape ?? { unknown: 'unknown' in known ? known.unknown : `there is no output ${index}` },
    where: `layer ${String(layer.config['name'] ?? layer.className)}`,
  };
}

interface Reference {
  readonly layer: string;
  readonly node: number;
  readonly tensor: number;
}

/** `["name", 0, 0]`, a list of such, or a dictionary of such. */
function references(value: unknown): Reference[] {
  const [layer, node, tensor] = list(value);
  if (typeof layer === 'string' && typeof node === 'number')
    return [{ layer, node, tensor: typeof tensor === 'number' ? tensor : 0 }];
  const children = Array.isArray(value) ? value : Object.values(object(value) ?? {});
  return children
    .slice(0, 10_000)
    .flatMap((child: unknown) => (Array.isArray(child) ? references(child) : []));
}

function functionalPorts(model: LayerConfig): Omit<ModelPorts, 'layers'> {
  const byName = new Map<string, { layer: LayerConfig; nodes: readonly unknown[] }>();
  for (const one of list(model.config['layers']).slice(0, MAX_LAYERS)) {
    const raw = object(one);
    const layer = innerLayer(one);
    const name = raw?.['name'] ?? layer?.config['name'];
    if (layer && typeof name === 'string') byName.set(name, { layer, nodes: list(raw?.['inbound_nodes']) });
  }
  const known = new Map<string, Shapes>();
  const shapesOf = (layerName: string, node: number, depth: number): Shapes => {
    const key = `${layerName}\0${node}`;
    const before = known.get(key);
    if (before) return before;
    known.set(key, { unknown: 'the layers form a cycle' });
    const computed = computeShapes(layerName, node, depth);
    known.set(key, computed);
    return computed;
  };
  const computeShapes = (layerName: string, node: number, depth: number): Shapes => {
    const entry = byName.get(layerName);
    if (!entry) return { unknown: `there is no layer "${layerName}"` };
    if (depth > 5000) return { unknown: 'the layers are chained too deep' };
    const stated = shapeFrom(entry.layer.config['batch_shape'] ?? entry.layer.config['batch_input_shape']);
    if (entry.layer.className === 'InputLayer')
      return stated ? { shapes: [stated] } : { unknown: `the shape of "${layerName}" is not stated` };
    const inputs = inboundShapes(entry.nodes[node], (one) => {
      const shapes = shapesOf(one.layer, one.node, depth + 1);
      return 'shapes' in shapes ? (shapes.shapes[one.tensor] ?? null) : null;
    });
    if (!inputs) return { unknown: `the input of "${layerName}" is not known` };
    return shapesThrough(entry.layer, inputs, 0);
  };
  const port = (one: Reference): Port => {
    const entry = byName.get(one.layer);
    const layer = entry?.layer ?? { className: one.layer, config: {} };
    return portFrom(
      { ...layer, config: { ...layer.config, name: one.layer } },
      shapesOf(one.layer, one.node, 0),
      one.tensor,
    );
  };
  const inputs = references(model.config['input_layers']).map((one): Port => {
    const layer = byName.get(one.layer)?.layer;
    return { ...port(one), type: layer ? inputType(layer) : null };
  });
  const outputs = references(model.config['output_layers']).map(port);
  return { inputs: inputs.length > 0 ? inputs : null, outputs: outputs.length > 0 ? outputs : null };
}

/** The shapes that go into one call of a layer: Keras 3 states them, Keras 2 names the layers that they come from. */
function inboundShapes(node: unknown, shapeOf: (reference: Reference) => Shape | null): Shape[] | null {
  if (Array.isArray(node)) {
    const shapes = references(node).map(shapeOf);
    return shapes.every((shape): shape is Shape => shape !== null) && shapes.length > 0 ? shapes : null;
  }
  const tensors = kerasTensors(object(node)?.['args'], 0);
  const more = kerasTensors(object(node)?.['kwargs'], 0);
  const all = [...tensors, ...more];
  return all.length > 0 && all.every((shape) => shape !== null)
    ? all.filter((shape) => shape !== null)
    : null;
}

function kerasTensors(value: unknown, depth: number): (Shape | null)[] {
  if (depth > 8) return [];
  if (Array.isArray(value))
    return value.slice(0, 1000).flatMap((one: unknown) => kerasTensors(one, depth + 1));
  const one = object(value);
  if (!one) return [];
  if (one['class_name'] === '__keras_tensor__') return [shapeFrom(object(one['config'])?.['shape'])];
  return Object.values(one).flatMap((child) => kerasTensors(child, depth + 1));
}

/** A shape as JSON writes it; the first free axis is the batch. */
function shapeFrom(value: unknown): Shape | null {
  if (!Array.isArray(value)) return null;
  if (!value.every((size) => size === null || (Number.isSafeInteger(size) && size >= 0))) return null;
  return value.map((size: number | null, axis) => (size === null && axis === 0 ? 'batch' : size));
}

/** `float32`, `{config: {name: "mixed_float16"}}` … as the type of the values that a layer computes. */
function policyType(dtype: unknown): ScalarType | null {
  const name = typeof dtype === 'string' ? dtype : object(object(dtype)?.['config'])?.['name'];
  if (name === 'mixed_float16') return 'float16';
  if (name === 'mixed_bfloat16') return 'bfloat16';
  return SCALAR_TYPES.find((type) => type === name) ?? null;
}

function inputType(layer: LayerConfig): ScalarType | null {
  if (layer.className === 'InputLayer') return policyType(layer.config['dtype']) ?? 'float32';
  if (isModel(layer)) return portsOf(layer, null).inputs?.[0]?.type ?? null;
  if (['TextVectorization', 'StringLookup'].includes(layer.className)) return 'string';
  if (layer.className === 'Embedding') return null;
  return policyType(layer.config['dtype']);
}

/** Vocabulary layers return whole numbers unless they encode; all others compute in their own type. */
function outputType(layer: LayerConfig): ScalarType | null {
  if (isModel(layer)) return portsOf(layer, null).outputs?.[0]?.type ?? null;
  const looksUp = [
    'StringLookup',
    'IntegerLookup',
    'TextVectorization',
    'Hashing',
    'Discretization',
  ].includes(layer.className);
  if (looksUp && (layer.config['output_mode'] ?? 'int') === 'int')
    return layer.config['invert'] === true ? 'string' : 'int64';
  if (looksUp) return 'float32';
  return policyType(layer.config['dtype']);
}
