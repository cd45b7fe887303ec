import type { ScalarType } from '../../contract/types.ts';
import type { Bytes } from '../../model/bytes.ts';
import { Malformed } from '../format.ts';

/** First eight bytes of a list of arrays. */
export const PARAMS_MAGIC = 0x112n;

/** mshadow's type flags. */
export const TYPES: Readonly<Record<number, ScalarType>> = {
  0: 'float32',
  1: 'float64',
  2: 'float16',
  3: 'uint8',
  4: 'int32',
  5: 'int8',
  6: 'int64',
  7: 'bool',
  8: 'int16',
  9: 'uint16',
  10: 'uint32',
  11: 'uint64',
  12: 'bfloat16',
};
const WIDTH: Readonly<Record<number, number>> = {
  0: 4,
  1: 8,
  2: 2,
  3: 1,
  4: 4,
  5: 1,
  6: 8,
  7: 1,
  8: 2,
  9: 2,
  10: 4,
  11: 8,
  12: 2,
};
const V1 = 0xf993fac8;
const V2 = 0xf993fac9;
const V3 = 0xf993faca;
const MAX_ARRAYS = 100_000;
const MAX_NAME = 1024;
const MAX_RANK = 32;

export interface NamedArray {
  /** With its kind: `arg:fc_weight`, `aux:bn_mean`. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
}

/** The names and shapes in a `.params` file. Numbers are passed over. @throws Malformed | Truncated. */
export function readIndex(bytes: Bytes): NamedArray[] {
  let at = 0;
  const view = (length: number): DataView => {
    const piece = bytes.read(at, length);
    at += length;
    return new DataView(piece.buffer, piece.byteOffset, length);
  };
  const u32 = () => view(4).getUint32(0, true);
  const i64 = () => Number(view(8).getBigInt64(0, true));
  const counted = (): number => {
    const count = i64();
    if (!(count >= 0 && count <= MAX_ARRAYS && count * 4 <= bytes.size))
      throw new Malformed(`${count} arrays are announced`);
    return count;
  };
  const dims = (wide: boolean, rank = u32()): number[] => {
    if (rank > MAX_RANK) throw new Malformed(`an array of rank ${rank}`);
    return Array.from({ length: rank }, () => (wide ? i64() : u32()));
  };
  const array = (): { shape: number[]; dtype: string } => {
    const magic = u32();
    const modern = magic === V2 || magic === V3;
    if (modern && u32() !== 0) throw new Malformed('a sparse array is in it, which is not read');
    const shape = modern || magic === V1 ? dims(true) : dims(false, magic);
    if (shape.length === 0 && magic !== V3) return { shape: [0], dtype: 'float32' };
    at += 8;
    const flag = u32();
    const width = WIDTH[flag];
    if (width === undefined) throw new Malformed(`an array of type ${flag}`);
    const size = shape.reduce((product, one) => product * one, width);
    if (!(size >= 0 && at + size <= bytes.size))
      throw new Malformed('an array goes over the end of the file');
    at += size;
    return { shape, dtype: TYPES[flag] ?? '' };
  };
  if (view(8).getBigUint64(0, true) !== PARAMS_MAGIC) throw new Malformed('it is no list of arrays');
  at += 8;
  const arrays = Array.from({ length: counted() }, array);
  const names = Array.from({ length: counted() }, () => {
    const length = i64();
    if (!(length >= 0 && length <= MAX_NAME)) throw new Malformed(`a name of ${length} bytes`);
    const start = at;
    at += length;
    return Buffer.from(bytes.read(start, length)).toString('utf8');
  });
  return arrays.map((one, index) => ({ name: names[index] ?? '', ...one }));
}
