import { Malformed } from '../format.ts';

const MAX_DEPTH = 16;
/** Values in one footer: Spark's own have a few thousand. */
const MAX_VALUES = 200_000;

/** Fields of Parquet's `FileMetaData` and `SchemaElement`. */
const SCHEMA = 2;
const NUM_CHILDREN = 5;

/**
 * Holds a footer of Parquet to bounds before a library turns it into objects: also no negative counts of children, which send
 * readers of the schema backwards. Gives how many fields are in it.
 * Source: parquet.thrift of Apache Parquet.
 * @throws Malformed
 */
export function checkFooter(bytes: Uint8Array): number {
  let count = 0;
  walkStruct(bytes, 0, 'the footer', (value, depth, root, field) => {
    count += 1;
    if (depth === 2 && root === SCHEMA && field === NUM_CHILDREN && Number(value) < 0)
      throw new Malformed('the footer of a Parquet file has fewer children than none');
  });
  return count;
}

/** Told of each field: a truth value, a whole number, or `null` for all others. */
type Visit = (value: number | boolean | null, depth: number, root: number, field: number) => void;

/**
 * Walks a struct of Thrift's compact protocol: lists no longer than the bytes that are left, no more values than a footer has,
 * no deep nesting. Gives the offset behind it.
 * Source: thrift-compact-protocol.md of Apache Thrift.
 * @throws Malformed
 */
export function walkStruct(bytes: Uint8Array, start: number, what: string, visit: Visit): number {
  let at = start;
  let values = 0;
  const fail = (problem: string): never => {
    throw new Malformed(`${what} of a Parquet file ${problem}`);
  };
  const byte = (): number => bytes[at++] ?? fail('ends too early');
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const part = byte();
      value += (part & 0x7f) * scale;
      if (part < 0x80) return value;
      if (scale > 2 ** 63) fail('has a number that does not end');
    }
  };
  const zigzag = (): number => {
    const value = varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  };
  const pass = (count: number): void => {
    at += count;
    if (at > bytes.length) fail('ends too early');
  };
  /** @param root field of the outermost struct that it stands in. */
  const element = (type: number, depth: number, root: number): number | boolean | null => {
    if (++values > MAX_VALUES) fail(`has more than ${MAX_VALUES} values`);
    if (depth > MAX_DEPTH) fail(`is nested deeper than ${MAX_DEPTH}`);
    if (type === 1 || type === 2) return type === 1;
    if (type >= 4 && type <= 6) return zigzag();
    if (type === 3) pass(1);
    else if (type === 7) pass(8);
    else if (type === 8) pass(varint());
    else if (type === 9) list(depth, root);
    else if (type === 12) struct(depth + 1, root);
    else fail(`has a value of type ${type}`);
    return null;
  };
  const list = (depth: number, root: number): void => {
    const head = byte();
    const size = head >> 4 === 15 ? varint() : head >> 4;
    const type = head & 0x0f;
    // Truth values take no bytes in some readers; Parquet has no lists of them.
    if (size > bytes.length - at || (size > 0 && type <= 2)) fail(`has a list of ${size} values`);
    for (let index = 0; index < size; index += 1) element(type, depth + 1, root);
  };
  const struct = (depth: number, outermost: number): void => {
    for (let field = 0; ; ) {
      const head = byte();
      const type = head & 0x0f;
      if (type === 0) return;
      const delta = head >> 4;
      field = delta === 0 ? zigzag() : field + delta;
      const root = depth === 0 ? field : outermost;
      visit(element(type, depth, root), depth, root, field);
    }
  };
  struct(0, 0);
  return at;
}
