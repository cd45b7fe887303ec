import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readingOf } from '../helpers/model-files.ts';
import { ROOT } from '../helpers/runner.ts';

test('categories that are no numbers that JSON can say are not told', async (t) => {
  const path = join(ROOT, 'test/fixtures/models/lightgbm/binary-named/model/model.txt');
  const text = readFileSync(path, 'utf8');
  const [line = '', lists = ''] = /^pandas_categorical:(.*)$/m.exec(text) ?? [];
  const columns: unknown[][] = JSON.parse(lists);
  assert.ok(columns.length > 0, line);
  const damaged = text.replace(
    line,
    `pandas_categorical:${JSON.stringify(columns).replace(/\[\[[^,\]]*/, '[[1e999')}`,
  );
  const before = await readingOf(t, { 'model.txt': text });
  const after = await readingOf(t, { 'model.txt': damaged });
  const categories = (reading: typeof before) =>
    reading.contract?.signatures['predict']?.inputs?.flatMap((one) => (one.categories ? [one.name] : [])) ??
    [];
  assert.equal(categories(after).length, categories(before).length - 1);
});
