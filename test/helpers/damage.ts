import assert from 'node:assert/strict';
import { type Candidate, type Look, Malformed, type Reading } from '../../src/formats/format.ts';
import { type Bytes, inMemory, Truncated } from '../../src/model/bytes.ts';

/** A look at a directory that has no files. */
export const EMPTY_LOOK: Look = {
  directory: { path: 'm', absolute: '/nowhere', files: [] },
  file: () => undefined,
  head: () => new Uint8Array(0),
};

/** A candidate for reading bytes directly. */
export function candidate(format: string, path: string): Candidate {
  return { format, path, role: 'model', covers: [] };
}

/** What became of reading damaged bytes: a reading, or an error of ours. Anything else is a bug and is thrown. */
export function attempt(read: (bytes: Bytes) => Reading, bytes: Uint8Array): Reading | Error {
  try {
    return read(inMemory(bytes));
  } catch (error) {
    if (error instanceof Truncated || error instanceof Malformed) return error;
    throw error;
  }
}

/** Counts the bytes that are asked for. */
export function counted(source: Bytes): Bytes & { readonly count: () => number } {
  let count = 0;
  return {
    size: source.size,
    read(offset, length) {
      const part = source.read(offset, length);
      count += length;
      return part;
    },
    count: () => count,
  };
}

/** A small generator with a fixed seed (mulberry32): the same damage in every run. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Bytes with one to eight places changed, removed, doubled, or set to a value that is often trouble. */
export function mutated(original: Uint8Array, next: () => number): Uint8Array {
  let bytes = Uint8Array.from(original);
  const within = (limit: number) => Math.floor(next() * limit);
  const TROUBLE = [0, 1, 0x7f, 0x80, 0xfe, 0xff];
  for (let round = 1 + within(8); round > 0 && bytes.length > 0; round--) {
    const at = within(bytes.length);
    const kind = within(4);
    if (kind === 0) bytes[at] = within(256);
    else if (kind === 1) bytes[at] = TROUBLE[within(TROUBLE.length)] ?? 0;
    else if (kind === 2) bytes = bytes.filter((_, index) => index < at || index >= at + 1 + within(4));
    else {
      const piece = bytes.subarray(at, at + 1 + within(64));
      bytes = Uint8Array.from([...bytes.subarray(0, at), ...piece, ...bytes.subarray(at)]);
    }
  }
  return bytes;
}

/** Reads `count` damaged copies of each sample. No input may crash a reader or give it more than 2 s. */
export function fuzz(
  read: (bytes: Bytes) => Reading,
  samples: readonly Uint8Array[],
  count: number,
  seed: number,
): { readings: number; errors: number } {
  const next = random(seed);
  let readings = 0;
  let errors = 0;
  for (let index = 0; index < count; index++) {
    const sample = samples[index % samples.length];
    assert.ok(sample);
    if (attempt(read, mutated(sample, next)) instanceof Error) errors++;
    else readings++;
  }
  return { readings, errors };
}
