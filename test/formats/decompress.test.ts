import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { deflateSync } from 'node:zlib';
import { Malformed } from '../../src/formats/format.ts';
import { compressionOf } from '../../src/formats/wire/compression.ts';
import { decompressed, openStream } from '../../src/formats/wire/decompress.ts';
import type { PullStream } from '../../src/formats/wire/stream.ts';
import { inMemory, Truncated } from '../../src/model/bytes.ts';

const ROOT = join(import.meta.dirname, '../fixtures/compressed');
const NAMES = readdirSync(ROOT).sort();

/** The bytes that test/fixtures/make/compressed.py compressed, by the same rule. */
function data(): Buffer {
  const out = Buffer.alloc(1_000_000);
  let state = 1;
  for (let index = 0; index < 400_000; index += 1) {
    if (index % 50_000 < 400) {
      state = Number((BigInt(state) * 1103515245n + 12345n) & 0x7fffffffn);
      out[index] = (state >> 16) & 0xff;
    } else out[index] = ((index >> 10) * (index % 7)) & 0xff;
  }
  return out;
}
const DATA = data();

async function all(stream: PullStream): Promise<Buffer> {
  const parts: Buffer[] = [];
  while (await stream.ensure(1)) {
    const { length } = await stream.peek(4096);
    parts.push(Buffer.from(stream.take(length)));
  }
  return Buffer.concat(parts);
}

for (const name of NAMES) {
  const packed = readFileSync(join(ROOT, name));
  test(`${name} gives back what Python compressed`, async () => {
    const { stream, compression } = openStream(inMemory(packed));
    assert.equal(compression, name.split('-')[0]);
    assert.ok(DATA.equals(await all(stream)));
    assert.equal(stream.position, DATA.length);
  });
  test(`${name} that is cut short or damaged is an error, and gives no more than it has`, async () => {
    for (let round = 1; round <= 20; round += 1) {
      const bytes = Buffer.from(packed);
      const at = Math.floor((packed.length * round) / 21);
      const cut = round % 2 === 0;
      if (!cut) bytes.fill(0xa5, at, at + 3);
      const { stream, compression } = openStream(inMemory(cut ? bytes.subarray(0, at) : bytes));
      assert.notEqual(compression, null);
      try {
        const got = await all(stream);
        // Formats whose checksums are not looked at may give other bytes, but never endlessly many.
        assert.ok(got.length <= 2 * DATA.length);
        assert.ok(!cut || got.length < DATA.length || name.startsWith('lz4') || name.endsWith('two'));
      } catch (error) {
        assert.ok(error instanceof Malformed || error instanceof Truncated, String(error));
      } finally {
        stream.close();
      }
    }
  });
}

test('what is passed over is not held, and what follows is read', async () => {
  const stream = decompressed(inMemory(deflateSync(DATA)), 'zlib');
  await stream.skip(399_990);
  assert.equal(stream.position, 399_990);
  assert.deepEqual(Buffer.from(await stream.peek(20)), DATA.subarray(399_990, 400_010));
  await assert.rejects(stream.skip(10_000_000), Truncated);
  stream.close();
});

test('other bytes are not taken for compressed ones', () => {
  for (const text of ['BZ\x01\x00', 'xyz', 'PK\x03\x04', '\x80\x04\x95', ']q\x00(K', 'x\x01'])
    assert.equal(compressionOf(Buffer.from(text, 'latin1')), text === 'x\x01' ? 'zlib' : null, text);
});
