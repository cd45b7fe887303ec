import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { layoutRepository } from '../../src/oci/layout.ts';
import { commitAll, git, repository, scratch, withRemote, write } from '../helpers/git-repo.ts';
import { type Run, runPublish } from '../helpers/publish-driver.ts';
import { ledgerLines, publishProcess, stateOf } from '../helpers/publishing.ts';

const STEPS = ['pushed', 'derived', 'committed', 'appended', 'tagged'];

/** Makes repositories that are alike to the byte, so that what happens to one can be held against the other. */
function twins(t: TestContext): () => { cwd: string; remote: string; layouts: string } {
  const { clone, root } = withRemote(t);
  commitAll(clone, { 'model/weights.bin': 'one' });
  git(clone, 'push', '-q', 'origin', 'main');
  git(clone, 'remote', 'set-url', 'origin', '../remote.git');
  return () => {
    const copy = scratch(t);
    cpSync(root, copy, { recursive: true });
    return { cwd: join(copy, 'clone'), remote: join(copy, 'remote.git'), layouts: join(copy, 'oci') };
  };
}

for (const onUnchanged of ['skip', 'publish'] as const)
  test(`killed after any step and started again, the end is that of one clean run (on-unchanged: ${onUnchanged})`, async (t) => {
    const twin = twins(t);
    const clean = twin();
    const commit = git(clean.cwd, 'rev-parse', 'HEAD');
    const run = { onUnchanged, commit, run: 'https://ci.invalid/runs/1' };
    const first = await publishProcess({ ...run, cwd: clean.cwd, layouts: clean.layouts });
    assert.equal(first.result?.kind, 'published', first.stderr);
    const wanted = stateOf(clean.remote, 'main', clean.layouts);
    for (const killAt of STEPS) {
      const { cwd, remote, layouts } = twin();
      assert.equal(git(cwd, 'rev-parse', 'HEAD'), commit);
      const killed = await publishProcess({ ...run, cwd, layouts, killAt });
      assert.equal(killed.signal, 'SIGKILL', `${killAt}: ${killed.stderr}`);
      const again = await publishProcess({ ...run, cwd, layouts });
      assert.equal(again.result?.version, '1.0.0', `${killAt}: ${again.stderr}`);
      // The steps of a workflow that follow must run after the second attempt as they would after the first.
      assert.equal(again.result?.kind, 'published', killAt);
      assert.equal(
        again.result?.kind === 'published' && again.result.notes,
        first.result?.kind === 'published' && first.result.notes,
      );
      assert.equal(
        again.result?.kind === 'published' && again.result.line,
        first.result?.kind === 'published' && first.result.line,
      );
      assert.deepEqual(stateOf(remote, 'main', layouts), wanted, killAt);
    }
  });

test('killed without a remote, the next run also brings the working tree up to date', async (t) => {
  for (const killAt of STEPS) {
    const root = scratch(t);
    const cwd = repository(join(root, 'r'), { 'model/weights.bin': 'one' });
    const run: Run = {
      cwd,
      layouts: join(root, 'oci'),
      onUnchanged: 'publish',
      commit: git(cwd, 'rev-parse', 'HEAD'),
    };
    assert.equal((await publishProcess({ ...run, killAt })).signal, 'SIGKILL');
    // Stopped after the very last step, nothing shows that the run was not complete.
    const again = await publishProcess(killAt === 'tagged' ? { ...run, onUnchanged: 'skip' } : run);
    assert.equal(again.result?.version, '1.0.0', `${killAt}: ${again.stderr}`);
    assert.equal(git(cwd, 'status', '--porcelain'), '', killAt);
    assert.equal(ledgerLines(cwd).length, 1);
  }
});

/** What changes something; between two of these, it makes no difference where a run stops. */
const WRITES =
  /^(?:fetch|hash-object|update-index|write-tree|commit-tree|push|update-ref|putBlob|putManifest|tag)$/;

/** Runs once to the end, and says after which effects a run can be stopped: 1 is after the first. */
async function placesToStop(run: Run): Promise<number[]> {
  const effects: string[] = [];
  await runPublish({ ...run, effect: (what) => effects.push(what) });
  const places = effects.flatMap((what, index) =>
    WRITES.test(what) && index + 1 < effects.length ? [index + 1] : [],
  );
  assert.ok(places.length > 5);
  return places;
}

/** Lets the first `count` effects happen; from there on none has any more, clean-up included. */
function stopAfter(count: number, crash: Error): () => void {
  let left = count;
  return () => {
    if (--left < 0) throw crash;
  };
}

test('stopped after any single change in git or in the registry, the next run ends like a clean one', async (t) => {
  const twin = twins(t);
  const clean = twin();
  const commit = git(clean.cwd, 'rev-parse', 'HEAD');
  const places = await placesToStop({ ...clean, commit, onUnchanged: 'publish' });
  const wanted = stateOf(clean.remote, 'main', clean.layouts);
  for (const place of places) {
    const { cwd, remote, layouts } = twin();
    const run = { cwd, layouts, commit, onUnchanged: 'publish' as const };
    const crash = new Error('crash');
    await assert.rejects(async () => runPublish({ ...run, effect: stopAfter(place, crash) }), crash);
    assert.equal((await runPublish(run)).version, '1.0.0', `after effect ${place}`);
    assert.deepEqual(stateOf(remote, 'main', layouts), wanted, `after effect ${place}`);
  }
});

