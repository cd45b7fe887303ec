import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closest, parseValues } from '../../src/commands/values.ts';
import { UserError } from '../../src/ports/errors.ts';

const SPECS = {
  model: { kind: 'string', description: 'The model.', required: true },
  note: { kind: 'string', description: 'A note.' },
  digest: { kind: 'boolean', description: 'Hash.', default: 'false' },
  labels: { kind: 'list', description: 'Labels.' },
  'fail-on': { kind: 'choice', choices: ['error', 'never'], description: 'Level.', default: 'error' },
} as const;
const show = (name: string) => name;

test('inputs become one typed object, and what was not given is null or its default', () => {
  const values = parseValues(SPECS, { model: ' models/a ', note: '', labels: 'a, b\n# no\nc\n' }, show);
  assert.deepEqual(values, {
    model: 'models/a',
    note: null,
    digest: false,
    labels: ['a', 'b', 'c'],
    'fail-on': 'error',
  });
});

const mistakes: readonly [raw: Record<string, string>, message: RegExp, help: RegExp][] = [
  [{}, /"model" is required/, /The model/],
  [{ model: 'a', digest: 'yes' }, /"yes" is not valid for "digest"/, /true, false/],
  [{ model: 'a', 'fail-on': 'none' }, /"none" is not valid for "fail-on"/, /error, never/],
  [{ path: 'a' }, /no input "path"; it is called "model"/, /model/],
  [{ model: 'a', fail_on: 'never' }, /no input "fail_on"; it is called "fail-on"/, /fail-on/],
];
for (const [raw, message, help] of mistakes)
  test(`a wrong input names itself, its value and the valid ones: ${JSON.stringify(raw)}`, () => {
    assert.throws(
      () => parseValues(SPECS, raw, show),
      (error) => error instanceof UserError && message.test(error.message) && help.test(error.help ?? ''),
    );
  });

test('a typing error finds the name that was meant, and nonsense finds none', () => {
  assert.equal(closest('modle', ['model', 'models', 'config']), 'model');
  assert.equal(closest('inspct', ['inspect', 'plan']), 'inspect');
  assert.equal(closest('zebra', ['inspect', 'plan']), null);
});
