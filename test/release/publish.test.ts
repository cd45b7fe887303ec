import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { layoutRepository } from '../../src/oci/layout.ts';
import { UserError } from '../../src/ports/errors.ts';
import { commitAll, git, repository, scratch, withRemote, write } from '../helpers/git-repo.ts';
import { CONTRACT, runPublish } from '../helpers/publish-driver.ts';
import { ledgerLines, publishProcess } from '../helpers/publishing.ts';

const OTHER = {
  ...CONTRACT,
  signatures: { predict: { ...CONTRACT.signatures['predict'], outputs: null } },
} as typeof CONTRACT;

function setUp(t: Parameters<typeof withRemote>[0]) {
  const { clone, remote, root } = withRemote(t);
  write(clone, { 'model/weights.bin': 'one' });
  const layouts = join(root, 'oci');
  return { cwd: clone, remote, layouts, root, registry: layoutRepository(layouts, 'wine') };
}

test('the first version is 1.0.0, in the ledger, in the registry and in the notes', async (t) => {
  const { cwd, remote, layouts, registry } = setUp(t);
  const head = git(cwd, 'rev-parse', 'HEAD');
  const result = await runPublish({ cwd, layouts, commit: head });
  assert.equal(result.kind, 'published');
  assert.equal(result.version, '1.0.0');
  assert.equal(result.reference, `oci:build/oci/wine@${result.digest}`);
  const [line] = ledgerLines(remote);
  assert.deepEqual(
    {
      seq: line?.['seq'],
      version: line?.['version'],
      bump: line?.['bump'],
      digest: line?.['digest'],
      commit: line?.['commit'],
    },
    { seq: 1, version: '1.0.0', bump: 'first', digest: result.digest, commit: head },
  );
  assert.equal((await registry.getManifest('1.0.0'))?.descriptor.digest, result.digest);
  assert.deepEqual(await registry.tags(), ['1.0.0']);
  assert.equal(git(remote, 'log', '-1', '--format=%s|%an', 'main'), 'Publish wine 1.0.0|github-actions[bot]');
  assert.equal(git(remote, 'rev-parse', 'main^'), head);
  assert.equal(
    `${git(remote, 'show', 'main:ledger/wine/1.0.0.md')}\n`,
    result.kind === 'published' ? result.notes : '',
  );
  assert.equal(git(cwd, 'status', '--porcelain'), '?? model/');
  assert.equal(git(cwd, 'rev-parse', 'HEAD'), head);
});

test('the content decides whether there is a new version, and the contract which', async (t) => {
  const { cwd, remote, layouts } = setUp(t);
  await runPublish({ cwd, layouts });
  const again = await runPublish({ cwd, layouts });
  assert.equal(again.kind, 'unchanged');
  assert.equal(again.version, '1.0.0');
  write(cwd, { 'model/weights.bin': 'two' });
  assert.equal((await runPublish({ cwd, layouts })).version, '1.0.1');
  write(cwd, { 'model/weights.bin': 'three' });
  const broken = await runPublish({ cwd, layouts, contract: OTHER });
  assert.equal(broken.version, '2.0.0');
  assert.ok(broken.kind === 'published' && broken.bump === 'major' && broken.previous === '1.0.1');
  assert.match(broken.notes, /it is another &lt;contract&gt;/);
  assert.equal(
    (await runPublish({ cwd, layouts, contract: OTHER, onUnchanged: 'publish' })).version,
    '2.0.1',
  );
  // Going back to the content of an older version is a change against the latest.
  write(cwd, { 'model/weights.bin': 'two' });
  assert.equal((await runPublish({ cwd, layouts, contract: OTHER })).version, '2.0.2');
  assert.equal(ledgerLines(remote).length, 5);
});

test('integer versions count up', async (t) => {
  const { cwd, layouts } = setUp(t);
  const versions: string[] = [];
  for (const content of ['a', 'b', 'b', 'c']) {
    write(cwd, { 'model/weights.bin': content });
    versions.push((await runPublish({ cwd, layouts, versioning: 'integer' })).version);
  }
  assert.deepEqual(versions, ['1', '2', '2', '3']);
  write(cwd, { 'model/weights.bin': 'd' });
  await assert.rejects(runPublish({ cwd, layouts, versioning: 'semver' }), UserError);
});

test('a version that is given is bound once', async (t) => {
  const { cwd, layouts } = setUp(t);
  assert.equal((await runPublish({ cwd, layouts, version: '3.1.0' })).kind, 'published');
  assert.equal((await runPublish({ cwd, layouts, version: '3.1.0' })).kind, 'unchanged');
  const rc = await runPublish({ cwd, layouts, version: '4.0.0-rc.1' });
  assert.equal(rc.kind, 'published');
  write(cwd, { 'model/weights.bin': 'two' });
  await assert.rejects(
    runPublish({ cwd, layouts, version: '3.1.0' }),
    (error) => error instanceof UserError && /other content/.test(error.message),
  );
  await assert.rejects(runPublish({ cwd, layouts, version: '3.1' }), UserError);
  await assert.rejects(runPublish({ cwd, layouts, version: 'latest' }), UserError);
  assert.equal((await runPublish({ cwd, layouts })).version, '3.1.1');
});

