import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { UserError } from '../../src/ports/errors.ts';
import { gitServer } from '../helpers/git-http.ts';
import { git, withRemote, write } from '../helpers/git-repo.ts';
import { runPublish } from '../helpers/publish-driver.ts';
import { ledgerLines, publishProcess } from '../helpers/publishing.ts';

test('over HTTP, a shallow clone publishes with a token that is nowhere on disk', async (t) => {
  const { root, remote } = withRemote(t);
  const server = await gitServer(t, root, 'sesame');
  const cwd = join(root, 'runner');
  git(root, 'clone', '-q', '--depth=1', `file://${remote}`, cwd);
  git(cwd, 'remote', 'set-url', 'origin', `${server.url}/remote.git`);
  write(cwd, { 'model/weights.bin': 'one' });
  const run = { cwd, layouts: join(root, 'oci') };
  await assert.rejects(runPublish(run), UserError);
  const auth = { server: server.url, token: 'sesame' };
  assert.equal((await runPublish({ ...run, auth })).version, '1.0.0');
  write(cwd, { 'model/weights.bin': 'two' });
  assert.equal((await runPublish({ ...run, auth })).version, '1.0.1');
  assert.equal(ledgerLines(remote).length, 2);
  assert.equal(
    server.authorizations.some((sent) => sent?.includes(',')),
    false,
  );
});

test('a push whose answer was lost is not done twice', async (t) => {
  const { root, remote, clone } = withRemote(t);
  const server = await gitServer(t, root);
  git(clone, 'remote', 'set-url', 'origin', `${server.url}/remote.git`);
  write(clone, { 'model/weights.bin': 'one' });
  for (const onUnchanged of ['skip', 'publish'] as const) {
    server.losePushes(1);
    const result = await runPublish({ cwd: clone, layouts: join(root, 'oci'), onUnchanged });
    assert.equal(result.kind, 'published');
  }
  assert.deepEqual(
    ledgerLines(remote).map((line) => line['version']),
    ['1.0.0', '1.0.1'],
  );
});

test('over HTTP, publishes at once give a version each', async (t) => {
  const { root, remote } = withRemote(t);
  const server = await gitServer(t, root);
  const ended = await Promise.all(
    ['a', 'b', 'c'].map((content) => {
      const cwd = join(root, content);
      git(root, 'clone', '-q', '--depth=1', `file://${remote}`, cwd);
      git(cwd, 'remote', 'set-url', 'origin', `${server.url}/remote.git`);
      write(cwd, { 'model/weights.bin': content });
      return publishProcess({ cwd, layouts: join(root, 'oci') });
    }),
  );
  for (const { result, stderr } of ended) assert.equal(result?.kind, 'published', stderr);
  assert.deepEqual(
    ledgerLines(remote).map((line) => line['version']),
    ['1.0.0', '1.0.1', '1.0.2'],
  );
});

test('a server without write access is a message, and nothing is half published', async (t) => {
  const { root, remote, clone } = withRemote(t);
  git(remote, 'config', 'http.receivepack', 'false');
  const server = await gitServer(t, root);
  git(clone, 'remote', 'set-url', 'origin', `${server.url}/remote.git`);
  write(clone, { 'model/weights.bin': 'one' });
  await assert.rejects(
    runPublish({ cwd: clone, layouts: join(root, 'oci') }),
    (error) => error instanceof UserError && /contents: write/.test(error.help ?? ''),
  );
  assert.equal(git(remote, 'ls-tree', 'main', 'ledger'), '');
});
