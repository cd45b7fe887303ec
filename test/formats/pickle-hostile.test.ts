import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openStream } from '../../src/formats/wire/decompress.ts';
import { assess } from '../../src/formats/wire/pickle/policy.ts';
import { readPickle } from '../../src/formats/wire/pickle/read.ts';
import { inMemory } from '../../src/model/bytes.ts';

const ROOT = join(import.meta.dirname, '../fixtures/hostile/pickle');
const EXPECTED: Record<string, { risk: string; names: string[] }> = JSON.parse(
  readFileSync(join(ROOT, 'expected.json'), 'utf8'),
);

for (const [file, expected] of Object.entries(EXPECTED))
  test(`${file} is found to be ${expected.risk}`, async () => {
    const { stream } = openStream(inMemory(readFileSync(join(ROOT, file))));
    const result = await readPickle(stream);
    stream.close();
    const { risk, remarks } = await assess(result, { file });
    const said = remarks.map((remark) => remark.message).join('\n');
    assert.equal(risk, expected.risk, said);
    for (const name of expected.names) assert.ok(said.includes(name), `${name} is not in:\n${said}`);
    if (risk === 'dangerous') assert.ok(remarks.some((remark) => remark.rule === 'pickle-dangerous'));
    if (result.error) assert.notEqual(risk, 'none');
  });
