import { Malformed } from '../format.ts';
import { walkStruct } from './thrift.ts';

/*
 * The pages of a column, looked through before a library reads them: it makes as many values as a page or a run of equal
 * values announces, whether or not there is anything behind that.
 * Source: Apache Parquet, parquet.thrift and Encodings.md.
 */

/** A column as the footer has it. */
export interface Chunk {
  /** Values that it may have. */
  readonly values: number;
  /** `null` where it is not compressed. */
  readonly unpack: Unpack | null;
  /** Of its values, and of the lists that they are in. */
  readonly maxDefinition: number;
  readonly maxRepetition: number;
}

/** Unpacks to so many bytes, within bounds. */
export type Unpack = (input: Uint8Array, size: number) => Uint8Array;

/** Of one column; writers begin a new one after thousands of values. */
const MAX_PAGES = 10_000;
/** Values are written in groups of eight, and writers fill up a few groups. */
const FILLED = 512;
const PLAIN = 0;
const BY_DICTIONARY: readonly number[] = [2, 8];

/** Numbers of a page's header by field: `5.1` is `data_page_header.num_values`. */
type Header = ReadonlyMap<string, number | boolean | null>;

/**
 * @param bytes all pages of the column.
 * @throws Malformed where a page announces more than is there, or than the column has.
 */
export function checkPages(bytes: Uint8Array, chunk: Chunk): void {
  let left = chunk.values;
  let at = 0;
  for (let page = 0; at < bytes.length - 1; page += 1) {
    if (page === MAX_PAGES) throw new Malformed(`a column has more than ${MAX_PAGES} pages`);
    const header = new Map<string, number | boolean | null>();
    at = walkStruct(bytes, at, 'the header of a page', (value, depth, root, field) => {
      const key = depth === 0 ? `${root}` : `${root}.${field}`;
      if (depth > 1) return;
      // Of two, readers take the last, and with it nothing of what the first one held.
      if (header.has(key)) throw new Malformed(`the header of a page has field ${key} twice`);
      header.set(key, value);
    });
    const size = natural(header, '3', bytes.length - at);
    const data = bytes.subarray(at, at + size);
    at += size;
    const type = header.get('1');
    const values = natural(header, type === 2 ? '7.1' : type === 3 ? '8.1' : '5.1', left);
    if (type === 0) checkPage(data, header, values, chunk);
    else if (type === 3) checkPageV2(data, header, values, chunk);
    else if (type !== 2) throw new Malformed(`a page of type ${type}`);
    // Of a dictionary the values come again.
    if (type !== 2) left -= values;
  }
}

function natural(header: Header, key: string, limit = Number.MAX_SAFE_INTEGER): number {
  const value = header.get(key);
  if (typeof value === 'number' && value >= 0 && value <= limit) return value;
  throw new Malformed(`a page has ${value} in field ${key} of its header, where ${limit} is the most`);
}

function unpacked(data: Uint8Array, size: number, chunk: Chunk): Uint8Array {
  return chunk.unpack === null ? data : chunk.unpack(data, size);
}

/** Levels, each with its length before it, then values: all of it compressed. */
function checkPage(data: Uint8Array, header: Header, values: number, chunk: Chunk): void {
  const page = unpacked(data, natural(header, '2'), chunk);
  let at = 0;
  for (const highest of [chunk.maxRepetition, chunk.maxDefinition]) {
    if (highest === 0) continue;
    if (at + 4 > page.length) throw new Malformed('a page ends within its levels');
    const length = new DataView(page.buffer, page.byteOffset + at, 4).getUint32(0, true);
    checkRuns(page, at + 4, bitsOf(highest), values);
    at += 4 + length;
  }
  checkValues(page.subarray(at), header.get('5.2'), values);
}

/** Levels, whose lengths the header has, then values, which alone are compressed. */
function checkPageV2(data: Uint8Array, header: Header, values: number, chunk: Chunk): void {
  natural(header, '8.2', values);
  natural(header, '8.3', values);
  const repetition = natural(header, '8.6', data.length);
  const definition = natural(header, '8.5', data.length - repetition);
  const size = natural(header, '2') - repetition - definition;
  if (chunk.maxRepetition > 0) checkRuns(data, 0, bitsOf(chunk.maxRepetition), values);
  if (chunk.maxDefinition > 0) checkRuns(data, repetition, bitsOf(chunk.maxDefinition), values);
  const packed = data.subarray(repetition + definition);
  const plain = header.get('8.7') === false;
  checkValues(plain ? packed : unpacked(packed, size, chunk), header.get('8.4'), values);
}

function checkValues(data: Uint8Array, encoding: unknown, values: number): void {
  if (BY_DICTIONARY.includes(Number(encoding))) {
    const [bits = 0] = data;
    if (bits > 32) throw new Malformed(`a page has indices of ${bits} bits`);
    checkRuns(data, 1, bits, values);
  } else if (encoding !== PLAIN) throw new Malformed(`a page is in encoding ${encoding}, which is not read`);
}

const bitsOf = (highest: number): number => 32 - Math.clz32(highest);

/** Runs of a value and groups of eight, up to so many values or the end of the page. */
function checkRuns(data: Uint8Array, start: number, bits: number, values: number): void {
  let at = start;
  for (let seen = 0; seen < values && at < data.length; ) {
    let head = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = data[at++] ?? 0;
      head += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
      if (scale > 2 ** 28) throw new Malformed('a run of values has a length that does not end');
    }
    const grouped = head % 2 === 1;
    const count = grouped ? 8 * Math.floor(head / 2) : head / 2;
    if (count > values - seen + (grouped ? FILLED : 0))
      throw new Malformed(`a page has a run of ${count} values, and ${values - seen} are left of it`);
    at += grouped ? Math.max(1, (count / 8) * bits) : Math.ceil(bits / 8);
    seen += count;
  }
}
