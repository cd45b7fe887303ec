import {
  type Call,
  innerLayer,
  isFunctional,
  type Json,
  type LayerConfig,
  list,
  number,
  object,
  policyType,
  shapeFrom,
  type Tensor,
  text,
} from './values.ts';

/** Calls a layer or a model with tensors. */
export type Run = (
  layer: LayerConfig,
  inputs: readonly Tensor[],
  call?: Pick<Call, 'args' | 'kwargs' | 'tensorOf'>,
) => readonly Tensor[];

/** A tensor at the edge of a graph, and the layer that it goes into or comes out of. */
export interface Edge {
  readonly name: string;
  readonly layer: LayerConfig | null;
  readonly tensor: Tensor;
}
export interface Evaluation {
  readonly inputs: readonly Edge[];
  readonly outputs: readonly Edge[];
}

/** Output `tensor` of call `node` of a layer. */
interface Reference {
  readonly layer: string;
  readonly node: number;
  readonly tensor: number;
  readonly kwargs: Json;
}

interface Entry {
  readonly layer: LayerConfig;
  /** Its calls in this graph. */
  readonly nodes: readonly unknown[];
  /** What Keras 2 adds to the number of a call: models have had one before they came here. */
  offset: number;
}

const MAX_LAYERS = 50_000;
const MAX_REFERENCES = 10_000;
const MAX_EDGES = 2000;
const UNKNOWN: Tensor = { shape: null, type: null };

/**
 * Follows the tensors of a Functional model from its inputs to its outputs.
 * @param given what goes in, where the model is called as a layer; `null` for what its own InputLayers state.
 */
export function evaluate(model: LayerConfig, given: readonly Tensor[] | null, run: Run): Evaluation {
  const { entries, inputs, outputs, stated } = graphOf(model);
  const known = new Map<string, readonly Tensor[]>();
  inputs.forEach((one, index) => {
    const own = inputTensor(entries.get(one.layer)?.layer ?? null, one.layer);
    const from = given?.[index];
    const shape =
      from?.shape && (!own.shape || own.shape.length === from.shape.length) ? from.shape : own.shape;
    known.set(`${one.layer}\0${0}`, [from ? { ...own, shape, type: from.type ?? own.type } : own]);
  });
  const tensor = (one: Reference): Tensor => {
    const tensors = settle(keyOf(one), entries, known, stated, given === null, run);
    return tensors[one.tensor] ?? { ...UNKNOWN, why: tensors[0]?.why ?? `there is no output ${one.tensor}` };
  };
  const edge = (one: Reference): Edge => ({
    name: one.layer,
    layer: entries.get(one.layer)?.layer ?? null,
    tensor: tensor(one),
  });
  const shifted = outputs.map((one) => {
    const entry = entries.get(one.layer);
    return { ...one, node: Math.max(0, one.node - (entry?.offset ?? 0)) };
  });
  return { inputs: inputs.map(edge), outputs: shifted.map(edge) };
}

interface Graph {
  readonly entries: ReadonlyMap<string, Entry>;
  readonly inputs: readonly Reference[];
  readonly outputs: readonly Reference[];
  readonly stated: ReadonlyMap<string, readonly (Tensor | undefined)[]>;
}

/** Models that are called many times are parsed once. */
const GRAPHS = new WeakMap<Json, Graph>();

function graphOf(model: LayerConfig): Graph {
  const before = GRAPHS.get(model.config);
  if (before) return before;
  const entries = entriesOf(model);
  const graph: Graph = {
    entries,
    inputs: references(model.config['input_layers'], entries).slice(0, MAX_EDGES),
    outputs: references(model.config['output_layers'], entries).slice(0, MAX_EDGES),
    stated: statedTensors(entries),
  };
  GRAPHS.set(model.config, graph);
  return graph;
}

const keyOf = (one: Reference): string => `${one.layer}\0${one.node}`;

