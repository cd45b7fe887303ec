import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  checksumText,
  contentDigest,
  digestFile,
  digestFiles,
  inParallel,
  readChunks,
} from '../../src/model/digest.ts';
import { walk } from '../../src/model/walk.ts';

/** Names that tools trip over. */
const NAMES = [
  'b.bin',
  'a name',
  'new\nline',
  'back\\slash',
  'carriage\rreturn',
  'ünï',
  '\u{1f377}',
  '\uff5e',
  '-n',
  'sub/x',
];

function folder(t: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), 'lading-digest-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  return root;
}

function shell(cwd: string, script: string, input = ''): string | null {
  const { status, stdout } = spawnSync('sh', ['-c', script], { cwd, input, encoding: 'utf8' });
  return status === 0 ? stdout : null;
}

test('digests agree with sha256sum, for one file and for all of them', async (t) => {
  const root = folder(t);
  mkdirSync(join(root, 'sub'));
  for (const name of NAMES) writeFileSync(join(root, name), `content of ${name}`);
  const files = await digestFiles(walk('m', root));
  if (shell(root, 'sha256sum --version') === null) return t.skip('there is no sha256sum here');
  const sums = 'LC_ALL=C find . -type f -printf "%P\\0" | LC_ALL=C sort -z | xargs -0 sha256sum --';
  assert.equal(checksumText(files), shell(root, sums));
  assert.equal(`${contentDigest(files)}  -\n`, shell(root, `${sums} | LC_ALL=C sort | sha256sum`));
  assert.notEqual(shell(root, 'sha256sum --strict -c', checksumText(files)), null);
});

test('files of every size are read to their end', async (t) => {
  const root = folder(t);
  for (const size of [0, 1, 1024 * 1024 - 1, 1024 * 1024, 1024 * 1024 + 1, 3_500_000]) {
    const path = join(root, 'file');
    const bytes = Buffer.alloc(size, size % 251);
    writeFileSync(path, bytes);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    assert.deepEqual(await digestFile(path), { size, sha256 });
  }
});

test('a reader that stops early closes the file and leaves nothing pending', async (t) => {
  const path = join(folder(t), 'file');
  writeFileSync(path, Buffer.alloc(5_000_000));
  for await (const chunk of readChunks(path)) {
    assert.ok(chunk.length < 5_000_000);
    break;
  }
  const rest: number[] = [];
  for await (const chunk of readChunks(path, 4_999_999)) rest.push(chunk.length);
  assert.deepEqual(rest, [1]);
});

test('what is known is not read, and a Git LFS pointer stands for its file', async (t) => {
  const root = folder(t);
  const oid = 'ab'.repeat(32);
  writeFileSync(
    join(root, 'big'),
    `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize 123456789\n`,
  );
  writeFileSync(join(root, 'known'), 'x');
  const directory = walk('m', root);
  rmSync(join(root, 'known'));
  assert.deepEqual(await digestFiles(directory, new Map([['known', 'cd'.repeat(32)]])), [
    { path: 'big', size: 123_456_789, sha256: oid },
    { path: 'known', size: 1, sha256: 'cd'.repeat(32) },
  ]);
});

test('work in parallel keeps its order and its bound, and ends before its failure is told', async () => {
  let running = 0;
  let most = 0;
  const body = async (item: number) => {
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
    if (item === 5) throw new Error('five');
    return item * 2;
  };
  assert.deepEqual(await inParallel([1, 2, 3, 4], 2, body), [2, 4, 6, 8]);
  assert.equal(most, 2);
  await assert.rejects(inParallel([1, 5, 3, 4, 6, 7, 8], 3, body), /five/);
  assert.equal(running, 0);
});
