import type { Label } from '../../contract/types.ts';
import type { Bytes } from '../../model/bytes.ts';
import { type Candidate, type Look, Malformed, type Reading, type Remark } from '../format.ts';
import { derived, type Told, type ToldField, tell } from '../told.ts';
import { byCount } from '../weights.ts';
import {
  decode,
  fields,
  type Message,
  messageIn,
  rootMessage,
  type Schema,
  signed,
  textIn,
} from '../wire/protobuf.ts';
import { child, has, number, string, type Tree } from '../wire/tree.ts';
import { checkExternal, type ExternalUse, noteExternal } from './external.ts';
import { type TensorHead, walkGraph } from './graph.ts';
import { inferTypes } from './infer.ts';
import { type Labelled, traceLabels } from './labels.ts';
import { featuresInMetadata, labelsInMetadata, type NamedClasses } from './metadata.ts';
import type { TensorType } from './rules.ts';
import { elementType, valueField } from './types.ts';

const OPSET: Schema = { domain: [1, 'string'], version: [2, 'int'] };
const ENTRY: Schema = { key: [1, 'string'], value: [2, 'string'] };
const FUNCTION: Schema = { name: [1, 'string'], domain: [10, 'string'] };

/** The parts of a ModelProto. The graph is left where it lies. */
interface Model {
  irVersion: number;
  producer: string;
  producerVersion: string;
  domain: string;
  version: number;
  documentation: string;
  graph: Message | null;
  readonly opsets: Map<string, number>;
  readonly metadata: Map<string, string>;
  readonly functions: Set<string>;
}

/** Reads a ModelProto. @throws Truncated, Malformed. */
export function readOnnx(bytes: Bytes, candidate: Candidate, look: Look): Reading {
  const model = readModel(rootMessage(bytes));
  if (!model.graph) throw new Malformed('the file has no graph');
  const graph = readGraph(model.graph, model.irVersion);
  const remarks: Remark[] = [];
  if (model.opsets.size === 0 && model.irVersion >= 3)
    remarks.push({
      rule: 'onnx-opset-missing',
      level: 'warning',
      file: candidate.path,
      message: 'the file does not say which operator set it is written for',
      help: 'Export it again with a current exporter; a file that was cut short can look like this too.',
    });
  const custom = [...graph.domains].filter((domain) => isCustom(domain, model)).sort();
  if (custom.length > 0)
    remarks.push({
      rule: 'onnx-custom-operators',
      level: 'notice',
      file: candidate.path,
      message: `operators of ${custom.map((domain) => `"${domain}"`).join(', ')} are not part of ONNX`,
      help: 'The runtime needs the library that has them.',
    });
  const external = checkExternal(candidate.path, graph.external, look);
  remarks.push(...external.remarks);
  const named = labelsInMetadata(model.metadata);
  const outputs = graph.outputs.map((field) => withMetadataLabels(field, model.metadata, named));
  const { contract, evidence } = tell({ predict: { inputs: graph.inputs, outputs } }, 'predict');
  return {
    format: 'onnx',
    path: candidate.path,
    framework: { name: model.producer || 'onnx', version: model.producerVersion || null },
    contract,
    evidence,
    features: columnNames(graph.inputs) ?? featuresInMetadata(model.metadata, onlyWidth(graph.inputs)),
    labels: commonLabels(outputs) ?? (named?.certain ? named.labels : null),
    parameters: graph.parameters,
    properties: {
      ...propertiesOf(model, custom),
      ...(graph.precision !== null && { precision: graph.precision }),
    },
    requirements: {},
    risk: external.dangerous ? 'dangerous' : 'none',
    remarks,
  };
}

function readModel(message: Message): Model {
  const model: Model = {
    irVersion: 0,
    producer: '',
    producerVersion: '',
    domain: '',
    version: 0,
    documentation: '',
    graph: null,
    opsets: new Map(),
    metadata: new Map(),
    functions: new Set(),
  };
  const nested = (field: Parameters<typeof messageIn>[1], schema: Schema): Tree =>
    decode(messageIn(message, field), schema);
  for (const field of fields(message)) {
    if (field.number === 1) model.irVersion = signed(field);
    else if (field.number === 2) model.producer = textIn(message, field).trim();
    else if (field.number === 3) model.producerVersion = textIn(message, field).trim();
    else if (field.number === 4) model.domain = textIn(message, field);
    else if (field.number === 5) model.version = signed(field);
    else if (field.number === 6) model.documentation = textIn(message, field);
    else if (field.number === 7) model.graph = messageIn(message, field);
    else if (field.number === 8) {
      const opset = nested(field, OPSET);
      model.opsets.set(string(opset, 'domain'), number(opset, 'version'));
    } else if (field.number === 14) {
      const entry = nested(field, ENTRY);
      model.metadata.set(string(entry, 'key'), string(entry, 'value'));
    } else if (field.number === 25) model.functions.add(string(nested(field, FUNCTION), 'domain'));
  }
  return model;
}

