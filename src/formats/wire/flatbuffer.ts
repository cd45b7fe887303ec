import type { Bytes } from '../../model/bytes.ts';
import { Malformed } from '../format.ts';

/*
 * Flatbuffers without generated code: the few fields that Lading wants are read by their slot number, straight from the
 * file. Source: flatbuffers.dev, "FlatBuffer internals".
 */

/** A table within a buffer. Slots are field numbers as the schema counts them, from 0. */
export interface Table {
  /** Scalars; `fallback` where the field is absent. */
  int8(slot: number, fallback?: number): number;
  uint8(slot: number, fallback?: number): number;
  int32(slot: number, fallback?: number): number;
  uint32(slot: number, fallback?: number): number;
  int64(slot: number, fallback?: number): number;
  float32(slot: number, fallback?: number): number;
  /** `null` where the field is absent. */
  text(slot: number): string | null;
  table(slot: number): Table | null;
  tables(slot: number): Table[];
  texts(slot: number): string[];
  /** Elements of a vector of 32-bit integers; `null` where the field is absent. */
  int32s(slot: number): number[] | null;
  /** Where a vector's elements are and how many there are: for bytes, and for counting. */
  vector(slot: number): { offset: number; length: number } | null;
}

const MAX_NUMBERS = 1_000_000;
/** Tables or texts in one list: each takes a thousand bytes while it is looked at. */
const MAX_LIST = 100_000;
/** Tables that one file may be asked for, and 64 bytes of text each: lists may lead to the same place again and again. */
const MAX_ASKED = 1_500_000;
const MAX_TEXT = 16 * 1024 * 1024;

/** The root table of the flatbuffer that starts at `base`. @throws Malformed | Truncated on offsets that lead nowhere. */
export function rootTable(bytes: Bytes, base = 0): Table {
  return tableAt(bytes, base + u32(bytes, base), { left: MAX_ASKED });
}

function tableAt(bytes: Bytes, at: number, budget: { left: number }): Table {
  const charge = (count: number): void => {
    budget.left -= count;
    if (budget.left < 0) throw new Malformed('the file refers to more than a model has');
  };
  const textFrom = (start: number): string => {
    charge(u32(bytes, start) / 64);
    return textAt(bytes, start);
  };
  const vtable = at - view(bytes, at, 4).getInt32(0, true);
  const slots = (u16(bytes, vtable) - 4) / 2;
  const place = (slot: number): number | null => {
    if (slot >= slots) return null;
    const relative = u16(bytes, vtable + 4 + 2 * slot);
    return relative === 0 ? null : at + relative;
  };
  const scalar =
    (size: number, read: (data: DataView) => number) =>
    (slot: number, fallback = 0): number => {
      const where = place(slot);
      return where === null ? fallback : read(view(bytes, where, size));
    };
  const target = (slot: number): number | null => {
    const where = place(slot);
    return where === null ? null : where + u32(bytes, where);
  };
  const vector = (slot: number) => {
    const start = target(slot);
    return start === null ? null : { offset: start + 4, length: u32(bytes, start) };
  };
  const offsets = (slot: number): number[] => {
    const found = vector(slot);
    if (!found) return [];
    if (found.length > MAX_LIST) throw new Malformed(`a list of ${found.length} elements`);
    charge(found.length);
    const data = view(bytes, found.offset, found.length * 4);
    return Array.from({ length: found.length }, (_, index) => {
      const here = index * 4;
      return found.offset + here + data.getUint32(here, true);
    });
  };
  return {
    int8: scalar(1, (data) => data.getInt8(0)),
    uint8: scalar(1, (data) => data.getUint8(0)),
    int32: scalar(4, (data) => data.getInt32(0, true)),
    uint32: scalar(4, (data) => data.getUint32(0, true)),
    int64: scalar(8, (data) => Number(data.getBigInt64(0, true))),
    float32: scalar(4, (data) => data.getFloat32(0, true)),
    text(slot) {
      const start = target(slot);
      return start === null ? null : textFrom(start);
    },
    table(slot) {
      const start = target(slot);
      charge(1);
      return start === null ? null : tableAt(bytes, start, budget);
    },
    tables: (slot) => offsets(slot).map((offset) => tableAt(bytes, offset, budget)),
    texts: (slot) => offsets(slot).map(textFrom),
    int32s(slot) {
      const found = vector(slot);
      if (!found) return null;
      if (found.length > MAX_NUMBERS) throw new Malformed(`a list of ${found.length} numbers`);
      const data = view(bytes, found.offset, found.length * 4);
      return Array.from({ length: found.length }, (_, index) => data.getInt32(index * 4, true));
    },
    vector,
  };
}

function textAt(bytes: Bytes, at: number): string {
  const length = u32(bytes, at);
  if (length > MAX_TEXT) throw new Malformed(`a text of ${length} bytes`);
  return Buffer.from(bytes.read(at + 4, length)).toString('utf8');
}

function view(bytes: Bytes, offset: number, length: number): DataView {
  const part = bytes.read(offset, length);
  return new DataView(part.buffer, part.byteOffset, length);
}

const u16 = (bytes: Bytes, offset: number): number => view(bytes, offset, 2).getUint16(0, true);
const u32 = (bytes: Bytes, offset: number): number => view(bytes, offset, 4).getUint32(0, true);
