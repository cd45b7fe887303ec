import type { Bytes } from '../../model/bytes.ts';
import { Malformed } from '../format.ts';

/*
 * The characters of protobuf's text form, one after the other. Files of text can be as large as weights: no more than
 * a piece of one is held, and what is passed over makes no strings.
 */

/** A place in a text, and what is held of it. */
export interface Scan {
  readonly source: Bytes;
  /** Where the text ends that is read. */
  readonly end: number;
  /** Memory that every piece is read into, where the source can do that. */
  readonly memory: Uint8Array | null;
  /** The piece that is held, and its offset. */
  piece: Uint8Array;
  base: number;
  /** The next byte, counted from `base`. */
  at: number;
  /** How many fields were looked at. */
  fields: number;
  /** Bytes of memory that may still be taken. */
  readonly budget: { left: number };
}

const PIECE = 32 * 1024;
const MAX_TOKEN = 1024;
const EMPTY = new Uint8Array(0);

/** A scan of the bytes from `start` to `end`. */
export function scanOf(source: Bytes, start: number, end: number, budget: { left: number }): Scan {
  // A short text, such as one node of a graph, lies in what is held of the file already.
  const memory = source.fill && end - start > PIECE ? new Uint8Array(PIECE) : null;
  return { source, end, memory, piece: EMPTY, base: start, at: 0, fields: 0, budget };
}

/** The offset of the next byte in the file. */
export function offsetOf(scan: Scan): number {
  return scan.base + scan.at;
}

/** The next byte without passing over it; -1 at the end. */
function peekByte(scan: Scan): number {
  if (scan.at >= scan.piece.length) {
    scan.base += scan.at;
    scan.at = 0;
    scan.piece = EMPTY;
    if (scan.base >= scan.end) return -1;
    const length = Math.min(PIECE, scan.end - scan.base);
    if (scan.memory && scan.source.fill) {
      scan.piece = scan.memory.subarray(0, length);
      scan.source.fill(scan.piece, scan.base);
    } else scan.piece = scan.source.read(scan.base, length);
  }
  return scan.piece[scan.at] ?? -1;
}

const NEWLINE = 10;
const HASH = 35;
const DOUBLE = 34;
const SINGLE = 39;
const BACKSLASH = 92;

const isSpace = (byte: number): boolean => byte === 32 || (byte >= 9 && byte <= 13);

/** Steps over white space and comments; the byte that follows, or -1 at the end. */
export function peek(scan: Scan): number {
  for (;;) {
    let byte = peekByte(scan);
    if (byte === HASH) while (byte !== NEWLINE && byte !== -1) byte = step(scan);
    else if (isSpace(byte)) scan.at++;
    else return byte;
  }
}

/** Passes over a byte; the one behind it. */
function step(scan: Scan): number {
  scan.at++;
  return peekByte(scan);
}

/** Takes this byte where it is the next one behind white space. */
export function take(scan: Scan, byte: number): boolean {
  if (peek(scan) !== byte) return false;
  scan.at++;
  return true;
}

const isWord = (byte: number): boolean =>
  (byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122) || byte === 95;

/** The name of a field or of an extension; '' where there is none. */
export function fieldName(scan: Scan): string {
  if (peek(scan) !== 91) return token(scan, isWord);
  scan.at++;
  const name = token(scan, (byte) => byte !== 93 && byte !== NEWLINE && byte !== -1);
  if (peekByte(scan) !== 93) throw wrong(scan, 'a field name');
  scan.at++;
  return `[${name}]`;
}

/** A number or a word; '' where there is none. */
export function scalar(scan: Scan): string {
  let sign = '';
  if (peek(scan) === 45) {
    scan.at++;
    sign = '-';
    peek(scan);
  }
  return sign + token(scan, (byte) => isWord(byte) || byte === 46 || byte === 43 || byte === 45);
}

function token(scan: Scan, fits: (byte: number) => boolean): string {
  let text = '';
  for (;;) {
    const { piece, at } = scan;
    let end = at;
    for (let byte = piece[end]; byte !== undefined && fits(byte); byte = piece[++end]);
    if (end > at) text += latin1(piece, at, end);
    scan.at = end;
    if (text.length > MAX_TOKEN) throw wrong(scan, `a word of at most ${MAX_TOKEN} characters`);
    if (end < piece.length || peekByte(scan) === -1) return text;
  }
}

/** Words are short: this is faster than a decoder. */
function latin1(piece: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let at = start; at < end; at++) text += String.fromCharCode(piece[at] ?? 0);
  return text;
}

/** Passes over the rest of a string, whose first quote was taken. */
export function skipString(scan: Scan, quote: number): void {
  for (;;) {
    const { piece } = scan;
    let { at } = scan;
    let byte = piece[at];
    while (byte !== undefined && byte !== quote && byte !== BACKSLASH && byte !== NEWLINE) byte = piece[++at];
    scan.at = at;
    if (byte === undefined) {
      if (peekByte(scan) === -1) throw wrong(scan, 'the end of the string');
      continue;
    }
    if (byte === NEWLINE) throw wrong(scan, 'the end of the string');
    scan.at++;
    if (byte === quote) return;
    const letter = peekByte(scan);
    if (letter === -1 || letter === NEWLINE) throw wrong(scan, 'the end of the string');
    scan.at++;
  }
}