interface Graph {
  readonly inputs: readonly ToldField[];
  readonly outputs: readonly ToldField[];
  readonly domains: ReadonlySet<string>;
  readonly external: ReadonlyMap<string, ExternalUse>;
  readonly parameters: number | null;
  /** Number types of the parameters, where they are counted. */
  readonly precision: string | null;
}

const MAX_VALUES = 20_000;
/** The largest models have ten thousand tensors. */
const MAX_INITIALIZERS = 60_000;

function add(list: Tree[], info: Tree): void {
  if (list.push(info) > MAX_VALUES) throw new Malformed(`more than ${MAX_VALUES} inputs or outputs`);
}

/** Outputs whose labels are looked for. */
const MAX_TRACED = 1000;
/** Operators that learn and keep what they learnt in attributes: the tensors then are not all parameters. */
const LEARNERS = /(Classifier|Regressor|TreeEnsemble)$/;

function readGraph(message: Message, irVersion: number): Graph {
  const inputs: Tree[] = [];
  const outputs: Tree[] = [];
  const initializers = new Set<string>();
  const domains = new Set<string>();
  const external = new Map<string, ExternalUse>();
  const trace = traceLabels();
  let parameters = 0;
  const types = new Map<string, number>();
  let learners = false;
  walkGraph(message, {
    input: (info) => add(inputs, info),
    output: (info) => add(outputs, info),
    initializer(tensor, within) {
      if (within === undefined) {
        initializers.add(tensor.name);
        if (initializers.size > MAX_INITIALIZERS)
          throw new Malformed(`the graph has more than ${MAX_INITIALIZERS} initializers`);
        trace.initializer(tensor);
      }
      // Single numbers in nodes are operands of formulas, and not what training set.
      const count = weightCount(tensor);
      const weights = within !== undefined && count === 1 ? 0 : count;
      parameters += weights;
      const type = elementType(tensor.elementType);
      if (weights > 0 && type !== null) types.set(type, (types.get(type) ?? 0) + weights);
      if (tensor.external) noteExternal(external, tensor.name, tensor.external, 0);
    },
    node(node) {
      if (domains.size < 1000) domains.add(node.domain);
      if (node.domain === 'ai.onnx.ml' && LEARNERS.test(node.operator)) learners = true;
      trace.node(node);
    },
  });
  // Before IR 4 every initializer was listed as an input; since then one that is listed may be overridden.
  const fed = inputs
    .map((info, index) => ({
      info,
      where: `graph.input[${index}]`,
      given: initializers.has(string(info, 'name')),
    }))
    .filter(({ given }) => !given || irVersion >= 4);
  const fields = fed.map(({ info, where, given }) => ({
    ...valueField(info, where),
    ...(given && { optional: true }),
  }));
  const widths = new Map(fields.map((field) => [field.name.value ?? '', lastSize(field)]));
  const categories = trace.categories(widths);
  let infer: ReturnType<typeof inferTypes> | null = null;
  const followed = (name: string) => {
    infer ??= inferTypes(message, new Map(fields.map((field) => [field.name.value ?? '', scalarOf(field)])));
    return infer(name);
  };
  return {
    inputs: fields.map((field) => {
      const set = categories.get(field.name.value ?? '');
      return { ...field, ...(set && { categories: derived(set.labels, set.where) }) };
    }),
    outputs: outputs.map((info, index) => {
      const field = completed(valueField(info, `graph.output[${index}]`), info, followed);
      const labelled = index < MAX_TRACED ? trace.labelled(string(info, 'name')) : null;
      const fits = labelled !== null && fitsShape(labelled, field);
      return { ...field, ...(fits && { labels: derived(labelled.labels, labelled.where) }) };
    }),
    domains,
    external,
    parameters: learners || parameters === 0 ? null : parameters,
    precision: learners || parameters === 0 ? null : byCount(types),
  };
}

/** A field as the types of other values follow from it. */
function scalarOf(field: ToldField): TensorType {
  const type = field.type.value;
  const container = type === 'sequence' || type === 'map' || type === 'record';
  return { type: container ? null : type, shape: field.shape.value };
}

