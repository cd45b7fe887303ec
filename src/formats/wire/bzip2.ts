import { type Bytes, Truncated } from '../../model/bytes.ts';
import { Malformed } from '../format.ts';

/**
 * The pieces of a bzip2 file, one block (at most 900 kB) at a time. Written here because the library at hand decodes
 * whole files into memory. Source: the format as bzip2 1.0.8 writes it. Block checksums are not checked.
 */
export async function* bzip2Pieces(bytes: Bytes): AsyncGenerator<Uint8Array> {
  const bits = bitReader(bytes);
  for (let first = true; ; first = false) {
    if (!first && bits.done()) return;
    const size = header(bits);
    for (;;) {
      const magic = bits.read(24) * 0x1000000 + bits.read(24);
      bits.read(32);
      if (magic === 0x177245385090) break;
      if (magic !== 0x314159265359) throw new Malformed('a bzip2 block does not begin as one');
      const block = readBlock(bits, size);
      for (const piece of expand(block.table, block.length, block.start)) yield piece;
      // Decoding a block takes milliseconds: others get their turn.
      await new Promise((go) => setImmediate(go));
    }
    bits.align();
  }
}

function header(bits: Bits): number {
  if (bits.read(24) !== 0x425a68) throw new Malformed('it does not begin as bzip2');
  const level = bits.read(8) - 0x30;
  if (level < 1 || level > 9) throw new Malformed('the bzip2 level is not 1 to 9');
  return level * 100_000;
}

interface Bits {
  /** The next `count` bits, at most 32. */
  read(count: number): number;
  align(): void;
  done(): boolean;
}

function bitReader(bytes: Bytes): Bits {
  const PIECE = 64 * 1024;
  let at = 0;
  let piece: Uint8Array = new Uint8Array(0);
  let inPiece = 0;
  let held = 0;
  let heldBits = 0;
  const nextByte = (): number => {
    if (inPiece >= piece.length) {
      if (at >= bytes.size) throw new Truncated('the bzip2 data ends too early');
      piece = bytes.read(at, Math.min(PIECE, bytes.size - at));
      at += piece.length;
      inPiece = 0;
    }
    const byte = piece[inPiece] ?? 0;
    inPiece += 1;
    return byte;
  };
  const few = (count: number): number => {
    while (heldBits < count) {
      held = (held << 8) | nextByte();
      heldBits += 8;
    }
    heldBits -= count;
    const value = (held >>> heldBits) & ((1 << count) - 1);
    held &= (1 << heldBits) - 1;
    return value;
  };
  return {
    read: (count) => (count > 16 ? few(count - 16) * 0x10000 + few(16) : few(count)),
    align() {
      held = 0;
      heldBits = 0;
    },
    done: () => inPiece >= piece.length && at >= bytes.size,
  };
}

interface Codes {
  readonly minimum: number;
  readonly limits: readonly number[];
  readonly bases: readonly number[];
  readonly symbols: readonly number[];
}

const MAX_LENGTH = 20;

function readBlock(bits: Bits, maxSize: number): { table: Uint32Array; length: number; start: number } {
  if (bits.read(1) !== 0) throw new Malformed('a bzip2 block is of the obsolete randomised kind');
  const start = bits.read(24);
  const alphabet: number[] = [];
  const groups = bits.read(16);
  for (let group = 0; group < 16; group += 1) {
    if ((groups & (0x8000 >> group)) === 0) continue;
    const used = bits.read(16);
    for (let index = 0; index < 16; index += 1)
      if (used & (0x8000 >> index)) alphabet.push(group * 16 + index);
  }
  const tableCount = bits.read(3);
  const selectorCount = bits.read(15);
  if (alphabet.length === 0 || tableCount < 2 || tableCount > 6 || selectorCount === 0)
    throw new Malformed('a bzip2 block has an illegal header');
  const order = Array.from({ length: tableCount }, (_, index) => index);
  const selectors = new Uint8Array(selectorCount);
  for (let index = 0; index < selectorCount; index += 1) {
    let place = 0;
    while (bits.read(1) === 1) {
      place += 1;
      if (place >= tableCount) throw new Malformed('a bzip2 selector is out of range');
    }
    const [chosen = 0] = order.splice(place, 1);
    order.unshift(chosen);
    selectors[index] = chosen;
  }
  const tables = order.map(() => readCodes(bits, alphabet.length + 2));
  return { ...readSymbols(bits, alphabet, tables, selectors, maxSize), start };
}

