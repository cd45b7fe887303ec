import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { layoutRepository } from '../../src/oci/layout.ts';
import { commitAll, git, repository, scratch, withRemote, write } from '../helpers/git-repo.ts';
import { type Run, runPublish } from '../helpers/publish-driver.ts';
import { ledgerLines, publishProcess, stateOf } from '../helpers/publishing.ts';

const STEPS = ['pushed', 'derived', 'committed', 'appended', 'tagged'];

/** Two repositories that are alike to the byte, so that what happens to one can be held against the other. */
function twin(t: TestContext): { cwd: string; remote: string; layouts: string } {
  const { clone, remote, root } = withRemote(t);
  const date = { GIT_AUTHOR_DATE: '1700000000 +0000', GIT_COMMITTER_DATE: '1700000000 +0000' };
  Object.assign(process.env, date);
  write(clone, { 'model/weights.bin': 'one' });
  git(clone, 'add', '-A');
  git(clone, 'commit', '-q', '--amend', '-m', 'model', '--reset-author');
  git(clone, 'push', '-q', '-f', 'origin', 'main');
  for (const name of Object.keys(date)) delete process.env[name];
  return { cwd: clone, remote, layouts: join(root, 'oci') };
}

for (const onUnchanged of ['skip', 'publish'] as const)
  test(`killed after any step and started again, the end is that of one clean run (on-unchanged: ${onUnchanged})`, async (t) => {
    const clean = twin(t);
    const commit = git(clean.cwd, 'rev-parse', 'HEAD');
    const run = { onUnchanged, commit, run: 'https://ci.invalid/runs/1' };
    const first = await publishProcess({ ...run, cwd: clean.cwd, layouts: clean.layouts });
    assert.equal(first.result?.kind, 'published', first.stderr);
    const wanted = stateOf(clean.remote, 'main', clean.layouts);
    for (const killAt of STEPS) {
      const { cwd, remote, layouts } = twin(t);
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

test('stopped before any single call of git or of the registry, the next run ends like a clean one', async (t) => {
  const clean = twin(t);
  let effects = 0;
  const counted = { ...clean, commit: git(clean.cwd, 'rev-parse', 'HEAD'), onUnchanged: 'publish' as const };
  await runPublish({ ...counted, effect: () => effects++ });
  const wanted = stateOf(clean.remote, 'main', clean.layouts);
  assert.ok(effects > 10);
  for (let stop = 1; stop <= effects; stop++) {
    const { cwd, remote, layouts } = twin(t);
    const run = { cwd, layouts, commit: counted.commit, onUnchanged: 'publish' as const };
    let left = stop;
    const crash = new Error('crash');
    // From there on nothing has an effect any more, clean-up included.
    const effect = () => {
      if (--left <= 0) throw crash;
    };
    await assert.rejects(async () => runPublish({ ...run, effect }), crash);
    assert.equal((await runPublish(run)).version, '1.0.0', `before effect ${stop}`);
    assert.deepEqual(stateOf(remote, 'main', layouts), wanted, `before effect ${stop}`);
  }
});

test('without a remote, stopped before any single call, the working tree ends clean and right', async (t) => {
  const local = () => {
    const root = scratch(t);
    const cwd = repository(join(root, 'r'), { 'model/weights.bin': 'one' });
    return { cwd, layouts: join(root, 'oci'), commit: git(cwd, 'rev-parse', 'HEAD') };
  };
  let effects = 0;
  await runPublish({ ...local(), effect: () => effects++ });
  for (let stop = 1; stop <= effects; stop++) {
    const run = local();
    let left = stop;
    const crash = new Error('crash');
    const effect = () => {
      if (--left <= 0) throw crash;
    };
    await assert.rejects(async () => runPublish({ ...run, effect }), crash);
    assert.equal((await runPublish(run)).version, '1.0.0', `before effect ${stop}`);
    assert.equal(git(run.cwd, 'status', '--porcelain'), '', `before effect ${stop}`);
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
