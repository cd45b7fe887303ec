import { Truncated } from '../../../model/bytes.ts';
import { Malformed } from '../../format.ts';
import type { PullStream } from '../stream.ts';
import { looksPickled } from './looks.ts';
import type { PyBytes } from './values.ts';

/** How the operand of an opcode is written. Source: Lib/pickletools.py of CPython 3.13. */
type Kind =
  | 'none'
  | 'line'
  | 'line2'
  | { readonly int: number; readonly signed?: true }
  | 'f8'
  | { readonly counted: number; readonly as: 'bytes' | 'text' | 'string'; readonly signed?: true };

const at = (letter: string): number => letter.charCodeAt(0);
const KINDS: (Kind | undefined)[] = [];
for (const letter of '().012NQR]abdelostu}') KINDS[at(letter)] = 'none';
for (const letter of 'IFLSVgpP') KINDS[at(letter)] = 'line';
for (const letter of 'ci') KINDS[at(letter)] = 'line2';
for (const op of [0x81, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8f, 0x90, 0x91, 0x92, 0x93, 0x94, 0x97, 0x98])
  KINDS[op] = 'none';
KINDS[at('J')] = { int: 4, signed: true };
KINDS[at('K')] = { int: 1 };
KINDS[at('M')] = { int: 2 };
KINDS[at('G')] = 'f8';
KINDS[at('T')] = { counted: 4, as: 'string', signed: true };
KINDS[at('U')] = { counted: 1, as: 'string' };
KINDS[at('X')] = { counted: 4, as: 'text' };
KINDS[0x8c] = { counted: 1, as: 'text' };
KINDS[0x8d] = { counted: 8, as: 'text' };
KINDS[at('B')] = { counted: 4, as: 'bytes' };
KINDS[at('C')] = { counted: 1, as: 'bytes' };
KINDS[0x8e] = { counted: 8, as: 'bytes' };
KINDS[0x96] = { counted: 8, as: 'bytes' };
KINDS[at('h')] = { int: 1 };
KINDS[at('q')] = { int: 1 };
KINDS[at('j')] = { int: 4 };
KINDS[at('r')] = { int: 4 };
KINDS[0x80] = { int: 1 };
KINDS[0x82] = { int: 1 };
KINDS[0x83] = { int: 2 };
KINDS[0x84] = { int: 4, signed: true };
KINDS[0x8a] = { counted: 1, as: 'bytes' };
KINDS[0x8b] = { counted: 4, as: 'bytes', signed: true };
KINDS[0x95] = { int: 8 };

/** A decoded operand. Two lines come joined by `\n`. */
export type Operand = null | number | string | PyBytes;

/** Bytes that may still be kept of what a pickle holds; the reader counts it down. */
export interface Budget {
  bytes: number;
}

const NO_BYTES = new Uint8Array(0);
const MAX_LINE = 16 * 1024 * 1024;
/** Longer strings and bytes are kept up to their first part only. */
const KEEP_WHOLE = 8 * 1024 * 1024;
const KEEP_PART = 64 * 1024;
/** Python 2 wrote array data as strings; from here on they are kept as bytes. */
const LONG_STRING = 4 * 1024;

/** Whether a byte is an opcode at all. */
export const isOpcode = (op: number): boolean => KINDS[op] !== undefined;

/** The same as `readOperand` where it needs no waiting and no decision, as nearly always; else `undefined`. */
export function readOperandNow(stream: PullStream, op: number, budget: Budget): Operand | undefined {
  const kind = KINDS[op];
  if (kind === 'none') return null;
  if (kind === undefined || typeof kind === 'string') return undefined;
  if ('int' in kind) {
    return stream.ready(kind.int) ? integer(stream.take(kind.int), kind.signed === true) : undefined;
  }
  // Short texts: their length is looked at before anything is taken.
  const head = kind.counted;
  if (kind.as === 'bytes' || !stream.ready(head)) return undefined;
  const length = integer(stream.look(head), kind.signed === true);
  if (length < 0 || length >= LONG_STRING || length > budget.bytes || !stream.ready(head + length))
    return undefined;
  stream.take(head);
  budget.bytes -= length;
  const raw = stream.take(length);
  return Buffer.from(raw.buffer, raw.byteOffset, raw.length).toString(kind.as === 'text' ? 'utf8' : 'latin1');
}

/**
 * Reads what follows an opcode. Lengths are checked against what is left before anything is allocated. Of long bytes
 * for which `unused` says so, nothing is kept, unless they look like a pickle.
 */
export async function readOperand(
  stream: PullStream,
  op: number,
  budget: Budget,
  unused: (length: number) => boolean = () => false,
): Promise<Operand> {
  const kind = KINDS[op];
  if (kind === undefined)
    throw new Malformed(`byte 0x${op.toString(16).padStart(2, '0')} is no pickle opcode`);
  if (kind === 'none') return null;
  if (kind === 'line' || kind === 'line2') {
    const first = await textLine(stream, budget);
    return kind === 'line' ? first : `${first}\n${await textLine(stream, budget)}`;
  }
  if (kind === 'f8') {
    const raw = await need(stream, 8);
    return new DataView(raw.buffer, raw.byteOffset, 8).getFloat64(0);
  }
  if ('int' in kind) return integer(await need(stream, kind.int), kind.signed === true);
  const length = integer(await need(stream, kind.counted), kind.signed === true);
  if (length < 0) throw new Malformed(`a length of ${length}`);
  const left = stream.left();
  if (left !== null && length > left)
    throw new Truncated(`${length} bytes are promised at byte ${stream.position}, and ${left} are left`);
  if (length >= LONG_STRING && unused(length)) {
    const data = await stream.peek(512);
    const head: PyBytes = { kind: 'bytes', length, data, text: kind.as === 'text' };
    if (!looksPickled(head)) {
      await stream.skip(length);
      return { ...head, data: new Uint8Array(0) };
    }
  }
  const whole = length <= KEEP_WHOLE && length <= budget.bytes;
  const kept = whole ? length : Math.min(KEEP_PART, length, budget.bytes);
  budget.bytes -= kept;
  const raw = await need(stream, kept);
  if (kind.as !== 'bytes' && whole && (kind.as === 'text' || length < LONG_STRING))
    return Buffer.from(raw.buffer, raw.byteOffset, raw.length).toString(
      kind.as === 'text' ? 'utf8' : 'latin1',
    );
  // A copy: what `Buffer` calls a slice would keep all of the piece that it is of.
  const data = kept === 0 ? NO_BYTES : new Uint8Array(raw);
  if (!whole) await stream.skip(length - kept);
  return { kind: 'bytes', length, data, text: kind.as === 'text' };
}

async function textLine(stream: PullStream, budget: Budget): Promise<string> {
  const line = await stream.line(Math.min(MAX_LINE, budget.bytes));
  budget.bytes -= line.length;
  return Buffer.from(line).toString('latin1');
}

/** The next `count` bytes, valid until the next call. */
async function need(stream: PullStream, count: number): Promise<Uint8Array> {
  if (!stream.ready(count) && !(await stream.ensure(count)))
    throw new Truncated(`the pickle ends at byte ${stream.position}, inside the operand of an opcode`);
  return stream.take(count);
}

function integer(raw: Uint8Array, signed: boolean): number {
  let value = 0;
  for (let index = raw.length - 1; index >= 0; index -= 1) value = value * 256 + (raw[index] ?? 0);
  if (signed && (raw[raw.length - 1] ?? 0) >= 0x80) value -= 256 ** raw.length;
  return value;
}
