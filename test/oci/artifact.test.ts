import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import * as formats from 'ajv-formats';
import { contentDigest, digestFiles } from '../../src/model/digest.ts';
import { walk } from '../../src/model/walk.ts';
import {
  type ArtifactFacts,
  type ArtifactFile,
  assembleArtifact,
  paramSize,
} from '../../src/oci/artifact.ts';
import { anonymous } from '../../src/oci/credentials.ts';
import { layoutRepository } from '../../src/oci/layout.ts';
import { digestWhilePushing, pushAssembled } from '../../src/oci/push.ts';
import { registryRepository } from '../../src/oci/registry.ts';
import type { Assembled } from '../../src/oci/types.ts';
import { digestOf } from '../../src/oci/verify.ts';
import { UserError } from '../../src/ports/errors.ts';
import { silent } from '../../src/ports/log.ts';
import { registryDouble } from '../helpers/registry.ts';
import { noise, STAMP, scratch } from './scratch.ts';

const FIXTURES = join(import.meta.dirname, '..', 'fixtures', 'modelpack');
const read = (name: string): unknown => JSON.parse(readFileSync(join(FIXTURES, name), 'utf8'));

function schema() {
  const ajv = new Ajv2020({ strict: true });
  formats.default.default(ajv);
  return ajv.compile(read('config-schema.json') as object);
}

const FACTS: ArtifactFacts = {
  format: 'sklearn',
  parameters: 6_738_415_616,
  precision: ['float64', 'float32', 'string'],
  licenses: ['Apache-2.0'],
  architecture: null,
};

async function model(t: Parameters<typeof scratch>[0]): Promise<{ folder: string; files: ArtifactFile[] }> {
  const folder = scratch(t);
  writeFileSync(join(folder, 'model.joblib'), noise(3_000_000));
  writeFileSync(join(folder, 'model-card.md'), '# Wine\n');
  writeFileSync(join(folder, 'requirements.txt'), 'scikit-learn==1.5.2\n');
  writeFileSync(join(folder, 'predict.py'), '');
  return { folder, files: await digested(folder) };
}

async function digested(folder: string): Promise<ArtifactFile[]> {
  const directory = walk('model', folder);
  const files = await digestFiles(directory);
  return files.map((file, at) => ({ ...file, absolute: directory.files[at]?.absolute ?? '' }));
}

const CONTRACT = { path: 'contract.yaml', bytes: Buffer.from('contract: v1\n') };

function parts(assembled: Assembled, stamp = STAMP) {
  const { config, manifest } = assembled.stamp(stamp);
  return {
    config: JSON.parse(Buffer.from(config).toString()),
    manifest: JSON.parse(Buffer.from(manifest).toString()),
  };
}

test("the specification's own cases hold for the copy of its schema", () => {
  const validate = schema();
  const cases = read('config-cases.json') as { title: string; fail: boolean; config: string }[];
  assert.equal(cases.length, 27);
  for (const { title, fail, config } of cases) assert.equal(validate(JSON.parse(config)), !fail, title);
});

test('an artifact is what the ModelPack specification asks for', async (t) => {
  const { files } = await model(t);
  const assembled = assembleArtifact(files, [CONTRACT], FACTS);
  const { config, manifest } = parts(assembled);
  const validate = schema();
  const valid: boolean = validate({ ...config });
  assert.ok(valid, JSON.stringify(validate.errors));
  assert.equal(manifest.mediaType, 'application/vnd.oci.image.manifest.v1+json');
  assert.equal(manifest.artifactType, 'application/vnd.cncf.model.manifest.v1+json');
  assert.equal(manifest.config.mediaType, 'application/vnd.cncf.model.config.v1+json');
  assert.deepEqual(
    manifest.layers.map((layer: { mediaType: string; annotations: Record<string, string> }) => [
      layer.mediaType.replace('application/vnd.cncf.model.', ''),
      layer.annotations['org.cncf.model.filepath'],
      layer.annotations['org.opencontainers.image.title'],
    ]),
    [
      ['weight.config.v1.raw', 'contract.yaml', 'contract.yaml'],
      ['weight.v1.raw', 'model.joblib', 'model.joblib'],
      ['code.v1.raw', 'predict.py', 'predict.py'],
      ['code.v1.raw', 'requirements.txt', 'requirements.txt'],
      ['doc.v1.raw', 'model-card.md', 'model-card.md'],
    ],
  );
  assert.deepEqual(
    config.modelfs.diffIds,
    manifest.layers.map((layer: { digest: string }) => layer.digest),
  );
  assert.deepEqual(config.config, { format: 'sklearn', paramSize: '6.7B', precision: 'float64,float32' });
  assert.equal(config.descriptor.name, 'wine');
  assert.equal(config.descriptor.version, '1.2.0');
  assert.equal(manifest.annotations['io.lading.contract'], STAMP.contract);
  assert.equal(manifest.annotations['org.opencontainers.image.version'], '1.2.0');
  assert.equal(manifest.annotations['io.lading.label.stage'], 'canary');
  const metadata = JSON.parse(manifest.layers[1].annotations['org.cncf.model.file.metadata+json']);
  assert.deepEqual(metadata, {
    name: 'model.joblib',
    mode: 420,
    uid: 0,
    gid: 0,
    size: 3_000_000,
    mtime: '1970-01-01T00:00:00Z',
    typeflag: 0,
  });
});