/** An output with what the file does not state about it, where that follows from the nodes before it. */
function completed(field: ToldField, info: Tree, followed: (name: string) => TensorType | null): ToldField {
  const type = child(info, 'type');
  if (type && !has(type, 'tensor_type')) return field;
  // Converters that do not know a shape have written one without dimensions, which is that of a scalar.
  const vague = (field.shape.value ?? []).length === 0;
  if (field.type.value !== null && !vague) return field;
  const found = followed(field.name.value ?? '');
  const where = 'the nodes of the graph';
  const shape = found?.shape ?? null;
  return {
    ...field,
    ...(field.type.value === null && found?.type && { type: derived(found.type, where) }),
    ...(vague &&
      shape &&
      (shape.length > 0 || field.shape.value === null) && { shape: derived(shape, where) }),
  };
}

/** How wide the rows are that a model takes as its one input. */
function onlyWidth(inputs: readonly ToldField[]): number | null {
  const [only, ...others] = inputs.filter((field) => !field.optional);
  return only && others.length === 0 && only.shape.value?.length === 2 ? lastSize(only) : null;
}

/** The size of the last axis; `null` where it is not one number. */
function lastSize(field: ToldField): number | null {
  const size = field.shape.value?.at(-1);
  return typeof size === 'number' ? size : null;
}

/** Scores are a row of classes for a row of the input, as many entries as there are labels, where the file says it. */
function fitsShape(labelled: Labelled, field: ToldField): boolean {
  if (labelled.kind === 'label' || field.type.value === 'sequence') return true;
  const size = lastSize(field);
  return (field.shape.value?.length ?? 2) === 2 && (size === null || size === labelled.labels.length);
}

/** Numbers in a tensor that training set: shapes, axes, indices and switches are not counted. */
function weightCount(tensor: TensorHead): number {
  const type = elementType(tensor.elementType);
  if (type === null || type === 'int64' || type === 'int32' || type === 'bool' || type === 'string') return 0;
  return tensor.dimensions.reduce((product, size) => product * Math.max(size, 0), 1);
}

const OWN_DOMAINS = new Set([
  '',
  'ai.onnx',
  'ai.onnx.ml',
  'ai.onnx.training',
  'ai.onnx.preview',
  'ai.onnx.preview.training',
  'com.microsoft',
]);

function isCustom(domain: string, model: Model): boolean {
  return !OWN_DOMAINS.has(domain) && !model.functions.has(domain);
}

function propertiesOf(model: Model, custom: readonly string[]): Record<string, string> {
  const properties: Record<string, string> = { ir_version: String(model.irVersion) };
  for (const [domain, version] of [...model.opsets].sort(([a], [b]) => (a < b ? -1 : 1)))
    properties[`opset.${domain || 'ai.onnx'}`] = String(version);
  if (model.domain !== '') properties['domain'] = model.domain;
  if (model.version !== 0) properties['model_version'] = String(model.version);
  if (model.documentation.trim() !== '')
    properties['description'] = model.documentation.trim().slice(0, 1000);
  if (model.functions.size > 0) properties['function_domains'] = [...model.functions].sort().join(', ');
  if (custom.length > 0) properties['custom_domains'] = custom.join(', ');
  for (const [key, value] of [...model.metadata].slice(0, 100))
    properties[`metadata.${key.slice(0, 100)}`] = value.slice(0, 1000);
  return properties;
}

/** A classifier whose metadata name as many classes as its only output has scores. */
function withMetadataLabels(
  field: ToldField,
  metadata: ReadonlyMap<string, string>,
  named: NamedClasses | null,
): ToldField {
  const shape = field.shape.value;
  const task = metadata.get('task');
  if (field.labels || !named || !shape || shape.length < 2 || (task !== undefined && task !== 'classify'))
    return field;
  if (shape.at(-1) !== named.labels.length || shape.length > 2) return field;
  return { ...field, labels: derived(named.labels, named.where) };
}

/** Names of the features where the model takes one input a column, as models of tables do. */
function columnNames(inputs: readonly ToldField[]): string[] | null {
  const columns = inputs.every(
    (field) => field.shape.value?.length === 2 && lastSize(field) === 1 && !field.optional,
  );
  return columns && inputs.length >= 2 ? inputs.map((field) => field.name.value ?? '') : null;
}

/** The labels of the outputs where all that have some have the same. */
function commonLabels(outputs: readonly ToldField[]): readonly Label[] | null {
  const all = outputs.flatMap((field): Told<readonly Label[]>[] => (field.labels ? [field.labels] : []));
  const [first] = all;
  if (!first?.value) return null;
  const text = JSON.stringify(first.value);
  return all.every((one) => JSON.stringify(one.value) === text) ? first.value : null;
}
