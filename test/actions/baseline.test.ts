import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseContract } from '../../src/contract/parse.ts';
import type { Contract } from '../../src/contract/types.ts';
import { appendLine, type EventDraft, emptyLedger } from '../../src/ledger/ledger.ts';
import { git, scratch } from '../helpers/git-repo.ts';
import { entry, lading, runStep, type StepRan } from '../helpers/runner.ts';
import { validJson } from '../helpers/schemas.ts';
import { type WineRepo, wineRepo } from '../helpers/wine.ts';

const ENTRY = entry('check');
const HASH = 'a'.repeat(64);

interface Checked {
  readonly baseline: string | null;
  readonly reason: string | null;
  readonly bump: string;
  readonly findings: readonly { rule: string; level: string; message: string }[];
}

async function check(root: string, ...args: string[]): Promise<Checked> {
  const ran = await lading(root, ['check', 'models/wine', ...args, '--format', 'json']);
  assert.ok(ran.code < 2, ran.stderr);
  const { models } = validJson('check', ran.stdout) as { models: Checked[] };
  assert.ok(models[0]);
  return models[0];
}

/** A repository whose model has its contract declared, and that contract. */
async function declared(t: TestContext): Promise<{ repo: WineRepo; contract: Contract }> {
  const repo = wineRepo(t);
  await lading(repo.clone, ['generate', 'models/wine']);
  repo.commit();
  const text = readFileSync(join(repo.clone, 'models/wine/contract.yaml'), 'utf8');
  return { repo, contract: parseContract(text, 'contract.yaml').contract };
}

const publish = (version: string, contract: Contract): EventDraft => ({
  event: 'publish',
  version,
  bump: 'minor',
  kind: 'image',
  repository: 'registry.invalid/acme/wine',
  digest: `sha256:${HASH}`,
  content: HASH,
  contract,
  framework: null,
  parameters: null,
  files: [{ path: 'model.joblib', size: 1, sha256: HASH }],
  labels: {},
});

function writeLedger({ clone }: WineRepo, ...drafts: readonly EventDraft[]): void {
  const ledger = drafts.reduce(
    (all, draft, index) => appendLine(all, draft, new Date(Date.UTC(2026, 0, index + 1))),
    emptyLedger('wine'),
  );
  mkdirSync(join(clone, 'ledger'), { recursive: true });
  writeFileSync(join(clone, 'ledger/wine.jsonl'), ledger.text);
}

/** The contract of a version that did not have the first column yet: the model of today refuses its callers. */
function without({ signatures, ...rest }: Contract): Contract {
  const entries = Object.entries(signatures).map(([name, one]) => [
    name,
    { ...one, inputs: one.inputs?.slice(1) ?? null },
  ]);
  return { ...rest, signatures: Object.fromEntries(entries) as Contract['signatures'] };
}

test('what is compared with: what is named, else the alias, else the latest version, else the base', async (t) => {
  const { repo, contract } = await declared(t);
  const base = git(repo.clone, 'rev-parse', 'HEAD');
  assert.equal(
    (await check(repo.clone)).reason,
    'no version is published, and there is no base to compare with',
  );
  assert.equal((await check(repo.clone, '--base', base)).baseline, base.slice(0, 12));
  writeLedger(repo, publish('1.0.0', contract), publish('1.1.0', contract), publish('1.2.0', contract), {
    event: 'retire',
    version: '1.2.0',
    reason: 'wrong data',
  });
  assert.equal(
    (await check(repo.clone, '--base', base)).baseline,
    'wine:1.1.0',
    'the latest that is not retired',
  );
  writeLedger(
    repo,
    publish('1.0.0', contract),
    publish('1.1.0', contract),
    { event: 'promote', version: '1.0.0', alias: 'production' },
    { event: 'promote', version: '1.1.0', alias: 'staging' },
  );
  assert.equal((await check(repo.clone)).baseline, 'wine:1.0.0');
  assert.equal((await check(repo.clone, '--against', 'wine:1.1.0')).baseline, 'wine:1.1.0');
  assert.equal((await check(repo.clone, '--against', '1.1.0')).baseline, 'wine:1.1.0');
  assert.equal((await check(repo.clone, '--against', 'staging')).baseline, 'wine:1.1.0');
  assert.equal((await check(repo.clone, '--against', 'main')).baseline, 'main');
  assert.equal((await check(repo.clone, '--against', base)).baseline, base);
  cpSync(join(repo.clone, 'models/wine/contract.yaml'), join(repo.clone, 'promised.yaml'));
  assert.equal((await check(repo.clone, '--against', 'promised.yaml')).baseline, 'promised.yaml');
  const unknown = await lading(repo.clone, ['check', 'models/wine', '--against', 'wine:7.0.0']);
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /7\.0\.0/);
});

test('transitive policies hold against every version that is not retired', async (t) => {
  const { repo, contract } = await declared(t);
  const versions = [publish('1.0.0', without(contract)), publish('1.1.0', contract)];
  writeLedger(repo, ...versions);
  const levels = async (policy: string) =>
    (await check(repo.clone, '--policy', policy)).findings.filter((one) => one.level === 'error');
  assert.deepEqual(await levels('backward'), []);
  const broken = await levels('backward-transitive');
  assert.ok(broken.length > 0);
  for (const one of broken) {
    assert.equal(one.rule, 'input-added-required');
    assert.match(one.message, /\(compared with wine:1\.0\.0\)$/);
  }
  assert.ok((await levels('full-transitive')).length > 0);
  writeLedger(repo, ...versions, { event: 'retire', version: '1.0.0', reason: 'nobody calls it' });
  assert.deepEqual(await levels('backward-transitive'), []);
  writeLedger(repo, publish('1.0.0', without(contract)));
  assert.deepEqual(await levels('none'), []);
  assert.ok((await levels('backward')).length > 0);
});