test('the version touches no layer, and the order of the files touches nothing', async (t) => {
  const { files } = await model(t);
  const one = parts(assembleArtifact(files, [CONTRACT], FACTS));
  const other = assembleArtifact([...files].reverse(), [CONTRACT], FACTS);
  assert.deepEqual(parts(other), one);
  const next = parts(other, { ...STAMP, version: '1.3.0' });
  assert.deepEqual(next.manifest.layers, one.manifest.layers);
  assert.notDeepEqual(next.manifest.config, one.manifest.config);
});

test('a contract too large for a manifest is named by its digest', async (t) => {
  const { files } = await model(t);
  const contract = JSON.stringify({ contract: 'v1', padding: 'x'.repeat(60_000) });
  const { manifest } = parts(assembleArtifact(files, [], FACTS), { ...STAMP, contract });
  assert.equal(manifest.annotations['io.lading.contract'], undefined);
  assert.equal(manifest.annotations['io.lading.contract.digest'], digestOf(Buffer.from(contract)));
});

test('paths that leave the model, and no files at all, are refused', () => {
  const file = (path: string) => ({ path, bytes: Buffer.from('x') });
  for (const path of ['../x', '/etc/passwd', 'a//b', 'a/./b', ''])
    assert.throws(() => assembleArtifact([], [file(path)], FACTS), UserError, path);
  assert.throws(() => assembleArtifact([], [file('a'), file('a')], FACTS), UserError);
  assert.throws(() => assembleArtifact([], [], FACTS), UserError);
});

test('a count of parameters is written with one digit and a prefix', () => {
  assert.equal(paramSize(null), null);
  assert.equal(paramSize(12), null);
  assert.equal(paramSize(500), '0.5K');
  assert.equal(paramSize(999_960), '1M');
  assert.equal(paramSize(100_000_000), '100M');
  assert.equal(paramSize(1.5e12), '1.5T');
});

test('pushing twice sends nothing the second time, and gives the same digest', async (t) => {
  const { files } = await model(t);
  await using double = await registryDouble();
  const repository = registryRepository({ host: double.host, repository: 'acme/wine' }, anonymous);
  const assembled = assembleArtifact(files, [CONTRACT], FACTS);
  const first = await pushAssembled(repository, assembled, STAMP, silent);
  const before = double.requests.length;
  assert.deepEqual(await pushAssembled(repository, assembled, STAMP, silent), first);
  const again = double.requests.slice(before).map((request) => request.method);
  assert.deepEqual(new Set(again), new Set(['HEAD', 'PUT']), 'only the manifest is put again');
  assert.equal(double.tags('acme/wine').size, 0);
  const layout = layoutRepository(scratch(t), 'wine');
  assert.deepEqual(await pushAssembled(layout, assembled, STAMP, silent), first);
});

test('a file that changed since it was hashed stops the push before the manifest', async (t) => {
  const { folder, files } = await model(t);
  await using double = await registryDouble();
  const repository = registryRepository({ host: double.host, repository: 'acme/wine' }, anonymous);
  writeFileSync(join(folder, 'model.joblib'), noise(3_000_000, 9));
  const pushing = pushAssembled(repository, assembleArtifact(files, [], FACTS), STAMP, silent);
  await assert.rejects(pushing, /"model\.joblib" changed while it was being published/);
  assert.equal(double.manifests('acme/wine').size, 0);
});

test('a Git LFS pointer counts as its file; its bytes are only needed where they are not yet', async (t) => {
  const { folder, files: full } = await model(t);
  const weights = full.find((file) => file.path === 'model.joblib');
  assert.ok(weights);
  await using double = await registryDouble();
  const repository = registryRepository({ host: double.host, repository: 'acme/wine' }, anonymous);
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${weights.sha256}\nsize ${weights.size}\n`;
  writeFileSync(join(folder, 'model.joblib'), pointer);
  const pointed = await digested(folder);
  assert.equal(contentDigest(pointed), contentDigest(full));
  const assembled = assembleArtifact(pointed, [], FACTS);
  await assert.rejects(pushAssembled(repository, assembled, STAMP, silent), /is a Git LFS pointer/);
  double.blobs('acme/wine').set(`sha256:${weights.sha256}`, noise(3_000_000));
  await pushAssembled(repository, assembled, STAMP, silent);
  assert.equal(double.manifests('acme/wine').size, 1);
});

test('files that are hashed while they travel are not sent again', async (t) => {
  const { folder, files } = await model(t);
  writeFileSync(join(folder, 'weights.bin'), noise(5_000_000, 4));
  const directory = walk('model', folder);
  await using double = await registryDouble();
  const repository = registryRepository({ host: double.host, repository: 'acme/wine' }, anonymous);
  const card = files.find((file) => file.path === 'model-card.md')?.sha256 ?? '';
  const sent = await digestWhilePushing(repository, directory, new Map([['model-card.md', card]]));
  assert.deepEqual(sent, await digestFiles(directory));
  assert.equal(double.blobs('acme/wine').has(`sha256:${card}`), false);
  const before = double.requests.length;
  await pushAssembled(repository, assembleArtifact(await digested(folder), [], FACTS), STAMP, silent);
  const uploads = double.requests.slice(before).filter((request) => request.method === 'POST');
  assert.equal(uploads.length, 2, 'the card and the configuration');
});
