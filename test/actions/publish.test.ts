import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { git } from '../helpers/git-repo.ts';
import { lading, ROOT, runStep, type StepRan } from '../helpers/runner.ts';
import { validJson } from '../helpers/schemas.ts';
import { wineRepo } from '../helpers/wine.ts';

const action = (name: string) => join(ROOT, `src/actions/${name}.ts`);

interface Line {
  readonly event: string;
  readonly version: string;
  readonly digest: string;
  readonly repository: string;
  readonly files: readonly { readonly path: string; readonly sha256: string }[];
  readonly labels: Readonly<Record<string, string>>;
}

const ledger = (clone: string): Line[] => {
  git(clone, 'fetch', '-q');
  return git(clone, 'show', 'origin/main:ledger/wine.jsonl')
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
};

const push = (clone: string, before: string, extra: Record<string, string> = {}): Promise<StepRan> =>
  runStep(action('main'), {
    workspace: clone,
    with: { models: 'models/*', registry: 'oci:build/oci', ...extra },
    event: 'push',
    payload: { before, repository: { default_branch: 'main' } },
    env: { GITHUB_REF: 'refs/heads/main' },
  });

test('a push to the default branch publishes, a retrained model is a patch, and the rest is skipped', async (t) => {
  const repo = wineRepo(t);
  const first = await push(repo.clone, '0'.repeat(40), { labels: 'team=cellar' });
  assert.equal(first.code, 0, first.stdout);
  assert.equal(first.outputs['command'], 'publish');
  assert.equal(first.outputs['published'], 'true');
  assert.equal(first.outputs['version'], '1.0.0');
  assert.equal(first.outputs['bump'], 'first');
  assert.equal(first.outputs['release'], '');
  assert.match(first.summary, /`wine:1\.0\.0`/);
  const [line] = ledger(repo.clone);
  assert.equal(first.outputs['image'], `${line?.repository}@${line?.digest}`);
  assert.deepEqual(line?.labels, { team: 'cellar' });

  git(repo.clone, 'pull', '-q', '--ff-only');
  const before = git(repo.clone, 'rev-parse', 'HEAD');
  repo.take('v2-retrained');
  repo.commit();
  repo.push();
  const second = await push(repo.clone, before);
  assert.equal(second.outputs['version'], '1.0.1', second.stdout);
  const again = await push(repo.clone, before);
  assert.equal(again.outputs['published'], 'false');
  assert.equal(again.outputs['image'], second.outputs['image'], 'what is unchanged is still named');
  assert.equal(ledger(repo.clone).length, 2);
});

test('what is published carries the whole package, and its checksums are those of the files', async (t) => {
  const repo = wineRepo(t);
  const ran = await lading(repo.clone, ['publish', 'models/wine', '--format', 'json']);
  assert.equal(ran.code, 0, ran.stderr);
  validJson('publish', ran.stdout);
  const files = ledger(repo.clone)[0]?.files ?? [];
  assert.deepEqual(
    files.map((file) => file.path),
    ['checksum.txt', 'model-card.md', 'model.joblib', 'requirements.txt', 'signature.json'],
  );
  const model = readFileSync(join(repo.clone, 'models/wine/model.joblib'));
  assert.equal(
    files.find((file) => file.path === 'model.joblib')?.sha256,
    createHash('sha256').update(model).digest('hex'),
  );
  assert.ok(
    !existsSync(join(repo.clone, 'models/wine/signature.json')),
    'nothing is written to the directory',
  );
});

test('a model that runs foreign code when it is loaded is refused, whatever fail-on says', async (t) => {
  const repo = wineRepo(t);
  // pickle protocol 0: os.system("true")
  writeFileSync(join(repo.clone, 'models/wine/model.joblib'), "cos\nsystem\n(S'true'\ntR.");
  const ran = await lading(repo.clone, ['publish', 'models/wine', '--fail-on', 'never']);
  assert.equal(ran.code, 1, ran.stdout + ran.stderr);
  assert.match(ran.stdout, /not published/);
  assert.match(ran.stdout, /system/);
  git(repo.clone, 'fetch', '-q');
  assert.equal(git(repo.clone, 'ls-tree', 'origin/main', 'ledger'), '');
});

