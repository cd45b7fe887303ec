import type { Bytes } from '../../model/bytes.ts';
import { Malformed } from '../format.ts';

/** A metadata value; long arrays (vocabularies) are given by their length only. */
export type GgufValue =
  | string
  | number
  | bigint
  | boolean
  | { readonly length: number; readonly first: readonly GgufValue[] };

/** What stands before the tensor data. Source: ggml docs/gguf.md, version 3. */
export interface Gguf {
  readonly version: number;
  readonly bigEndian: boolean;
  readonly values: ReadonlyMap<string, GgufValue>;
  readonly tensors: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly dtype: string;
  }[];
  /** Bytes that the file has to have for the data of its tensors. */
  readonly needs: number;
}

const MAX_COUNT = 1_000_000;
const MAX_STRING = 16 * 1024 * 1024;
/** Characters of all texts that are kept together, and strings of all arrays: vocabularies have a tenth. */
const MAX_KEPT = 32 * 1024 * 1024;
const MAX_STRINGS = 5_000_000;
/** Values that are looked at one by one, and what a tensor takes beside its name. */
const MAX_VALUES = 1_000_000;
const TENSOR_COST = 500;
const PIECE = 32 * 1024;
const KEPT_ELEMENTS = 16;

const FIXED: Readonly<
  Record<number, { size: number; read(view: DataView, at: number, little: boolean): GgufValue }>
> = {
  0: { size: 1, read: (view, at) => view.getUint8(at) },
  1: { size: 1, read: (view, at) => view.getInt8(at) },
  2: { size: 2, read: (view, at, little) => view.getUint16(at, little) },
  3: { size: 2, read: (view, at, little) => view.getInt16(at, little) },
  4: { size: 4, read: (view, at, little) => view.getUint32(at, little) },
  5: { size: 4, read: (view, at, little) => view.getInt32(at, little) },
  6: { size: 4, read: (view, at, little) => view.getFloat32(at, little) },
  7: { size: 1, read: (view, at) => view.getUint8(at) !== 0 },
  10: { size: 8, read: (view, at, little) => view.getBigUint64(at, little) },
  11: { size: 8, read: (view, at, little) => view.getBigInt64(at, little) },
  12: { size: 8, read: (view, at, little) => view.getFloat64(at, little) },
};
const STRING = 8;
const ARRAY = 9;

/** ggml tensor types by number (ggml.h, enum ggml_type), with the elements and the bytes of one block. */
const TYPES: Readonly<Record<number, readonly [name: string, elements: number, bytes: number]>> = {
  0: ['F32', 1, 4],
  1: ['F16', 1, 2],
  2: ['Q4_0', 32, 18],
  3: ['Q4_1', 32, 20],
  6: ['Q5_0', 32, 22],
  7: ['Q5_1', 32, 24],
  8: ['Q8_0', 32, 34],
  9: ['Q8_1', 32, 40],
  10: ['Q2_K', 256, 84],
  11: ['Q3_K', 256, 110],
  12: ['Q4_K', 256, 144],
  13: ['Q5_K', 256, 176],
  14: ['Q6_K', 256, 210],
  15: ['Q8_K', 256, 292],
  16: ['IQ2_XXS', 256, 66],
  17: ['IQ2_XS', 256, 74],
  18: ['IQ3_XXS', 256, 98],
  19: ['IQ1_S', 256, 50],
  20: ['IQ4_NL', 32, 18],
  21: ['IQ3_S', 256, 110],
  22: ['IQ2_S', 256, 82],
  23: ['IQ4_XS', 256, 136],
  24: ['I8', 1, 1],
  25: ['I16', 1, 2],
  26: ['I32', 1, 4],
  27: ['I64', 1, 8],
  28: ['F64', 1, 8],
  29: ['IQ1_M', 256, 56],
  30: ['BF16', 1, 2],
  34: ['TQ1_0', 256, 54],
  35: ['TQ2_0', 256, 66],
  39: ['MXFP4', 32, 17],
  40: ['NVFP4', 64, 36],
  41: ['Q1_0', 128, 18],
};

