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
}

/** A reader wanted bytes that are not there. Formats turn it into a finding that says so. */
export class Truncated extends Error {
  override readonly name = 'Truncated';
}

export interface OpenFile extends Bytes, Disposable {}

const WINDOW = 64 * 1024;

/** Opens a file for random access. Small reads share one window of 64 KiB; nothing else is kept. */
export function openFile(path: string): OpenFile {
  const fd = openSync(path, 'r');
  const size = fstatSync(fd).size;
  let window = new Uint8Array(0);
  let windowStart = 0;
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
    read(offset, length) {
      checkRange(offset, length, size);
      if (length > WINDOW / 2) {
        const out = new Uint8Array(length);
        readInto(out, offset);
        return out;
      }
      if (offset < windowStart || offset + length > windowStart + window.length) {
        windowStart = offset;
        window = new Uint8Array(Math.min(WINDOW, size - offset));
        readInto(window, offset);
      }
      return window.subarray(offset - windowStart, offset - windowStart + length);
    },
    [Symbol.dispose]() {
      closeSync(fd);
    },
  };
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
  };
}

function checkRange(offset: number, length: number, size: number): void {
  if (!(offset >= 0 && length >= 0 && offset + length <= size))
    throw new Truncated(`bytes ${offset} to ${offset + length} were asked for, and there are ${size}`);
}
