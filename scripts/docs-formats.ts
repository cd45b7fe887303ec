/** Writes the table of docs/formats.md: what of the fixtures' truth is read, right, wrong and unknown. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { lookAt, readModel } from '../src/formats/read.ts';
import { walk } from '../src/model/walk.ts';
import { ASPECTS, type Judgement, judge, truthCases, truthTable } from '../test/helpers/truth.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
const judged = new Map<string, Judgement[]>();
for (const one of truthCases(`${root}test/fixtures/models`)) {
  const found = await readModel(lookAt(walk(one.name, one.directory)));
  if (found.kind !== 'model') throw new Error(`${one.directory} is not read`);
  const before = judged.get(one.truth.format) ?? [];
  judged.set(one.truth.format, [...before, ...judge(one.truth, found.reading)]);
}
const path = `${root}docs/formats.md`;
const rows = [['format', ...ASPECTS, 'wrong'], Array(ASPECTS.length + 2).fill('---'), ...truthTable(judged)];
const table = rows.map((row) => `| ${row.join(' | ')} |\n`).join('');
const text = readFileSync(path, 'utf8');
writeFileSync(
  path,
  text.replace(/\| format \| names \|[\s\S]*?\n(?=\n)/, () => table),
);
