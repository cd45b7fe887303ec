import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { admits } from '../../src/contract/admits.ts';
import { parseContract } from '../../src/contract/parse.ts';
import { samplePayload } from '../../src/contract/sample.ts';
import { contracts } from '../helpers/contracts.ts';

const read = (text: string) => parseContract(text, 'contract.yaml').contract;

test('a sample has two rows of every required column, the same rows everywhere', () => {
  const contract = read(`inputs:
  - {name: alcohol, type: float64, shape: [batch]}
  - {name: region, type: string, shape: [batch], categories: [north, south]}
  - {name: note, type: string, shape: [batch], optional: true}
  - {name: X, type: float32, shape: [batch, 4]}`);
  const sample = samplePayload(contract, 'predict', 7);
  assert.deepEqual(Object.keys(sample ?? {}), ['alcohol', 'region', 'X']);
  const rows = sample?.['X'];
  assert.ok(Array.isArray(rows) && rows.length === 2 && Array.isArray(rows[1]) && rows[1].length === 4);
  assert.deepEqual(admits(contract, 'predict', sample, 'input'), []);
  assert.deepEqual(samplePayload(contract, 'predict', 7), sample, 'the same seed gives the same sample');
  assert.notDeepEqual(samplePayload(contract, 'predict', 8), sample);
});

test('where the contract does not say enough there is no sample', () => {
  assert.equal(samplePayload(read('inputs: [{name: a, shape: [n]}]'), 'predict'), null);
  assert.equal(samplePayload(read('inputs: [{name: a, type: int8}]'), 'predict'), null);
  assert.equal(samplePayload(read('outputs: []'), 'predict'), null);
  assert.equal(samplePayload(read('inputs: []'), 'embed'), null);
  assert.equal(
    samplePayload(read('inputs: [{name: a, type: int8, shape: [100000, 100000]}]'), 'predict'),
    null,
    'nor one that is too large',
  );
});

test('a sample is always admitted', () => {
  let made = 0;
  fc.assert(
    fc.property(contracts(true), fc.nat(), (contract, seed) => {
      const sample = samplePayload(contract, 'predict', seed);
      if (sample === null) return;
      made += 1;
      assert.deepEqual(admits(contract, 'predict', sample, 'input'), []);
    }),
    { numRuns: 500 },
  );
  assert.ok(made > 150, `${made} samples of 500`);
});
