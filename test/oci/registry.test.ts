import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Credentials, FindCredentials } from '../../src/oci/credentials.ts';
import { anonymous } from '../../src/oci/credentials.ts';
import type { Patience } from '../../src/oci/http.ts';
import { registryRepository } from '../../src/oci/registry.ts';
import { MEDIA } from '../../src/oci/types.ts';
import { digestOf } from '../../src/oci/verify.ts';
import { UserError } from '../../src/ports/errors.ts';
import type { Log } from '../../src/ports/log.ts';
import { silent } from '../../src/ports/log.ts';
import { type DoubleOptions, type RegistryDouble, registryDouble } from '../helpers/registry.ts';
import { all, blobOf, noise } from './scratch.ts';

const BIG = noise(5 * 1024 * 1024);

/** Waits that the client would have made, in milliseconds; nothing waits for real. */
function impatient(): Patience & { waits: number[] } {
  const waits: number[] = [];
  return {
    waits,
    attempts: 4,
    sleep: async (milliseconds) => {
      waits.push(milliseconds);
    },
  };
}

function login(username: string, password: string): FindCredentials {
  const secret: Credentials['secret'] = { kind: 'password', username, password };
  return async () => ({ secret, looked: 'Used were the credentials of the test.' });
}

function open(double: RegistryDouble, find = anonymous, extra: { patience?: Patience; log?: Log } = {}) {
  return registryRepository({ host: double.host, repository: 'acme/wine' }, find, {
    patience: impatient(),
    ...extra,
  });
}

const CONFIG = blobOf(Buffer.from('{}'));

function manifestOf(
  layers: readonly ReturnType<typeof blobOf>[],
  annotations: Record<string, string> = {},
): Buffer {
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA.manifest,
      config: CONFIG.descriptor,
      layers: layers.map((layer) => layer.descriptor),
      annotations,
    }),
  );
}

/** The whole way once: blobs known and unknown, manifest, tag, and back. */
async function roundTrip(double: RegistryDouble, find = anonymous): Promise<void> {
  const repository = open(double, find);
  const known = blobOf(noise(100_000, 7));
  assert.equal(await repository.hasBlob(known.descriptor.digest), false);
  await repository.putBlob(known);
  await repository.putBlob(CONFIG);
  assert.equal(await repository.hasBlob(known.descriptor.digest), true);
  const big = blobOf(BIG);
  const added = await repository.addBlob({ size: BIG.length, open: big.open }, MEDIA.layer);
  assert.deepEqual(added, big.descriptor);
  const manifest = manifestOf([known, big]);
  assert.equal(await repository.getManifest('1.0.0'), null);
  const descriptor = await repository.putManifest(manifest, MEDIA.manifest);
  assert.equal(descriptor.digest, digestOf(manifest));
  assert.deepEqual(await repository.tags(), []);
  await repository.tag(descriptor.digest, '1.0.0');
  assert.deepEqual(await repository.tags(), ['1.0.0']);
  const fresh = open(double, find);
  const read = await fresh.getManifest('1.0.0');
  assert.deepEqual(read?.descriptor, descriptor);
  assert.deepEqual((await fresh.getManifest(descriptor.digest))?.bytes, manifest);
  assert.ok((await all(fresh.openBlob(big.descriptor))).equals(BIG));
  await fresh.tag(descriptor.digest, 'again');
  assert.deepEqual(await fresh.tags(), ['1.0.0', 'again']);
}

const KINDS: Readonly<Record<string, DoubleOptions>> = {
  'an open registry': {},
  'a registry with basic authentication': { auth: { kind: 'basic', users: { ann: 'pa:ss' } } },
  'a registry with a token server': { auth: { kind: 'token', users: { ann: 'pa:ss' } } },
  'a registry that redirects blobs to a storage elsewhere': {
    auth: { kind: 'token', users: { ann: 'pa:ss' } },
    redirectBlobs: true,
  },
  'a registry that refuses large PATCH bodies, as ghcr.io does': { patchLimit: 4 * 1024 * 1024 },
  'a registry without PATCH': { patchLimit: 0 },
  'a registry with absolute, signed upload locations and no digest headers': {
    absoluteLocations: true,
    noDigestHeader: true,
  },
  'a registry with one tag a page': { tagPage: 1 },
};

