import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { commitAll, git, repository, scratch, write } from '../helpers/git-repo.ts';
import { lading, ROOT, runStep } from '../helpers/runner.ts';
import { validJson } from '../helpers/schemas.ts';

const ENTRY = join(ROOT, 'src/actions/inspect.ts');

test('a directory without a model is a finding with what to do, and fails the step', async (t) => {
  const workspace = scratch(t);
  write(workspace, { 'models/churn/model.pkl': '<!DOCTYPE html><html>404</html>' });
  const ran = await runStep(ENTRY, { workspace, with: { model: 'models/churn' } });
  assert.equal(ran.code, 1);
  assert.equal(ran.outputs['verdict'], 'not-a-model');
  assert.equal(ran.outputs['format'], '');
  assert.equal(ran.outputs['contract'], '');
  assert.match(ran.stdout, /^::error title=file-not-a-model,file=models\/churn\/model\.pkl::/m);
  assert.match(ran.summary, /`file-not-a-model`/);
  const lenient = await runStep(ENTRY, { workspace, with: { model: 'models/churn', 'fail-on': 'never' } });
  assert.equal(lenient.code, 0);
});

test('a wrong input is a message that names it, and every output is set all the same', async (t) => {
  const workspace = scratch(t);
  const missing = await runStep(ENTRY, { workspace });
  assert.equal(missing.code, 1);
  assert.match(missing.stdout, /::error title=Lading::the input "model" is required/);
  assert.equal(missing.outputs['verdict'], '');
  const wrong = await runStep(ENTRY, { workspace, with: { model: 'm', digest: 'yes' } });
  assert.match(wrong.stdout, /the value "yes" is not valid for "digest"%0A→ Valid values are: true, false/);
  const renamed = await runStep(ENTRY, { workspace, with: { path: 'm' } });
  assert.match(renamed.stdout, /there is no input "path"; it is called "model"/);
});

test('file names that look like workflow commands stay text on every surface', async (t) => {
  const workspace = scratch(t);
  const evil = 'models/churn/::error::owned\n::set-output name=verdict::clean\r::add-mask::a|`<script>.pkl';
  write(workspace, { [evil.replaceAll('/script', 'script')]: '', 'models/churn/##[error]b.pkl': '' });
  const ran = await runStep(ENTRY, { workspace, with: { model: 'models/churn' } });
  assert.equal(ran.code, 1);
  assert.equal(ran.outputs['verdict'], 'not-a-model');
  for (const line of ran.stdout.split(/\r\n|\r|\n/)) {
    if (!/^\s*::/.test(line)) {
      assert.ok(!line.includes('##['), line);
      continue;
    }
    assert.match(line, /^::(error|warning|notice|debug|group|endgroup|add-mask|set-output)/);
    assert.match(line, /^::error title=/, 'the only commands are our annotations');
  }
  assert.doesNotMatch(ran.summary.replaceAll(/(`+)(?!`).*?(?<!`)\1(?!`)/g, ''), /<script>/);
});

test('with --format json nothing but the JSON is on standard output', async (t) => {
  const workspace = scratch(t);
  write(workspace, { 'models/churn/model.pkl': '' });
  const ran = await lading(workspace, ['inspect', 'models/churn', '--format', 'json', '--digest']);
  assert.equal(ran.code, 1);
  const json = validJson('inspect', ran.stdout) as { verdict: string; files: object };
  assert.equal(json.verdict, 'not-a-model');
  assert.deepEqual(json.files, { count: 1, size: 0 });
  const trouble = await lading(workspace, ['inspect', 'nope', '--format', 'json']);
  assert.equal(trouble.code, 2);
  validJson('error', trouble.stdout);
});

