import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { UserError } from '../../src/ports/errors.ts';
import { execLocal } from '../../src/ports/exec.ts';
import { gitPort } from '../../src/ports/git.ts';
import { gitServer } from '../helpers/git-http.ts';
import { commitAll, git, repository, scratch, withRemote, write } from '../helpers/git-repo.ts';

const WHO = { name: 'Ada', email: 'ada@example.invalid' };
const AT = new Date('2026-01-02T03:04:05Z');
const ODD = ['-x', 'a:b', 'new\nline', 'quote"d', 'star*', ':(top)x', "it's", 'ümlaut', 'tab\there'];

test('paths with dashes, colons, newlines, quotes and stars are just paths', async (t) => {
  const root = repository(join(scratch(t), 'r'), Object.fromEntries(ODD.map((path) => [path, `is ${path}`])));
  const port = gitPort(execLocal, root);
  const head = await port.head();
  assert.ok(head);
  const entries = await port.lsTree(head, [...ODD, 'absent', '*']);
  assert.deepEqual([...entries.keys()].sort(), [...ODD].sort());
  for (const path of ODD) assert.equal(await port.showText(head, path), `is ${path}`);
  assert.equal(await port.show(head, 'absent'), null);
  assert.deepEqual([...(await port.lsIndex(ODD)).keys()].sort(), [...ODD].sort());
});

test('bytes come out as they went in, many by one call', async (t) => {
  const root = repository(join(scratch(t), 'r'));
  const bytes = Uint8Array.from({ length: 70_000 }, (_, index) => (index * 7) % 256);
  commitAll(root, { 'm/weights.bin': bytes, 'm/empty': '' });
  const port = gitPort(execLocal, join(root, 'm'));
  const head = await port.head();
  assert.ok(head);
  assert.deepEqual(Buffer.from((await port.show(head, 'm/weights.bin')) ?? []), Buffer.from(bytes));
  const entries = await port.lsTree(head, ['m']);
  const ids = [...entries.values()].map((entry) => entry.id);
  const contents = await port.cat([...ids, 'f'.repeat(40)]);
  assert.equal(contents.size, 2);
  assert.equal(contents.get(entries.get('m/empty')?.id ?? '')?.length, 0);
  assert.equal(await port.root(), root);
});

test('a comparison names additions, edits, deletions and renames', async (t) => {
  const root = repository(join(scratch(t), 'r'), {
    keep: 'k',
    edit: 'e',
    gone: 'g'.repeat(99),
    'old\nname': 'r'.repeat(99),
  });
  const port = gitPort(execLocal, root);
  const from = await port.head();
  git(root, 'mv', 'old\nname', 'new name');
  git(root, 'rm', '-q', 'gone');
  const to = commitAll(root, { edit: 'E', added: 'x' });
  assert.deepEqual(
    (await port.diff(from, to)).sort((a, b) => (a.path < b.path ? -1 : 1)),
    [
      { status: 'added', path: 'added' },
      { status: 'modified', path: 'edit' },
      { status: 'deleted', path: 'gone' },
      { status: 'renamed', path: 'new name', from: 'old\nname' },
    ],
  );
  assert.ok(from);
  assert.equal((await port.diff(null, from)).length, 4);
});

test('refs that look like options are not options', async (t) => {
  const port = gitPort(execLocal, repository(join(scratch(t), 'r')));
  assert.equal(await port.resolve('--all'), null);
  assert.equal(await port.resolve('nowhere'), null);
  await assert.rejects(port.lsTree('--help', ['x']), /not a full object id/);
  await assert.rejects(port.fetch('--upload-pack=touch x', 'main'), UserError);
});