/** A clone of the pushed branch `change` as actions/checkout makes it: one commit deep. */
function shallow(t: TestContext, repo: WineRepo): string {
  const folder = join(scratch(t), 'shallow');
  git(scratch(t), 'clone', '-q', '--depth=1', '--branch=change', `file://${repo.remote}`, folder);
  return folder;
}

/** Three commits on `main`, and a break on `change`; all of it pushed. Gives the commits of `main`. */
async function pushed(repo: WineRepo): Promise<string[]> {
  const commits: string[] = [];
  for (let count = 0; count < 3; count++) {
    writeFileSync(join(repo.clone, 'notes.txt'), String(count));
    commits.push(repo.commit());
  }
  git(repo.clone, 'tag', '-a', '-m', 'x', 'signed-off');
  git(repo.clone, 'push', '-q', 'origin', 'main', 'signed-off');
  git(repo.clone, 'checkout', '-q', '-b', 'change');
  repo.take('v3-breaking');
  await lading(repo.clone, ['generate', 'models/wine']);
  repo.commit();
  git(repo.clone, 'push', '-q', 'origin', 'change');
  return commits;
}

const isHere = (root: string, commit: string): boolean => {
  try {
    git(root, 'cat-file', '-e', commit);
    return true;
  } catch {
    return false;
  }
};

const onPull = (
  workspace: string,
  base: string,
  given: Readonly<Record<string, string>> = { models: 'models/*' },
): Promise<StepRan> =>
  runStep(ENTRY, {
    workspace,
    with: given,
    event: 'pull_request',
    payload: { pull_request: { number: 7, base: { sha: base, ref: 'main' } } },
  });

test('in a shallow clone of a pull request just the base is fetched', async (t) => {
  const { repo } = await declared(t);
  const [first = '', second = '', base = ''] = await pushed(repo);
  const clone = shallow(t, repo);
  assert.equal(isHere(clone, base), false);
  const ran = await onPull(clone, base);
  assert.equal(ran.code, 1, ran.stdout);
  assert.match(ran.summary, /compared with main/);
  assert.match(ran.stdout, /input-added-required/);
  assert.equal(isHere(clone, base), true);
  assert.equal(isHere(clone, first) || isHere(clone, second), false, 'nothing else');
});

test('a branch or tag that a shallow clone lacks is asked of its remote', async (t) => {
  const { repo } = await declared(t);
  const [first = ''] = await pushed(repo);
  for (const against of ['main', 'signed-off']) {
    const clone = shallow(t, repo);
    const json = await check(clone, '--against', against);
    assert.equal(json.baseline, against);
    assert.equal(json.bump, 'major');
    assert.equal(isHere(clone, first), false);
  }
});

test('a new branch has nothing before it, and what a forced push replaced may be gone', async (t) => {
  const { repo } = await declared(t);
  const onPush = (before: string) =>
    runStep(ENTRY, {
      workspace: repo.clone,
      with: { models: 'models/*' },
      event: 'push',
      payload: { before, ref: 'refs/heads/main', repository: { default_branch: 'main' } },
    });
  for (const before of ['0'.repeat(40), '1'.repeat(40)]) {
    const ran = await onPush(before);
    assert.equal(ran.code, 0, ran.stdout);
    assert.equal(ran.outputs['bump'], 'first');
    assert.equal(ran.outputs['result'], 'clean');
  }
});

test('a push is held against what was there before', async (t) => {
  const { repo } = await declared(t);
  const before = git(repo.clone, 'rev-parse', 'HEAD');
  repo.take('v3-breaking');
  await lading(repo.clone, ['generate', 'models/wine']);
  repo.commit();
  for (const given of [{ models: 'models/*' }, { model: 'models/wine' }]) {
    const ran = await runStep(ENTRY, {
      workspace: repo.clone,
      with: given,
      event: 'push',
      payload: { before, ref: 'refs/heads/main', repository: { default_branch: 'main' } },
    });
    assert.equal(ran.code, 1, ran.stdout);
    assert.match(ran.summary, new RegExp(`compared with ${before.slice(0, 12)}`));
  }
});

test('a model that was moved is held against what it was at its old place', async (t) => {
  const { repo } = await declared(t);
  const base = git(repo.clone, 'rev-parse', 'HEAD');
  git(repo.clone, 'mv', 'models/wine', 'models/barolo');
  repo.commit();
  const ran = await onPull(repo.clone, base);
  assert.equal(ran.code, 0, ran.stdout);
  const [model] = JSON.parse(ran.outputs['models'] ?? '[]') as Checked[];
  assert.equal(model?.baseline, 'main');
  assert.doesNotMatch(ran.summary, /Gone/);
  const named = await onPull(repo.clone, base, { model: 'models/barolo' });
  const [alone] = JSON.parse(named.outputs['models'] ?? '[]') as Checked[];
  assert.equal(alone?.baseline, 'main', 'also in a job of a matrix');
});

test('a model that is gone is named, and asked for by its path it is a mistake', async (t) => {
  const { repo } = await declared(t);
  const base = git(repo.clone, 'rev-parse', 'HEAD');
  git(repo.clone, 'rm', '-rq', 'models/wine');
  repo.commit();
  const ran = await onPull(repo.clone, base);
  assert.equal(ran.code, 0, ran.stdout);
  assert.match(ran.stdout, /gone.* models\/wine/);
  assert.equal(ran.outputs['result'], 'clean');
  const named = await lading(repo.clone, ['check', 'models/wine']);
  assert.equal(named.code, 2);
  assert.match(named.stderr, /models\/wine/);
});
