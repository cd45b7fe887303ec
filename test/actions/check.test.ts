import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Log as SarifLog } from 'sarif';
import { git } from '../helpers/git-repo.ts';
import { lading, ROOT, runStep } from '../helpers/runner.ts';
import { validJson } from '../helpers/schemas.ts';
import { type WineRepo, wineRepo } from '../helpers/wine.ts';

const ENTRY = join(ROOT, 'src/actions/check.ts');

interface CheckJson {
  readonly result: string;
  readonly models: readonly {
    readonly baseline: string | null;
    readonly bump: string;
    readonly changes: readonly { rule: string; verdict: string; subject: string }[];
    readonly findings: readonly {
      rule: string;
      level: string;
      file?: string;
      line?: number;
      fingerprint: string;
    }[];
    readonly approved: readonly string[];
  }[];
}

async function check(root: string, ...args: string[]): Promise<{ code: number; json: CheckJson }> {
  const ran = await lading(root, ['check', 'models/wine', ...args, '--format', 'json']);
  assert.ok(ran.code < 2, ran.stderr);
  return { code: ran.code, json: validJson('check', ran.stdout) as CheckJson };
}

/** A branch on which the model needs one more column, with its contract generated anew. */
async function breakingBranch(repo: WineRepo): Promise<string> {
  const base = git(repo.clone, 'rev-parse', 'HEAD');
  git(repo.clone, 'checkout', '-q', '-b', 'with-proline');
  repo.take('v3-breaking');
  await lading(repo.clone, ['generate', 'models/wine']);
  repo.commit();
  return base;
}

test('a new model is no error', async (t) => {
  const repo = wineRepo(t);
  const { code, json } = await check(repo.clone);
  assert.equal(code, 0);
  assert.equal(json.result, 'clean');
  assert.equal(json.models[0]?.bump, 'first');
});

test('a pull request that needs one more column fails on the line of that column', async (t) => {
  const repo = wineRepo(t);
  await lading(repo.clone, ['generate', 'models/wine']);
  repo.commit();
  const base = await breakingBranch(repo);
  const ran = await runStep(ENTRY, {
    workspace: repo.clone,
    with: { models: 'models/*', sarif: 'lading.sarif' },
    event: 'pull_request',
    payload: { pull_request: { number: 7, base: { sha: base, ref: 'main' } } },
  });
  assert.equal(ran.code, 1, ran.stdout);
  const lines = readFileSync(join(repo.clone, 'models/wine/contract.yaml'), 'utf8').split('\n');
  const line = lines.findIndex((text) => text.includes('proline')) + 1;
  const place = `file=models/wine/contract.yaml,line=${line}`;
  assert.ok(ran.stdout.includes(`::error title=input-added-required,${place}::`), ran.stdout);
  assert.equal(ran.outputs['result'], 'failed');
  assert.equal(ran.outputs['bump'], 'major');
  assert.match(ran.summary, /compared with main/);
  assert.match(ran.summary, /`predict\.inputs\.proline`/);
  const sarif = JSON.parse(readFileSync(join(repo.clone, 'lading.sarif'), 'utf8')) as SarifLog;
  const first = sarif.runs[0]?.results?.[0];
  assert.equal(first?.ruleId, 'input-added-required');
  assert.equal(first?.locations?.[0]?.physicalLocation?.region?.startLine, line);
});

test('a base without a declared contract is read out of its files', async (t) => {
  const repo = wineRepo(t);
  await breakingBranch(repo);
  const { code, json } = await check(repo.clone, '--against', 'main');
  assert.equal(code, 1);
  assert.equal(json.models[0]?.baseline, 'main');
  assert.ok(json.models[0]?.changes.some((one) => one.rule === 'input-added-required'));
});

test('a retrained model with the same columns is clean', async (t) => {
  const repo = wineRepo(t);
  repo.take('v2-retrained');
  const { code, json } = await check(repo.clone, '--against', 'main');
  assert.equal(code, 0);
  assert.equal(json.models[0]?.bump, 'patch');
  assert.deepEqual(json.models[0]?.changes, []);
});

