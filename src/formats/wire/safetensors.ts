import { type Bytes, Truncated } from '../../model/bytes.ts';
import { entryOf } from '../../model/entry.ts';
import { Malformed } from '../format.ts';

/** What the header of a safetensors file says. Source: the safetensors README, "Format". */
export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, { readonly dtype: string; readonly shape: readonly number[] }>;
  readonly metadata: Readonly<Record<string, string>>;
  /** Bytes that the tensors say they take, after the header. */
  readonly dataSize: number;
}

/** The reference implementation refuses larger headers. */
const MAX_HEADER = 100_000_000;

/** Bits of one element. */
const BITS: Readonly<Record<string, number>> = {
  BOOL: 8,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  I64: 64,
  U64: 64,
  F64: 64,
  C64: 64,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
};

/** Whether a file of `size` bytes that begins with `head` has a safetensors header. */
export function looksLikeSafetensors(head: Uint8Array, size: number): boolean {
  if (head.length < 9 || head[8] !== 0x7b) return false;
  const length = Number(new DataView(head.buffer, head.byteOffset, 8).getBigUint64(0, true));
  return length >= 2 && length <= size - 8 && length <= MAX_HEADER;
}

/** More tensors than the largest models have in one file, and the longest entry of the header. */
const MAX_TENSORS = 200_000;
const MAX_ENTRY = 4 * 1024 * 1024;
/** Of a tensor's shape. */
const MAX_RANK = 64;
/** Bytes that tensors and metadata may take in memory, with about what V8 takes beside the characters. */
const MAX_KEPT = 28 * 1024 * 1024;
const TENSOR_COST = 250;
const ENTRY_COST = 800;

/**
 * Reads the header piece by piece; tensor data is not touched, and of a header of 100 MB no more than one entry is in
 * memory at a time.
 * @throws Malformed where the reference implementation refuses the file: the header is not a JSON object of tensors,
 *   tensors overlap, leave gaps, or do not fill the file.
 * @throws Truncated when the tensors go past the end of the file.
 */
export function readSafetensors(bytes: Bytes): SafetensorsHeader {
  const prefix = bytes.read(0, 8);
  const stated = new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true);
  if (stated > BigInt(MAX_HEADER)) throw new Malformed(`the header claims ${stated} bytes`);
  const length = Number(stated);
  const tensors = new Map<string, { dtype: string; shape: readonly number[] }>();
  const metadata: Record<string, string> = Object.create(null);
  const ranges: [number, number][] = [];
  const types = new Map<string, string>();
  let kept = 0;
  let described = false;
  const charge = (cost: number): void => {
    kept += cost;
    if (kept > MAX_KEPT) throw new Malformed(`the header takes more than ${MAX_KEPT} bytes of memory`);
  };
  for (const [name, text] of entriesOf(bytes, 8, 8 + length)) {
    const value = parsed(text);
    if (name === '__metadata__') {
      if (described) throw new Malformed('the metadata are there twice');
      described = true;
      for (const [key, entry] of Object.entries(asObject(value, name))) {
        if (typeof entry !== 'string') throw new Malformed(`the metadata "${key}" is no text`);
        charge(ENTRY_COST + key.length + entry.length);
        metadata[key] = entry;
      }
      continue;
    }
    charge(TENSOR_COST + name.length);
    if (tensors.size >= MAX_TENSORS) throw new Malformed(`more than ${MAX_TENSORS} tensors`);
    if (tensors.has(name)) throw new Malformed(`the tensor "${name}" is there twice`);
    if ((text.match(/"(dtype|shape|data_offsets)"\s*:/g) ?? []).length > 3)
      throw new Malformed(`the tensor "${name}" has a field twice`);
    const { dtype, shape, range } = asTensor(name, value);
    // One string a type, not one a tensor.
    const type = types.get(dtype) ?? dtype;
    types.set(type, type);
    tensors.set(name, { dtype: type, shape });
    ranges.push(range);
  }
  const end = coverage(ranges);
  const needs = 8 + length + end;
  if (needs > bytes.size)
    throw new Truncated(`the tensors need ${needs} bytes and the file has ${bytes.size}`);
  if (needs < bytes.size) throw new Malformed(`${bytes.size - needs} bytes of the file belong to no tensor`);
  return { tensors, metadata, dataSize: end };
}

