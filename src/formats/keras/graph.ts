import type { Label, ScalarType, Shape } from '../../contract/types.ts';
import { type Evaluation, evaluate, type Run } from './functional.ts';
import { layerOutputs } from './layers.ts';
import { wordsOf } from './lookup.ts';
import {
  innerLayer,
  isFunctional,
  isModel,
  isSequential,
  type LayerConfig,
  list,
  nameOf,
  object,
  policyType,
  shapeFrom,
  type Tensor,
  text,
} from './values.ts';

/** An input or output of a Keras model as its config describes it. */
export interface Port {
  readonly name: string;
  readonly type: ScalarType | null;
  readonly shape: Shape | null;
  /** Why the shape or the type is not known. */
  readonly why: string;
  readonly where: string;
  readonly labels?: readonly Label[];
  readonly optional?: boolean;
}

export interface ModelPorts {
  readonly inputs: readonly Port[] | null;
  readonly outputs: readonly Port[] | null;
  /** Layers in order, nested models included: for what they say of activations and active content. */
  readonly layers: readonly LayerConfig[];
}

const MAX_DEPTH = 40;
const MAX_LAYERS = 50_000;
/** Calls of layers in one model, with what goes in and comes out: nested models that call each other grow without bound. */
const MAX_CALLS = 500_000;
/** No tensor has so many axes. */
const MAX_RANK = 64;

/** Reads the architecture of a model: Sequential, Functional, or something that only its own code understands. */
export function portsOf(model: LayerConfig, version: string | null): ModelPorts {
  const layers = allLayers(model, 0, { left: MAX_LAYERS });
  const release = releaseOf(version);
  const budget = { left: MAX_CALLS };
  const call = (depth: number, ...[layer, inputs, details]: Parameters<Run>): readonly Tensor[] => {
    const within: Run = (one, given) => run(depth + 1, one, given);
    if (isFunctional(layer)) return evaluate(layer, inputs, within).outputs.map((one) => one.tensor);
    if (isSequential(layer)) return through(layerList(layer), inputs, within);
    const plain = { args: [], kwargs: {}, tensorOf: () => null, ...details };
    return layerOutputs({ ...plain, layer, inputs, release, run: within });
  };
  const run = (depth: number, ...given: Parameters<Run>): readonly Tensor[] => {
    budget.left -= 1 + given[1].length;
    if (depth > MAX_DEPTH || budget.left <= 0)
      return [{ shape: null, type: null, why: 'the layers are too many, or nested too deep' }];
    const outputs = call(depth, ...given);
    budget.left -= outputs.length;
    return outputs.map((one) => (one.shape && one.shape.length > MAX_RANK ? { ...one, shape: null } : one));
  };
  const outermost: Run = (...given) => run(0, ...given);
  if (isSequential(model)) return { ...sequentialPorts(model, outermost, version), layers };
  if (isFunctional(model)) return { ...functionalPorts(evaluate(model, null, outermost)), layers };
  const why = 'the layer states no type';
  // It was built for the batch that it was first called with; the model takes others as well.
  const shape = model.built && model.built.length > 0 ? ['batch', ...model.built.slice(1)] : null;
  const inputs: Port[] | null = shape && [
    { name: 'inputs', type: null, shape, why, where: 'build_config.input_shape' },
  ];
  return { inputs, outputs: null, layers };
}

/** `3.12.1` as 3.12, and `3.5.0` as 3.05. */
function releaseOf(version: string | null): number | null {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(version ?? '') ?? [];
  return major === undefined ? null : Number(major) + Number(minor) / 100;
}

function layerList(model: LayerConfig): LayerConfig[] {
  return list(model.config['layers'])
    .slice(0, MAX_LAYERS)
    .flatMap((one) => innerLayer(one) ?? []);
}

function allLayers(model: LayerConfig, depth: number, budget: { left: number }): LayerConfig[] {
  if (depth > MAX_DEPTH) return [];
  const wrapped = ['layer', 'forward_layer', 'backward_layer', 'cell'].flatMap(
    (key) => innerLayer(model.config[key]) ?? [],
  );
  const own = [...layerList(model), ...wrapped];
  return own.flatMap((layer) => (budget.left-- > 0 ? [layer, ...allLayers(layer, depth + 1, budget)] : []));
}

/** One layer after the other. Where one is not known, Keras 3 says what the next was built for. */
function through(layers: readonly LayerConfig[], inputs: readonly Tensor[], run: Run): readonly Tensor[] {
  let known = inputs;
  for (const layer of layers) {
    const [only] = known;
    if (known.length === 1 && only?.shape === null && layer.built) known = [{ ...only, shape: layer.built }];
    known = run(layer, known);
  }
  return known;
}

function sequentialPorts(model: LayerConfig, run: Run, version: string | null): Omit<ModelPorts, 'layers'> {
  const layers = layerList(model);
  const [first] = layers;
  if (!first) return { inputs: null, outputs: null };
  if (first.className === 'Merge' && Array.isArray(first.config['layers']))
    return mergedPorts(layers, first, run, version);
  const stated = shapeFrom(first.config['batch_shape'] ?? first.config['batch_input_shape']);
  const shape =
    stated ??
    model.built ??
    shapeFrom(model.config['build_input_shape']) ??
    (isModel(first) ? inputShape(innermost(first)) : null);
  const input: Port = {
    // A first layer that is no InputLayer gets one of its own, called after it.
    name: first.className === 'InputLayer' ? nameOf(first) : madeName(first, version),
    type: inputType(first),
    shape,
    why: 'the model was saved before it was built',
    where: stated ? 'config.layers[0].config' : 'build_config.input_shape',
  };
  const why = 'the shape of the input is not known';
  const outputs = through(layers, [{ shape, type: input.type, ...(shape === null && { why }) }], run);
  const end = layers.at(-1) ?? first;
  return { inputs: [input], outputs: outputs.map((tensor) => portOf(nameOf(end), tensor, end)) };
}

