/** Writes Parquet by hand, so that tests can say what no library would write. */
import { varint } from './proto.ts';

type Value = Buffer | { readonly type: number; readonly bytes: Buffer };

const zigzag = (value: number): Buffer => varint(value < 0 ? -2 * value - 1 : 2 * value);
export const i32 = (value: number): Value => ({ type: 5, bytes: zigzag(value) });
export const i64 = (value: number): Value => ({ type: 6, bytes: zigzag(value) });
const text = (value: string): Value => ({
  type: 8,
  bytes: Buffer.concat([varint(value.length), Buffer.from(value)]),
});
const list = (type: number, items: readonly Buffer[]): Value => ({
  type: 9,
  bytes: Buffer.concat([Buffer.from([0xf0 | type]), varint(items.length), ...items]),
});
/** A struct of Thrift's compact protocol, by the numbers of its fields; buffers are structs themselves. */
export const struct = (fields: Readonly<Record<number, Value>>): Buffer => {
  let last = 0;
  const parts = Object.entries(fields).map(([key, value]) => {
    const { type, bytes } = Buffer.isBuffer(value) ? { type: 12, bytes: value } : value;
    const head = Buffer.from([((Number(key) - last) << 4) | type]);
    last = Number(key);
    return Buffer.concat([head, bytes]);
  });
  return Buffer.concat([...parts, Buffer.from([0])]);
};

/** A page of data, uncompressed, with as many bytes as its header says. */
export const dataPage = (values: number, encoding: number, data: Buffer): Buffer =>
  Buffer.concat([
    struct({
      1: i32(0),
      2: i32(data.length),
      3: i32(data.length),
      5: struct({ 1: i32(values), 2: i32(encoding), 3: i32(3), 4: i32(3) }),
    }),
    data,
  ]);

/** A run of one value in a page: its length, and the value in one byte. */
export const runOf = (count: number, value: number): Buffer =>
  Buffer.concat([varint(2 * count), Buffer.from([value])]);
/** Levels of a page of data have their length before them. */
export const levels = (runs: Buffer): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(runs.length);
  return Buffer.concat([length, runs]);
};

/** A file with one column of 32-bit integers that may be absent, named so many times in its schema. @param codec 0: none, 6: zstd. */
export function parquetOf(
  pages: Buffer,
  {
    values,
    rows = values,
    size = pages.length,
    codec = 0,
    columns = 1,
  }: { values: number; rows?: number; size?: number; codec?: number; columns?: number },
): Buffer {
  const column = struct({
    1: i32(1),
    2: list(5, []),
    3: list(8, [(text('numbers') as { bytes: Buffer }).bytes]),
    4: i32(codec),
    5: i64(values),
    6: i64(size),
    7: i64(pages.length),
    9: i64(4),
  });
  const group = struct({ 1: list(12, [struct({ 2: i64(4), 3: column })]), 2: i64(size), 3: i64(rows) });
  const footer = struct({
    1: i32(1),
    2: list(12, [
      struct({ 4: text('root'), 5: i32(columns) }),
      ...Array(columns).fill(struct({ 1: i32(1), 3: i32(1), 4: text('numbers') })),
    ]),
    3: i64(1),
    4: list(12, [group]),
  });
  const length = Buffer.alloc(4);
  length.writeUInt32LE(footer.length);
  return Buffer.concat([Buffer.from('PAR1'), pages, footer, length, Buffer.from('PAR1')]);
}
