import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Malformed } from '../../src/formats/format.ts';
import { readGguf } from '../../src/formats/wire/gguf.ts';
import { inMemory, Truncated } from '../../src/model/bytes.ts';
import { fixture, readingOf } from '../helpers/model-files.ts';

const whole = fixture('gguf/quantized')['model.gguf'] ?? assert.fail();

test('quantized blocks count by their elements, and the precision names the block type', async (t) => {
  const reading = await readingOf(t, { 'model.gguf': whole });
  assert.equal(reading.properties['precision'], 'Q8_0, float32');
  assert.equal(reading.properties['context length'], '64');
  assert.equal(reading.properties['vocabulary'], '8');
});

test('every cut of the header is Truncated or Malformed', () => {
  for (let length = 0; length < 500; length += 1)
    assert.throws(
      () => readGguf(inMemory(whole.subarray(0, length))),
      (error) => error instanceof Truncated || error instanceof Malformed,
    );
});

test('counts that no file could hold are refused before anything is made of them', () => {
  const bytes = Buffer.from(whole);
  bytes.writeBigUInt64LE(2n ** 60n, 8);
  assert.throws(() => readGguf(inMemory(bytes)), Malformed);
});

test('a file of a big-endian machine is read and said to be one', async (t) => {
  const bytes = Buffer.alloc(24);
  bytes.write('GGUF', 0, 'latin1');
  bytes.writeUInt32BE(3, 4);
  const reading = await readingOf(t, { 'model.gguf': bytes });
  assert.ok(reading.remarks.some((remark) => remark.rule === 'format-unusual'));
});
