import { type Bytes, inMemory } from '../../model/bytes.ts';
import { Malformed } from '../format.ts';
import type { Schema } from './protobuf.ts';
import {
  fieldName,
  offsetOf,
  peek,
  quoted,
  type Scan,
  scalar,
  scanOf,
  skipBrackets,
  skipString,
  take,
  wrong,
} from './prototext-scan.ts';
import type { Tree, TreeValue } from './tree.ts';

/**
 * What to read of a text: everything that is not named is passed over. `few` keeps no more than so many values,
 * `bytes` the bytes of a string as characters, where they are no more. `each` gives every message to a function together
 * with its place in the file; what that does not say to keep does not count.
 */
export interface Selection {
  readonly [name: string]: Selected | undefined;
}

type Selected =
  | 'value'
  | { readonly few: number }
  | { readonly bytes: number }
  | { readonly message: Selection | (() => Selection) }
  | { readonly each: Selection; readonly visit: (tree: Tree, place: Place) => 'kept' | undefined };

/** A part of a file: the fields of one message. */
export interface Place {
  readonly start: number;
  readonly end: number;
}

const MAX_DEPTH = 64;
const MAX_KEPT = 24 * 1024 * 1024;
const MAX_TEXT = 1024 * 1024;
/** Bounds the time; fields of what is passed over are not among them. */
const MAX_FIELDS = 3_000_000;
/** About what V8 takes for a map, for one of its entries with an array, and for a value beside its characters. */
const TREE_COST = 200;
const ENTRY_COST = 72;
const VALUE_COST = 40;

/**
 * Reads the text form of protobuf (https://protobuf.dev/reference/protobuf/textformat-spec) without a schema:
 * names stay names, enumerations stay identifiers, repeated fields are the occurrences of a name.
 * @throws Malformed with the line at which the text is wrong.
 */
export function parsePrototext(text: string): Tree {
  return selectPrototext(inMemory(Buffer.from(text, 'utf8')), null);
}

/** The same of what is selected, or of everything, in a file or a part of one. @throws Malformed, Truncated. */
export function selectPrototext(
  source: Bytes,
  selection: Selection | null,
  place: Place = { start: startOf(source), end: source.size },
  budget = textBudget(),
): Tree {
  return message(scanOf(source, place.start, place.end, budget), -1, selection, 0);
}

/** Bytes of memory that trees may take, for several of them together. */
export function textBudget(): { left: number } {
  return { left: MAX_KEPT };
}

/** Behind the mark of UTF-8. */
function startOf(source: Bytes): number {
  const [a, b, c] = source.read(0, Math.min(3, source.size));
  return a === 0xef && b === 0xbb && c === 0xbf ? 3 : 0;
}

const selections = new WeakMap<Schema, Selection>();

/** Reads the same of a text as of a binary message. */
export function selectionOf(schema: Schema): Selection {
  let selection = selections.get(schema);
  if (!selection) {
    selection = Object.fromEntries(
      Object.entries(schema).map(([name, [, kind]]) => [
        name,
        typeof kind === 'string'
          ? 'value'
          : { message: () => selectionOf(typeof kind === 'function' ? kind() : kind) },
      ]),
    );
    selections.set(schema, selection);
  }
  return selection;
}

const OPEN = 123;
const CLOSE = 125;
const LESS = 60;
const GREATER = 62;
const OPEN_LIST = 91;
const CLOSE_LIST = 93;
const COLON = 58;
const COMMA = 44;
const SEMICOLON = 59;
const DOUBLE = 34;
const SINGLE = 39;

const plans = new WeakMap<Selection, ReadonlyMap<string, Selected | undefined>>();

/** Looked up in an object, each of a million names would be kept by V8. */
function planOf(selection: Selection): ReadonlyMap<string, Selected | undefined> {
  let plan = plans.get(selection);
  if (!plan) {
    plan = new Map(Object.entries(selection));
    plans.set(selection, plan);
  }
  return plan;
}

/** What is not selected leaves nothing in here. */
const PASSED: TreeValue[] = [];

