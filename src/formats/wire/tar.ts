import { Truncated } from '../../model/bytes.ts';
import { Malformed } from '../format.ts';
import { type PullStream, pullStream, type Source } from './stream.ts';

/** One regular file of a tar; its stream is only good until the next one is asked for. */
export interface TarMember {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly stream: PullStream;
}

const BLOCK = 512;
const PIECE = 32 * 1024;
const MAX_MEMBERS = 50_000;

/** Whether bytes begin with a header of a tar: its checksum holds. Source: POSIX.1-2017, pax, "ustar Interchange Format". */
export function isTar(head: Uint8Array): boolean {
  if (head.length < BLOCK || head[0] === 0) return false;
  const stated = octal(head, 148, 8);
  let sum = 8 * 0x20;
  for (let at = 0; at < BLOCK; at += 1) if (at < 148 || at >= 156) sum += head[at] ?? 0;
  return stated === sum;
}

/** The regular files of a tar, one after the other. @throws Malformed | Truncated */
export async function* tarMembers(stream: PullStream): AsyncGenerator<TarMember> {
  for (let count = 0; await stream.ensure(BLOCK); count += 1) {
    if (count >= MAX_MEMBERS) throw new Malformed(`the tar has more than ${MAX_MEMBERS} members`);
    const header = stream.take(BLOCK);
    if (header.every((byte) => byte === 0)) return;
    if (!isTar(header)) throw new Malformed('a header of the tar does not have the checksum that it states');
    const name = Buffer.from(header.subarray(0, 100)).toString('utf8').replace(/\0.*$/s, '');
    const size = sizeOf(header);
    const kind = header[156];
    let left = size;
    const source: Source = {
      async next() {
        if (left === 0) return null;
        if (!(await stream.ensure(1))) throw new Truncated(`the tar ends within "${name}"`);
        const piece = (await stream.peek(Math.min(left, PIECE))).slice(0, Math.min(left, PIECE));
        stream.take(piece.length);
        left -= piece.length;
        return piece;
      },
      close() {},
    };
    // 0x30 and 0 are files, 0x37 as well; the others are links, folders and what is said of the next member.
    if (kind === 0x30 || kind === 0 || kind === 0x37) yield { name, size, stream: pullStream(source) };
    const padding = (BLOCK - (size % BLOCK)) % BLOCK;
    await stream.skip(left + padding);
  }
}

const octal = (bytes: Uint8Array, at: number, length: number): number =>
  Number.parseInt(
    Buffer.from(bytes.subarray(at, at + length))
      .toString('latin1')
      .replace(/[^0-7]/g, ''),
    8,
  );

/** In octal, or (GNU) in binary behind a byte 0x80. */
function sizeOf(header: Uint8Array): number {
  if (header[124] !== 0x80) return octal(header, 124, 12) || 0;
  const size = Number(Buffer.from(header.subarray(128, 136)).readBigUInt64BE());
  if (!Number.isSafeInteger(size)) throw new Malformed(`a member of the tar with ${size} bytes`);
  return size;
}
