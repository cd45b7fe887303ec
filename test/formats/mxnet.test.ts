import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readIndex } from '../../src/formats/mxnet/params.ts';
import { inMemory } from '../../src/model/bytes.ts';
import { readingOf } from '../helpers/model-files.ts';

const MODEL = join(import.meta.dirname, '../fixtures/models/mxnet/softmax/model');
const SYMBOL = readFileSync(join(MODEL, 'net-symbol.json'), 'utf8');
const PARAMS = readFileSync(join(MODEL, 'net-0000.params'));

test('the index of parameters is read past the numbers', () => {
  const arrays = readIndex(inMemory(PARAMS));
  assert.deepEqual(arrays.map((one) => `${one.name} ${one.dtype} ${one.shape}`).toSorted(), [
    'arg:fc1_bias float32 5',
    'arg:fc1_weight float32 5,4',
    'arg:fc2_bias float32 3',
    'arg:fc2_weight float32 3,5',
  ]);
});

test('a shape that the symbol does not state is asked for', async (t) => {
  const read = await readingOf(t, { 'net-symbol.json': SYMBOL, 'net-0000.params': PARAMS });
  const evidence = read.evidence['/signatures/predict/inputs/0/shape'];
  assert.equal(evidence?.kind, 'unknown');
  assert.match(evidence?.kind === 'unknown' ? (evidence.add ?? '') : '', /shape/);
});

test('of several epochs the last one is the model, and all belong to it', async (t) => {
  const read = await readingOf(t, {
    'net-symbol.json': SYMBOL,
    'net-0001.params': PARAMS,
    'net-0002.params': PARAMS,
  });
  assert.equal(read.path, 'net-symbol.json');
  assert.equal(read.parameters, 43);
});

test('without parameters the inputs are told from weights by their names, and that is said', async (t) => {
  const read = await readingOf(t, { 'net-symbol.json': SYMBOL });
  const inputs = read.contract?.signatures['predict']?.inputs;
  assert.deepEqual(
    inputs?.map((field) => field.name),
    ['data'],
  );
  assert.deepEqual(
    read.remarks.map((one) => one.rule),
    ['weights-missing'],
  );
});

test('parameters without a symbol are counted, and no contract is made up', async (t) => {
  const read = await readingOf(t, { 'net.params': PARAMS });
  assert.equal(read.contract, null);
  assert.equal(read.parameters, 43);
});
