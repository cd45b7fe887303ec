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

/** `callee(*args)` by protocol 2; every argument is written as the pickle needs it. */
const called = (callee: string, ...args: string[]): Buffer =>
  Buffer.from(`\x80\x02c${callee}\n(${args.join('')}tR.`, 'latin1');
const riskOf = async (bytes: Buffer): Promise<string> =>
  (await assess(await readPickle(openStream(inMemory(bytes)).stream), { file: 'x' })).risk;
const SUBIMPORT = 'cloudpickle.cloudpickle\nsubimport';

test('what honest cloudpickles do is to be looked at, and the same with other arguments is dangerous', async () => {
  const union = '(c__builtin__\nint\nc__builtin__\nstr\nt';
  assert.equal(await riskOf(called('functools\nreduce', 'c_operator\nor_\n', union)), 'review');
  assert.equal(await riskOf(called('functools\nreduce', 'cos\nsystem\n', union)), 'dangerous');
  assert.equal(await riskOf(called(SUBIMPORT, 'X\x05\0\0\0torch')), 'review');
  assert.equal(
    await riskOf(
      Buffer.from(
        `\x80\x02c__builtin__\ngetattr\n(c${SUBIMPORT}\n(X\x05\0\0\0torchtRX\x04\0\0\0loadtR.`,
        'latin1',
      ),
    ),
    'dangerous',
  );
});
