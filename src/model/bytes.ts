import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/**
 * Random access to bytes that may be far larger than memory. Reads are synchronous: readers follow offsets
 * from one place to the next, and a page of the file is there sooner than a promise.
 */
export interface Bytes {
  readonly size: number;
  /**
   * Exactly `length` bytes from `offset`. The result may share memory with the source: do not write to it.
   * @throws Truncated when the range is not wholly inside.
   */
  read(offset: number, length: number): Uint8Array;
  /** Fills `target` from `offset`, where the source can do so without memory of its own. */
  fill?(target: Uint8Array, offset: number): void;
}

/** A reader wanted bytes that are not there. Formats turn it into a finding that says so. */
export class Truncated extends Error {
  override readonly name = 'Truncated';
}

export interface OpenFile extends Bytes, Disposable {}

const WINDOW = 64 * 1024;
/** Readers of HDF5 and of archives go to and fro between a few places. */
const WINDOWS = 8;
/** Windows begin at multiples of this: what is read next may lie a little before. */
const BEHIND = 8 * 1024;

/** Opens a file for random access. Small reads share eight windows of 64 KiB; nothing else is kept. */
export function openFile(path: string): OpenFile {
  const fd = openSync(path, 'r');
  const size = fstatSync(fd).size;
  /** The last that was used is the first. */
  const windows: { readonly start: number; readonly bytes: Uint8Array }[] = [];
  const readInto = (target: Uint8Array, offset: number): void => {
    let done = 0;
    while (done < target.length) {
      const count = readSync(fd, target, done, target.length - done, offset + done);
      if (count === 0) throw new Truncated(`the file ends at byte ${offset + done}`);
      done += count;
    }
  };
  return {
    size,
    fill(target, offset) {
      checkRange(offset, target.length, size);
      readInto(target, offset);
    },
    read(offset, length) {
      checkRange(offset, length, size);
      if (length > WINDOW / 2) {
        const out = new Uint8Array(length);
        readInto(out, offset);
        return out;
      }
      const at = windows.findIndex(
        ({ start, bytes }) => offset >= start && offset + length <= start + bytes.length,
      );
      let window = windows[at];
      if (!window) {
        const start = offset - (offset % BEHIND);
        window = { start, bytes: new Uint8Array(Math.min(WINDOW, size - start)) };
        readInto(window.bytes, start);
      }
      if (at !== 0) {
        windows.splice(at === -1 ? WINDOWS - 1 : at, 1);
        windows.unshift(window);
      }
      return window.bytes.subarray(offset - window.start, offset - window.start + length);
    },
    [Symbol.dispose]() {
      closeSync(fd);
    },
  };
}

/**
 * A few bytes at a place of which nothing near is read: without the window around them that `read` takes.
 * @throws Truncated when the range is not wholly inside.
 */
export function glance(source: Bytes, offset: number, length: number): Uint8Array {
  if (!source.fill) return source.read(offset, length);
  const out = new Uint8Array(length);
  source.fill(out, offset);
  return out;
}

/** Bytes that are in memory already. */
export function inMemory(bytes: Uint8Array): Bytes {
  return {
    size: bytes.length,
    read(offset, length) {
      checkRange(offset, length, bytes.length);
      return bytes.subarray(offset, offset + length);
    },
  };
}

/** A part of `source`, with offsets of its own. @throws Truncated when the part is not wholly inside. */
export function slice(source: Bytes, offset: number, length: number): Bytes {
  checkRange(offset, length, source.size);
  return {
    size: length,
    read(at, count) {
      checkRange(at, count, length);
      return source.read(offset + at, count);
    },
    ...(source.fill && {
      fill(target: Uint8Array, at: number) {
        checkRange(at, target.length, length);
        source.fill?.(target, offset + at);
      },
    }),
  };
}

function checkRange(offset: number, length: number, size: number): void {
  if (!(offset >= 0 && length >= 0 && offset + length <= size))
    throw new Truncated(`bytes ${offset} to ${offset + length} were asked for, and there are ${size}`);
}
