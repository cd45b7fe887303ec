import { type Bytes, Truncated } from '../../model/bytes.ts';
import { Malformed } from '../format.ts';

const WINDOW = 64 * 1024;

/**
 * The pieces of an LZ4 frame (LZ4 Frame Format 1.6). Written here because the library at hand decodes whole files
 * into memory and trusts the lengths inside; this holds one block and 64 KiB of history. Checksums are not checked.
 */
export async function* lz4Pieces(bytes: Bytes): AsyncGenerator<Uint8Array> {
  const flags = bytes.read(4, 1)[0] ?? 0;
  if (flags >> 6 !== 1) throw new Malformed('the LZ4 frame has a version that is not 1');
  const sizeCode = ((bytes.read(5, 1)[0] ?? 0) >> 4) & 7;
  if (sizeCode < 4) throw new Malformed('the LZ4 frame has an illegal block size');
  const maxBlock = 1 << (8 + 2 * sizeCode);
  const blockChecksum = (flags & 0x10) !== 0;
  let at = 7 + (flags & 0x08 ? 8 : 0) + (flags & 0x01 ? 4 : 0);
  let history: Uint8Array = new Uint8Array(0);
  for (;;) {
    const word = bytes.read(at, 4);
    const header =
      ((word[0] ?? 0) | ((word[1] ?? 0) << 8) | ((word[2] ?? 0) << 16) | ((word[3] ?? 0) << 24)) >>> 0;
    at += 4;
    if (header === 0) return;
    const length = header & 0x7fffffff;
    if (length > maxBlock)
      throw new Malformed(`an LZ4 block of ${length} bytes is larger than the frame allows`);
    const block = bytes.read(at, length);
    at += length + (blockChecksum ? 4 : 0);
    const piece = header >= 0x80000000 ? block.slice() : decodeBlock(block, history, maxBlock);
    history =
      piece.length >= WINDOW
        ? piece.subarray(piece.length - WINDOW)
        : Buffer.concat([history.subarray(Math.max(0, history.length + piece.length - WINDOW)), piece]);
    yield piece;
  }
}

function decodeBlock(source: Uint8Array, history: Uint8Array, max: number): Uint8Array {
  const out = new Uint8Array(history.length + max);
  out.set(history);
  let to = history.length;
  let at = 0;
  const lengthFrom = (start: number): number => {
    let length = start;
    if (start !== 15) return length;
    for (;;) {
      const byte = source[at++];
      if (byte === undefined) throw new Truncated('an LZ4 block ends inside a length');
      length += byte;
      if (byte !== 255) return length;
    }
  };
  while (at < source.length) {
    const token = source[at++] ?? 0;
    const literals = lengthFrom(token >> 4);
    if (at + literals > source.length || to + literals > out.length)
      throw new Malformed('an LZ4 block has more literals than fit');
    out.set(source.subarray(at, at + literals), to);
    at += literals;
    to += literals;
    if (at >= source.length) break;
    const distance = (source[at] ?? 0) | ((source[at + 1] ?? 0) << 8);
    at += 2;
    const length = lengthFrom(token & 15) + 4;
    if (distance === 0 || distance > to || to + length > out.length)
      throw new Malformed('an LZ4 block refers to bytes that are not there');
    for (const end = to + length; to < end; to += 1) out[to] = out[to - distance] ?? 0;
  }
  return out.subarray(history.length, to);
}
