import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { lading, ROOT, runStep } from '../helpers/runner.ts';
import { validJson } from '../helpers/schemas.ts';
import { wineRepo } from '../helpers/wine.ts';

const BASE = process.env['LADING_TEST_BASE'] ?? 'lading-test/python:3.11';

interface BuildJson {
  readonly image: string | null;
  readonly dockerfile: string;
  readonly requirements: string;
  readonly calls: readonly { readonly status: number; readonly signature: string }[];
}

test('a dry run shows what would be built, and needs no Docker', async (t) => {
  const { clone } = wineRepo(t);
  const ran = await lading(clone, ['build', 'models/wine', '--dry-run', '--format', 'json'], {
    PATH: '/nowhere',
  });
  assert.equal(ran.code, 0, ran.stderr);
  const json = validJson('build', ran.stdout) as BuildJson;
  assert.equal(json.image, null);
  assert.match(json.dockerfile, /^FROM python:3\.\d+-slim/m);
  assert.match(json.requirements, /^scikit-learn==/m);
});

test('without Docker the message says so', async (t) => {
  const { clone } = wineRepo(t);
  const ran = await lading(clone, ['build', 'models/wine'], { PATH: '/nowhere' });
  assert.equal(ran.code, 2);
  assert.match(ran.stderr, /[Dd]ocker/);
  assert.doesNotMatch(ran.stderr, /bug in Lading/);
});

test('a directory without a model is a finding', async (t) => {
  const { clone } = wineRepo(t);
  const ran = await lading(clone, ['build', 'ledger-to-be', '--format', 'json']);
  assert.equal(ran.code, 2);
  execFileSync('mkdir', [join(clone, 'empty')]);
  const empty = await lading(clone, ['build', 'empty', '--format', 'json']);
  assert.equal(empty.code, 1);
  validJson('build', empty.stdout);
});

test('the image is built, started and called, and gets its name', async (t) => {
  const lack = spawnSync('docker', ['image', 'inspect', BASE]).status !== 0;
  if (lack) {
    assert.notEqual(process.env['LADING_REQUIRE_DOCKER'], '1', `Docker with ${BASE} is required`);
    t.skip(`no Docker, or no base image ${BASE}`);
    return;
  }
  const { clone } = wineRepo(t);
  const tag = `lading-test/wine:${process.pid}`;
  t.after(() => spawnSync('docker', ['image', 'rm', '--force', tag]));
  const ran = await runStep(join(ROOT, 'src/actions/build.ts'), {
    workspace: clone,
    with: { model: 'models/wine', 'base-image': BASE, tag },
  });
  assert.equal(ran.code, 0, ran.stdout);
  assert.equal(ran.outputs['image'], tag);
  assert.match(ran.summary, /\| `predict` \| .* \| 200 \| /);
  assert.equal(spawnSync('docker', ['image', 'inspect', tag]).status, 0);
});