/** Of brackets the way in and out, of all that is passed over without a look 0. */
const TURN = new Int8Array(256);
for (const byte of [123, 91, 60]) TURN[byte] = 1;
for (const byte of [125, 93, 62]) TURN[byte] = -1;
for (const byte of [DOUBLE, SINGLE, HASH]) TURN[byte] = 2;

/** Passes over a message or a list, whose opening bracket was taken. */
export function skipBrackets(scan: Scan): void {
  for (let depth = 1; depth > 0; ) {
    const { piece } = scan;
    let { at } = scan;
    let byte = piece[at];
    while (byte !== undefined && TURN[byte] === 0) byte = piece[++at];
    scan.at = at;
    if (byte === undefined) {
      if (peekByte(scan) === -1) throw wrong(scan, '"}" before the end of the text');
    } else if (byte === HASH) peek(scan);
    else {
      scan.at++;
      const turn = TURN[byte] ?? 0;
      if (turn === 2) skipString(scan, byte);
      else depth += turn;
    }
  }
}

/** An error at this place. */
export function wrong(scan: Scan, expected: string): Malformed {
  const before = scanOf(scan.source, 0, offsetOf(scan), scan.budget);
  let line = 1;
  for (let byte = peekByte(before); byte !== -1; byte = step(before)) if (byte === NEWLINE) line++;
  return new Malformed(`line ${line}: expected ${expected}`);
}

/** Strings are built in here, one after the other. */
interface Built {
  bytes: Buffer;
  length: number;
}

const built: Built = { bytes: Buffer.allocUnsafeSlow(1024), length: 0 };

const SIMPLE = new Map(
  Object.entries({ a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11, '?': 63, '\\': 92, "'": 39, '"': 34 }).map(
    ([letter, byte]) => [letter.charCodeAt(0), byte],
  ),
);

/** One string: quoted pieces that follow each other are one. Escapes are bytes. `null`: it has more than `limit`. */
export function quoted(scan: Scan, limit: number, encoding: 'utf8' | 'latin1'): string | null {
  built.length = 0;
  for (let quote = peek(scan); quote === DOUBLE || quote === SINGLE; quote = peek(scan)) {
    for (let byte = step(scan); byte !== quote && built.length <= limit; byte = step(scan)) {
      if (byte === -1 || byte === NEWLINE) throw wrong(scan, 'the end of the string');
      if (byte === BACKSLASH) escaped(scan);
      else push(byte);
    }
    if (built.length > limit) skipString(scan, quote);
    else scan.at++;
  }
  return built.length > limit ? null : built.bytes.toString(encoding, 0, built.length);
}

function push(byte: number): void {
  if (built.length === built.bytes.length) {
    const grown = Buffer.allocUnsafeSlow(2 * built.length);
    grown.set(built.bytes);
    built.bytes = grown;
  }
  built.bytes[built.length++] = byte;
}

/** Passes over all of an escape sequence but its last byte. */
function escaped(scan: Scan): void {
  const letter = step(scan);
  const digits = (most: number, radix: number, first: string): number => {
    let text = first;
    while (text.length < most && !Number.isNaN(digit(following(scan), radix)))
      text += String.fromCharCode(step(scan));
    return Number.parseInt(text, radix);
  };
  if (!Number.isNaN(digit(letter, 8))) push(digits(3, 8, String.fromCharCode(letter)) & 0xff);
  else if (letter === 120 || letter === 88) push(number(scan, digits(2, 16, '')));
  else if (letter === 117 || letter === 85) {
    const code = number(scan, digits(letter === 117 ? 4 : 8, 16, ''));
    if (code > 0x10ffff) throw wrong(scan, 'a Unicode character');
    for (const byte of Buffer.from(String.fromCodePoint(code), 'utf8')) push(byte);
  } else {
    const simple = SIMPLE.get(letter);
    if (simple === undefined) throw wrong(scan, 'an escape sequence');
    push(simple);
  }
}

function number(scan: Scan, value: number): number {
  if (Number.isNaN(value)) throw wrong(scan, 'an escape sequence');
  return value;
}

function digit(byte: number, radix: number): number {
  return byte === -1 ? Number.NaN : Number.parseInt(String.fromCharCode(byte), radix);
}

/** The byte behind the next one, which stays where it is. */
function following(scan: Scan): number {
  if (scan.at + 1 < scan.piece.length) return scan.piece[scan.at + 1] ?? -1;
  const after = offsetOf(scan) + 1;
  return after < scan.end ? (scan.source.read(after, 1)[0] ?? -1) : -1;
}
