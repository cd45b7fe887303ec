import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FORMATS } from '../../src/formats/registry.ts';
import { fuzz } from '../helpers/fuzz.ts';
import { seedsByFormat } from '../helpers/seeds.ts';

/** The nightly script (`npm run fuzz`) reads 100,000 a format. */
const INPUTS = 300;
const SEEDS = seedsByFormat();

test('every format that is registered has models to damage', () => {
  assert.deepEqual(
    FORMATS.map((format) => format.id).filter((id) => !SEEDS.has(id)),
    [],
  );
});

for (const [format, models] of SEEDS)
  test(`no damage to a ${format} model makes a reader throw or hang`, async () => {
    assert.deepEqual(await fuzz(models, INPUTS, 1), []);
  });
