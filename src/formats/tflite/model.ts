import type { ScalarType, Shape } from '../../contract/types.ts';
import type { Bytes } from '../../model/bytes.ts';
import { stated, type Told, unknown } from '../told.ts';
import type { Table } from '../wire/flatbuffer.ts';
import type { Reader } from '../wire/flatbuffer-reader.ts';

/** TensorType of the TFLite schema (tensorflow/compiler/mlir/lite/schema/schema.fbs). */
const TYPES: Readonly<Record<number, ScalarType>> = {
  0: 'float32',
  1: 'float16',
  2: 'int32',
  3: 'uint8',
  4: 'int64',
  5: 'string',
  6: 'bool',
  7: 'int16',
  8: 'complex64',
  9: 'int8',
  10: 'float64',
  11: 'complex128',
  12: 'uint64',
  15: 'uint32',
  16: 'uint16',
  17: 'int4',
  18: 'bfloat16',
  20: 'uint4',
};

/** One tensor of a subgraph. */
export interface Tensor {
  readonly name: string;
  readonly type: Told<ScalarType>;
  readonly shape: Told<Shape>;
  readonly buffer: number;
  /** Of integers that stand for real numbers: `real = scale * (value - zeroPoint)`; `null` for others. */
  readonly quantization: { readonly scale: number; readonly zeroPoint: number } | null;
  /** Whether it holds integers that stand for real numbers at all: a filter has a scale for each of its channels. */
  readonly quantized: boolean;
  /** How many values it holds, where no size is left open. */
  readonly count: number | null;
}

/** Reads a Tensor table. `where` is its place, such as `subgraphs[0].tensors[3]`. */
export function readTensor(reader: Reader, table: Table, where: string): Tensor {
  const code = table.uint8(1);
  const type = TYPES[code];
  const fixed = reader.integers(table, 0);
  const open = reader.integers(table, 7);
  const quantized = table.table(4);
  return {
    name: reader.text(table, 3) ?? '',
    type: type === undefined ? unknown(`${where}.type is ${code}`) : stated(type, `${where}.type`),
    shape: shapeOf(fixed, open, table.uint8(8) !== 0, where),
    buffer: table.uint32(2),
    quantization: quantized && quantizationOf(reader.bytes, quantized),
    quantized: (quantized?.vector(2)?.length ?? 0) > 0,
    count: fixed.every((size) => size >= 0) ? fixed.reduce((product, size) => product * size, 1) : null,
  };
}

/** `shape_signature` keeps the sizes that were open at conversion, where `shape` has 1 in their place. */
function shapeOf(
  fixed: readonly number[],
  open: readonly number[],
  hasRank: boolean,
  where: string,
): Told<Shape> {
  if (open.length > 0)
    return stated(
      open.map((size) => (size < 0 ? null : size)),
      `${where}.shape_signature`,
    );
  if (fixed.length > 0)
    return stated(
      fixed.map((size) => (size < 0 ? null : size)),
      `${where}.shape`,
    );
  return hasRank
    ? stated([], `${where}.has_rank`)
    : unknown(`${where}.shape is empty: a scalar, or any rank`);
}

function quantizationOf(bytes: Bytes, table: Table): { scale: number; zeroPoint: number } | null {
  const scales = table.vector(2);
  const zeros = table.vector(3);
  if (scales?.length !== 1) return null;
  const scale = bytes.read(scales.offset, 4);
  const zero = zeros?.length === 1 ? bytes.read(zeros.offset, 8) : new Uint8Array(8);
  return {
    scale: new DataView(scale.buffer, scale.byteOffset, 4).getFloat32(0, true),
    zeroPoint: Number(new DataView(zero.buffer, zero.byteOffset, 8).getBigInt64(0, true)),
  };
}

/** Where the bytes of a Buffer are; those over 2 GB lie behind the flatbuffer. `null`: it has none. */
export function bufferRange(buffer: Table): { offset: number; length: number } | null {
  const inside = buffer.vector(0);
  if (inside && inside.length > 0) return inside;
  const offset = buffer.int64(1);
  return offset > 1 ? { offset, length: buffer.int64(2) } : null;
}