/** Keras 1: a Sequential model that begins with the ends of several others. */
function mergedPorts(
  layers: readonly LayerConfig[],
  first: LayerConfig,
  run: Run,
  version: string | null,
): Omit<ModelPorts, 'layers'> {
  const branches = layerList(first).map((branch) => portsOf(branch, version));
  const inputs = branches.map((branch) => branch.inputs);
  const tensors = branches.flatMap((branch) => branch.outputs ?? []);
  const outputs = through(layers.slice(1), run(first, tensors), run);
  const end = layers.at(-1) ?? first;
  return {
    inputs: inputs.every((one) => one !== null) ? counted(inputs.flat()) : null,
    outputs: outputs.map((tensor) => portOf(nameOf(end), tensor, end)),
  };
}

/**
 * Keras 1 called the input of a first layer after its class, and counted; later versions call it after the layer. A model in
 * the first place lent its own input until Keras 2.2.
 */
function madeName(first: LayerConfig, version: string | null): string {
  const own = isModel(first) && /^(1\.|2\.[01]\.\d+$)/.test(version ?? '') ? innermost(first) : null;
  if (own) return own.className === 'InputLayer' ? nameOf(own) : madeName(own, version);
  return version?.startsWith('1.') ? `${oldClass(first).toLowerCase()}_input_1` : `${nameOf(first)}_input`;
}

/** The class as the file has it: the name of the layer begins with it, where the user gave none. */
function oldClass(layer: LayerConfig): string {
  const own = nameOf(layer).replace(/_\d+$/, '');
  return [
    'convolution1d',
    'convolution2d',
    'convolution3d',
    'atrousconvolution1d',
    'atrousconvolution2d',
    'timedistributeddense',
  ].includes(own)
    ? own
    : layer.className;
}

/** Inputs of the same class are numbered through in Keras 1. */
function counted(ports: readonly Port[]): Port[] {
  const counts = new Map<string, number>();
  return ports.map((port) => {
    const stem = /^(\w+_input_)1$/.exec(port.name)?.[1];
    if (stem === undefined) return port;
    const count = (counts.get(stem) ?? 0) + 1;
    counts.set(stem, count);
    return { ...port, name: `${stem}${count}` };
  });
}

/** The first layer inside a model, inside its first layer, and so on: what the model is called with. */
function innermost(layer: LayerConfig): LayerConfig | null {
  let inner: LayerConfig | null = layer;
  for (let depth = 0; inner && isModel(inner); depth++) {
    if (depth > MAX_DEPTH) return null;
    inner = isFunctional(inner) ? inputLayerOf(inner) : (firstLayer(inner) ?? null);
  }
  return inner;
}

const firstLayer = (model: LayerConfig): LayerConfig | null => innerLayer(list(model.config['layers'])[0]);

function inputLayerOf(model: LayerConfig): LayerConfig | null {
  const layers = list(model.config['layers']).slice(0, MAX_LAYERS);
  const name = list(model.config['input_layers']).flat(2)[0];
  const one = layers.find((layer) => object(layer)?.['name'] === name);
  const found = innerLayer(one);
  return found?.className === 'InputLayer' ? found : null;
}

const inputShape = (layer: LayerConfig | null): Shape | null =>
  shapeFrom(layer?.config['batch_shape'] ?? layer?.config['batch_input_shape']);

function functionalPorts(model: Evaluation): Omit<ModelPorts, 'layers'> {
  const inputs = model.inputs.map(
    ({ name, layer, tensor }): Port => ({
      ...portOf(name, { ...tensor, type: layer ? inputType(layer) : tensor.type }, layer),
      ...(layer?.config['optional'] === true && { optional: true }),
    }),
  );
  const outputs = unique(model.outputs.map(({ name, layer, tensor }) => portOf(name, tensor, layer)));
  return { inputs: inputs.length > 0 ? inputs : null, outputs: outputs.length > 0 ? outputs : null };
}

/** A layer that gives several outputs names all of them; TensorFlow numbers the names from the second on. */
function unique(ports: readonly Port[]): Port[] {
  const taken = new Set<string>();
  return ports.map((port) => {
    let { name } = port;
    for (let count = 1; taken.has(name); count++) name = `${port.name}_${count}`;
    taken.add(name);
    return { ...port, name };
  });
}

function portOf(name: string, tensor: Tensor, layer: LayerConfig | null): Port {
  const labels = layer && wordsOf(layer);
  return {
    name,
    type: tensor.type,
    shape: tensor.shape,
    why: tensor.why ?? 'the layer states no type',
    where: `layer ${name}`,
    ...(labels && { labels }),
  };
}

/** The type of a model's input: that of its InputLayer, or what Keras makes for a first layer that is none. */
function inputType(layer: LayerConfig): ScalarType | null {
  const own = layer.config['input_dtype'] ?? layer.config['dtype'];
  if (layer.className === 'InputLayer') return policyType(own) ?? 'float32';
  if (isModel(layer)) {
    const inner = innermost(layer);
    return inner && inputType(inner);
  }
  if (['TextVectorization', 'StringLookup'].includes(layer.className)) return 'string';
  const name = text(own) ?? text((own as { config?: { name?: unknown } } | null | undefined)?.config?.name);
  // Mixed precision computes in half floats; variables and inputs stay whole.
  if (name?.startsWith('mixed_')) return 'float32';
  return policyType(own);
}
