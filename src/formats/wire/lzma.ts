import { type Bytes, Truncated } from '../../model/bytes.ts';
import { Malformed } from '../format.ts';

/** Larger dictionaries than this are refused: what is decoded is looked up in it, so it has to be held. */
const MAX_DICTIONARY = 64 * 1024 * 1024;
const PIECE = 64 * 1024;

const PROB_INIT = 1024;
const TOP = 2 ** 24;

/**
 * The pieces of an LZMA "alone" file. Written here because the library at hand decodes whole files into memory,
 * which a file of a few bytes can fill. Source: the LZMA specification of the LZMA SDK (public domain), version 9.20;
 * names are those of its text. Holds the dictionary and one piece.
 */
export async function* lzmaPieces(bytes: Bytes): AsyncGenerator<Uint8Array> {
  const head = bytes.read(0, 13);
  const properties = head[0] ?? 0;
  if (properties >= 225) throw new Malformed('the LZMA properties are illegal');
  const lc = properties % 9;
  const lp = Math.floor(properties / 9) % 5;
  const pb = Math.floor(properties / 45);
  const view = new DataView(head.buffer, head.byteOffset, 13);
  const stated = Math.max(4096, view.getUint32(1, true));
  const total = view.getBigUint64(5, true);
  const size = total === 0xffffffffffffffffn ? null : Number(total);
  // A dictionary larger than the content is never looked into further than the content reaches.
  const wanted = size === null ? stated : Math.max(4096, Math.min(stated, size));
  if (wanted > MAX_DICTIONARY && bytes.size > 1024 * 1024)
    throw new Malformed(`its LZMA dictionary of ${wanted} bytes is larger than Lading holds`);
  const state = newState(bytes, lc, lp, pb, Math.min(wanted, MAX_DICTIONARY), size);
  for (;;) {
    const ended = decodePiece(state);
    if (state.outLength > 0) yield state.out.slice(0, state.outLength);
    state.outLength = 0;
    if (ended) return;
    await new Promise((go) => setImmediate(go));
  }
}

interface State {
  readonly next: () => number;
  range: number;
  code: number;
  readonly lc: number;
  readonly lpMask: number;
  readonly pbMask: number;
  readonly dictionary: Uint8Array;
  at: number;
  written: number;
  readonly size: number | null;
  readonly out: Uint8Array;
  outLength: number;
  state: number;
  readonly reps: [number, number, number, number];
  readonly literal: Uint16Array;
  readonly isMatch: Uint16Array;
  readonly isRep: Uint16Array;
  readonly isRepG0: Uint16Array;
  readonly isRepG1: Uint16Array;
  readonly isRepG2: Uint16Array;
  readonly isRep0Long: Uint16Array;
  readonly slots: readonly Uint16Array[];
  readonly special: Uint16Array;
  readonly align: Uint16Array;
  readonly lengths: Lengths;
  readonly repLengths: Lengths;
}

interface Lengths {
  readonly choice: Uint16Array;
  readonly low: readonly Uint16Array[];
  readonly mid: readonly Uint16Array[];
  readonly high: Uint16Array;
}

const probabilities = (count: number): Uint16Array => new Uint16Array(count).fill(PROB_INIT);
const several = (count: number, size: number): Uint16Array[] =>
  Array.from({ length: count }, () => probabilities(size));
const newLengths = (): Lengths => ({
  choice: probabilities(2),
  low: several(16, 8),
  mid: several(16, 8),
  high: probabilities(256),
});

function newState(
  bytes: Bytes,
  lc: number,
  lp: number,
  pb: number,
  dictionary: number,
  size: number | null,
): State {
  let at = 13;
  let piece: Uint8Array = new Uint8Array(0);
  let inPiece = 0;
  const next = (): number => {
    if (inPiece >= piece.length) {
      if (at >= bytes.size) throw new Truncated('the LZMA data ends too early');
      piece = bytes.read(at, Math.min(PIECE, bytes.size - at)).slice();
      at += piece.length;
      inPiece = 0;
    }
    const byte = piece[inPiece] ?? 0;
    inPiece += 1;
    return byte;
  };
  if (next() !== 0) throw new Malformed('the LZMA data begins with an illegal byte');
  let code = 0;
  for (let index = 0; index < 4; index += 1) code = code * 256 + next();
  return {
    next,
    range: 0xffffffff,
    code,
    lc,
    lpMask: (1 << lp) - 1,
    pbMask: (1 << pb) - 1,
    dictionary: new Uint8Array(dictionary),
    at: 0,
    written: 0,
    size,
    out: new Uint8Array(PIECE + 512),
    outLength: 0,
    state: 0,
    reps: [0, 0, 0, 0],
    literal: probabilities(0x300 << (lc + lp)),
    isMatch: probabilities(12 * 16),
    isRep: probabilities(12),
    isRepG0: probabilities(12),
    isRepG1: probabilities(12),
    isRepG2: probabilities(12),
    isRep0Long: probabilities(12 * 16),
    slots: several(4, 64),
    special: probabilities(115),
    align: probabilities(16),
    lengths: newLengths(),
    repLengths: newLengths(),
  };
}

