import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { admits, type Direction } from '../../src/contract/admits.ts';
import type { Contract } from '../../src/contract/types.ts';

interface Vector {
  readonly name: string;
  readonly contract: Contract;
  readonly signature: string;
  readonly direction: Direction;
  readonly payload: unknown;
  readonly violations: readonly string[];
}

const vectors: readonly Vector[] = JSON.parse(
  readFileSync(new URL('../fixtures/contract/admits.json', import.meta.url), 'utf8'),
);

test('every case of the shared list of payloads gets its verdict', async (t) => {
  for (const vector of vectors)
    await t.test(vector.name, () => {
      const found = admits(vector.contract, vector.signature, vector.payload, vector.direction);
      assert.deepEqual(
        found.map((violation) => violation.path),
        vector.violations,
        JSON.stringify(found),
      );
    });
});

test('the names of the cases are all different', () => {
  assert.equal(new Set(vectors.map((vector) => vector.name)).size, vectors.length);
});

test('integers beyond the exact numbers are told apart when they come as bigint', () => {
  const contract: Contract = {
    contract: 'v1',
    signatures: { predict: { inputs: [{ name: 'v', type: 'int64', shape: [] }], outputs: null } },
  };
  assert.deepEqual(admits(contract, 'predict', { v: 2n ** 63n - 1n }, 'input'), []);
  assert.equal(admits(contract, 'predict', { v: 2n ** 63n }, 'input').length, 1);
});

test('sizes met in the inputs of a call hold for its outputs', () => {
  const contract: Contract = {
    contract: 'v1',
    signatures: {
      predict: {
        inputs: [{ name: 'a', type: 'int64', shape: ['batch'] }],
        outputs: [{ name: 'b', type: 'int64', shape: ['batch'] }],
      },
    },
  };
  const sizes = new Map<string, number>();
  assert.deepEqual(admits(contract, 'predict', { a: [1, 2] }, 'input', sizes), []);
  assert.deepEqual(admits(contract, 'predict', { b: [1, 2] }, 'output', new Map(sizes)), []);
  assert.deepEqual(
    admits(contract, 'predict', { b: [1] }, 'output', sizes).map((violation) => violation.path),
    ['b'],
  );
});

test('a violation says which element and why', () => {
  const contract: Contract = {
    contract: 'v1',
    signatures: { predict: { inputs: [{ name: 'v', type: 'int8', shape: ['n', 2] }], outputs: null } },
  };
  assert.deepEqual(
    admits(
      contract,
      'predict',
      {
        v: [
          [1, 2],
          [3, 300],
        ],
      },
      'input',
    ),
    [{ path: 'v', message: 'at [1][1]: 300 is outside int8 (-128 to 127)' }],
  );
});