for (const [kind, options] of Object.entries(KINDS))
  test(`blobs, manifests and tags go to ${kind} and come back`, async () => {
    await using double = await registryDouble(options);
    await roundTrip(double, login('ann', 'pa:ss'));
  });

test('a blob of unknown digest is sent in one pass: POST, PATCH, and an empty PUT', async () => {
  await using double = await registryDouble();
  let opened = 0;
  const open2 = () => {
    opened += 1;
    return blobOf(BIG).open();
  };
  await open(double).addBlob({ size: BIG.length, open: open2 }, MEDIA.layer);
  assert.equal(opened, 1);
  assert.deepEqual(
    double.requests.map((request) => `${request.method} ${request.headers['content-length']}`),
    ['POST 0', `PATCH ${BIG.length}`, 'PUT 0'],
  );
});

test('a blob that is there is not sent', async () => {
  await using double = await registryDouble();
  const blob = blobOf(BIG);
  double.blobs('acme/wine').set(blob.descriptor.digest, BIG);
  await open(double).putBlob({ ...blob, open: () => assert.fail('it was opened') });
  assert.deepEqual(
    double.requests.map((request) => request.method),
    ['HEAD'],
  );
});

test('one token serves all calls of a kind, and an expired one is replaced in the middle', async () => {
  await using double = await registryDouble({ auth: { kind: 'token', users: { ann: 'x' } } });
  const repository = open(double, login('ann', 'x'));
  await repository.putBlob(CONFIG);
  await repository.putBlob(blobOf(noise(10, 2)));
  const asked = () => double.requests.filter((request) => request.url.startsWith('/token')).length;
  assert.equal(asked(), 2, 'one to pull, one to push');
  double.expireTokens();
  await repository.putBlob(blobOf(noise(10, 3)));
  assert.ok(asked() <= 4);
  assert.equal(double.blobs('acme/wine').size, 3);
});

test('an identity token is exchanged at the token server', async () => {
  await using double = await registryDouble({ auth: { kind: 'token', users: {}, identity: 'refresh-me' } });
  const find: FindCredentials = async () => ({
    secret: { kind: 'identity', token: 'refresh-me' },
    looked: '',
  });
  await open(double, find).putBlob(CONFIG);
  assert.equal(double.blobs('acme/wine').size, 1);
});

test('public repositories are read without credentials', async () => {
  await using double = await registryDouble({ auth: { kind: 'token', users: {}, anonymousPull: true } });
  assert.equal(await open(double).getManifest('latest'), null);
});

test('a refused push says which credentials were used and what to do', async () => {
  await using double = await registryDouble({
    auth: { kind: 'token', users: { ann: 'secret-word' }, readers: ['ann'] },
  });
  const lines: string[] = [];
  const log: Log = { ...silent, debug: (text) => lines.push(text) };
  const pushing = open(double, login('ann', 'secret-word'), { log }).putBlob(CONFIG);
  await assert.rejects(pushing, (error: unknown) => {
    assert.ok(error instanceof UserError);
    assert.match(error.message, /does not allow to push to acme\/wine/);
    assert.match(error.message, /credentials of the test/);
    assert.match(error.help ?? '', /Log in first/);
    assert.doesNotMatch(`${error.message} ${error.help}`, /secret-word/);
    return true;
  });
  assert.doesNotMatch(lines.join('\n'), /secret-word|Bearer|Basic/);
});

test('a wrong password is a message, not a loop', async () => {
  for (const auth of [
    { kind: 'token', users: { ann: 'x' } },
    { kind: 'basic', users: { ann: 'x' } },
  ] as const) {
    await using double = await registryDouble({ auth });
    await assert.rejects(open(double, login('ann', 'wrong')).hasBlob(CONFIG.descriptor.digest), UserError);
    assert.ok(double.requests.length < 6);
  }
});

test('overload and broken connections are waited out, as long as the server asks', async () => {
  const troubles = new Map<string, 'reset' | 'drop' | { status: number; headers?: Record<string, string> }>([
    ['HEAD', { status: 503 }],
    ['POST', { status: 429, headers: { 'retry-after': '7' } }],
    ['PATCH', 'reset'],
    ['PUT', 'drop'],
  ]);
  await using double = await registryDouble({
    before: ({ method }) => {
      const trouble = troubles.get(method);
      troubles.delete(method);
      return trouble;
    },
  });
  const patience = impatient();
  const repository = open(double, anonymous, { patience });
  await repository.putBlob(CONFIG);
  assert.ok(patience.waits.includes(7000));
  await repository.addBlob({ size: BIG.length, open: blobOf(BIG).open }, MEDIA.layer);
  assert.equal(troubles.size, 0);
  assert.equal(double.blobs('acme/wine').size, 2);
});

