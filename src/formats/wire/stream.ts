import { type Bytes, Truncated } from '../../model/bytes.ts';
import { Malformed } from '../format.ts';

/** Where a stream gets its bytes from, piece by piece. */
export interface Source {
  /** The next piece, never empty; `null` at the end. */
  next(): Promise<Uint8Array | null>;
  /** The next piece, where it is there without waiting; `undefined` when it is not. */
  nextNow?(): Uint8Array | null | undefined;
  /** Passes over up to `count` bytes without reading them; gives how many. */
  jump?(count: number): number;
  /** Bytes not yet given, where that is known. */
  left?(): number;
  close(): void;
}

/** Bytes pulled one after the other. No more than one piece and what `ensure` asked for is ever held. */
export interface PullStream {
  /** Offset of the next byte, counted after decompression. */
  readonly position: number;
  /** Whether `count` bytes can be taken without waiting. */
  ready(count: number): boolean;
  /** Waits until `count` bytes can be taken; `false` when the stream ends before. */
  ensure(count: number): Promise<boolean>;
  /** The next bytes; `ensure` or `ready` must have said yes. Valid until the next call. */
  take(count: number): Uint8Array;
  /** The next bytes without passing over them; `ensure` or `ready` must have said yes. */
  look(count: number): Uint8Array;
  /** The next byte; `ensure(1)` or `ready(1)` must have said yes. */
  byte(): number;
  /** The next bytes without passing over them; fewer at the end. */
  peek(count: number): Promise<Uint8Array>;
  /** Passes over `count` bytes, holding none. @throws Truncated when the stream ends before. */
  skip(count: number): Promise<void>;
  /** The bytes up to the next `\n`, which is passed over too. @throws Malformed when longer than `max`. */
  line(max: number): Promise<Uint8Array>;
  /** How many bytes are left, where that is known (not in compressed streams). */
  left(): number | null;
  /** Lets go of decompressors. Safe to call twice. */
  close(): void;
}

const PIECE = 64 * 1024;

/** The plain bytes of `bytes` from `start`. */
export function plainSource(bytes: Bytes, start = 0, piece = PIECE): Source {
  let at = start;
  const nextNow = (): Uint8Array | null => {
    if (at >= bytes.size) return null;
    const length = Math.min(piece, bytes.size - at);
    const out = bytes.read(at, length);
    at += length;
    return out;
  };
  return {
    nextNow,
    next: async () => nextNow(),
    jump(count) {
      const jumped = Math.min(count, bytes.size - at);
      at += jumped;
      return jumped;
    },
    left: () => bytes.size - at,
    close() {},
  };
}

/** A stream over a source. */
export function pullStream(source: Source): PullStream {
  let buffer: Uint8Array = new Uint8Array(0);
  let at = 0;
  let base = 0;
  let ended = false;
  const held = () => buffer.length - at;
  // Pieces are gathered and joined once: a long string does not cost its square.
  const add = (pieces: readonly Uint8Array[]): void => {
    if (pieces.length === 0) return;
    const all = held() === 0 ? pieces : [buffer.subarray(at), ...pieces];
    base += at;
    buffer = all.length === 1 && all[0] ? all[0] : Buffer.concat(all);
    at = 0;
  };
  const stream: PullStream = {
    get position() {
      return base + at;
    },
    ready(count) {
      if (held() >= count) return true;
      const pieces: Uint8Array[] = [];
      let total = held();
      while (total < count && !ended) {
        const piece = source.nextNow?.();
        if (piece === undefined) break;
        if (piece === null) ended = true;
        else {
          pieces.push(piece);
          total += piece.length;
        }
      }
      add(pieces);
      return total >= count;
    },
    async ensure(count) {
      if (held() >= count) return true;
      const pieces: Uint8Array[] = [];
      let total = held();
      while (total < count && !ended) {
        const piece = await source.next();
        if (piece === null) ended = true;
        else {
          pieces.push(piece);
          total += piece.length;
        }
      }
      add(pieces);
      return held() >= count;
    },
    take(count) {
      if (held() < count) throw new Truncated(`the data ends at byte ${base + buffer.length}`);
      const out = buffer.subarray(at, at + count);
      at += count;
      return out;
    },
    look: (count) => buffer.subarray(at, at + count),
    byte() {
      const value = buffer[at];
      if (value === undefined) throw new Truncated(`the data ends at byte ${base + buffer.length}`);
      at += 1;
      return value;
    },
    async peek(count) {
      await stream.ensure(count);
      return buffer.subarray(at, Math.min(buffer.length, at + count));
    },
    async skip(count) {
      let wanted = count;
      while (wanted > 0) {
        if (held() > 0) {
          const here = Math.min(wanted, held());
          at += here;
          wanted -= here;
          continue;
        }
        base += at;
        buffer = new Uint8Array(0);
        at = 0;
        if (source.jump) {
          const jumped = source.jump(wanted);
          base += jumped;
          wanted -= jumped;
          if (wanted > 0) throw new Truncated(`the data ends at byte ${base}; ${wanted} more were promised`);
          return;
        }
        const piece = ended ? null : await source.next();
        if (piece === null) {
          ended = true;
          throw new Truncated(`the data ends at byte ${base}; ${wanted} more were promised`);
        }
        buffer = piece;
      }
    },
    async line(max) {
      let searched = 0;
      for (;;) {
        const end = buffer.indexOf(10, at + searched);
        if (end !== -1 && end - at <= max) {
          const out = buffer.subarray(at, end);
          at = end + 1;
          return out;
        }
        if (end !== -1 || held() > max)
          throw new Malformed(`the line at byte ${base + at} is longer than ${max} bytes`);
        searched = held();
        // Twice as much each time: joining the pieces of a long line does not cost its square.
        await stream.ensure(2 * searched + 1);
        if (held() === searched)
          throw new Truncated(`the data ends at byte ${base + buffer.length}, inside a line`);
      }
    },
    left() {
      const more = source.left?.();
      return more === undefined ? null : more + held();
    },
    close: () => source.close(),
  };
  return stream;
}
