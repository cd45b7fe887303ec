import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { layoutRepository } from '../../src/oci/layout.ts';
import { MEDIA } from '../../src/oci/types.ts';
import { digestOf } from '../../src/oci/verify.ts';
import { UserError } from '../../src/ports/errors.ts';
import { all, blobOf, noise, scratch } from './scratch.ts';

const MANIFEST = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA.manifest, layers: [] }));
const PROGRAM = join(import.meta.dirname, 'tagger.ts');

function tagger(...args: string[]): ChildProcess {
  return spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'inherit', 'inherit'] });
}

test('a layout has the files that the image specification asks for', async (t) => {
  const root = scratch(t);
  const repository = layoutRepository(root, 'wine', './out/');
  assert.equal(repository.name, 'oci:./out/wine');
  assert.deepEqual(await repository.tags(), []);
  assert.equal(await repository.getManifest('1'), null);
  const blob = blobOf(noise(200_000));
  await repository.putBlob(blob);
  const added = await repository.addBlob({ size: 10, open: blobOf(noise(10)).open }, MEDIA.layer);
  assert.deepEqual(added, blobOf(noise(10)).descriptor);
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA.manifest,
      artifactType: 'application/x',
      layers: [],
    }),
  );
  const descriptor = await repository.putManifest(manifest, MEDIA.manifest);
  assert.deepEqual(await repository.tags(), [], 'a manifest alone is no version');
  await repository.tag(descriptor.digest, '1.0.0');
  await repository.tag(descriptor.digest, 'production');
  await repository.tag(descriptor.digest, '1.0.0');

  const folder = join(root, 'wine');
  assert.deepEqual(JSON.parse(readFileSync(join(folder, 'oci-layout'), 'utf8')), {
    imageLayoutVersion: '1.0.0',
  });
  const entry = (tag: string) => ({
    ...descriptor,
    artifactType: 'application/x',
    annotations: { 'org.opencontainers.image.ref.name': tag },
  });
  assert.deepEqual(JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')), {
    schemaVersion: 2,
    mediaType: MEDIA.index,
    manifests: [entry('production'), entry('1.0.0')],
  });
  assert.deepEqual(readdirSync(folder).sort(), ['blobs', 'index.json', 'oci-layout']);
  for (const name of readdirSync(join(folder, 'blobs', 'sha256')))
    assert.equal(digestOf(readFileSync(join(folder, 'blobs', 'sha256', name))), `sha256:${name}`);
  const fresh = layoutRepository(root, 'wine');
  assert.deepEqual((await fresh.getManifest('production'))?.descriptor, descriptor);
  assert.deepEqual((await fresh.getManifest(descriptor.digest))?.bytes, manifest);
  assert.ok((await all(fresh.openBlob(blob.descriptor))).equals(noise(200_000)));
});

test('other bytes than promised leave nothing behind', async (t) => {
  const root = scratch(t);
  const repository = layoutRepository(root, 'wine');
  const blob = blobOf(noise(1000));
  await assert.rejects(repository.putBlob({ ...blob, open: blobOf(noise(1000, 2)).open }), UserError);
  assert.equal(await repository.hasBlob(blob.descriptor.digest), false);
  assert.deepEqual(readdirSync(join(root, 'wine', 'blobs', 'sha256')), []);
  assert.deepEqual(readdirSync(join(root, 'wine')).sort(), ['blobs', 'index.json', 'oci-layout']);
});

test('a blob that was damaged on disk is not given out', async (t) => {
  const root = scratch(t);
  const repository = layoutRepository(root, 'wine');
  const blob = blobOf(noise(1000));
  await repository.putBlob(blob);
  const path = join(root, 'wine', 'blobs', 'sha256', blob.descriptor.digest.slice(7));
  writeFileSync(path, noise(1000, 3));
  await assert.rejects(all(repository.openBlob(blob.descriptor)), /layout is damaged/);
  writeFileSync(join(root, 'wine', 'index.json'), '{"manifests":');
  await assert.rejects(repository.tags(), /it is not JSON/);
});

test('a tag cannot point at what is not there', async (t) => {
  const repository = layoutRepository(scratch(t), 'wine');
  await assert.rejects(repository.tag(digestOf(MANIFEST), '1'), /holds no manifest/);
});

test('a folder that is a file is a message', async (t) => {
  const root = scratch(t);
  writeFileSync(join(root, 'wine'), '');
  await assert.rejects(layoutRepository(root, 'wine').putBlob(blobOf(noise(1))), UserError);
});

test('two processes tag at once and none loses a tag', async (t) => {
  const root = scratch(t);
  const repository = layoutRepository(root, 'wine');
  const { digest } = await repository.putManifest(MANIFEST, MEDIA.manifest);
  const taggers = ['a', 'b'].map((prefix) => tagger(root, 'wine', digest, prefix, '40'));
  const ends = await Promise.all(taggers.map((child) => once(child, 'exit')));
  assert.deepEqual(
    ends.map(([code]) => code),
    [0, 0],
  );
  const wanted = ['a', 'b'].flatMap((prefix) => Array.from({ length: 40 }, (_, at) => `${prefix}${at}`));
  assert.deepEqual(await repository.tags(), wanted.sort());
  assert.deepEqual(readdirSync(join(root, 'wine')).sort(), ['blobs', 'index.json', 'oci-layout']);
});

test('the lock of a process that was killed is taken over', async (t) => {
  const root = scratch(t);
  const repository = layoutRepository(root, 'wine');
  const { digest } = await repository.putManifest(MANIFEST, MEDIA.manifest);
  const dead = spawn(process.execPath, ['-e', '']);
  await once(dead, 'exit');
  const lock = join(root, 'wine', 'index.json.lock');
  writeFileSync(lock, `${dead.pid} ${hostname()} 00\n`);
  await repository.tag(digest, 'one');
  // Of a machine that cannot be asked: by its age.
  writeFileSync(lock, '1 elsewhere 00\n');
  utimesSync(lock, 1, 1);
  await Promise.all([repository.tag(digest, 'two'), layoutRepository(root, 'wine').tag(digest, 'three')]);
  assert.deepEqual(await repository.tags(), ['one', 'three', 'two']);
  assert.equal(existsSync(lock), false);
});

test('what a killed process left unfinished is swept after a while', async (t) => {
  const root = scratch(t);
  const folder = join(root, 'wine');
  mkdirSync(folder, { recursive: true });
  for (const name of ['.partial-1-old', '.partial-1-new']) writeFileSync(join(folder, name), 'x');
  utimesSync(join(folder, '.partial-1-old'), 1, 1);
  await layoutRepository(root, 'wine').putBlob(blobOf(noise(1)));
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('.partial')),
    ['.partial-1-new'],
  );
});
