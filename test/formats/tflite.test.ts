import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Malformed, type Reading } from '../../src/formats/format.ts';
import { readTflite } from '../../src/formats/tflite/read.ts';
import { type Bytes, inMemory } from '../../src/model/bytes.ts';
import { attempt, candidate, counted, fuzz } from '../helpers/damage.ts';

const MODELS = join(import.meta.dirname, '../fixtures/models/tflite');
const fixture = (name: string) => readFileSync(join(MODELS, name, 'model/model.tflite'));
const read = (bytes: Bytes): Reading => readTflite(bytes, candidate('tflite', 'model.tflite'));

test('integers that stand for real numbers say how', () => {
  const signature = read(inMemory(fixture('keras-int8'))).contract?.signatures['serving_default'];
  assert.match(signature?.inputs?.[0]?.description ?? '', /^quantized: 0\.00\d+ \* \(value - -128\)$/);
  assert.equal(signature?.outputs?.[0]?.type, 'uint8');
});

test('labels come from the archive behind the model, and notes from its metadata', () => {
  const { contract, labels, properties } = read(inMemory(fixture('labels')));
  assert.deepEqual(labels, ['daisy', 'rose', 'tulip & co']);
  const [input] = contract?.signatures['serving_default']?.inputs ?? [];
  assert.deepEqual([input?.profile, input?.description], ['image', 'flower: a picture of a flower']);
  assert.equal(properties['name'], 'Flowers');
});

test('labels that were cut off with the archive are a finding', () => {
  const whole = fixture('labels');
  const archive = whole.indexOf('PK\x03\x04', 0, 'latin1');
  const { labels, remarks } = read(inMemory(whole.subarray(0, archive)));
  assert.equal(labels, null);
  assert.deepEqual(
    remarks.map((remark) => remark.rule),
    ['labels-unreadable'],
  );
});

test('what is not needed of a model is not read', () => {
  const source = counted(inMemory(Buffer.concat([fixture('keras-float'), Buffer.alloc(10_000_000)])));
  read(source);
  assert.ok(source.count() < 20_000, `${source.count()} bytes were read`);
});

test('cut at any byte, a model is never read as whole', () => {
  for (const name of ['keras-float', 'two-signatures', 'no-signatures', 'labels']) {
    const bytes = fixture(name);
    const whole = read(inMemory(bytes));
    for (let length = 8; length < bytes.length; length++) {
      const outcome = attempt(read, bytes.subarray(0, length));
      if (outcome instanceof Error || outcome.remarks.length > 0) continue;
      // What is cut off then was padding, or the constants of another format.
      assert.deepEqual(outcome.contract, whole.contract, `${name} cut at ${length} of ${bytes.length}`);
      assert.ok(bytes.length - length <= 16, `${name} cut at ${length} of ${bytes.length}`);
    }
  }
});

test('tables that point to each other again and again end', () => {
  // A model with 100,000 subgraphs that are all the same table.
  const count = 100_000;
  const bytes = Buffer.alloc(64 + count * 4);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  view.setUint32(0, 24, true);
  bytes.write('TFL3', 4, 'latin1');
  // A vtable of three slots at 8, the table at 24, an empty table with its vtable behind it, the vector at 60.
  view.setUint16(8, 10, true);
  view.setUint16(14, 0, true);
  view.setUint16(16, 4, true);
  view.setInt32(24, 16, true);
  view.setUint32(28, 60 - 28, true);
  view.setUint16(40, 4, true);
  view.setInt32(44, 4, true);
  view.setUint32(60, count, true);
  for (let index = 0; index < count; index++)
    view.setUint32(64 + index * 4, 0x1_0000_0000 + 44 - (64 + index * 4), true);
  assert.ok(attempt(read, bytes) instanceof Error);
  view.setUint32(60, 0xffffffff, true);
  assert.throws(() => read(inMemory(bytes)), Malformed);
});

test('damaged models never crash the reader', () => {
  const { readings, errors } = fuzz(read, readdirSync(MODELS).map(fixture), 5000, 11);
  assert.ok(readings > 100 && errors > 100, `${readings} readings, ${errors} errors`);
});

test('weights are counted alike however they are stored, and numbers of a formula are none', () => {
  // Dense(8 → 4) and Dense(4 → 3); their biases are zero before any training, and the converter drops them.
  for (const name of ['keras-float', 'keras-int8'])
    assert.equal(read(inMemory(fixture(name))).parameters, 8 * 4 + 4 * 3, name);
});
