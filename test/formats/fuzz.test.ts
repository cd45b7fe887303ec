import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { fuzz } from '../helpers/fuzz.ts';
import { truthCases } from '../helpers/truth.ts';

const ROOT = join(import.meta.dirname, '../fixtures/models');
const CASES = truthCases(ROOT);
/** The nightly script (`npm run fuzz`) reads 100,000 a format. */
const INPUTS = 300;

for (const format of new Set(CASES.map((one) => one.format)))
  test(`no damage to a ${format} model makes a reader throw or hang`, async () => {
    const directories = CASES.filter((one) => one.format === format).map((one) => one.directory);
    assert.deepEqual(await fuzz(directories, INPUTS, 1), []);
  });
