import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixture, readingOf } from '../helpers/model-files.ts';

test('a graph that was pickled with its output has a contract, and sizes are asked for', async (t) => {
  const read = await readingOf(t, fixture('theano/graph'));
  assert.equal(read.format, 'theano');
  assert.deepEqual(read.contract?.signatures['predict']?.inputs, [
    { name: 'x', type: 'float64', shape: [null, null] },
  ]);
  assert.match(read.remarks.at(-1)?.help ?? '', /- \{name: "x", type: float64, shape: \[null, null\]\}/);
});

test('parameters alone are no contract', async (t) => {
  const read = await readingOf(t, fixture('theano/weights'));
  assert.equal(read.contract, null);
  assert.equal(read.remarks.at(-1)?.rule, 'contract-unknown');
  assert.match(read.remarks.at(-1)?.help ?? '', /^Write contract.yaml/);
});
