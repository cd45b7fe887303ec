import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { scratch } from '../helpers/git-repo.ts';
import { lading, ROOT, runStep } from '../helpers/runner.ts';
import { validJson } from '../helpers/schemas.ts';

const MODEL = join(ROOT, 'test/fixtures/models/xgboost/binary-logistic-named-bin/model');

function workspaceWith(t: TestContext): string {
  const workspace = scratch(t);
  cpSync(MODEL, join(workspace, 'models/churn'), { recursive: true });
  return workspace;
}

async function generate(workspace: string, ...args: string[]): Promise<Record<string, string>> {
  const ran = await lading(workspace, ['generate', 'models/churn', ...args, '--format', 'json']);
  assert.equal(ran.code, 0, ran.stderr);
  const { files } = validJson('generate', ran.stdout) as { files: { file: string; action: string }[] };
  return Object.fromEntries(files.map(({ file, action }) => [file, action]));
}

test('what is missing is written, and writing again changes nothing', async (t) => {
  const workspace = workspaceWith(t);
  const first = await generate(workspace);
  assert.equal(first['contract.yaml'], 'written');
  assert.equal(first['model-card.md'], 'written');
  assert.equal(first['checksum.txt'], 'written');
  const folder = join(workspace, 'models/churn');
  // The tool that the format is made for has the last word.
  execFileSync('sha256sum', ['--check', '--strict', '--quiet', 'checksum.txt'], { cwd: folder });
  const second = await generate(workspace);
  for (const [file, action] of Object.entries(second))
    assert.ok(action === 'unchanged' || action === 'skipped', `${file}: ${action}`);
});

test('what was generated is refreshed, and what people wrote is kept', async (t) => {
  const workspace = workspaceWith(t);
  await generate(workspace);
  const contract = join(workspace, 'models/churn/contract.yaml');
  const card = join(workspace, 'models/churn/model-card.md');
  const generated = readFileSync(contract, 'utf8');
  writeFileSync(contract, `${generated}# an edit below the marker\n`);
  writeFileSync(card, '# My model\n');
  const again = await generate(workspace);
  assert.equal(again['contract.yaml'], 'refreshed');
  assert.equal(again['model-card.md'], 'kept');
  assert.equal(readFileSync(contract, 'utf8'), generated);
  assert.equal(readFileSync(card, 'utf8'), '# My model\n');
});

test('a hand-written file that is asked for is only replaced with overwrite', async (t) => {
  const workspace = workspaceWith(t);
  const contract = join(workspace, 'models/churn/contract.yaml');
  writeFileSync(contract, 'contract: v1\nsignatures: {}\n');
  const refused = await lading(workspace, ['generate', 'models/churn', '--files', 'contract.yaml']);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /"models\/churn\/contract\.yaml" is written by hand/);
  assert.equal(readFileSync(contract, 'utf8'), 'contract: v1\nsignatures: {}\n');
  const done = await generate(workspace, '--files', 'contract.yaml', '--overwrite');
  assert.deepEqual(done, { 'contract.yaml': 'refreshed' });
});

test('the contract can be written as signature.json, and a directory gets only one', async (t) => {
  const workspace = workspaceWith(t);
  await generate(workspace, '--contract', 'signature.json');
  assert.ok(JSON.parse(readFileSync(join(workspace, 'models/churn/signature.json'), 'utf8')));
  await generate(workspace);
  assert.ok(!existsSync(join(workspace, 'models/churn/contract.yaml')));
});

test('as an action it says what it wrote', async (t) => {
  const workspace = workspaceWith(t);
  const ran = await runStep(join(ROOT, 'src/actions/generate.ts'), {
    workspace,
    with: { model: 'models/churn' },
  });
  assert.equal(ran.code, 0, ran.stdout);
  assert.equal(ran.outputs['contract'], 'models/churn/contract.yaml');
  assert.ok((JSON.parse(ran.outputs['written'] ?? '') as string[]).includes('models/churn/checksum.txt'));
  assert.match(ran.summary, /`contract\.yaml` \| written/);
});