function entriesOf(model: LayerConfig): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const one of list(model.config['layers']).slice(0, MAX_LAYERS)) {
    const raw = object(one);
    const layer = innerLayer(one);
    const name = raw?.['name'] ?? layer?.config['name'];
    if (layer && typeof name === 'string')
      entries.set(name, { layer, nodes: list(raw?.['inbound_nodes']), offset: 0 });
  }
  const all = [...entries.values()].flatMap((entry) => entry.nodes);
  if (all.some((node) => object(node) !== null && 'args' in (node as Json))) {
    // Keras 3 numbers outputs of Functional models from 1, and nothing else.
    for (const entry of entries.values()) entry.offset = isFunctional(entry.layer) ? 1 : 0;
    return entries;
  }
  const highest = new Map<string, number>();
  const used = [
    ...all.flatMap((node) => nodeReferences(node, entries)),
    ...references(model.config['output_layers'], entries),
  ];
  for (const one of used) highest.set(one.layer, Math.max(highest.get(one.layer) ?? 0, one.node));
  for (const [name, entry] of entries)
    entry.offset = Math.max(0, (highest.get(name) ?? 0) - Math.max(0, entry.nodes.length - 1));
  return entries;
}

function inputTensor(layer: LayerConfig | null, name: string): Tensor {
  const shape = shapeFrom(layer?.config['batch_shape'] ?? layer?.config['batch_input_shape']);
  const type = policyType(layer?.config['input_dtype'] ?? layer?.config['dtype']);
  return { shape, type, ...(shape === null && { why: `the shape of "${name}" is not stated` }) };
}

/** Computes a call and, before it, those that it hangs on; without recursion, for graphs are deep. */
function settle(
  target: string,
  entries: ReadonlyMap<string, Entry>,
  known: Map<string, readonly Tensor[]>,
  stated: ReadonlyMap<string, readonly (Tensor | undefined)[]>,
  trusted: boolean,
  run: Run,
): readonly Tensor[] {
  const pending = [target];
  const started = new Set<string>();
  for (let key = pending.at(-1); key !== undefined; key = pending.at(-1)) {
    if (known.has(key)) {
      pending.pop();
      continue;
    }
    const [name = '', index = '0'] = key.split('\0');
    const entry = entries.get(name);
    const node = entry?.nodes[Number(index)];
    if (!entry || node === undefined) {
      const inside = entry?.layer.className === 'InputLayer';
      known.set(key, [
        inside && entry ? inputTensor(entry.layer, name) : { ...UNKNOWN, why: `there is no layer "${name}"` },
      ]);
      continue;
    }
    const needed = nodeReferences(node, entries)
      .map(keyOf)
      .filter((one) => !known.has(one));
    if (needed.length > 0 && !started.has(key)) {
      started.add(key);
      pending.push(...needed.filter((one) => !started.has(one)));
      continue;
    }
    // What is still missing here hangs on this call itself.
    const tensorOf = (one: Reference): Tensor =>
      known.get(keyOf(one))?.[one.tensor] ?? { ...UNKNOWN, why: 'the layers form a cycle' };
    const outputs = callNode(entry.layer, node, entries, tensorOf, run);
    const own = stated.get(key) ?? [];
    const count = Math.max(outputs.length, own.length);
    known.set(
      key,
      Array.from({ length: count }, (_, at) => agree(outputs[at], own[at], trusted)),
    );
  }
  return known.get(target) ?? [];
}

/** What we computed and what Keras 3 wrote down. Its shapes count, its types are those that it means to return. */
function agree(computed: Tensor | undefined, stated: Tensor | undefined, trusted: boolean): Tensor {
  if (!stated) return computed ?? UNKNOWN;
  const ours = computed?.shape ?? null;
  const theirs = stated.shape;
  const same = ours !== null && theirs !== null && ours.length === theirs.length;
  const shape =
    theirs === null || (!trusted && ours !== null)
      ? ours
      : same
        ? theirs.map((size, axis) => (typeof size === 'number' ? size : (ours[axis] ?? size)))
        : theirs;
  return {
    shape,
    type: computed?.type ?? stated.type,
    ...(computed?.why !== undefined && { why: computed.why }),
  };
}