test('what is not there is null, not an error', async (t) => {
  const folder = scratch(t);
  const outside = gitPort(execLocal, folder);
  assert.equal(await outside.root(), null);
  assert.equal(await outside.head(), null);
  git(folder, 'init', '-q', '-b', 'main');
  assert.equal(await outside.head(), null);
  assert.equal(await outside.branch(), 'main');
  assert.equal(await outside.remoteUrl('origin'), null);
  commitAll(folder, { a: 'a' });
  git(folder, 'checkout', '-q', '--detach');
  assert.equal(await outside.branch(), null);
  assert.equal(await outside.isShallow(), false);
});

test('a commit is written without touching files, index, hooks or signing', async (t) => {
  const root = repository(join(scratch(t), 'r'), { 'a.txt': 'a', 'dir/b.txt': 'b' });
  write(root, { '.git/hooks/pre-commit': '#!/bin/sh\nexit 1\n', 'a.txt': 'edited', untracked: 'u' });
  git(root, 'config', 'commit.gpgSign', 'true');
  git(root, 'config', 'core.autocrlf', 'true');
  const port = gitPort(execLocal, root);
  const parent = await port.head();
  const before = git(root, 'status', '--porcelain');
  const files = ODD.map((path) => ({ path: `dir/${path}`, bytes: Buffer.from(`one\ntwo ${path}\n`) }));
  const commit = await port.commitFiles({ parent, files, message: 'Say so\n', identity: WHO, at: AT });
  assert.equal(git(root, 'status', '--porcelain'), before);
  assert.equal(await port.head(), parent);
  for (const file of files) assert.equal(await port.showText(commit, file.path), file.bytes.toString());
  assert.equal(await port.showText(commit, 'dir/b.txt'), 'b');
  assert.equal(
    git(root, 'log', '-1', '--format=%an <%ae> %at %cn %ct %B', commit),
    'Ada <ada@example.invalid> 1767323045 Ada 1767323045 Say so',
  );
  const again = await port.commitFiles({ parent, files, message: 'Say so\n', identity: WHO, at: AT });
  assert.equal(again, commit);
});

test('a push is a compare-and-swap', async (t) => {
  const { clone, remote } = withRemote(t);
  const port = gitPort(execLocal, clone);
  const parent = await port.head();
  const commit = (text: string) =>
    port.commitFiles({
      parent,
      files: [{ path: 'f', bytes: Buffer.from(text) }],
      message: text,
      identity: WHO,
      at: AT,
    });
  const [one, two] = [await commit('one'), await commit('two')];
  assert.deepEqual(await port.push('origin', 'main', parent, one), { kind: 'pushed' });
  assert.deepEqual(await port.push('origin', 'main', parent, two), { kind: 'stale' });
  assert.equal(git(remote, 'rev-parse', 'main'), one);
  assert.deepEqual(await port.push('origin', 'fresh', null, one), { kind: 'pushed' });
  assert.deepEqual(await port.push('origin', 'fresh', null, two), { kind: 'stale' });
  assert.deepEqual(await port.remoteState('origin', 'main'), { head: one, defaultBranch: 'main' });
});

test('a token goes to its server only, in place of the header that checkout left, and not to disk', async (t) => {
  const { root, clone } = withRemote(t);
  const server = await gitServer(t, root, 'sesame');
  git(clone, 'remote', 'set-url', 'origin', `${server.url}/remote.git`);
  git(clone, 'config', `http.${server.url}/.extraheader`, 'AUTHORIZATION: basic c3RhbGU6c3RhbGU=');
  const without = gitPort(execLocal, clone);
  await assert.rejects(
    without.remoteState('origin', 'main'),
    (error) => error instanceof UserError && /credentials/.test(error.help ?? ''),
  );
  const elsewhere = gitPort(execLocal, clone, {
    auth: { server: 'https://github.invalid', token: 'sesame' },
  });
  await assert.rejects(elsewhere.remoteState('origin', 'main'), UserError);
  const port = gitPort(execLocal, clone, {
    env: { GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'user.name', GIT_CONFIG_VALUE_0: 'Given' },
    auth: { server: server.url, token: 'sesame' },
  });
  const { head } = await port.remoteState('origin', 'main');
  assert.equal(head, git(clone, 'rev-parse', 'HEAD'));
  assert.equal(
    server.authorizations.at(-1),
    `basic ${Buffer.from('x-access-token:sesame').toString('base64')}`,
  );
  assert.doesNotMatch(readFileSync(join(clone, '.git/config'), 'utf8'), /sesame|eC1hY2Nlc3/);
});

