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

test('a part that is missing is told, and parts of other models are theirs', async (t) => {
  const parts = fixture('gguf/split');
  const names = Object.keys(parts).sort();
  const [first = '', ...rest] = names;
  const alone = await readingOf(t, { [first]: parts[first] ?? '' });
  assert.equal(alone.parameters, null);
  assert.ok(alone.remarks.some((remark) => remark.rule === 'file-missing'));
  assert.ok(rest.length > 0);
  const all = await readingOf(t, parts);
  assert.ok(all.remarks.every((remark) => remark.rule !== 'file-missing'));
});

test('a file that ends before its tensors do is said to be cut short', async (t) => {
  const reading = await readingOf(t, { 'model.gguf': whole.subarray(0, whole.length - 64) });
  assert.ok(reading.remarks.some((remark) => remark.rule === 'file-truncated'));
  const complete = await readingOf(t, { 'model.gguf': whole });
  assert.deepEqual(complete.remarks, []);
});

test('a chat template that reaches into Python is dangerous in this format too', async (t) => {
  const text = (value: string) => {
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(BigInt(value.length));
    return Buffer.concat([size, Buffer.from(value)]);
  };
  const head = Buffer.from(`GGUF\x03\0\0\0${'\0'.repeat(8)}\x01${'\0'.repeat(7)}`, 'latin1');
  const type = Buffer.from([8, 0, 0, 0]);
  const template = text("{{ ''.__class__.__mro__[1].__subclasses__() }}");
  const reading = await readingOf(t, {
    'model.gguf': Buffer.concat([head, text('tokenizer.chat_template'), type, template]),
  });
  assert.equal(reading.risk, 'dangerous');
});
