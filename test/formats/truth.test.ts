import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { lookAt, readModel } from '../../src/formats/read.ts';
import { walk } from '../../src/model/walk.ts';
import { headedTable } from '../../src/report/table.ts';
import { ASPECTS, type Judgement, judge, truthCases, truthTable } from '../helpers/truth.ts';

const ROOT = join(import.meta.dirname, '../fixtures/models');
const cases = existsSync(ROOT) ? truthCases(ROOT) : [];
const judged = new Map<string, Judgement[]>();

for (const one of cases)
  test(`${one.format}/${one.name} is read as ${one.truth.maker.framework} itself reads it`, async () => {
    const found = await readModel(lookAt(walk(one.name, one.directory)));
    assert.equal(found.kind, 'model', JSON.stringify(found));
    if (found.kind !== 'model') return;
    const judgements = judge(one.truth, found.reading);
    judged.set(one.truth.format, [...(judged.get(one.truth.format) ?? []), ...judgements]);
    const wrong = judgements.filter((judgement) => judgement.verdict === 'wrong');
    assert.deepEqual(wrong, []);
    assert.equal(
      found.reading.risk,
      { clean: 'none', review: 'review', dangerous: 'dangerous' }[one.truth.verdict ?? ''] ??
        found.reading.risk,
    );
  });

test('there are models to hold readings against, and the table in docs/formats.md is what was found', (t) => {
  assert.ok(cases.length > 0);
  const rows = truthTable(judged);
  t.diagnostic(`\n${headedTable(['format', ...ASPECTS, 'wrong'], rows)}`);
  const documented = readFileSync(join(import.meta.dirname, '../../docs/formats.md'), 'utf8');
  for (const row of rows)
    assert.ok(
      documented.includes(`\n| ${row.join(' | ')} |\n`),
      `run \`node scripts/docs-formats.ts\`: ${row.join(' | ')}`,
    );
});
