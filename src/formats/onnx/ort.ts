import type { Dimension, Shape } from '../../contract/types.ts';
import type { Bytes } from '../../model/bytes.ts';
import { type Candidate, emptyReading, Malformed, type Reading } from '../format.ts';
import { stated, type Told, type ToldField, type ToldValue, tell, unknown } from '../told.ts';
import { byCount } from '../weights.ts';
import { rootTable, type Table } from '../wire/flatbuffer.ts';
import { elementType } from './types.ts';

/*
 * The format that onnxruntime converts models to: the same graph as a flatbuffer. Source: onnxruntime,
 * onnxruntime/core/flatbuffers/schema/ort.fbs.
 */

const SESSION = { version: 0, model: 1 } as const;
const MODEL = { irVersion: 0, opsets: 1, producer: 2, producerVersion: 3, graph: 7 } as const;
const GRAPH = { initializers: 0, values: 1, inputs: 5, outputs: 6 } as const;
const TENSOR = { name: 0, sizes: 2, type: 3 } as const;
/** Kinds of a TypeInfo. */
const KIND = { tensor: 1, sequence: 2, map: 3 } as const;
const MAX_DEPTH = 16;
const MAX_RANK = 64;

/** Reads the interface and counts the initializers. @throws Truncated, Malformed. */
export function readOrt(bytes: Bytes, candidate: Candidate): Reading {
  const session = rootTable(bytes);
  const model = session.table(SESSION.model);
  const graph = model?.table(MODEL.graph);
  if (!model || !graph) throw new Malformed('the file has no graph');
  const types = new Map(graph.tables(GRAPH.values).map((info) => [info.text(0) ?? '', info.table(2)]));
  const initializers = new Set<string>();
  const counts = new Map<string, number>();
  for (const tensor of graph.tables(GRAPH.initializers)) {
    initializers.add(tensor.text(TENSOR.name) ?? '');
    const type = elementType(tensor.int32(TENSOR.type));
    if (type === null || /^(u?int(32|64)|bool|string)$/.test(type)) continue;
    const count = sizesOf(bytes, tensor).reduce((product, size) => product * Math.max(size, 0), 1);
    counts.set(type, (counts.get(type) ?? 0) + count);
  }
  const irVersion = model.int64(MODEL.irVersion);
  const side = (slot: number, word: string): ToldField[] =>
    graph.texts(slot).map((name, index) => ({
      name: stated(name, `graph.${word}s[${index}]`),
      ...typeOf(types.get(name) ?? null, `the type of "${name}"`, 0),
    }));
  const inputs = side(GRAPH.inputs, 'input').flatMap((field) => {
    if (!initializers.has(field.name.value ?? '')) return [field];
    return irVersion < 4 ? [] : [{ ...field, optional: true }];
  });
  const { contract, evidence } = tell(
    { predict: { inputs, outputs: side(GRAPH.outputs, 'output') } },
    'predict',
  );
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const properties: Record<string, string> = {
    ir_version: String(irVersion),
    'ort format': session.text(SESSION.version) ?? '?',
  };
  for (const opset of model.tables(MODEL.opsets))
    properties[`opset.${opset.text(0) || 'ai.onnx'}`] = String(opset.int64(1));
  if (total > 0) properties['precision'] = byCount(counts);
  return {
    ...emptyReading(candidate),
    framework: {
      name: model.text(MODEL.producer) || 'onnx',
      version: model.text(MODEL.producerVersion) || null,
    },
    contract,
    evidence,
    parameters: total > 0 ? total : null,
    properties,
  };
}

function sizesOf(bytes: Bytes, tensor: Table): number[] {
  const found = tensor.vector(TENSOR.sizes);
  if (!found) return [];
  if (found.length > MAX_RANK) throw new Malformed(`a tensor has ${found.length} dimensions`);
  const raw = bytes.read(found.offset, 8 * found.length);
  const view = new DataView(raw.buffer, raw.byteOffset, raw.length);
  return Array.from({ length: found.length }, (_, axis) => Number(view.getBigInt64(8 * axis, true)));
}

function typeOf(info: Table | null, where: string, depth: number): ToldValue {
  if (depth > MAX_DEPTH) throw new Malformed(`types are nested deeper than ${MAX_DEPTH}`);
  const value = info?.table(2);
  const kind = info?.uint8(1);
  const shapeless: Told<Shape> = { value: null, evidence: { kind: 'stated', where } };
  if (value && kind === KIND.sequence)
    return {
      type: stated('sequence', where),
      shape: shapeless,
      items: typeOf(value.table(0), `${where}, its items`, depth + 1),
    };
  if (value && kind === KIND.map) {
    const keys = elementType(value.int32(0));
    return {
      type: stated('map', where),
      shape: shapeless,
      keys: keys === null ? unknown(`${where} has keys of an unknown type`) : stated(keys, where),
      values: typeOf(value.table(1), `${where}, its values`, depth + 1),
    };
  }
  if (!value || kind !== KIND.tensor)
    return { type: unknown(`${where} is not stated`), shape: unknown(where) };
  const type = elementType(value.int32(0));
  const shape = value.table(1);
  return {
    type: type === null ? unknown(`${where} is none of ours`) : stated(type, where),
    shape:
      shape === null
        ? unknown(`${where} has no shape: any rank`)
        : stated(shape.tables(0).map(sizeOf), where),
  };
}

/** A dimension: 1 has a size, 2 has a name. */
function sizeOf(dimension: Table): Dimension {
  const value = dimension.table(0);
  const kind = value?.int8(0);
  if (value && kind === 1) return value.int64(1) > 0 ? value.int64(1) : null;
  return (kind === 2 && value?.text(2)) || null;
}
