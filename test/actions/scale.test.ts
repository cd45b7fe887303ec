import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { commitAll, git, repository, scratch, write } from '../helpers/git-repo.ts';
import { entry, lading, ROOT, runStep } from '../helpers/runner.ts';

const VARIANTS = join(ROOT, 'examples/wine/variants');
const OTHERS = 480;

/** A repository with `count` models that the last commit changes, and a great many others that it does not. */
async function monorepo(
  t: TestContext,
  count: number,
  options: { readonly others: number; readonly declare: boolean },
): Promise<{ root: string; base: string }> {
  const root = join(scratch(t), 'repo');
  const names = Array.from({ length: count }, (_, index) => `changed-${index}`);
  for (const name of names) {
    mkdirSync(join(root, 'models', name), { recursive: true });
    cpSync(join(VARIANTS, 'v1/model.joblib'), join(root, 'models', name, 'model.joblib'));
  }
  const [first] = names;
  if (options.declare && first !== undefined) {
    await lading(root, ['generate', `models/${first}`]);
    for (const name of names)
      if (name !== first)
        cpSync(join(root, 'models', first, 'contract.yaml'), join(root, 'models', name, 'contract.yaml'));
  }
  write(
    root,
    Object.fromEntries(
      Array.from({ length: options.others }, (_, index) => [
        [`models/other-${index}/model.joblib`, `model ${index}`],
        [`models/other-${index}/contract.yaml`, `contract: v1 # ${index}`],
      ]).flat(),
    ),
  );
  repository(root, { 'README.md': 'hi\n' });
  const base = git(root, 'rev-parse', 'HEAD');
  for (const name of names)
    cpSync(join(VARIANTS, 'v3-breaking/model.joblib'), join(root, 'models', name, 'model.joblib'));
  commitAll(root, {});
  return { root, base };
}

/** Makes every file of the other models a pipe that nobody writes to, and takes their contents out of git. */
function poison(root: string): void {
  for (let index = 0; index < OTHERS; index++)
    for (const file of ['model.joblib', 'contract.yaml']) {
      const path = `models/other-${index}/${file}`;
      rmSync(join(root, path));
    }
  const paths = Array.from({ length: OTHERS }, (_, index) =>
    ['model.joblib', 'contract.yaml'].map((file) => join(root, `models/other-${index}/${file}`)),
  ).flat();
  execFileSync('mkfifo', paths);
  const listed = git(root, 'ls-tree', '-r', 'HEAD', '--', 'models/').split('\n');
  for (const line of listed) {
    const [, id, path] = /^\d+ blob ([0-9a-f]+)\t(.+)$/.exec(line) ?? [];
    if (id === undefined || path?.startsWith('models/other-') !== true) continue;
    const object = join(root, '.git/objects', id.slice(0, 2), id.slice(2));
    assert.ok(existsSync(object), 'a loose object');
    rmSync(object);
  }
}

for (const declare of [true, false])
  test(`of 500 models, nothing is read of the 480 that did not change (${declare ? 'declared' : 'inferred'} contracts)`, {
    timeout: 120_000,
  }, async (t) => {
    const { root, base } = await monorepo(t, 20, { others: OTHERS, declare });
    poison(root);
    const payload = { pull_request: { number: 7, base: { sha: base, ref: 'main' } } };
    const step = { workspace: root, with: { models: 'models/*' }, event: 'pull_request', payload };
    const plan = await runStep(entry('plan'), step);
    assert.equal(plan.code, 0, plan.stdout);
    assert.equal(plan.outputs['count'], '20');
    const check = await runStep(entry('check'), step);
    assert.equal(check.code, 1, check.stdout);
    const models = JSON.parse(check.outputs['models'] ?? '') as { baseline: string; bump: string }[];
    assert.equal(models.length, 20);
    for (const model of models) assert.equal(model.baseline, 'main');
    if (!declare) for (const model of models) assert.equal(model.bump, 'major');
  });

for (const declare of [true, false])
  test(`git is started as often for twelve models as for two (${declare ? 'declared' : 'inferred'} contracts)`, async (t) => {
    const counts: number[] = [];
    const real = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();
    for (const count of [2, 12]) {
      const { root, base } = await monorepo(t, count, { others: 3, declare });
      const bin = scratch(t);
      const log = join(bin, 'log');
      writeFileSync(log, '');
      writeFileSync(join(bin, 'git'), `#!/bin/sh\necho "$*" >> '${log}'\nexec '${real}' "$@"\n`);
      chmodSync(join(bin, 'git'), 0o755);
      const ran = await lading(root, ['check', '--models', 'models/*', '--base', base, '--format', 'json'], {
        PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}`,
      });
      assert.equal(ran.code < 2, true, ran.stderr);
      assert.equal((JSON.parse(ran.stdout) as { models: unknown[] }).models.length, count);
      counts.push(readFileSync(log, 'utf8').split('\n').length - 1);
    }
    assert.equal(counts[0], counts[1], String(counts));
    assert.ok((counts[0] ?? 99) < 16, String(counts));
  });