function callNode(
  layer: LayerConfig,
  node: unknown,
  entries: ReadonlyMap<string, Entry>,
  tensorOf: (reference: Reference) => Tensor,
  run: Run,
): readonly Tensor[] {
  const modern = object(node);
  const inputs = nodeReferences(node, entries).map(tensorOf);
  if (modern && 'args' in modern) {
    return run(layer, inputs, {
      args: list(modern['args']),
      kwargs: object(modern['kwargs']) ?? {},
      tensorOf: (value) => {
        const one = kerasTensor(value);
        return one ? tensorOf(one) : null;
      },
    });
  }
  const [one] = nodeReferences(node, entries, true);
  return run(layer, inputs, {
    args: [],
    kwargs: one?.kwargs ?? {},
    tensorOf: (value) => {
      const [reference] = references(value, entries);
      return reference ? tensorOf(shift(reference, entries)) : null;
    },
  });
}

function shift(one: Reference, entries: ReadonlyMap<string, Entry>): Reference {
  return { ...one, node: Math.max(0, one.node - (entries.get(one.layer)?.offset ?? 0)) };
}

/**
 * The tensors that go into a call, in order.
 * @param constants also those that stand for constants, for what is passed with them.
 */
function nodeReferences(node: unknown, entries: ReadonlyMap<string, Entry>, constants = false): Reference[] {
  const modern = object(node);
  if (modern && 'args' in modern) return kerasTensors([modern['args'], modern['kwargs']], 0);
  const direct = references(node, entries, constants);
  const passed = direct.flatMap((one) =>
    Object.values(one.kwargs).flatMap((value) => (Array.isArray(value) ? references(value, entries) : [])),
  );
  return [...direct, ...passed].slice(0, MAX_REFERENCES).map((one) => shift(one, entries));
}

/** `["name", 0, 0]`, a list of such, or a dictionary of such, whose keys Keras sorts. */
function references(
  value: unknown,
  entries: ReadonlyMap<string, Entry>,
  constants = false,
  depth = 0,
): Reference[] {
  const [layer, node, tensor, kwargs] = list(value);
  if (typeof layer === 'string' && typeof node === 'number') {
    const constant = layer === '_CONSTANT_VALUE';
    const passed = object(kwargs) ?? {};
    if (constant && !constants) return Object.values(passed).flatMap((one) => references(one, entries));
    if (!constant && !entries.has(layer)) return constants ? [] : [{ layer, node, tensor: 0, kwargs: {} }];
    return [{ layer, node, tensor: number(tensor) ?? 0, kwargs: passed }];
  }
  if (depth > 8) return [];
  const dictionary = object(value);
  const children = dictionary
    ? Object.keys(dictionary)
        .sort()
        .map((key) => dictionary[key])
    : list(value);
  return children
    .slice(0, MAX_REFERENCES)
    .flatMap((child) => (typeof child === 'object' ? references(child, entries, constants, depth + 1) : []));
}

function kerasTensor(value: unknown): Reference | null {
  const one = object(value);
  if (one?.['class_name'] !== '__keras_tensor__') return null;
  const [layer, node, tensor] = list(object(one['config'])?.['keras_history']);
  if (typeof layer !== 'string') return null;
  return { layer, node: number(node) ?? 0, tensor: number(tensor) ?? 0, kwargs: {} };
}

function kerasTensors(value: unknown, depth: number): Reference[] {
  if (depth > 8) return [];
  const one = kerasTensor(value);
  if (one) return [one];
  const children = Array.isArray(value) ? value : Object.values(object(value) ?? {});
  return children.slice(0, MAX_REFERENCES).flatMap((child: unknown) => kerasTensors(child, depth + 1));
}

/** What Keras 3 writes of every tensor that goes into a layer, by the layer that it comes from. */
function statedTensors(
  entries: ReadonlyMap<string, Entry>,
): ReadonlyMap<string, readonly (Tensor | undefined)[]> {
  const out = new Map<string, (Tensor | undefined)[]>();
  const visit = (value: unknown, depth: number): void => {
    const reference = kerasTensor(value);
    if (reference && reference.tensor >= 0 && reference.tensor < 1000) {
      const config = object(object(value)?.['config']);
      const own = out.get(keyOf(reference)) ?? [];
      own[reference.tensor] = {
        shape: shapeFrom(config?.['shape']),
        type: policyType(text(config?.['dtype'])),
      };
      out.set(keyOf(reference), own);
    } else if (depth < 8)
      for (const child of Array.isArray(value) ? value : Object.values(object(value) ?? {}))
        visit(child, depth + 1);
  };
  for (const entry of entries.values()) for (const node of entry.nodes) if (object(node)) visit(node, 0);
  return out;
}
