import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseDestination, repositoryFor } from '../../src/oci/reference.ts';
import { MEDIA } from '../../src/oci/types.ts';
import { UserError } from '../../src/ports/errors.ts';
import { silent } from '../../src/ports/log.ts';
import { registryDouble } from '../helpers/registry.ts';
import { scratch } from './scratch.ts';

const ports = {
  exec: async () => ({ code: 127, stdout: '', stderr: '' }),
  env: { DOCKER_CONFIG: '/nonexistent' },
  cwd: '/',
  log: silent,
};

test('destinations are read', () => {
  const registry = (host: string, path: string) => ({ kind: 'registry', host, path });
  assert.deepEqual(parseDestination('ghcr.io/acme/models'), registry('ghcr.io', 'acme/models'));
  assert.deepEqual(parseDestination(' 127.0.0.1:5000/x/ '), registry('127.0.0.1:5000', 'x'));
  assert.deepEqual(parseDestination('localhost'), registry('localhost', ''));
  assert.deepEqual(parseDestination('GHCR.io/acme'), registry('ghcr.io', 'acme'));
  assert.deepEqual(parseDestination('[::1]:5000/a'), registry('[::1]:5000', 'a'));
  assert.deepEqual(parseDestination('oci:./dir'), { kind: 'layout', root: './dir' });
  assert.deepEqual(parseDestination('oci:/abs/Dir with space'), {
    kind: 'layout',
    root: '/abs/Dir with space',
  });
});

test('what is no destination is a message with the way to write it', () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['', /it is empty/],
    ['acme/models', /"acme" is no host/],
    ['https://ghcr.io/acme', /begins with "https:\/\/"/],
    ['oci:', /path of a folder/],
    ['oci://x', /path of a folder/],
    ['ghcr.io/Acme/models', /upper case/],
    ['ghcr.io/acme/models:latest', /it has a tag/],
    ['ghcr.io/acme@sha256:00', /it has a digest/],
    ['ghcr.io/acme//x', /names are groups/],
    ['ghcr.io/-acme', /names are groups/],
    ['ghcr.io/a/../b', /names are groups/],
    ['host.example:99999/a', /no host/],
    ['user:password@host.example/a', /no host/],
    ['a.example:x/y', /no host/],
    ['ghcr.io/acme\n::error::', /it has a tag|names are groups/],
  ];
  for (const [text, message] of wrong)
    assert.throws(
      () => parseDestination(text),
      (error: unknown) => {
        assert.ok(error instanceof UserError, text);
        assert.match(error.message, message);
        assert.ok(error.help);
        return true;
      },
    );
});

test('every model has a repository of its own below the destination', () => {
  const name = (text: string) => repositoryFor(parseDestination(text), 'wine', ports).name;
  assert.equal(name('ghcr.io/acme/models'), 'ghcr.io/acme/models/wine');
  assert.equal(name('localhost:5000'), 'localhost:5000/wine');
  assert.equal(name('oci:./build/oci'), 'oci:./build/oci/wine');
  assert.throws(() => repositoryFor(parseDestination('oci:x'), '../y', ports), UserError);
  const long = `ghcr.io/${'a'.repeat(250)}`;
  assert.throws(() => repositoryFor(parseDestination(long), 'wine', ports), /255 are allowed/);
});

test('a layout folder is relative to the current one, a registry is called', async (t) => {
  const cwd = scratch(t);
  const here = { ...ports, cwd };
  const layout = repositoryFor(parseDestination('oci:out'), 'wine', here);
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA.manifest, layers: [] }));
  const { digest } = await layout.putManifest(manifest, MEDIA.manifest);
  await layout.tag(digest, '1');
  assert.deepEqual(await repositoryFor({ kind: 'layout', root: join(cwd, 'out') }, 'wine', ports).tags(), [
    '1',
  ]);
  await using double = await registryDouble();
  assert.deepEqual(await repositoryFor(parseDestination(`${double.host}/acme`), 'wine', ports).tags(), []);
  assert.equal(double.requests[0]?.url, '/v2/acme/wine/tags/list?n=1000');
});
