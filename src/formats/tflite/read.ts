import type { Label } from '../../contract/types.ts';
import { type Bytes, slice, Truncated } from '../../model/bytes.ts';
import { open } from '../../model/walk.ts';
import { watchOperators } from '../active-operators.ts';
import { type Candidate, type Look, Malformed, type Reading, type Remark } from '../format.ts';
import { hasIdentifier } from '../tflite.ts';
import { derived, stated, type ToldField, type ToldSignature, tell } from '../told.ts';
import { byCount } from '../weights.ts';
import { rootTable, type Table } from '../wire/flatbuffer.ts';
import { type Reader, readerOf } from '../wire/flatbuffer-reader.ts';
import { type ModelNotes, readNotes, type TensorNotes } from './metadata.ts';
import { bufferRange, readTensor, type Tensor } from './model.ts';

/** Reads a candidate of this format. Loaded where there is one. */
export async function readTfliteModel(candidate: Candidate, look: Look): Promise<Reading> {
  const file = look.file(candidate.path);
  if (!file) throw new Malformed('the file is gone');
  if (file.size < 8) throw new Truncated('the file is shorter than its head');
  if (!hasIdentifier(look.head(file))) throw new Malformed('the identifier TFL3 is not there');
  using bytes = open(file);
  return readTflite(bytes, candidate);
}

/** Slots of Model, SubGraph and SignatureDef in schema.fbs. */
const MODEL = {
  version: 0,
  operators: 1,
  subgraphs: 2,
  description: 3,
  buffers: 4,
  metadata: 6,
  signatures: 7,
};
const SUBGRAPH = { tensors: 0, inputs: 1, outputs: 2 };
const SIGNATURE = { inputs: 0, outputs: 1, key: 2, subgraph: 4 };

