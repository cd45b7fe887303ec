import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { type TestContext, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { readSaved } from '../../src/image/saved.ts';

/** An archive as `docker save` writes it. A value that starts with `->` is a link. */
async function archive(t: TestContext, files: Readonly<Record<string, string | Uint8Array>>) {
  const folder = mkdtempSync(join(tmpdir(), 'lading-test-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const tar = pack();
  for (const [name, content] of Object.entries(files))
    if (typeof content === 'string' && content.startsWith('->'))
      tar.entry({ name, type: 'symlink', linkname: content.slice(2) });
    else tar.entry({ name }, Buffer.from(content));
  tar.finalize();
  const path = join(folder, 'image.tar');
  await pipeline(tar, createWriteStream(path));
  return { path, folder };
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const manifest = (Config: string, Layers: string[]): string =>
  JSON.stringify([{ Config, RepoTags: [], Layers }]);

test('an engine with the containerd store: compressed layers are read where they lie', async (t) => {
  const layer = gzipSync('layer');
  const name = `blobs/sha256/${sha256(layer)}`;
  const { path, folder } = await archive(t, {
    [name]: layer,
    'blobs/sha256/c': '{"os":"linux"}',
    'manifest.json': manifest('blobs/sha256/c', [name]),
  });
  const saved = await readSaved(path, folder);
  assert.equal(new TextDecoder().decode(saved.config), '{"os":"linux"}');
  assert.deepEqual(saved.layers[0]?.descriptor, {
    mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
    digest: `sha256:${sha256(layer)}`,
    size: layer.length,
  });
  assert.deepEqual(await buffer(saved.layers[0]?.open() ?? []), layer);
});

test('an engine with graph drivers: plain layers are compressed, the same to the same bytes', async (t) => {
  const plain = new Uint8Array(100_000).fill(7);
  const { path, folder } = await archive(t, {
    [`${'a'.repeat(64)}/layer.tar`]: plain,
    [`${'b'.repeat(64)}/layer.tar`]: `->../${'a'.repeat(64)}/layer.tar`,
    'config.json': '{}',
    'manifest.json': manifest(
      'config.json',
      ['a', 'b'].map((id) => `${id.repeat(64)}/layer.tar`),
    ),
  });
  const { layers } = await readSaved(path, folder);
  assert.equal(layers.length, 2);
  for (const layer of layers) {
    const bytes = await buffer(layer.open());
    assert.deepEqual(new Uint8Array(gunzipSync(bytes)), plain);
    assert.equal(layer.descriptor.digest, `sha256:${sha256(bytes)}`);
    assert.equal(layer.descriptor.size, bytes.length);
    assert.equal(layer.descriptor.mediaType, 'application/vnd.oci.image.layer.v1.tar+gzip');
  }
  assert.equal(layers[0]?.descriptor.digest, layers[1]?.descriptor.digest);
});

test('an archive without a manifest or with a layer missing is not taken for an image', async (t) => {
  const empty = await archive(t, { 'a.txt': '' });
  await assert.rejects(readSaved(empty.path, empty.folder), /manifest\.json/);
  const torn = await archive(t, { 'c.json': '{}', 'manifest.json': manifest('c.json', ['gone']) });
  await assert.rejects(readSaved(torn.path, torn.folder), /no layer "gone"/);
});