function readCodes(bits: Bits, count: number): Codes {
  const lengths: number[] = [];
  let length = bits.read(5);
  for (let index = 0; index < count; index += 1) {
    for (;;) {
      if (length < 1 || length > MAX_LENGTH) throw new Malformed('a bzip2 code has an illegal length');
      if (bits.read(1) === 0) break;
      length += bits.read(1) === 0 ? 1 : -1;
    }
    lengths.push(length);
  }
  const symbols: number[] = [];
  const limits: number[] = [];
  const bases: number[] = [];
  let code = 0;
  for (let size = 1; size <= MAX_LENGTH; size += 1) {
    bases[size] = symbols.length - code;
    for (let index = 0; index < count; index += 1)
      if (lengths[index] === size) {
        symbols.push(index);
        code += 1;
      }
    limits[size] = code;
    code *= 2;
  }
  return { minimum: Math.min(...lengths), limits, bases, symbols };
}

function readSymbols(
  bits: Bits,
  alphabet: readonly number[],
  tables: readonly Codes[],
  selectors: Uint8Array,
  maxSize: number,
): { table: Uint32Array; length: number } {
  const recent = Uint8Array.from(alphabet);
  const table = new Uint32Array(maxSize);
  const counts = new Uint32Array(256);
  const end = alphabet.length + 1;
  let length = 0;
  let run = 0;
  let weight = 1;
  for (let read = 0; ; read += 1) {
    const selector = selectors[Math.floor(read / 50)];
    const codes = selector === undefined ? undefined : tables[selector];
    if (!codes) throw new Malformed('a bzip2 block is longer than its selectors');
    const symbol = decode(bits, codes);
    if (symbol <= 1) {
      run += weight << symbol;
      weight <<= 1;
      if (run > maxSize) throw new Malformed('a bzip2 run is longer than a block');
      continue;
    }
    if (run > 0) {
      const byte = recent[0] ?? 0;
      if (length + run > maxSize) throw new Malformed('a bzip2 block is too long');
      table.fill(byte, length, length + run);
      counts[byte] = (counts[byte] ?? 0) + run;
      length += run;
      run = 0;
      weight = 1;
    }
    if (symbol === end) break;
    if (length >= maxSize) throw new Malformed('a bzip2 block is too long');
    const byte = recent[symbol - 1] ?? 0;
    recent.copyWithin(1, 0, symbol - 1);
    recent[0] = byte;
    table[length] = byte;
    counts[byte] = (counts[byte] ?? 0) + 1;
    length += 1;
  }
  // The inverse of the Burrows-Wheeler transform: each entry's upper bits point to the next one.
  let total = 0;
  for (let byte = 0; byte < 256; byte += 1) {
    const own = counts[byte] ?? 0;
    counts[byte] = total;
    total += own;
  }
  for (let index = 0; index < length; index += 1) {
    const byte = (table[index] ?? 0) & 0xff;
    const place = counts[byte] ?? 0;
    counts[byte] = place + 1;
    table[place] = ((table[place] ?? 0) | (index << 8)) >>> 0;
  }
  return { table, length };
}

function decode(bits: Bits, codes: Codes): number {
  let size = codes.minimum;
  let code = bits.read(size);
  while (size <= MAX_LENGTH) {
    if (code < (codes.limits[size] ?? 0)) {
      const symbol = codes.symbols[code + (codes.bases[size] ?? 0)];
      if (symbol !== undefined) return symbol;
      break;
    }
    size += 1;
    code = code * 2 + bits.read(1);
  }
  throw new Malformed('a bzip2 code stands for nothing');
}

const OUT = 256 * 1024;

/** Follows the table and undoes the outer run lengths: four equal bytes are followed by a count of more. */
function* expand(table: Uint32Array, length: number, start: number): Generator<Uint8Array> {
  if (length === 0) return;
  if (start >= length) throw new Malformed('a bzip2 block begins outside of itself');
  let out = new Uint8Array(OUT);
  let to = 0;
  let next = (table[start] ?? 0) >>> 8;
  let previous = -1;
  let same = 0;
  for (let index = 0; index < length; index += 1) {
    const entry = table[next] ?? 0;
    const byte = entry & 0xff;
    next = entry >>> 8;
    if (to + 256 > OUT) {
      yield out.subarray(0, to);
      out = new Uint8Array(OUT);
      to = 0;
    }
    if (same === 4) {
      out.fill(previous, to, to + byte);
      to += byte;
      same = 0;
      previous = -1;
      continue;
    }
    same = byte === previous ? same + 1 : 1;
    previous = byte;
    out[to] = byte;
    to += 1;
  }
  yield out.subarray(0, to);
}