test('in a workflow it has to be said where images go', async (t) => {
  const repo = wineRepo(t);
  const ran = await runStep(action('publish'), { workspace: repo.clone, with: { model: 'models/wine' } });
  assert.equal(ran.code, 1);
  assert.match(ran.stdout, /it is not said where "wine" is published/);
});

test('nothing is published from pull requests, and pull_request_target is refused before anything is read', async (t) => {
  const repo = wineRepo(t);
  const options = { workspace: repo.clone, with: { model: 'models/wine', registry: 'oci:build/oci' } };
  const pull = await runStep(action('publish'), { ...options, event: 'pull_request' });
  assert.equal(pull.code, 1);
  assert.match(pull.stdout, /nothing is published from a pull request/);
  for (const name of ['main', 'publish', 'build', 'release']) {
    const target = await runStep(action(name), { ...options, event: 'pull_request_target' });
    assert.equal(target.code, 1, name);
    assert.match(target.stdout, /does not run for pull_request_target/);
  }
  assert.ok(!existsSync(join(repo.clone, 'build')));
});

test('a version, latest and labels resolve to one image, and nonsense says what there is', async (t) => {
  const repo = wineRepo(t);
  await lading(repo.clone, ['publish', 'models/wine', '--labels', 'stage=test']);
  const [line] = ledger(repo.clone);
  for (const reference of ['wine', 'wine:latest', 'wine:1.0.0', 'wine:stage=test']) {
    const ran = await lading(repo.clone, ['resolve', reference, '--format', 'json']);
    assert.equal(ran.code, 0, ran.stderr);
    const json = validJson('resolve', ran.stdout) as { image: string };
    assert.equal(json.image, `${line?.repository}@${line?.digest}`);
  }
  const step = await runStep(action('resolve'), { workspace: repo.clone, with: { reference: 'wine' } });
  assert.equal(step.outputs['version'], '1.0.0', step.stdout);
  const none = await lading(repo.clone, ['resolve', 'wine:production']);
  assert.equal(none.code, 2);
  assert.match(none.stderr, /has no version and no alias "production"/);
});

test('a release tag publishes its version, twice it is the same, and other content is refused', async (t) => {
  const repo = wineRepo(t);
  const tag = (ref: string) =>
    runStep(action('main'), {
      workspace: repo.clone,
      with: { models: 'models/*', registry: 'oci:build/oci' },
      event: 'push',
      payload: { before: '0'.repeat(40), repository: { default_branch: 'main' } },
      env: { GITHUB_REF: ref },
    });
  const first = await tag('refs/tags/wine@2.1.0');
  assert.equal(first.code, 0, first.stdout);
  assert.equal(first.outputs['command'], 'release');
  assert.equal(first.outputs['version'], '2.1.0');
  const again = await tag('refs/tags/wine/v2.1.0');
  assert.equal(again.code, 0, again.stdout);
  assert.equal(again.outputs['published'], 'false');
  repo.take('v2-retrained');
  repo.commit();
  const taken = await tag('refs/tags/wine@2.1.0');
  assert.equal(taken.code, 1);
  assert.match(taken.stdout, /wine:2\.1\.0 is published already, with other content/);
  const other = await tag('refs/tags/v1.0.0');
  assert.equal(other.code, 0);
  assert.equal(other.outputs['command'], '');
  const unknown = await tag('refs/tags/beer@1.0.0');
  assert.match(unknown.stdout, /there is no model "beer"%0A→ The models are: wine/);
});

test('the all-in-one asks what to do where the event does not say it', async (t) => {
  const repo = wineRepo(t);
  const options = { workspace: repo.clone, with: { models: 'models/*' }, event: 'workflow_dispatch' };
  const asked = await runStep(action('main'), options);
  assert.equal(asked.code, 1);
  assert.match(asked.stdout, /Set "command" to one of: check, publish, release/);
  const told = await runStep(action('main'), { ...options, with: { ...options.with, command: 'check' } });
  assert.equal(told.code, 0, told.stdout);
  assert.equal(told.outputs['command'], 'check');
  const pull = await runStep(action('main'), {
    ...options,
    event: 'pull_request',
    payload: { pull_request: { number: 1, base: { sha: git(repo.clone, 'rev-parse', 'HEAD') } } },
  });
  assert.equal(pull.outputs['command'], 'check');
  assert.equal(pull.outputs['result'], 'clean');
});