test('an approved break passes, an expired approval fails with its date', async (t) => {
  const repo = wineRepo(t);
  await breakingBranch(repo);
  const before = await check(repo.clone, '--against', 'main');
  const broken = before.json.models[0]?.findings.filter((one) => one.level === 'error') ?? [];
  assert.ok(broken.length > 0);
  const approve = (expires: string) => {
    const entries = broken.map(
      ({ fingerprint }) => `      - {fingerprint: "${fingerprint}", reason: agreed, expires: "${expires}"}`,
    );
    writeFileSync(
      join(repo.clone, 'lading.yaml'),
      `models:\n  - path: models/wine\n    approvals:\n${entries.join('\n')}\n`,
    );
  };
  approve('2999-12-31');
  const approved = await check(repo.clone, '--against', 'main');
  assert.equal(approved.code, 0, JSON.stringify(approved.json));
  assert.equal(approved.json.models[0]?.approved.length, broken.length);
  assert.equal(approved.json.models[0]?.bump, 'major', 'the version still says that it breaks');
  approve('2020-01-01');
  const expired = await lading(repo.clone, ['check', 'models/wine', '--against', 'main']);
  assert.equal(expired.code, 1);
  assert.match(expired.stdout, /expired on 2020-01-01/);
});

test('a contract that no longer says what the model does fails on its line', async (t) => {
  const repo = wineRepo(t);
  await lading(repo.clone, ['generate', 'models/wine']);
  const file = join(repo.clone, 'models/wine/contract.yaml');
  writeFileSync(file, readFileSync(file, 'utf8').replaceAll('name: alcohol,', 'name: alkohol,'));
  const { code, json } = await check(repo.clone);
  assert.equal(code, 1);
  const drift = json.models[0]?.findings.find((one) => one.rule === 'drift-input-unknown');
  const lines = readFileSync(file, 'utf8').split('\n');
  assert.equal(drift?.line, lines.findIndex((text) => text.includes('name: alkohol')) + 1);
  assert.equal(drift?.file, 'models/wine/contract.yaml');
});

test('what to compare with has to exist', async (t) => {
  const repo = wineRepo(t);
  const ran = await lading(repo.clone, ['check', 'models/wine', '--against', 'nowhere']);
  assert.equal(ran.code, 2);
  assert.match(ran.stderr, /there is no file, version, alias, branch or commit "nowhere"/);
});

test('a pull request cannot edit the ledger to hide a break', async (t) => {
  const repo = wineRepo(t);
  const published = await lading(repo.clone, ['publish', 'models/wine']);
  assert.equal(published.code, 0, published.stderr);
  git(repo.clone, 'pull', '-q', '--ff-only');
  const base = await breakingBranch(repo);
  git(repo.clone, 'rm', '-q', 'ledger/wine.jsonl');
  repo.commit();
  const ran = await runStep(ENTRY, {
    workspace: repo.clone,
    with: { model: 'models/wine' },
    event: 'pull_request',
    payload: { pull_request: { number: 7, base: { sha: base, ref: 'main' } } },
  });
  assert.equal(ran.code, 1);
  assert.match(ran.stdout, /compared with wine:1\.0\.0/);
});

test('nothing changed is nothing to do', async (t) => {
  const repo = wineRepo(t);
  const ran = await runStep(ENTRY, {
    workspace: repo.clone,
    with: { models: 'models/*' },
    event: 'pull_request',
    payload: { pull_request: { number: 1, base: { sha: git(repo.clone, 'rev-parse', 'HEAD') } } },
  });
  assert.equal(ran.code, 0);
  assert.equal(ran.outputs['result'], 'clean');
  assert.equal(ran.outputs['models'], '[]');
});

test('the table of rules is printed for people and for programs', async () => {
  const ran = await lading(ROOT, ['rules', '--format', 'json']);
  const { rules } = validJson('rules', ran.stdout) as { rules: { id: string }[] };
  assert.ok(rules.some((rule) => rule.id === 'input-added-required'));
  assert.match((await lading(ROOT, ['rules'])).stdout, /^input-added-required /m);
});
