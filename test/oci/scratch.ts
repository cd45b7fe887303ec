import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type Blob, MEDIA, type Stamp } from '../../src/oci/types.ts';
import { digestOf } from '../../src/oci/verify.ts';

/** A folder that is gone after the test. */
export function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'lading-oci-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A blob in memory, given out in chunks of `step` bytes. */
export function blobOf(bytes: Uint8Array, step = 65_536): Blob {
  return {
    descriptor: { mediaType: MEDIA.layer, digest: digestOf(bytes), size: bytes.length },
    open: () => pieces(bytes, step),
  };
}

async function* pieces(bytes: Uint8Array, step: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step);
}

/** Bytes that look random and are the same each time. */
export function noise(size: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(size);
  let state = seed;
  for (let at = 0; at < size; at += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[at] = state >>> 16;
  }
  return bytes;
}

export const STAMP: Stamp = {
  name: 'wine',
  version: '1.2.0',
  revision: '0123456789abcdef0123456789abcdef01234567',
  source: 'https://github.com/acme/models',
  contract: '{"contract":"v1","signatures":{}}',
  labels: { stage: 'canary' },
};

/** Everything of a stream. */
export async function all(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}
