import type { Bytes } from '../../model/bytes.ts';
import { Malformed } from '../format.ts';

/** An open HDF5 file with the widths of its numbers. */
export interface Hdf5File {
  readonly bytes: Bytes;
  readonly offsetSize: number;
  readonly lengthSize: number;
  /** Addresses count from here: the user block comes before it. */
  readonly base: number;
  /** What may still be looked at: addresses may lead to the same place again and again. */
  readonly budget: { left: number };
}

/** Messages, links, values and bytes of text that one file may be asked for, by what they cost. */
export const MAX_LOOKED_AT = 1_200_000;

/** @throws Malformed when the file asks for more than any model. */
export function spend(file: Hdf5File, count: number): void {
  file.budget.left -= count;
  if (!(file.budget.left >= 0)) throw new Malformed('the HDF5 file refers to more than a model has');
}

export const byte = (bytes: Bytes, at: number): number => bytes.read(at, 1)[0] ?? 0;

export const latin1 = (bytes: Bytes, at: number, length: number): string =>
  Buffer.from(bytes.read(at, length)).toString('latin1');

export function wide(bytes: Bytes, at: number, width: number): bigint {
  const part = bytes.read(at, width);
  let value = 0n;
  for (let index = width - 1; index >= 0; index--) value = (value << 8n) | BigInt(part[index] ?? 0);
  return value;
}

/** @throws Malformed for what no file can hold. */
export function number(bytes: Bytes, at: number, width: number): number {
  const part = bytes.read(at, width);
  let value = 0;
  for (let index = width - 1; index >= 0; index--) value = value * 256 + (part[index] ?? 0);
  if (!Number.isSafeInteger(value))
    throw new Malformed(`an HDF5 address or size of ${wide(bytes, at, width)}`);
  return value;
}