test('a registry that stays in trouble ends as a message', async () => {
  await using double = await registryDouble({
    before: () => ({ status: 502, body: '<html>::error::Bad Gateway</html>' }),
  });
  await assert.rejects(open(double).hasBlob(CONFIG.descriptor.digest), (error: unknown) => {
    assert.ok(error instanceof UserError);
    assert.match(error.message, /answered 502, 4 times/);
    return true;
  });
});

test('a wait of an hour is not waited for', async () => {
  await using double = await registryDouble({
    before: () => ({ status: 429, headers: { 'retry-after': '3600' } }),
  });
  await assert.rejects(open(double).tags(), (error: unknown) => {
    assert.match(error instanceof UserError ? (error.help ?? '') : '', /60 minutes/);
    return true;
  });
  assert.equal(double.requests.length, 1);
});

test('bytes that are not what was promised are never completed', async () => {
  await using double = await registryDouble();
  const bytes = noise(300_000);
  const blob = blobOf(bytes);
  const changed = Buffer.from(bytes);
  changed[299_999] = (changed[299_999] ?? 0) ^ 1;
  for (const other of [changed, bytes.subarray(1), Buffer.concat([bytes, bytes])]) {
    const putting = open(double).putBlob({ ...blob, open: blobOf(other).open });
    await assert.rejects(putting, /changed while it was being published/);
  }
  assert.equal(double.blobs('acme/wine').size, 0);
});

test('a registry that gives other bytes is caught', async () => {
  await using double = await registryDouble({ noDigestHeader: true });
  const repository = open(double);
  const blob = blobOf(noise(1000));
  await repository.putBlob(blob);
  await repository.putBlob(CONFIG);
  const { digest } = await repository.putManifest(manifestOf([blob]), MEDIA.manifest);
  double.blobs('acme/wine').set(blob.descriptor.digest, noise(1000, 5));
  await assert.rejects(all(repository.openBlob(blob.descriptor)), /gave other bytes/);
  double.manifests('acme/wine').set(digest, { bytes: Buffer.from('{}'), mediaType: MEDIA.manifest });
  await assert.rejects(repository.getManifest(digest), /gave other bytes/);
});

test('a manifest whose blobs are missing is refused with the reason of the registry', async () => {
  await using double = await registryDouble();
  await assert.rejects(
    open(double).putManifest(manifestOf([]), MEDIA.manifest),
    /status 400: MANIFEST_BLOB_UNKNOWN sha256:44136f/,
  );
});

test('a registry that is not there, and a name that is none, are messages', async () => {
  const at = (host: string) =>
    registryRepository({ host, repository: 'x' }, anonymous, { patience: impatient() });
  await assert.rejects(at('127.0.0.1:9').tags(), /nothing listens at 127\.0\.0\.1:9/);
  await using double = await registryDouble();
  await assert.rejects(
    registryRepository(
      { host: double.host.replace('127.0.0.1', '127.0.0.2'), repository: 'x' },
      anonymous,
    ).tags(),
    UserError,
  );
});

test('errors of a registry cannot write workflow commands', async () => {
  const body = JSON.stringify({ errors: [{ code: 'DENIED', message: 'no\n::error::owned' }] });
  await using double = await registryDouble({ before: () => ({ status: 403, body }) });
  await assert.rejects(open(double).tags(), (error: unknown) => {
    assert.ok(error instanceof UserError);
    assert.doesNotMatch(error.message, /\n/);
    return true;
  });
});

test('a download that breaks off goes on where it broke', async () => {
  let cut = 2;
  await using double = await registryDouble({
    before: ({ method, url }) =>
      method === 'GET' && url.includes('/blobs/') && cut-- > 0 ? 'reset' : undefined,
  });
  const blob = blobOf(BIG);
  double.blobs('acme/wine').set(blob.descriptor.digest, BIG);
  assert.ok((await all(open(double).openBlob(blob.descriptor))).equals(BIG));
});
