import { type Bytes, Truncated } from '../../model/bytes.ts';
import { Malformed } from '../format.ts';
import { EMPTY_TREE, type Tree, type TreeValue } from './tree.ts';

/**
 * Reads protobuf by offset (https://protobuf.dev/programming-guides/encoding). A message is a range of a file; its
 * fields are found one after the other by their headers, and what is not asked for is skipped without being read:
 * five gigabytes of weights cost the few bytes of their tags.
 */
export interface Message {
  readonly source: Bytes;
  /** Offsets in `source`. */
  readonly start: number;
  readonly end: number;
  readonly depth: number;
  /** Fields that may still be looked at, and bytes of memory that trees may still take, by all messages of one file. */
  readonly budget: { left: number; keep: number };
}

/** One field of a message, as it lies on the wire. */
export interface WireField {
  readonly number: number;
  /** 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes. */
  readonly wire: 0 | 1 | 2 | 5;
  /** The two halves of a varint or fixed value, each an unsigned 32-bit number. */
  readonly low: number;
  readonly high: number;
  /** The payload of a length-delimited field: offsets in the source. */
  readonly start: number;
  readonly end: number;
}

const MAX_DEPTH = 64;
/** Bound the time and the memory that a file can cost. */
const MAX_FIELDS = 6_000_000;
const MAX_KEPT = 24 * 1024 * 1024;
/** About what V8 takes for a map, for one of its entries with an array, and for a string beside its characters. */
const TREE_COST = 200;
const ENTRY_COST = 72;
const VALUE_COST = 32;
const STRING_COST = 32;
/** Also what is thrown away on the way: the collector does not come at once. */
const MESSAGE_COST = 64;
/** Read ahead for field headers; at most 20 bytes are needed, and most messages are shorter than this. */
const AHEAD = 256;
const LONGEST_HEADER = 20;
const MAX_TEXT = 1024 * 1024;
const TWO_32 = 4294967296;

/** The message that a whole file, or a part of one, is. */
export function rootMessage(source: Bytes): Message {
  return { source, start: 0, end: source.size, depth: 0, budget: { left: MAX_FIELDS, keep: MAX_KEPT } };
}

/**
 * The fields of a message in the order of the file.
 * @throws Truncated when the file ends within a field; Malformed when a field ends outside its message.
 */
export function* fields(message: Message): Generator<WireField, void, undefined> {
  const { source, end, budget } = message;
  const cursor: Cursor = { buffer: EMPTY, at: 0, low: 0, high: 0, inFile: message.depth === 0 };
  let base = message.start;
  let at = message.start;
  while (at < end) {
    if (--budget.left < 0) throw new Malformed(`more than ${MAX_FIELDS} protobuf fields`);
    const buffered = base + cursor.buffer.length;
    if (at >= buffered || (buffered - at < LONGEST_HEADER && buffered < end)) {
      base = at;
      cursor.buffer = source.read(at, Math.min(AHEAD, end - at));
    }
    cursor.at = at - base;
    varint(cursor);
    const number = cursor.low >>> 3;
    const wire = cursor.low & 7;
    if (cursor.high !== 0 || number === 0) throw new Malformed(`no protobuf field begins at byte ${at}`);
    let start = base + cursor.at;
    let stop = start;
    cursor.low = 0;
    cursor.high = 0;
    if (wire === 0) {
      varint(cursor);
      stop = base + cursor.at;
    } else if (wire === 2) {
      varint(cursor);
      start = base + cursor.at;
      stop = start + cursor.low + cursor.high * TWO_32;
    } else if (wire === 1 || wire === 5) {
      stop = start + (wire === 1 ? 8 : 4);
    } else throw new Malformed(`protobuf wire type ${wire} at byte ${at}`);
    if (stop > end) {
      const said = `field ${number} at byte ${at} is ${stop - start} bytes long, and ${end - start} are left`;
      throw message.depth === 0 ? new Truncated(said) : new Malformed(said);
    }
    if (wire === 1 || wire === 5) {
      const view = source.read(start, stop - start);
      cursor.low = uint32(view, 0);
      cursor.high = wire === 1 ? uint32(view, 4) : 0;
    }
    yield { number, wire, low: cursor.low, high: cursor.high, start, end: stop };
    at = stop;
  }
}

interface Cursor {
  buffer: Uint8Array;
  at: number;
  low: number;
  high: number;
  readonly inFile: boolean;
}

const EMPTY = new Uint8Array(0);

function varint(cursor: Cursor): void {
  let low = 0;
  let high = 0;
  for (let index = 0; index < 10; index++) {
    const byte = cursor.buffer[cursor.at];
    if (byte === undefined) {
      if (cursor.inFile) throw new Truncated('the file ends within a number');
      throw new Malformed('a protobuf message ends within a number');
    }
    cursor.at++;
    const bits = byte & 0x7f;
    if (index < 4) low |= bits << (7 * index);
    else if (index === 4) {
      low |= bits << 28;
      high |= bits >>> 4;
    } else high |= bits << (7 * index - 32);
    if (byte < 0x80) {
      cursor.low = low >>> 0;
      cursor.high = high >>> 0;
      return;
    }
  }
  throw new Malformed('a protobuf number has more than ten bytes');
}

