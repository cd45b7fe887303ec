import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { git } from '../helpers/git-repo.ts';
import { lading } from '../helpers/runner.ts';
import { validJson } from '../helpers/schemas.ts';
import { wineRepo } from '../helpers/wine.ts';

interface Json {
  readonly models: readonly { readonly findings: readonly { level: string; fingerprint: string }[] }[];
}

test('a break is refused, published as a major version once it is approved, and refused when that has expired', async (t) => {
  const repo = wineRepo(t);
  const publish = () => lading(repo.clone, ['publish', 'models/wine']);
  const first = await publish();
  assert.equal(first.code, 0, first.stderr);
  git(repo.clone, 'pull', '-q', '--ff-only');
  repo.take('v3-breaking');
  repo.commit();
  repo.push();
  const ledger = () => git(repo.remote, 'show', 'main:ledger/wine.jsonl');
  const refused = await publish();
  assert.equal(refused.code, 1, refused.stdout);
  assert.equal(ledger().split('\n').length, 1);
  const checked = await lading(repo.clone, ['check', 'models/wine', '--format', 'json']);
  assert.equal(checked.code, 1);
  const { models } = validJson('check', checked.stdout) as Json;
  const errors = models[0]?.findings.filter((one) => one.level === 'error') ?? [];
  assert.ok(errors.length > 0);
  const approve = (expires: string) => {
    const approvals = errors.map(
      ({ fingerprint }) =>
        `      - {fingerprint: "${fingerprint}", reason: "the web shop is updated", expires: ${expires}}`,
    );
    writeFileSync(
      join(repo.clone, 'lading.yaml'),
      `models:\n  - path: models/wine\n    approvals:\n${approvals.join('\n')}\n`,
    );
    repo.commit();
    repo.push();
  };
  approve('2020-02-29');
  const expired = await publish();
  assert.equal(expired.code, 1, expired.stderr);
  assert.match(expired.stdout, /the approval "the web shop is updated" expired on 2020-02-29/);
  assert.equal(ledger().split('\n').length, 1);
  approve('2999-12-31');
  const again = await lading(repo.clone, ['check', 'models/wine']);
  assert.equal(again.code, 0, again.stdout);
  assert.match(again.stdout, /approved until 2999-12-31: the web shop is updated/);
  const approved = await publish();
  assert.equal(approved.code, 0, approved.stdout + approved.stderr);
  const events = ledger()
    .split('\n')
    .map((line) => JSON.parse(line) as { version: string; bump: string });
  assert.deepEqual(
    events.map(({ version, bump }) => [version, bump]),
    [
      ['1.0.0', 'first'],
      ['2.0.0', 'major'],
    ],
  );
});