/** Reads header, metadata and tensor list. @throws Malformed | Truncated. */
export function readGguf(bytes: Bytes): Gguf {
  const magic = bytes.read(0, 8);
  if (Buffer.from(magic.subarray(0, 4)).toString('latin1') !== 'GGUF')
    throw new Malformed('there is no GGUF magic');
  // A version beyond 65535 is a small one in the other byte order: files made on big-endian machines.
  const raw = new DataView(magic.buffer, magic.byteOffset, 8).getUint32(4, true);
  const bigEndian = raw > 0xffff;
  const little = !bigEndian;
  const version = bigEndian ? new DataView(magic.buffer, magic.byteOffset, 8).getUint32(4, false) : raw;
  if (version < 1 || version > 3) throw new Malformed(`GGUF version ${version} is not known`);
  let at = 8;
  const take = (length: number): DataView => {
    const part = bytes.read(at, length);
    at += length;
    return new DataView(part.buffer, part.byteOffset, length);
  };
  const count = (limit: number): number => {
    const value = version === 1 ? BigInt(take(4).getUint32(0, little)) : take(8).getBigUint64(0, little);
    if (value > BigInt(limit)) throw new Malformed(`a count of ${value} at byte ${at} is beyond ${limit}`);
    return Number(value);
  };
  let kept = 0;
  const text = (): string => {
    const view = take(count(MAX_STRING));
    kept += view.byteLength + 64;
    if (kept > MAX_KEPT) throw new Malformed(`its metadata take more than ${MAX_KEPT} bytes`);
    return Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString('utf8');
  };
  let looked = 0;
  const value = (type: number, depth: number): GgufValue => {
    if (++looked > MAX_VALUES) throw new Malformed(`its metadata have more than ${MAX_VALUES} values`);
    if (type === STRING) return text();
    if (type === ARRAY) return array(depth);
    const fixed = FIXED[type];
    if (!fixed) throw new Malformed(`a value at byte ${at} has the unknown type ${type}`);
    return fixed.read(take(fixed.size), 0, little);
  };
  /** Passes over strings piece by piece: a vocabulary has hundreds of thousands. */
  let passed = 0;
  const pass = (strings: number): void => {
    passed += strings;
    if (passed > MAX_STRINGS) throw new Malformed(`its metadata have more than ${MAX_STRINGS} strings`);
    const prefix = version === 1 ? 4 : 8;
    for (let left = strings; left > 0; ) {
      const part = bytes.read(at, Math.max(prefix, Math.min(PIECE, bytes.size - at)));
      const view = new DataView(part.buffer, part.byteOffset, part.length);
      let inside = 0;
      while (left > 0 && inside + prefix <= part.length) {
        const size = version === 1 ? view.getUint32(inside, little) : view.getBigUint64(inside, little);
        if (size > MAX_STRING) throw new Malformed(`a string of ${size} bytes at byte ${at + inside}`);
        inside += prefix + Number(size);
        left -= 1;
      }
      at += inside;
    }
  };
  const array = (depth: number): GgufValue => {
    if (depth > 4) throw new Malformed('arrays are nested deeper than 4');
    const type = take(4).getUint32(0, little);
    const length = count(type === ARRAY ? MAX_COUNT : 100_000_000);
    const first: GgufValue[] = [];
    const size = FIXED[type]?.size;
    for (let index = 0; index < length; index++) {
      if (index === KEPT_ELEMENTS && size !== undefined) {
        at += (length - index) * size;
        break;
      }
      if (index === KEPT_ELEMENTS && type === STRING) {
        pass(length - index);
        break;
      }
      const element = value(type, depth + 1);
      if (index < KEPT_ELEMENTS) first.push(element);
    }
    return { length, first };
  };
  const tensorCount = count(MAX_COUNT);
  const valueCount = count(MAX_COUNT);
  const values = new Map<string, GgufValue>();
  let last = 0;
  for (let index = 0; index < valueCount; index++) {
    const key = text();
    values.set(key, value(take(4).getUint32(0, little), 0));
  }
  const tensors: { name: string; shape: number[]; dtype: string }[] = [];
  for (let index = 0; index < tensorCount; index++) {
    const name = text();
    kept += TENSOR_COST;
    const rank = take(4).getUint32(0, little);
    if (rank > 8) throw new Malformed(`tensor "${name}" has ${rank} dimensions`);
    const shape: number[] = [];
    for (let axis = 0; axis < rank; axis++) shape.unshift(count(Number.MAX_SAFE_INTEGER));
    const type = take(4).getUint32(0, little);
    const offset = Number(take(8).getBigUint64(0, little));
    const [dtype, elements, size] = TYPES[type] ?? [`type ${type}`, 1, 0];
    const amount = shape.reduce((product, length) => product * length, 1);
    last = Math.max(last, offset + Math.ceil(amount / elements) * size);
    tensors.push({ name, shape, dtype });
  }
  const stated = Number(values.get('general.alignment') ?? 32);
  const alignment = Number.isSafeInteger(stated) && stated > 0 ? stated : 32;
  const needs = tensors.length === 0 ? at : Math.ceil(at / alignment) * alignment + last;
  return { version, bigEndian, values, tensors, needs };
}
