import type { Bytes } from '../../model/bytes.ts';
import { Malformed } from '../format.ts';

/** A value of UBJSON; arrays of numbers beyond what is kept are given by their length only. */
export type Ubjson =
  | null
  | boolean
  | number
  | string
  | { readonly [key: string]: Ubjson }
  | readonly Ubjson[]
  | SkippedArray;

export interface SkippedArray {
  readonly skipped: number;
}

/** Numbers of all arrays together that are kept: the texts of categories are among them. */
const KEPT = 1024 * 1024;
const NO_KEYS: ReadonlySet<string> = new Set();
const MAX_DEPTH = 64;
/** Values in a document, and arrays and objects of it that are kept: those of ten thousand trees are far fewer. */
const MAX_VALUES = 5_000_000;
const MAX_CONTAINERS = 100_000;
/** Values that are kept one by one: names of columns. Those with a key take four times the memory. */
const MAX_KEPT = 1_000_000;
const KEYED = 3;
const MAX_STRING = 4 * 1024 * 1024;
const MAX_TEXT = 24 * 1024 * 1024;

type Number_ = { readonly size: number; read(view: DataView, at?: number): number };
/** Numbers by marker; big-endian. Source: ubjson.org, "Type reference" (draft 12). */
const NUMBERS: Readonly<Record<string, Number_>> = {
  i: { size: 1, read: (view, at = 0) => view.getInt8(at) },
  U: { size: 1, read: (view, at = 0) => view.getUint8(at) },
  I: { size: 2, read: (view, at = 0) => view.getInt16(at) },
  l: { size: 4, read: (view, at = 0) => view.getInt32(at) },
  L: { size: 8, read: (view, at = 0) => Number(view.getBigInt64(at)) },
  d: { size: 4, read: (view, at = 0) => view.getFloat32(at) },
  D: { size: 8, read: (view, at = 0) => view.getFloat64(at) },
};

/**
 * Reads a UBJSON document as XGBoost writes it: typed arrays are skipped by their length instead of being read,
 * so that a model of gigabytes costs the number of its trees and not of its nodes.
 * @param skip keys whose values are gone over, and given as `null`.
 * @throws Malformed | Truncated.
 */
export function readUbjson(bytes: Bytes, skip: ReadonlySet<string> = NO_KEYS): Ubjson {
  let at = 0;
  let values = 0;
  /** Bytes of texts that are kept. */
  let texts = 0;
  const take = (length: number): DataView => {
    const part = bytes.read(at, length);
    at += length;
    return new DataView(part.buffer, part.byteOffset, length);
  };
  const marker = (): string => {
    for (;;) {
      const code = String.fromCharCode(take(1).getUint8(0));
      if (code !== 'N') return code;
      values += 1;
      if (values > MAX_VALUES) throw new Malformed('there are too many values in it');
    }
  };
  const peek = (): string => (at < bytes.size ? String.fromCharCode(bytes.read(at, 1)[0] ?? 0) : '');
  const length = (code = marker()): number => {
    const kind = NUMBERS[code];
    if (!kind || code === 'd' || code === 'D') throw new Malformed(`"${code}" at byte ${at} is no length`);
    const value = kind.read(take(kind.size));
    if (!Number.isSafeInteger(value) || value < 0) throw new Malformed(`the length ${value} at byte ${at}`);
    return value;
  };
  const text = (): string => {
    const size = length();
    texts += size;
    if (size > MAX_STRING || texts > MAX_TEXT) throw new Malformed(`a text of ${size} bytes`);
    const view = take(size);
    return Buffer.from(view.buffer, view.byteOffset, size).toString('utf8');
  };
  const pass = (size: number): null => {
    at += size;
    return null;
  };
  /** `$type` and `#count` after `[` or `{`. */
  const header = (): { type: string | null; count: number | null } => {
    let type: string | null = null;
    if (peek() === '$') {
      at++;
      type = marker();
    }
    if (peek() !== '#') {
      if (type !== null) throw new Malformed(`a typed container at byte ${at} has no count`);
      return { type, count: null };
    }
    at++;
    return { type, count: length() };
  };
  /** Inside of a skipped value nothing is kept. */
  let skipping = false;
  let kept = 0;
  let containers = 0;
  /** Values that are kept and stand by themselves. */
  let single = 0;
  const array = (depth: number): Ubjson => {
    const { type, count } = header();
    const fixed = type === null ? undefined : NUMBERS[type];
    if (fixed && count !== null && (skipping || kept + count > KEPT)) {
      if (at + count * fixed.size > bytes.size) throw new Malformed(`an array at byte ${at} is cut short`);
      at += count * fixed.size;
      return { skipped: count };
    }
    const out: Ubjson[] = [];
    if (fixed && count !== null) {
      kept += count;
      const view = take(count * fixed.size);
      for (let index = 0; index < count; index++) out.push(fixed.read(view, index * fixed.size));
      return out;
    }
    for (let index = 0; count === null ? peek() !== ']' : index < count; index++) {
      const one = value(type ?? marker(), depth + 1);
      if (!skipping) out.push(one);
      if (count !== null && type !== null && 'TFZ'.includes(type) && index > KEPT) break;
    }
    if (count === null) at++;
    return out;
  };
  const object = (depth: number): Ubjson => {
    const { type, count } = header();
    const out: Record<string, Ubjson> = Object.create(null);
    for (let index = 0; count === null ? peek() !== '}' : index < count; index++) {
      if (skipping) {
        pass(length());
        value(type ?? marker(), depth + 1);
        continue;
      }
      const key = text();
      single += KEYED;
      skipping = skip.has(key);
      const one = value(type ?? marker(), depth + 1);
      out[key] = skipping ? null : one;
      skipping = false;
    }
    if (count === null) at++;
    return out;
  };
  const value = (code: string, depth: number): Ubjson => {
    if (depth > MAX_DEPTH) throw new Malformed(`values are nested deeper than ${MAX_DEPTH}`);
    values += 1;
    if (!skipping) single += 1;
    if (!skipping && (code === '[' || code === '{')) containers += 1;
    if (values > MAX_VALUES || single > MAX_KEPT || containers > MAX_CONTAINERS)
      throw new Malformed('there are too many values in it');
    const kind = NUMBERS[code];
    if (kind) return kind.read(take(kind.size));
    switch (code) {
      case 'Z':
        return null;
      case 'T':
        return true;
      case 'F':
        return false;
      case 'C':
        return String.fromCharCode(take(1).getUint8(0));
      case 'S':
      case 'H':
        return skipping ? pass(length()) : text();
      case '[':
        return array(depth);
      case '{':
        return object(depth);
      default:
        throw new Malformed(`"${code}" at byte ${at} is no UBJSON marker`);
    }
  };
  return value(marker(), 0);
}
