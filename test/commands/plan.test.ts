import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseNameStatus } from '../../src/commands/changed.ts';
import { commitAll, git, repository, scratch, write } from '../helpers/git-repo.ts';
import { lading, ROOT, runStep } from '../helpers/runner.ts';
import { validJson } from '../helpers/schemas.ts';

const ENTRY = join(ROOT, 'src/actions/plan.ts');

interface PlanJson {
  readonly base: string | null;
  readonly everything: string | null;
  readonly models: readonly { name: string; path: string; changed: boolean; 'moved-from': string | null }[];
  readonly deleted: readonly string[];
  readonly matrix: { readonly include: readonly Record<string, unknown>[] };
}

function repo(t: TestContext, names: readonly string[], config?: string): { root: string; base: string } {
  const files: Record<string, string> = { 'README.md': 'hi\n' };
  for (const name of names) files[`models/${name}/model.txt`] = `model ${name}\n`;
  if (config !== undefined) files['lading.yaml'] = config;
  const root = repository(join(scratch(t), 'repo'), files);
  return { root, base: git(root, 'rev-parse', 'HEAD') };
}

async function plan(root: string, ...args: string[]): Promise<PlanJson> {
  const ran = await lading(root, ['plan', ...args, '--format', 'json']);
  assert.equal(ran.code, 0, ran.stderr);
  return validJson('plan', ran.stdout) as PlanJson;
}

const changed = (json: PlanJson) => json.models.filter((model) => model.changed).map((model) => model.path);

test('only models with a changed file are in the matrix', async (t) => {
  const { root, base } = repo(t, ['a', 'b', 'c']);
  commitAll(root, { 'models/b/model.txt': 'new\n', 'other.txt': 'x' });
  const json = await plan(root, 'models/*', '--base', base);
  assert.deepEqual(json.matrix, { include: [{ name: 'b', path: 'models/b' }] });
});

test('a model that was moved as a whole says where it was', async (t) => {
  const { root, base } = repo(t, ['a', 'b']);
  renameSync(join(root, 'models/a'), join(root, 'models/z'));
  commitAll(root, {});
  const json = await plan(root, 'models/*', '--base', base);
  assert.deepEqual(json.matrix, { include: [{ name: 'z', path: 'models/z', 'moved-from': 'models/a' }] });
  assert.deepEqual(json.deleted, ['models/a']);
});

test('a model that is gone is reported, and is no job', async (t) => {
  const { root, base } = repo(t, ['a', 'b']);
  rmSync(join(root, 'models/a'), { recursive: true });
  commitAll(root, {});
  const json = await plan(root, 'models/*', '--base', base);
  assert.deepEqual(json.deleted, ['models/a']);
  assert.deepEqual(json.matrix, { include: [] });
});

test('a file that was deleted within a model changes the model', async (t) => {
  const { root } = repo(t, ['a', 'b']);
  const base = commitAll(root, { 'models/a/extra.txt': 'x' });
  rmSync(join(root, 'models/a/extra.txt'));
  commitAll(root, {});
  assert.deepEqual(changed(await plan(root, 'models/*', '--base', base)), ['models/a']);
});

test('a change of lading.yaml changes every model', async (t) => {
  const { root, base } = repo(t, ['a', 'b'], 'models: [models/*]\n');
  commitAll(root, { 'lading.yaml': 'models: [models/*]\npolicy: full\n' });
  const json = await plan(root, '--base', base);
  assert.deepEqual(changed(json), ['models/a', 'models/b']);
  assert.equal(json.everything, 'lading.yaml changed');
});

test('a model with `paths` also changes with files elsewhere', async (t) => {
  const config = 'models:\n  - models/*\n  - {path: models/b, paths: ["features/**"]}\n';
  const { root, base } = repo(t, ['a', 'b'], config);
  commitAll(root, { 'features/x/y.py': '1' });
  assert.deepEqual(changed(await plan(root, '--base', base)), ['models/b']);
});

test('what the base branch did meanwhile is not a change of ours', async (t) => {
  const { root } = repo(t, ['a', 'b']);
  git(root, 'checkout', '-q', '-b', 'mine');
  commitAll(root, { 'models/a/model.txt': 'mine\n' });
  git(root, 'checkout', '-q', 'main');
  commitAll(root, { 'models/b/model.txt': 'theirs\n' });
  git(root, 'checkout', '-q', 'mine');
  assert.deepEqual(changed(await plan(root, 'models/*', '--base', 'main')), ['models/a']);
});

