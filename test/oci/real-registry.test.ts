import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { assembleArtifact } from '../../src/oci/artifact.ts';
import { anonymous } from '../../src/oci/credentials.ts';
import { pushAssembled } from '../../src/oci/push.ts';
import { registryRepository } from '../../src/oci/registry.ts';
import { MEDIA } from '../../src/oci/types.ts';
import { silent } from '../../src/ports/log.ts';
import { all, blobOf, noise, STAMP } from './scratch.ts';

const HOST = process.env['LADING_TEST_REGISTRY'] ?? '127.0.0.1:5000';

async function unreachable(): Promise<string | null> {
  try {
    const { status } = await fetch(`http://${HOST}/v2/`, { signal: AbortSignal.timeout(3000) });
    return status === 200 ? null : `${HOST} answers ${status}`;
  } catch {
    return `no registry at ${HOST}`;
  }
}

test('a real registry takes an artifact, keeps its digest, and gives it back', async (t) => {
  const reason = await unreachable();
  if (reason !== null) {
    assert.notEqual(process.env['LADING_REQUIRE_DOCKER'], '1', reason);
    return t.skip(reason);
  }
  const repository = `lading-test/oci-${randomBytes(4).toString('hex')}`;
  const open = () => registryRepository({ host: HOST, repository }, anonymous);
  const to = open();
  assert.deepEqual(await to.tags(), []);
  assert.equal(await to.getManifest('1.0.0'), null);
  const big = noise(6_000_000, 11);
  const added = await to.addBlob({ size: big.length, open: blobOf(big).open }, MEDIA.layer);
  assert.deepEqual(added, blobOf(big).descriptor);
  const extra = [
    { path: 'model.bin', bytes: big },
    { path: 'copy.bin', bytes: big },
    { path: 'empty.py', bytes: Buffer.alloc(0) },
    { path: 'README.md', bytes: Buffer.from('# Wine\n') },
  ];
  const assembled = assembleArtifact([], extra, { format: 'safetensors' });
  const descriptor = await pushAssembled(to, assembled, STAMP, silent);
  assert.deepEqual(await pushAssembled(to, assembled, STAMP, silent), descriptor);
  await to.tag(descriptor.digest, '1.0.0');
  await open().tag(descriptor.digest, 'production');
  assert.deepEqual((await open().tags()).sort(), ['1.0.0', 'production']);
  const read = await open().getManifest('production');
  assert.deepEqual(read?.descriptor, descriptor);
  assert.ok((await all(open().openBlob(added))).equals(big));
  for (const { descriptor: layer } of assembled.layers) assert.ok(await open().hasBlob(layer.digest));
  return undefined;
});