test('a real model is read, and its contract is an output', async () => {
  const model = 'test/fixtures/models/xgboost/binary-logistic-named-bin/model';
  const ran = await runStep(ENTRY, { workspace: ROOT, with: { model } });
  assert.equal(ran.code, 0, ran.stdout);
  assert.equal(ran.outputs['format'], 'xgboost');
  assert.equal(ran.outputs['verdict'], 'clean');
  assert.ok(JSON.parse(ran.outputs['contract'] ?? ''));
  assert.match(ran.summary, /\| `predict` \| out \|/);
  const cli = await lading(ROOT, ['inspect', model, '--format', 'json']);
  validJson('inspect', cli.stdout);
});

test('a digest comes from the bytes, also of a file that git calls unchanged', async (t) => {
  const workspace = scratch(t);
  const source = join(ROOT, 'test/fixtures/models/xgboost/binary-logistic-named-bin/model/model.bin');
  // printf aaaa | sha256sum
  const sha256 = '61be55a8e2f6b4e172338bddf184d6dbee29c98853e0a0485ecee7f27b9af0b4';
  repository(workspace);
  commitAll(workspace, {
    'models/churn/model.bin': readFileSync(source),
    'models/churn/vocabulary.txt': 'aaaa',
    'models/churn/checksum.txt': `${sha256}  vocabulary.txt\n`,
  });
  const step = { workspace, with: { model: 'models/churn', digest: 'true', 'fail-on': 'never' } };
  const before = await runStep(ENTRY, step);
  assert.doesNotMatch(before.outputs['findings'] ?? '', /checksum-mismatch/);
  git(workspace, 'update-index', '--assume-unchanged', 'models/churn/vocabulary.txt');
  write(workspace, { 'models/churn/vocabulary.txt': 'bbbb' });
  assert.equal(git(workspace, 'diff-files', '--name-only'), '');
  const after = await runStep(ENTRY, step);
  assert.match(after.outputs['findings'] ?? '', /"checksum-mismatch"/);
  assert.match(after.outputs['digest'] ?? '', /^sha256:[0-9a-f]{64}$/);
  assert.notEqual(after.outputs['digest'], before.outputs['digest']);
});

test('a model with every kind of lint names rule, file and line', async (t) => {
  const workspace = scratch(t);
  const source = join(ROOT, 'test/fixtures/models/xgboost/binary-logistic-named-bin/model/model.bin');
  write(workspace, {
    'models/churn/model.bin': readFileSync(source),
    'models/churn/requirements.txt': '# comment\nnumpy==2.1.0\npandas>=2\n',
    'models/churn/checksum.txt': `${'0'.repeat(64)}  model.bin\n${'0'.repeat(64)}  gone.txt\n`,
  });
  const ran = await lading(workspace, ['inspect', 'models/churn', '--digest', '--format', 'json']);
  const { findings } = validJson('inspect', ran.stdout) as {
    findings: { rule: string; file: string; line?: number }[];
  };
  const at = findings.map((one) => `${one.rule} ${one.file}${one.line === undefined ? '' : `:${one.line}`}`);
  assert.deepEqual(at, [
    'checksum-mismatch models/churn/checksum.txt:1',
    'checksum-file-missing models/churn/checksum.txt:2',
    'checksum-incomplete models/churn/checksum.txt',
    'requirement-unpinned models/churn/requirements.txt:3',
    'licence-missing models/churn',
    'model-card-missing models/churn',
  ]);
  assert.equal(ran.code, 1);
});

test('a folder may be looked at whatever it is called, and is told that no version can have that name', async (t) => {
  const workspace = scratch(t);
  write(workspace, { 'My Model (final).v2/model.txt': 'nothing' });
  const looked = await lading(workspace, ['inspect', 'My Model (final).v2', '--format', 'json']);
  const inspection = validJson('inspect', looked.stdout) as { name: string; findings: { rule: string }[] };
  assert.equal(inspection.name, 'My Model (final).v2');
  assert.ok(inspection.findings.some((one) => one.rule === 'name-not-legal'));
  const checked = await lading(workspace, ['check', 'My Model (final).v2']);
  assert.equal(checked.code, 2);
  assert.match(checked.stderr, /is not a model name/);
});