test('in a terminal, what is not committed counts too', async (t) => {
  const { root, base } = repo(t, ['a', 'b']);
  write(root, { 'models/new/model.txt': 'x', 'models/a/model.txt': 'y' });
  assert.deepEqual(changed(await plan(root, 'models/*', '--base', base)), ['models/a', 'models/new']);
});

test('names with blanks, quotes and line breaks survive', async (t) => {
  const { root, base } = repo(t, ['a']);
  commitAll(root, { 'models/a/we"ird\n::error::\tname': 'x' });
  assert.deepEqual(changed(await plan(root, 'models/*', '--base', base)), ['models/a']);
});

test('shards spread the models over as many jobs', async (t) => {
  const { root } = repo(t, ['a', 'b', 'c', 'd', 'e']);
  const json = await plan(root, 'models/*', '--shards', '2');
  assert.deepEqual(json.matrix.include, [
    { shard: 1, models: 'models/a\nmodels/c\nmodels/e' },
    { shard: 2, models: 'models/b\nmodels/d' },
  ]);
});

test('a path that does not exist is a mistake, and a glob that covers nothing is not', async (t) => {
  const { root } = repo(t, ['a']);
  const missing = await lading(root, ['plan', 'models/nope']);
  assert.equal(missing.code, 2);
  assert.match(missing.stderr, /there is no directory "models\/nope"/);
  assert.deepEqual((await plan(root, 'elsewhere/*')).models, []);
});

test('two directories of one name are refused', async (t) => {
  const { root } = repo(t, ['a']);
  write(root, { 'old/a/model.txt': 'x' });
  const ran = await lading(root, ['plan', 'models/*', 'old/*']);
  assert.equal(ran.code, 2);
  assert.match(ran.stderr, /"models\/a" and "old\/a" are both called "a"/);
});

test('a pull request is compared with its base, also in a shallow clone', async (t) => {
  const { root, base } = repo(t, ['a', 'b']);
  git(root, 'checkout', '-q', '-b', 'mine');
  commitAll(root, { 'models/a/one.txt': '1' });
  commitAll(root, { 'models/a/two.txt': '2' });
  git(root, 'config', 'uploadpack.allowAnySHA1InWant', 'true');
  const shallow = join(scratch(t), 'shallow');
  git(root, 'clone', '-q', '--depth=1', '--branch=mine', `file://${root}`, shallow);
  const ran = await runStep(ENTRY, {
    workspace: shallow,
    with: { models: 'models/*' },
    event: 'pull_request',
    payload: { pull_request: { number: 1, base: { sha: base } } },
  });
  assert.equal(ran.code, 0, ran.stdout);
  assert.equal(ran.outputs['any'], 'true');
  assert.equal(ran.outputs['matrix'], '{"include":[{"name":"a","path":"models/a"}]}');
  assert.equal(ran.outputs['base'], base);
  assert.match(ran.summary, /`models\/a`/);
});

test('a push is compared with what was there before, and a new branch with nothing', async (t) => {
  const { root, base } = repo(t, ['a', 'b']);
  commitAll(root, { 'models/b/model.txt': 'new' });
  const push = (before: string) =>
    runStep(ENTRY, { workspace: root, with: { models: 'models/*' }, event: 'push', payload: { before } });
  assert.equal((await push(base)).outputs['models'], 'models/b');
  assert.equal((await push('0'.repeat(40))).outputs['models'], 'models/a\nmodels/b');
  const forced = await push('1'.repeat(40));
  assert.equal(forced.outputs['count'], '2');
  assert.match(forced.stdout, /::warning::.*forced push/);
});

test('no file of a model is opened', async (t) => {
  const { root, base } = repo(t, ['a', 'b']);
  commitAll(root, { 'models/a/model.txt': 'new' });
  // Named pipes block whoever opens them.
  for (const name of ['a', 'b']) {
    rmSync(join(root, `models/${name}/model.txt`));
    execFileSync('mkfifo', [join(root, `models/${name}/model.txt`)]);
  }
  const ran = await runStep(ENTRY, {
    workspace: root,
    with: { models: 'models/*', base },
  });
  assert.equal(ran.outputs['models'], 'models/a');
});

test('git status lines are read with their renames', () => {
  assert.deepEqual(parseNameStatus('M\0a\0R100\0b\0c\0D\0d\0A\0e\0T\0f\0'), [
    { path: 'a', kind: 'modified' },
    { path: 'b', kind: 'deleted' },
    { path: 'c', kind: 'added', from: 'b' },
    { path: 'd', kind: 'deleted' },
    { path: 'e', kind: 'added' },
    { path: 'f', kind: 'modified' },
  ]);
});