interface Subgraph {
  readonly tensors: readonly Tensor[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

/** Reads a TFLite model. @throws Truncated, Malformed. */
export function readTflite(bytes: Bytes, candidate: Candidate): Reading {
  const root = rootTable(bytes);
  const reader = readerOf(bytes);
  const subgraphs = reader.tables(root, MODEL.subgraphs).map((table, at) => readSubgraph(reader, table, at));
  const [main] = subgraphs;
  if (!main) throw new Malformed('the model has no subgraph');
  const buffers = reader.tables(root, MODEL.buffers).map(bufferRange);
  for (const range of buffers)
    if (range && range.offset + range.length > bytes.size)
      throw new Truncated(`a buffer ends at byte ${range.offset + range.length} of ${bytes.size}`);
  const metadata = metadataOf(reader, root, buffers);
  const notes = metadata.notes;
  const signatures = signaturesOf(reader, root, subgraphs, notes);
  const names = Object.keys(signatures);
  const chosen = names.includes('serving_default')
    ? 'serving_default'
    : names.length === 1
      ? names[0]
      : undefined;
  const { contract, evidence } = tell(signatures, chosen);
  const operators = customOperators(reader, root);
  const watch = watchOperators();
  for (const name of operators) watch.node({ name, operator: name.replace(/^Flex/, ''), inFunction: '' });
  const active = watch.result(candidate.path);
  const problems = (notes?.problems ?? []).map(
    (message): Remark => ({ rule: 'labels-unreadable', level: 'warning', file: candidate.path, message }),
  );
  const constants = constantsOf(subgraphs, buffers);
  return {
    format: 'tflite',
    path: candidate.path,
    framework: { name: 'tflite', version: metadata.converter },
    contract,
    evidence,
    features: null,
    labels: labelsOf(notes),
    // What the converter left: it folds normalization into the layer before, and drops a bias that is zero.
    parameters: constants.weights > 0 ? constants.weights : null,
    properties: {
      schema_version: String(root.uint32(MODEL.version)),
      constants: String(constants.count),
      ...(constants.precision !== '' && { precision: constants.precision }),
      ...(metadata.runtime !== null && { min_runtime_version: metadata.runtime }),
      ...(operators.length > 0 && { custom_operators: operators.join(', ').slice(0, 1000) }),
      ...notes?.properties,
    },
    requirements: metadata.converter === null ? {} : { tensorflow: metadata.converter },
    risk: active.risk,
    remarks: [...active.remarks, ...problems],
  };
}

function readSubgraph(reader: Reader, table: Table, index: number): Subgraph {
  const tensors = reader
    .tables(table, SUBGRAPH.tensors)
    .map((tensor, at) => readTensor(reader, tensor, `subgraphs[${index}].tensors[${at}]`));
  return {
    tensors,
    inputs: reader.integers(table, SUBGRAPH.inputs),
    outputs: reader.integers(table, SUBGRAPH.outputs),
  };
}

/** What SignatureDefs name; without them the first subgraph is the model, and its tensors have the names. */
function signaturesOf(
  reader: Reader,
  root: Table,
  subgraphs: readonly Subgraph[],
  notes: ModelNotes | null,
): Record<string, ToldSignature> {
  const [main] = subgraphs;
  const signatures: Record<string, ToldSignature> = Object.create(null);
  const side = (subgraph: Subgraph, side: 'inputs' | 'outputs', pairs: [name: string, tensor: number][]) =>
    pairs.map(([name, index]) => {
      const tensor = subgraph.tensors[index];
      if (!tensor) throw new Malformed(`there is no tensor ${index}`);
      const position = subgraph[side].indexOf(index);
      return fieldOf(name, tensor, subgraph === main ? notes?.[side][position] : undefined);
    });
  for (const table of reader.tables(root, MODEL.signatures)) {
    const subgraph = subgraphs[table.uint32(SIGNATURE.subgraph)];
    if (!subgraph) throw new Malformed('a signature is of a subgraph that is not there');
    const pairs = (slot: number) =>
      reader
        .tables(table, slot)
        .map((entry): [string, number] => [reader.text(entry, 0) ?? '', entry.uint32(1)])
        .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    signatures[reader.text(table, SIGNATURE.key) ?? 'predict'] = {
      inputs: side(subgraph, 'inputs', pairs(SIGNATURE.inputs)),
      outputs: side(subgraph, 'outputs', pairs(SIGNATURE.outputs)),
    };
  }
  if (Object.keys(signatures).length > 0 || !main) return signatures;
  const named = (indices: readonly number[]) =>
    indices.map((index): [string, number] => [main.tensors[index]?.name ?? '', index]);
  return {
    predict: {
      inputs: side(main, 'inputs', named(main.inputs)),
      outputs: side(main, 'outputs', named(main.outputs)),
    },
  };
}

function fieldOf(name: string, tensor: Tensor, notes: TensorNotes | undefined): ToldField {
  const { quantization, shape } = tensor;
  const labels = notes?.axisLabels;
  const description = [
    notes?.description ?? '',
    quantization ? `quantized: ${quantization.scale} * (value - ${quantization.zeroPoint})` : '',
  ].filter((part) => part !== '');
  return {
    name: stated(name, `tensor "${tensor.name}"`),
    type: tensor.type,
    shape,
    ...(labels && shape.value?.at(-1) === labels.length && { labels: derived(labels, 'associated file') }),
    ...(notes?.profile && { profile: notes.profile }),
    ...(description.length > 0 && { description: description.join('; ') }),
  };
}

function labelsOf(notes: ModelNotes | null): readonly Label[] | null {
  const all = (notes?.outputs ?? []).flatMap((one) => {
    const labels = one.axisLabels ?? one.valueLabels;
    return labels ? [labels] : [];
  });
  const [first] = all;
  return first && all.every((one) => JSON.stringify(one) === JSON.stringify(first)) ? first : null;
}

interface Notes {
  readonly notes: ModelNotes | null;
  /** The TensorFlow that converted the model. */
  readonly converter: string | null;
  readonly runtime: string | null;
}

const MAX_METADATA = 16 * 1024 * 1024;

function metadataOf(
  reader: Reader,
  root: Table,
  buffers: readonly ({ offset: number; length: number } | null)[],
): Notes {
  let notes: ModelNotes | null = null;
  let converter: string | null = null;
  let runtime: string | null = null;
  for (const entry of reader.tables(root, MODEL.metadata)) {
    const name = reader.text(entry, 0);
    const range = buffers[entry.uint32(1)];
    if (!range || range.length > MAX_METADATA) continue;
    const part = slice(reader.bytes, range.offset, range.length);
    if (name === 'TFLITE_METADATA') notes = readNotes(reader.bytes, part);
    else if (name === 'CONVERSION_METADATA') converter = rootTable(part).table(0)?.text(0) ?? null;
    else if (name === 'min_runtime_version')
      runtime = Buffer.from(part.read(0, Math.min(part.size, 32)))
        .toString('latin1')
        .replace(/\0.*$/s, '');
  }
  return { notes, converter: converter === '' ? null : converter, runtime };
}

const CUSTOM = 32;

/** Operators that are not TFLite's own; those of TensorFlow are called `Flex…`. */
function customOperators(reader: Reader, root: Table): string[] {
  const names = reader
    .tables(root, MODEL.operators)
    .flatMap((code) =>
      Math.max(code.int8(0), code.int32(3)) === CUSTOM ? [reader.text(code, 1) ?? 'unnamed'] : [],
    );
  return [...new Set(names)].sort();
}

/**
 * How many values constant tensors have, and of which types, each buffer once. Shapes, axes and indices are no weights;
 * neither are single numbers, which the operators of a formula take.
 */
function constantsOf(
  subgraphs: readonly Subgraph[],
  buffers: readonly ({ offset: number; length: number } | null)[],
): { count: number; weights: number; precision: string } {
  const seen = new Set<number>();
  let sum = 0;
  let weights = 0;
  const types = new Map<string, number>();
  for (const { tensors } of subgraphs)
    for (const tensor of tensors) {
      const type = tensor.type.value;
      if (!buffers[tensor.buffer] || seen.has(tensor.buffer) || tensor.count === null || type === null)
        continue;
      const index = type === 'int32' || type === 'int64';
      if (type === 'bool' || type === 'string' || (index && !tensor.quantized)) continue;
      seen.add(tensor.buffer);
      sum += tensor.count;
      if (tensor.shape.value?.length !== 0 && tensor.count > 1) weights += tensor.count;
      if (tensor.count > 0) types.set(type, (types.get(type) ?? 0) + tensor.count);
    }
  return { count: sum, weights, precision: byCount(types) };
}
