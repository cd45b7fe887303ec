import { Malformed } from '../format.ts';
import type { Tree, TreeValue } from './tree.ts';

/**
 * Reads the text form of protobuf (https://protobuf.dev/reference/protobuf/textformat-spec) without a schema:
 * names stay names, enumerations stay identifiers, repeated fields are the occurrences of a name.
 * @throws Malformed with the line at which the text is wrong.
 */
export function parsePrototext(text: string): Tree {
  const scan: Scan = { text, at: text.charCodeAt(0) === 0xfeff ? 1 : 0, budget: MAX_KEPT };
  return message(scan, '', 0);
}

interface Scan {
  readonly text: string;
  at: number;
  /** Bytes of memory that may still be taken. */
  budget: number;
}

const MAX_DEPTH = 64;
const MAX_KEPT = 32 * 1024 * 1024;
/** About what V8 takes for a map, for one of its entries with an array, and for a value beside its characters. */
const TREE_COST = 200;
const ENTRY_COST = 72;
const VALUE_COST = 40;
const BLANK = /\s/;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const EXTENSION = /\[[A-Za-z0-9_./ -]*\]/y;
const NUMBER = /-?\s*(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fF]?)/y;
const WORD = /-?[A-Za-z_][A-Za-z0-9_]*/y;

function match(scan: Scan, pattern: RegExp): string | null {
  pattern.lastIndex = scan.at;
  const found = pattern.exec(scan.text);
  if (!found) return null;
  scan.at += found[0].length;
  return found[0];
}

/** Steps over white space and comments; the character that follows, or '' at the end. */
function peek(scan: Scan): string {
  for (;;) {
    const character = scan.text.charAt(scan.at);
    if (character === '#') {
      const newline = scan.text.indexOf('\n', scan.at);
      scan.at = newline === -1 ? scan.text.length : newline;
    } else if (character === '' || !BLANK.test(character)) return character;
    else scan.at++;
  }
}

function take(scan: Scan, character: string): boolean {
  if (peek(scan) !== character) return false;
  scan.at++;
  return true;
}

function wrong(scan: Scan, expected: string): Malformed {
  let line = 1;
  for (
    let index = scan.text.indexOf('\n');
    index !== -1 && index < scan.at;
    index = scan.text.indexOf('\n', index + 1)
  )
    line++;
  return new Malformed(`line ${line}: expected ${expected}`);
}

/** Fields up to `close` ('' for the end of the text), which is taken. */
function message(scan: Scan, close: string, depth: number): Tree {
  if (depth > MAX_DEPTH) throw new Malformed(`messages are nested deeper than ${MAX_DEPTH}`);
  const tree = new Map<string, TreeValue[]>();
  for (;;) {
    const next = peek(scan);
    if (next === close) {
      scan.at += close.length;
      return tree;
    }
    if (next === '') throw wrong(scan, `"${close}" before the end of the text`);
    const name = match(scan, NAME) ?? match(scan, EXTENSION);
    if (name === null) throw wrong(scan, 'a field name');
    const values = tree.get(name);
    const colon = take(scan, ':');
    let read: TreeValue[];
    if (take(scan, '[')) read = list(scan, depth, colon);
    else read = [value(scan, depth, colon)];
    if (values) for (const one of read) values.push(one);
    else {
      charge(scan, ENTRY_COST);
      tree.set(name, read);
    }
    if (!take(scan, ',')) take(scan, ';');
  }
}

/** `[…]`; of messages alone where no colon stood before it. */
function list(scan: Scan, depth: number, scalarsAllowed: boolean): TreeValue[] {
  if (take(scan, ']')) return [];
  const values = [value(scan, depth, scalarsAllowed)];
  while (take(scan, ',')) values.push(value(scan, depth, scalarsAllowed));
  if (!take(scan, ']')) throw wrong(scan, '"]"');
  return values;
}

function charge(scan: Scan, bytes: number): void {
  scan.budget -= bytes;
  if (scan.budget < 0) throw new Malformed(`its messages take more than ${MAX_KEPT} bytes of memory`);
}

function value(scan: Scan, depth: number, scalarAllowed: boolean): TreeValue {
  charge(scan, VALUE_COST);
  const next = peek(scan);
  if (next === '{' || next === '<') {
    scan.at++;
    charge(scan, TREE_COST);
    return message(scan, next === '{' ? '}' : '>', depth + 1);
  }
  if (!scalarAllowed) throw wrong(scan, '"{"');
  if (next === '"' || next === "'") return quoted(scan);
  const digits = match(scan, NUMBER);
  if (digits !== null) return numeral(digits);
  const word = match(scan, WORD);
  if (word === null) throw wrong(scan, 'a value');
  return word;
}

function numeral(digits: string): number {
  const plain = digits.replace(/\s/g, '');
  if (/0[xX]/.test(plain)) return plain.startsWith('-') ? -Number(plain.slice(1)) : Number(plain);
  if (/^-?0[0-7]+$/.test(plain)) return Number.parseInt(plain, 8);
  return Number(plain.replace(/[fF]$/, ''));
}

const SIMPLE: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  '?': 63,
  '\\': 92,
  "'": 39,
  '"': 34,
};

/** One string: quoted pieces that follow each other are one. Escapes are bytes; the whole is UTF-8. */
function quoted(scan: Scan): string {
  const done: Buffer[] = [];
  let parts: Buffer[] = [];
  const add = (part: Buffer): void => {
    charge(scan, part.length);
    parts.push(part);
    // Weights in text are one escape a byte: so many small buffers would take a hundred times as much.
    if (parts.length < MANY) return;
    done.push(Buffer.concat(parts));
    parts = [];
  };
  for (let quote = peek(scan); quote === '"' || quote === "'"; quote = peek(scan)) {
    scan.at++;
    let from = scan.at;
    for (;;) {
      const character = scan.text.charAt(scan.at);
      if (character === '' || character === '\n') throw wrong(scan, 'the end of the string');
      if (character === quote || character === '\\') {
        if (scan.at > from) add(Buffer.from(scan.text.slice(from, scan.at), 'utf8'));
        scan.at++;
        if (character === quote) break;
        add(escaped(scan));
        from = scan.at;
      } else scan.at++;
    }
  }
  return Buffer.concat([...done, ...parts]).toString('utf8');
}

/** Pieces of a string that are joined at once. */
const MANY = 4096;

const OCTAL = /[0-7]{1,3}/y;
const HEX = /[xX]([0-9a-fA-F]{1,2})/y;
const UNICODE = /u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})/y;

function escaped(scan: Scan): Buffer {
  const octal = match(scan, OCTAL);
  if (octal !== null) return Buffer.of(Number.parseInt(octal, 8) & 0xff);
  const hex = match(scan, HEX);
  if (hex !== null) return Buffer.of(Number.parseInt(hex.slice(1), 16));
  const unicode = match(scan, UNICODE);
  if (unicode !== null) {
    const code = Number.parseInt(unicode.slice(1), 16);
    if (code > 0x10ffff) throw wrong(scan, 'a Unicode character');
    return Buffer.from(String.fromCodePoint(code), 'utf8');
  }
  const simple = SIMPLE[scan.text.charAt(scan.at)];
  if (simple === undefined) throw wrong(scan, 'an escape sequence');
  scan.at++;
  return Buffer.of(simple);
}
