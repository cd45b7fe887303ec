import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig, settingsOf } from '../../src/commands/config.ts';
import { matches } from '../../src/commands/globs.ts';
import { UserError } from '../../src/ports/errors.ts';

const problems: readonly [text: string, message: RegExp, line: number | undefined][] = [
  ['models:\n  - models/*\n  - path: models/a\n    polcy: none\n', /"models\.1" has no key "polcy"/, 4],
  ['models:\n  - path: a\n    policy: foo\n', /"models\.0\.policy" is "foo"; allowed are none, backward/, 3],
  ['models: [a]\nx: 1\n', /has no key "x"/, 2],
  ['models: [\n', /is not YAML/, 2],
  ['[]\n', /must be object/, 1],
  ['', /must be object/, undefined],
  ['models:\n  - ../secrets\n', /leaves the repository/, undefined],
  ['models:\n  - path: a\n    approvals:\n      - {fingerprint: abc, reason: x}\n', /fingerprint/, 4],
];
for (const [text, message, line] of problems)
  test(`a mistake in lading.yaml is a message with its line: ${JSON.stringify(text)}`, async () => {
    await assert.rejects(parseConfig(text, 'lading.yaml'), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, message);
      assert.equal(error.line, line);
      return true;
    });
  });

test('later entries add to earlier ones, and all of them to what stands at the top', async () => {
  const config = await parseConfig(
    `registry: ghcr.io/acme/
policy: full
labels: {team: risk}
models:
  - models/*
  - path: ./models/churn/
    name: churn-eu
    policy: none
    labels: {tier: gold}
  - path: models/fraud
    image: ghcr.io/other/fraud
`,
    'lading.yaml',
  );
  const churn = settingsOf('models/churn', config, matches, '/repo');
  assert.equal(churn.name, 'churn-eu');
  assert.equal(churn.policy, 'none');
  assert.equal(churn.image, 'ghcr.io/acme/churn-eu');
  assert.deepEqual(churn.labels, { team: 'risk', tier: 'gold' });
  const fraud = settingsOf('models/fraud', config, matches, '/repo');
  assert.equal(fraud.policy, 'full');
  assert.equal(fraud.image, 'ghcr.io/other/fraud');
});

test('without a configuration the folder names the model', () => {
  const settings = settingsOf('models/churn', null, matches, '/repo');
  assert.equal(settings.name, 'churn');
  assert.equal(settings.policy, 'backward');
  assert.equal(settings.image, null);
});

test('a folder whose name is no model name is refused with the way out', () => {
  assert.throws(
    () => settingsOf('models/My Model', null, matches, '/repo'),
    (error) =>
      error instanceof UserError && /upper case/.test(error.message) && /name:/.test(error.help ?? ''),
  );
});