test('without a remote, stopped after any single change, the working tree ends clean and right', async (t) => {
  const template = repository(join(scratch(t), 'r'), { 'model/weights.bin': 'one' });
  const local = () => {
    const root = scratch(t);
    const cwd = join(root, 'r');
    cpSync(template, cwd, { recursive: true });
    // The ledger's own commit moves HEAD: the second run has another one than the first.
    const head = () => git(cwd, 'rev-parse', 'HEAD');
    return { cwd, layouts: join(root, 'oci'), onUnchanged: 'publish' as const, head };
  };
  for (const place of await placesToStop(local())) {
    const run = local();
    const crash = new Error('crash');
    const effect = stopAfter(place, crash);
    await assert.rejects(async () => runPublish({ ...run, commit: run.head(), effect }), crash);
    const again = await runPublish({ ...run, commit: run.head() });
    assert.equal(again.version, '1.0.0', `after effect ${place}`);
    assert.equal(git(run.cwd, 'status', '--porcelain'), '', `after effect ${place}`);
    assert.equal(ledgerLines(run.cwd).length, 1);
    assert.deepEqual(await layoutRepository(run.layouts, 'wine').tags(), ['1.0.0']);
  }
});

async function race(t: TestContext, contents: readonly string[], options: Partial<Run> = {}) {
  const { clone, remote, root } = withRemote(t);
  commitAll(clone, { 'model/weights.bin': 'zero' });
  git(clone, 'push', '-q', 'origin', 'main');
  const layouts = join(root, 'oci');
  const runs = contents.map((content, index) => {
    const cwd = join(root, `runner-${index}`);
    git(root, 'clone', '-q', remote, cwd);
    write(cwd, { 'model/weights.bin': content });
    return publishProcess({ cwd, layouts, ...options });
  });
  const ended = await Promise.all(runs);
  const results = ended.map(({ result, stderr }) => {
    assert.ok(result, stderr);
    return result;
  });
  const lines = ledgerLines(remote);
  const registry = layoutRepository(layouts, 'wine');
  // Whatever else happened: every version has one content, and its tag says what the ledger says.
  assert.equal(new Set(lines.map((line) => line['version'])).size, lines.length);
  assert.deepEqual(await registry.tags(), lines.map((line) => String(line['version'])).sort());
  for (const line of lines)
    assert.equal((await registry.getManifest(String(line['version'])))?.descriptor.digest, line['digest']);
  return { results, lines };
}

test('four publishes at once with other contents give four versions', async (t) => {
  const { results, lines } = await race(t, ['a', 'b', 'c', 'd']);
  assert.deepEqual(
    lines.map((line) => line['version']),
    ['1.0.0', '1.0.1', '1.0.2', '1.0.3'],
  );
  assert.deepEqual(
    results.map((result) => result.kind),
    Array(4).fill('published'),
  );
  assert.equal(new Set(lines.map((line) => line['content'])).size, 4);
  for (const result of results)
    assert.equal(lines.find((line) => line['version'] === result.version)?.['digest'], result.digest);
});

test('four publishes at once with the same content give one version and three skips', async (t) => {
  const { results, lines } = await race(t, ['a', 'a', 'a', 'a']);
  assert.equal(lines.length, 1);
  assert.deepEqual(results.map((result) => result.kind).sort(), [
    'published',
    'unchanged',
    'unchanged',
    'unchanged',
  ]);
  assert.equal(new Set(results.map((result) => result.digest)).size, 1);
});

test('two publishes at once that want one version with other contents: one gets it, the other is told', async (t) => {
  const { clone, remote, root } = withRemote(t);
  const layouts = join(root, 'oci');
  const ended = await Promise.all(
    ['a', 'b'].map((content, index) => {
      const cwd = join(root, `runner-${index}`);
      git(root, 'clone', '-q', remote, cwd);
      write(cwd, { 'model/weights.bin': content });
      return publishProcess({ cwd, layouts, version: '5.0.0' });
    }),
  );
  assert.equal(ended.filter(({ result }) => result?.kind === 'published').length, 1);
  const refused = ended.find(({ result }) => result === null);
  assert.match(
    refused?.stderr ?? '',
    /5\.0\.0 (?:is published already, with other content|exists in the registry)/,
  );
  assert.equal(ledgerLines(remote).length, 1);
  assert.ok(clone);
});

test('models that share the branch do not lose each other', async (t) => {
  const { remote, root } = withRemote(t);
  const layouts = join(root, 'oci');
  const names = ['wine', 'churn', 'fraud', 'spam'];
  const ended = await Promise.all(
    names.map((name) => {
      const cwd = join(root, name);
      git(root, 'clone', '-q', remote, cwd);
      write(cwd, { 'model/weights.bin': name });
      return publishProcess({ cwd, layouts, name });
    }),
  );
  for (const { result, stderr } of ended) assert.equal(result?.kind, 'published', stderr);
  for (const name of names) assert.equal(ledgerLines(remote, 'main', name).length, 1);
});