test('a registry that lost the tag or the manifest gets it back', async (t) => {
  const { cwd, layouts, registry } = setUp(t);
  const first = await runPublish({ cwd, layouts });
  rmSync(join(layouts, 'wine'), { recursive: true });
  const second = await runPublish({ cwd, layouts });
  assert.deepEqual(second.kind === 'unchanged' && second.healed, ['manifest', 'tag']);
  assert.equal((await registry.getManifest('1.0.0'))?.descriptor.digest, first.digest);
  const third = await runPublish({ cwd, layouts });
  assert.deepEqual(third.kind === 'unchanged' && third.healed, []);
});

test('a version whose run was stopped before its tag gets it with the next one, though the content is gone', async (t) => {
  const { cwd, layouts, registry } = setUp(t);
  await runPublish({ cwd, layouts });
  for (const content of ['two', 'three']) {
    write(cwd, { 'model/weights.bin': content });
    assert.equal((await publishProcess({ cwd, layouts, killAt: 'appended' })).signal, 'SIGKILL');
  }
  write(cwd, { 'model/weights.bin': 'four' });
  assert.deepEqual(await registry.tags(), ['1.0.0']);
  await runPublish({ cwd, layouts });
  assert.deepEqual(await registry.tags(), ['1.0.0', '1.0.1', '1.0.2', '1.0.3']);
});

test('a tag in the registry that the ledger does not know is not overwritten', async (t) => {
  const { cwd, remote, layouts, registry } = setUp(t);
  const bytes = Buffer.from('{"schemaVersion":2}');
  const { digest } = await registry.putManifest(bytes, 'application/vnd.oci.image.manifest.v1+json');
  await registry.tag(digest, '1.0.0');
  await assert.rejects(runPublish({ cwd, layouts }), /the ledger does not know it/);
  assert.equal((await registry.getManifest('1.0.0'))?.descriptor.digest, digest);
  assert.equal(git(remote, 'ls-tree', 'main', 'ledger'), '');
});

test('without a remote the branch that is checked out has the ledger, and the working tree is up to date', async (t) => {
  const root = scratch(t);
  const cwd = repository(join(root, 'r'), { 'model/weights.bin': 'one' });
  write(cwd, { 'README.md': 'not committed', staged: 's' });
  git(cwd, 'add', 'staged');
  const before = git(cwd, 'status', '--porcelain');
  const result = await runPublish({ cwd, layouts: join(root, 'oci') });
  assert.equal(result.kind, 'published');
  assert.equal(git(cwd, 'status', '--porcelain'), before);
  assert.equal(readFileSync(join(cwd, 'ledger/wine.jsonl'), 'utf8').split('\n').length, 2);
  assert.equal(ledgerLines(cwd)[0]?.['version'], '1.0.0');
});

test('a shallow clone with a detached HEAD publishes onto the branch', async (t) => {
  const { cwd, remote, layouts, root } = setUp(t);
  commitAll(cwd, { 'model/weights.bin': 'one' });
  git(cwd, 'push', '-q', 'origin', 'main');
  await runPublish({ cwd, layouts });
  const sha = git(cwd, 'rev-parse', 'HEAD');
  const runner = join(root, 'runner');
  git(root, 'init', '-q', '-b', 'main', runner);
  git(runner, 'remote', 'add', 'origin', `file://${remote}`);
  git(runner, 'fetch', '-q', '--depth=1', 'origin', sha);
  git(runner, 'checkout', '-q', '--detach', sha);
  write(runner, { 'model/weights.bin': 'two' });
  const result = await runPublish({ cwd: runner, layouts, commit: sha });
  assert.equal(result.version, '1.0.1');
  assert.equal(ledgerLines(remote).length, 2);
  assert.equal(git(remote, 'log', '--format=%s', 'main').split('\n').length, 4);
});

test('a ledger branch of its own is started when it does not exist', async (t) => {
  const { cwd, remote, layouts } = setUp(t);
  const main = git(remote, 'rev-parse', 'main');
  await runPublish({ cwd, layouts, branch: 'lading' });
  assert.equal(git(remote, 'rev-parse', 'main'), main);
  assert.equal(
    git(remote, 'ls-tree', '-r', '--name-only', 'lading'),
    'ledger/wine.jsonl\nledger/wine/1.0.0.md',
  );
  write(cwd, { 'model/weights.bin': 'two' });
  assert.equal((await runPublish({ cwd, layouts, branch: 'lading' })).version, '1.0.1');
});

test('a branch that was never pushed is not pushed behind the back', async (t) => {
  const { cwd, remote, layouts } = setUp(t);
  git(cwd, 'checkout', '-q', '-b', 'local-only');
  await assert.rejects(runPublish({ cwd, layouts, branch: 'local-only' }), /has no branch "local-only"/);
  assert.equal(git(remote, 'branch', '--format=%(refname:short)'), 'main');
});

test('a corrupt ledger stops the publish before anything is changed', async (t) => {
  const { cwd, remote, layouts } = setUp(t);
  await runPublish({ cwd, layouts });
  git(cwd, 'pull', '-q', 'origin', 'main');
  const text = readFileSync(join(cwd, 'ledger/wine.jsonl'), 'utf8');
  commitAll(cwd, {
    'ledger/wine.jsonl': text
      .replace('"bump":"first"', '"bump":"patch"')
      .concat(text.replace('"seq":1', '"seq":2')),
  });
  git(cwd, 'push', '-q', 'origin', 'main');
  const before = git(remote, 'rev-parse', 'main');
  write(cwd, { 'model/weights.bin': 'two' });
  await assert.rejects(
    runPublish({ cwd, layouts }),
    (error) => error instanceof UserError && error.file === 'ledger/wine.jsonl' && error.line === 2,
  );
  assert.equal(git(remote, 'rev-parse', 'main'), before);
});