/** Fields up to `close` (-1 for the end of the text), which is taken. `null` selects everything. */
function message(scan: Scan, close: number, selection: Selection | null, depth: number): Tree {
  if (depth > MAX_DEPTH) throw new Malformed(`messages are nested deeper than ${MAX_DEPTH}`);
  const tree = new Map<string, TreeValue[]>();
  const plan = selection === null ? null : planOf(selection);
  for (;;) {
    const next = peek(scan);
    if (next === close) {
      if (close !== -1) scan.at++;
      return tree;
    }
    if (next === -1) throw wrong(scan, `"${String.fromCharCode(close)}" before the end of the text`);
    if (++scan.fields > MAX_FIELDS) throw new Malformed(`more than ${MAX_FIELDS} fields`);
    const name = fieldName(scan);
    if (name === '') throw wrong(scan, 'a field name');
    const selected = plan === null ? null : plan.get(name);
    const colon = take(scan, COLON);
    const values = selected === undefined ? PASSED : (tree.get(name) ?? []);
    if (take(scan, OPEN_LIST)) list(scan, depth, colon, selected, values);
    else value(scan, depth, colon, selected, values);
    if (values.length > 0 && !tree.has(name)) {
      charge(scan, ENTRY_COST);
      tree.set(name, values);
    }
    if (!take(scan, COMMA)) take(scan, SEMICOLON);
  }
}

function list(
  scan: Scan,
  depth: number,
  colon: boolean,
  selected: Selected | null | undefined,
  values: TreeValue[],
): void {
  if (take(scan, CLOSE_LIST)) return;
  do value(scan, depth, colon, selected, values);
  while (take(scan, COMMA));
  if (!take(scan, CLOSE_LIST)) throw wrong(scan, '"]"');
}

function charge(scan: Scan, bytes: number): void {
  scan.budget.left -= bytes;
  if (scan.budget.left < 0) throw new Malformed(`its messages take more than ${MAX_KEPT} bytes of memory`);
}

/** One value, which goes into `values` where it is selected: `undefined` is not, `null` is with all that is in it. */
function value(
  scan: Scan,
  depth: number,
  scalarAllowed: boolean,
  selected: Selected | null | undefined,
  values: TreeValue[],
): void {
  const next = peek(scan);
  if (next === OPEN || next === LESS) {
    scan.at++;
    submessage(scan, next === OPEN ? CLOSE : GREATER, depth, selected, values);
    return;
  }
  if (!scalarAllowed) throw wrong(scan, '"{"');
  const wanted =
    selected !== undefined && (selected === null || selected === 'value' || values.length < fewOf(selected));
  if (next === DOUBLE || next === SINGLE) {
    const content = typeof selected === 'object' && selected !== null && 'bytes' in selected;
    if (wanted || content) text(scan, content ? selected.bytes : MAX_TEXT, content, values);
    else
      for (let quote = next; quote === DOUBLE || quote === SINGLE; quote = peek(scan)) {
        scan.at++;
        skipString(scan, quote);
      }
    return;
  }
  const read = plainValue(scan, scalar(scan));
  if (!wanted) return;
  charge(scan, VALUE_COST);
  values.push(read);
}

function text(scan: Scan, limit: number, content: boolean, values: TreeValue[]): void {
  const read = quoted(scan, limit, content ? 'latin1' : 'utf8');
  if (read === null && !content) throw wrong(scan, `a string of at most ${limit} bytes`);
  if (read === null) return;
  charge(scan, VALUE_COST + read.length);
  values.push(read);
}

function submessage(
  scan: Scan,
  close: number,
  depth: number,
  selected: Selected | null | undefined,
  values: TreeValue[],
): void {
  if (selected === null || hasMessage(selected)) {
    charge(scan, VALUE_COST + TREE_COST);
    const inside = selected?.message ?? null;
    values.push(message(scan, close, typeof inside === 'function' ? inside() : inside, depth + 1));
  } else if (typeof selected === 'object' && 'each' in selected) {
    const { left } = scan.budget;
    const start = offsetOf(scan);
    const tree = message(scan, close, selected.each, depth + 1);
    const outcome = selected.visit(tree, { start, end: offsetOf(scan) - 1 });
    if (outcome !== 'kept') scan.budget.left = left;
  } else skipBrackets(scan);
}

function hasMessage(selected: Selected | undefined): selected is Extract<Selected, { message: unknown }> {
  return typeof selected === 'object' && 'message' in selected;
}

function fewOf(selected: Selected | undefined): number {
  return typeof selected === 'object' && 'few' in selected ? selected.few : 0;
}

const NUMBER = /^-?(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fF]?)$/;
const WORD = /^-?[A-Za-z_][A-Za-z0-9_]*$/;

function plainValue(scan: Scan, text: string): number | string {
  if (NUMBER.test(text)) return numeral(text);
  if (WORD.test(text)) return text;
  throw wrong(scan, 'a value');
}

function numeral(plain: string): number {
  if (/0[xX]/.test(plain)) return plain.startsWith('-') ? -Number(plain.slice(1)) : Number(plain);
  if (/^-?0[0-7]+$/.test(plain)) return Number.parseInt(plain, 8);
  return Number(plain.replace(/[fF]$/, ''));
}