test('a refused push says which permission is missing', async (t) => {
  const { root, clone } = withRemote(t);
  const server = await gitServer(t, root);
  git(clone, 'remote', 'set-url', 'origin', `${server.url}/remote.git`);
  const port = gitPort(execLocal, clone);
  const parent = await port.head();
  const to = await port.commitFiles({ parent, files: [], message: 'x', identity: WHO, at: AT });
  server.refuse(403);
  await assert.rejects(
    port.push('origin', 'main', parent, to),
    (error) => error instanceof UserError && /contents: write/.test(error.help ?? ''),
  );
  server.refuse(503);
  assert.equal((await port.push('origin', 'main', parent, to)).kind, 'unclear');
});

test('a protected branch says what can be done', async (t) => {
  const { remote, clone } = withRemote(t);
  write(remote, {
    'hooks/pre-receive': '#!/bin/sh\necho "error: GH006: Protected branch update failed" >&2\nexit 1\n',
  });
  git(remote, 'config', 'core.hooksPath', join(remote, 'hooks'));
  const { chmodSync } = await import('node:fs');
  chmodSync(join(remote, 'hooks/pre-receive'), 0o755);
  const port = gitPort(execLocal, clone);
  const parent = await port.head();
  const to = await port.commitFiles({ parent, files: [], message: 'x', identity: WHO, at: AT });
  await assert.rejects(
    port.push('origin', 'main', parent, to),
    (error) => error instanceof UserError && /ledger-branch/.test(error.help ?? ''),
  );
});

test('files are brought up to date only where nothing of the user is lost', async (t) => {
  const root = repository(join(scratch(t), 'r'), {
    'l.jsonl': 'one\n',
    'mine.jsonl': 'one\n',
    'staged.jsonl': 'one\n',
  });
  write(root, { 'mine.jsonl': 'my own\n', 'staged.jsonl': 'my own\n' });
  git(root, 'add', 'staged.jsonl');
  write(root, { 'staged.jsonl': 'one\n' });
  const bytes = Buffer.from('one\ntwo\n');
  const files = ['l.jsonl', 'mine.jsonl', 'staged.jsonl', 'new/n.jsonl'].map((path) => ({ path, bytes }));
  assert.deepEqual(await gitPort(execLocal, root).syncFiles(files), ['mine.jsonl', 'staged.jsonl']);
  assert.equal(readFileSync(join(root, 'l.jsonl'), 'utf8'), 'one\ntwo\n');
  assert.equal(readFileSync(join(root, 'new/n.jsonl'), 'utf8'), 'one\ntwo\n');
  assert.equal(readFileSync(join(root, 'mine.jsonl'), 'utf8'), 'my own\n');
});

test('a shallow clone fetches one commit and stays usable', async (t) => {
  const { remote, clone, root } = withRemote(t);
  commitAll(clone, { a: '1' });
  git(clone, 'push', '-q', 'origin', 'main');
  const shallow = join(root, 'shallow');
  git(root, 'clone', '-q', '--depth=1', `file://${remote}`, shallow);
  git(clone, 'checkout', '-q', '-b', 'side');
  const side = commitAll(clone, { b: '1' });
  git(clone, 'push', '-q', 'origin', 'side');
  const port = gitPort(execLocal, shallow);
  assert.equal(await port.isShallow(), true);
  assert.equal(await port.resolve(side), null);
  await port.fetch('origin', side, 1);
  assert.equal(await port.resolve(side), side);
  assert.equal(git(shallow, 'for-each-ref', '--format=%(refname)').includes('side'), false);
});
