import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { rulesMarkdown } from '../../src/check/rules-doc.ts';
import { rulesTable } from '../../src/check/rules-table.ts';

test('docs/rules.md is what the table of rules says', () => {
  const written = readFileSync(new URL('../../docs/rules.md', import.meta.url), 'utf8');
  assert.equal(written, rulesMarkdown(), 'run `node scripts/docs-rules.ts`');
});

test('every rule of the table has a level under every policy, and ids are unique', () => {
  const rows = rulesTable();
  assert.equal(new Set(rows.map((row) => row.id)).size, rows.length);
  for (const row of rows)
    assert.deepEqual(Object.keys(row.levels), [
      'none',
      'backward',
      'backward-transitive',
      'full',
      'full-transitive',
    ]);
});

test('the policy none is silent about breaks and only about them', () => {
  for (const row of rulesTable()) assert.equal(row.levels.none === 'none', row.group === 'break', row.id);
});

test('whatever is an error backward is one under full, and under full whatever breaks one way or back', () => {
  const rows = new Map(rulesTable().map((row) => [row.id, row]));
  for (const row of rows.values())
    if (row.levels.backward === 'error') assert.equal(row.levels.full, 'error');
  assert.equal(rows.get('input-added-optional')?.levels.backward, 'none');
  assert.equal(rows.get('input-added-optional')?.levels.full, 'error');
});