function bit(s: State, table: Uint16Array, index: number): 0 | 1 {
  const probability = table[index] ?? PROB_INIT;
  const bound = Math.floor(s.range / 2048) * probability;
  let value: 0 | 1;
  if (s.code < bound) {
    s.range = bound;
    table[index] = probability + ((2048 - probability) >> 5);
    value = 0;
  } else {
    s.range -= bound;
    s.code -= bound;
    table[index] = probability - (probability >> 5);
    value = 1;
  }
  if (s.range < TOP) {
    s.range *= 256;
    s.code = s.code * 256 + s.next();
  }
  return value;
}

function direct(s: State, count: number): number {
  let value = 0;
  for (let left = count; left > 0; left -= 1) {
    s.range = Math.floor(s.range / 2);
    let one = 0;
    if (s.code >= s.range) {
      s.code -= s.range;
      one = 1;
    }
    if (s.range < TOP) {
      s.range *= 256;
      s.code = s.code * 256 + s.next();
    }
    value = value * 2 + one;
  }
  return value;
}

function tree(s: State, table: Uint16Array, bits: number): number {
  let node = 1;
  for (let left = bits; left > 0; left -= 1) node = node * 2 + bit(s, table, node);
  return node - (1 << bits);
}

function reverseTree(s: State, table: Uint16Array, offset: number, bits: number): number {
  let node = 1;
  let value = 0;
  for (let index = 0; index < bits; index += 1) {
    const one = bit(s, table, offset + node);
    node = node * 2 + one;
    value |= one << index;
  }
  return value;
}

function put(s: State, byte: number): void {
  s.dictionary[s.at] = byte;
  s.at = s.at + 1 === s.dictionary.length ? 0 : s.at + 1;
  s.written += 1;
  s.out[s.outLength] = byte;
  s.outLength += 1;
}

const back = (s: State, distance: number): number =>
  s.dictionary[(s.at - distance - 1 + s.dictionary.length) % s.dictionary.length] ?? 0;

function literal(s: State): void {
  const before = s.written === 0 ? 0 : back(s, 0);
  const context = ((s.written & s.lpMask) << s.lc) + (before >> (8 - s.lc));
  const base = 0x300 * context;
  let symbol = 1;
  if (s.state >= 7) {
    let match = back(s, s.reps[0]);
    while (symbol < 0x100) {
      const matchBit = (match >> 7) & 1;
      match = (match << 1) & 0xff;
      const one = bit(s, s.literal, base + ((1 + matchBit) << 8) + symbol);
      symbol = symbol * 2 + one;
      if (matchBit !== one) break;
    }
  }
  while (symbol < 0x100) symbol = symbol * 2 + bit(s, s.literal, base + symbol);
  put(s, symbol - 0x100);
  s.state = s.state < 4 ? 0 : s.state < 10 ? s.state - 3 : s.state - 6;
}

function length(s: State, table: Lengths, position: number): number {
  if (bit(s, table.choice, 0) === 0) return tree(s, table.low[position] ?? table.high, 3);
  if (bit(s, table.choice, 1) === 0) return 8 + tree(s, table.mid[position] ?? table.high, 3);
  return 16 + tree(s, table.high, 8);
}

function distance(s: State, matchLength: number): number {
  const slot = tree(s, s.slots[Math.min(matchLength, 3)] ?? s.align, 6);
  if (slot < 4) return slot;
  const directBits = (slot >> 1) - 1;
  const start = (2 | (slot & 1)) * 2 ** directBits;
  if (slot < 14) return start + reverseTree(s, s.special, start - slot, directBits);
  return start + direct(s, directBits - 4) * 16 + reverseTree(s, s.align, 0, 4);
}

/** Decodes until a piece is full; `true` at the end. */
function decodePiece(s: State): boolean {
  while (s.outLength < PIECE) {
    if (s.size !== null && s.written >= s.size) return true;
    const position = s.written & s.pbMask;
    if (bit(s, s.isMatch, s.state * 16 + position) === 0) {
      literal(s);
      continue;
    }
    let count: number;
    if (bit(s, s.isRep, s.state) === 1) {
      if (s.written === 0) throw new Malformed('the LZMA data refers to bytes that are not there');
      if (bit(s, s.isRepG0, s.state) === 0) {
        if (bit(s, s.isRep0Long, s.state * 16 + position) === 0) {
          s.state = s.state < 7 ? 9 : 11;
          checked(s);
          put(s, back(s, s.reps[0]));
          continue;
        }
      } else {
        const which = bit(s, s.isRepG1, s.state) === 0 ? 1 : bit(s, s.isRepG2, s.state) === 0 ? 2 : 3;
        const chosen = s.reps[which];
        for (let index = which; index > 0; index -= 1)
          s.reps[index as 1 | 2 | 3] = s.reps[(index - 1) as 0 | 1 | 2];
        s.reps[0] = chosen;
      }
      count = length(s, s.repLengths, position);
      s.state = s.state < 7 ? 8 : 11;
    } else {
      s.reps[3] = s.reps[2];
      s.reps[2] = s.reps[1];
      s.reps[1] = s.reps[0];
      count = length(s, s.lengths, position);
      s.state = s.state < 7 ? 7 : 10;
      s.reps[0] = distance(s, count);
      if (s.reps[0] === 0xffffffff) return true;
    }
    checked(s);
    for (let left = count + 2; left > 0; left -= 1) put(s, back(s, s.reps[0]));
  }
  return false;
}

function checked(s: State): void {
  if (s.reps[0] >= s.written || s.reps[0] >= s.dictionary.length)
    throw new Malformed('the LZMA data refers to bytes that are not there');
}
