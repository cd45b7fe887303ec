import { inMemory } from '../../../model/bytes.ts';
import { Malformed } from '../../format.ts';
import { compressionOf } from '../compression.ts';
import { decompressed } from '../decompress.ts';
import { plainSource, pullStream } from '../stream.ts';
import { type PickleResult, readPickle } from './read.ts';
import type { PyBytes } from './values.ts';

const LIMITS = {
  opcodes: 200_000,
  kept: 4 * 1024 * 1024,
  structure: 4 * 1024 * 1024,
  stack: 100_000,
  memo: 100_000,
};

const MAX_CODED = 4 * 1024 * 1024;

/** Whether so much of it was run that it is no chance likeness, and then it was given up: what follows was not seen. */
export const brokenOffLate = (result: PickleResult): boolean =>
  result.error !== null && result.opcodes >= 10_000;

/** Opcodes that may still be run of all that is hidden in one file; what is run is taken off. */
export interface NestedWork {
  opcodes: number;
}

/** Reads a text or byte string as a pickle, in whatever coding it may be; `null` where it is none. */
export async function readNested(value: string | PyBytes, work: NestedWork): Promise<PickleResult | null> {
  for (const bytes of codings(value)) {
    if (work.opcodes <= 0) return null;
    const result = await readRaw(bytes, 0, work);
    if (result) return result;
  }
  return null;
}

function* codings(value: string | PyBytes): Generator<Uint8Array> {
  const raw = typeof value === 'string' ? Buffer.from(value, 'latin1') : value.data;
  yield raw;
  if (raw.length > MAX_CODED) return;
  const text = Buffer.from(raw).toString('latin1').trim();
  if (/^[A-Za-z0-9+/_\-\s]+=*\s*$/.test(text)) {
    yield Buffer.from(text, 'base64');
  }
  const digits = text.replace(/0x|\\x|\s/g, '');
  if (/^[0-9a-fA-F]+$/.test(digits)) yield Buffer.from(digits, 'hex');
}

async function readRaw(bytes: Uint8Array, depth: number, work: NestedWork): Promise<PickleResult | null> {
  if (bytes.length < 4) return null;
  const how = compressionOf(bytes);
  if (how !== null && depth < 2) {
    const stream = decompressed(inMemory(bytes), how);
    try {
      const inner = (await stream.peek(256 * 1024)).slice();
      return await readRaw(inner, depth + 1, work);
    } catch (error) {
      if (error instanceof Malformed || error instanceof Error) return null;
      throw error;
    } finally {
      stream.close();
    }
  }
  const limits = { ...LIMITS, opcodes: Math.min(LIMITS.opcodes, work.opcodes) };
  const result = await readPickle(pullStream(plainSource(inMemory(bytes))), { limits });
  // What is decompressed, and what ends at once, takes time as well.
  work.opcodes -= Math.max(result.opcodes, 1000);
  // Numbers can begin like a pickle and then break off: of what does not end well, only a name that is written out counts.
  const worthIt =
    result.error === null
      ? result.globals.length > 0 || bytes[0] === 0x80
      : brokenOffLate(result) ||
        result.globals.some((one) => /^[\w.]+$/.test(`${one.global.module}.${one.global.name}`));
  return worthIt ? result : null;
}
