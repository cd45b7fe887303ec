import type { Bytes } from '../../model/bytes.ts';
import { Malformed } from '../format.ts';
import type { Table } from './flatbuffer.ts';

/**
 * Tables of a flatbuffer may point to the same place again and again: what is looked at is counted, so that a small
 * file cannot stand for an endless model.
 */
export interface Reader {
  readonly bytes: Bytes;
  readonly tables: (table: Table, slot: number) => Table[];
  readonly text: (table: Table, slot: number) => string | null;
  readonly integers: (table: Table, slot: number) => number[];
}

const MAX_TABLES = 100_000;
const MAX_TEXT = 1024 * 1024;
/** One a table, and one for every 64 bytes of text or numbers. */
const BUDGET = 500_000;

/** A reader with a budget of its own. */
export function readerOf(bytes: Bytes): Reader {
  let left = BUDGET;
  const charge = (count: number): void => {
    left -= count;
    if (left < 0) throw new Malformed('the file refers to more than a model has');
  };
  const lengthOf = (table: Table, slot: number, limit: number): number => {
    const length = table.vector(slot)?.length ?? 0;
    if (length > limit) throw new Malformed(`a list of ${length} elements, where at most ${limit} are read`);
    return length;
  };
  return {
    bytes,
    tables(table, slot) {
      charge(lengthOf(table, slot, MAX_TABLES));
      return table.tables(slot);
    },
    text(table, slot) {
      charge(lengthOf(table, slot, MAX_TEXT) / 64);
      return table.text(slot);
    },
    integers(table, slot) {
      charge(lengthOf(table, slot, MAX_TABLES) / 16);
      return table.int32s(slot) ?? [];
    },
  };
}
