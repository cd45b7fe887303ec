import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { fixture, readingOf } from '../helpers/model-files.ts';

/** R 4.3.2 writes version 3 of the format, readable from 3.5.0 on, and then its native encoding: R Internals, 1.8. */
const BODY = Buffer.from(
  `${Buffer.from('X\n').toString('hex')}000000030004030200030500000000055554462d38`,
  'hex',
);

for (const [name, bytes, kind] of [
  ['gzip', gzipSync(BODY), 'object'],
  ['no compression', BODY, 'object'],
  ['a workspace', gzipSync(Buffer.concat([Buffer.from('RDX3\n'), BODY])), 'workspace'],
  ['text', Buffer.from('A\n3\n262914\n197888\n5\nUTF-8\n'), 'object'],
] as const)
  test(`what R saved is named, with the version that wrote it: ${name}`, async (t) => {
    const read = await readingOf(t, { 'model.rds': bytes });
    assert.deepEqual(read.framework, { name: 'r', version: '4.3.2' });
    assert.equal(read.properties['kind'], kind);
    assert.equal(read.properties['serialization version'], '3');
    assert.equal(read.contract, null);
    assert.equal(read.remarks[0]?.rule, 'contract-unknown');
  });

for (const [name, classes] of [
  ['linear', 'lm'],
  ['linear-little', 'lm'],
  ['logistic', 'glm, lm'],
  ['forest', 'randomForest.formula, randomForest'],
  ['clusters', 'kmeans'],
] as const)
  test(`an object is named by its class: ${name}`, async (t) => {
    assert.equal((await readingOf(t, fixture(`r/${name}`))).properties['class'], classes);
  });

test('columns that a factor stands for come with its levels', async (t) => {
  const read = await readingOf(t, fixture('r/linear'));
  assert.deepEqual(read.contract?.signatures['predict']?.inputs?.[1]?.categories, [
    'setosa',
    'versicolor',
    'virginica',
  ]);
});

test('an object that nests without end is named, and not walked', async (t) => {
  const list = Buffer.from('0000001300000001', 'hex');
  const read = await readingOf(t, {
    'model.rds': Buffer.concat([BODY, ...Array.from({ length: 5000 }, () => list)]),
  });
  assert.equal(read.framework?.version, '4.3.2');
  assert.equal(read.properties['class'], undefined);
});

test('bzip2 under the name of an R file that holds something else is damage', async (t) => {
  const read = await readingOf(t, { 'model.rds': Buffer.from('BZh9 nothing of the kind') });
  assert.equal(read.remarks[0]?.level, 'error');
});