function uint32(bytes: Uint8Array, at: number): number {
  const [a = 0, b = 0, c = 0, d = 0] = bytes.subarray(at, at + 4);
  return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
}

/** The message in a length-delimited field. */
export function messageIn(message: Message, field: WireField): Message {
  if (field.wire !== 2) throw new Malformed(`field ${field.number} is not a message`);
  if (message.depth >= MAX_DEPTH)
    throw new Malformed(`protobuf messages are nested deeper than ${MAX_DEPTH}`);
  return {
    source: message.source,
    start: field.start,
    end: field.end,
    depth: message.depth + 1,
    budget: message.budget,
  };
}

/** The bytes of a length-delimited field. @throws Malformed when they are more than `limit`. */
export function bytesIn(message: Message, field: WireField, limit = MAX_TEXT): Uint8Array {
  const length = field.end - field.start;
  if (field.wire !== 2) throw new Malformed(`field ${field.number} has no bytes`);
  if (length > limit)
    throw new Malformed(`field ${field.number} has ${length} bytes; at most ${limit} are read`);
  return message.source.read(field.start, length);
}

const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** The text of a length-delimited field; bytes that are no UTF-8 become U+FFFD. */
export function textIn(message: Message, field: WireField, limit = MAX_TEXT): string {
  return UTF8.decode(bytesIn(message, field, limit));
}

/** A varint as int64 or int32. Beyond 2^53 it is rounded. */
export function signed(field: Pick<WireField, 'low' | 'high'>): number {
  return (field.high | 0) * TWO_32 + field.low;
}

/** A varint as uint64. Beyond 2^53 it is rounded. */
export function unsigned(field: Pick<WireField, 'low' | 'high'>): number {
  return field.high * TWO_32 + field.low;
}

/** The integers of a repeated field, of which this is one occurrence: packed or not. */
export function integersIn(message: Message, field: WireField): number[] {
  if (field.wire === 0) return [signed(field)];
  const buffer = bytesIn(message, field);
  const cursor: Cursor = { buffer, at: 0, low: 0, high: 0, inFile: false };
  const out: number[] = [];
  while (cursor.at < buffer.length) {
    varint(cursor);
    out.push(signed(cursor));
  }
  return out;
}

/** What to read of a message: everything that is not named is skipped. A function allows a schema to hold itself. */
export interface Schema {
  readonly [name: string]: readonly [number: number, kind: 'int' | 'string' | Schema | (() => Schema)];
}

type Plan = ReadonlyMap<number, { name: string; kind: Schema[string][1] }>;
const plans = new WeakMap<Schema, Plan>();

function planOf(schema: Schema): Plan {
  let plan = plans.get(schema);
  if (!plan) {
    plan = new Map(Object.entries(schema).map(([name, [number, kind]]) => [number, { name, kind }]));
    plans.set(schema, plan);
  }
  return plan;
}

/**
 * Reads the named fields of a message into plain data. Fields of another wire type than named are Malformed, and so is
 * a file of which more would be kept in memory than MAX_KEPT.
 */
export function decode(message: Message, schema: Schema): Tree {
  const plan = planOf(schema);
  let tree: Map<string, TreeValue[]> | undefined;
  for (const field of fields(message)) {
    const wanted = plan.get(field.number);
    if (!wanted) continue;
    const { name, kind } = wanted;
    if (!tree) {
      charge(message, TREE_COST);
      tree = new Map();
    }
    const values = tree.get(name);
    const read = valuesOf(message, field, kind);
    // An array that begins with its values takes a fraction of the space of one that they are pushed to.
    if (!values) tree.set(name, read);
    else for (const value of read) values.push(value);
    charge(message, values ? 0 : ENTRY_COST);
  }
  return tree ?? EMPTY_TREE;
}

function valuesOf(message: Message, field: WireField, kind: Schema[string][1]): TreeValue[] {
  if (kind === 'int') {
    const values = integersIn(message, field);
    charge(message, VALUE_COST * values.length);
    return values;
  }
  charge(message, kind === 'string' ? VALUE_COST : MESSAGE_COST);
  if (kind === 'string') {
    charge(message, STRING_COST + field.end - field.start);
    return [textIn(message, field)];
  }
  return [decode(messageIn(message, field), typeof kind === 'function' ? kind() : kind)];
}

function charge(message: Message, bytes: number): void {
  message.budget.keep -= bytes;
  if (message.budget.keep < 0)
    throw new Malformed(`its protobuf messages take more than ${MAX_KEPT} bytes of memory`);
}

/** Reads what nothing is kept of: trees that are decoded in here do not count afterwards. */
export function passing<T>(message: Message, read: () => T): T {
  const { keep } = message.budget;
  const result = read();
  message.budget.keep = keep;
  return result;
}