/** Where the last of the tensors ends, when they stand one after the other. */
function coverage(ranges: [number, number][]): number {
  ranges.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let at = 0;
  for (const [begin, end] of ranges) {
    if (begin !== at)
      throw new Malformed(`tensor data ${begin < at ? 'overlaps' : 'has a gap'} at byte ${begin}`);
    at = end;
  }
  return at;
}

const PIECE = 256 * 1024;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/** The entries of the JSON object between two offsets, each with its text. */
function* entriesOf(bytes: Bytes, start: number, end: number): Generator<[string, string]> {
  let buffer = new Uint8Array(0);
  let at = start;
  /** How far the buffer was looked through, and how its end stands to strings and brackets. */
  let seen = 0;
  let depth = 0;
  let quoted = false;
  let from = 0;
  let closed = false;
  while (at < end) {
    const piece = bytes.read(at, Math.min(PIECE, end - at));
    at += piece.length;
    const rest = buffer.subarray(from);
    seen -= from;
    from = 0;
    if (rest.length + piece.length > MAX_ENTRY) throw new Malformed('an entry of the header is too long');
    buffer = new Uint8Array(rest.length + piece.length);
    buffer.set(rest);
    buffer.set(piece, rest.length);
    for (; seen < buffer.length; seen += 1) {
      const byte = buffer[seen];
      if (quoted) {
        if (byte === BACKSLASH) seen += 1;
        else if (byte === QUOTE) quoted = false;
      } else if (byte === QUOTE) quoted = true;
      else if (byte === OPEN) {
        if (closed) throw new Malformed('the header goes on behind its end');
        depth += 1;
        if (depth === 1) from = seen + 1;
      } else if (byte === CLOSE) {
        depth -= 1;
        if (depth === 0) closed = true;
        if (depth === 1) {
          yield keyAndValue(buffer.subarray(from, seen + 1));
          from = seen + 1;
        }
      }
    }
  }
  if (!closed || quoted) throw new Malformed('the header is not a JSON object');
  if (!/^\s*\}\s*$/.test(Buffer.from(buffer.subarray(from)).toString('latin1')))
    throw new Malformed('the header is not a JSON object of tensors');
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** `, "name": {…}` */
function keyAndValue(bytes: Uint8Array): [string, string] {
  let text: string;
  try {
    text = UTF8.decode(bytes);
  } catch {
    throw new Malformed('the header is no UTF-8');
  }
  const [whole, name] = /^\s*,?\s*("(?:[^"\\]|\\.)*")\s*:\s*(?=\{)/.exec(text) ?? [];
  const key: unknown = name === undefined ? null : parsed(name);
  if (typeof key !== 'string') throw new Malformed('the header is not a JSON object of tensors');
  return [key, text.slice((whole ?? '').length)];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Malformed('the header is not JSON');
  }
}

function asObject(value: unknown, name: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new Malformed(`"${name}" of the header is no object`);
}

function asTensor(name: string, value: unknown): { dtype: string; shape: number[]; range: [number, number] } {
  const { dtype, shape, data_offsets: range } = asObject(value, name);
  const natural = (n: unknown): n is number => typeof n === 'number' && Number.isSafeInteger(n) && n >= 0;
  if (typeof dtype !== 'string' || !Array.isArray(shape) || !shape.every(natural))
    throw new Malformed(`tensor "${name}" has no type or shape`);
  if (shape.length > MAX_RANK)
    throw new Malformed(`tensor "${name}" has ${shape.length} dimensions; at most ${MAX_RANK} are read`);
  const [begin, end]: unknown[] = Array.isArray(range) && range.length === 2 ? range : [];
  if (!natural(begin) || !natural(end) || end < begin)
    throw new Malformed(`tensor "${name}" has no place in the file`);
  const bits = entryOf(BITS, dtype);
  const count = shape.reduce((product, size) => product * size, 1);
  if (bits !== undefined && (count * bits) / 8 !== end - begin)
    throw new Malformed(
      `tensor "${name}" is ${end - begin} bytes, and its shape needs ${(count * bits) / 8}`,
    );
  return { dtype, shape, range: [begin, end] };
}
