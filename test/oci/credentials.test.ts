import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseChallenges } from '../../src/oci/auth.ts';
import { dockerCredentials } from '../../src/oci/credentials.ts';
import { UserError } from '../../src/ports/errors.ts';
import type { Exec } from '../../src/ports/exec.ts';
import { scratch } from './scratch.ts';

const none: Exec = async () => ({ code: 127, stdout: '', stderr: '' });
const base64 = (text: string) => Buffer.from(text).toString('base64');

function config(t: TestContext, value: unknown): { DOCKER_CONFIG: string } {
  const folder = scratch(t);
  writeFileSync(join(folder, 'config.json'), typeof value === 'string' ? value : JSON.stringify(value));
  return { DOCKER_CONFIG: folder };
}

const password = (username: string, text: string) => ({ kind: 'password', username, password: text });

test('the file of docker login is read, in all the ways that keys are written', async (t) => {
  const env = config(t, {
    auths: {
      'ghcr.io': { auth: base64('ann:pa:ss') },
      'https://quay.example/v2/': { username: 'bob', password: 'b' },
      'https://index.docker.io/v1/': { auth: base64('hub:h') },
      '127.0.0.1:5000': { auth: base64('<token>:refresh') },
      'azure.example': { auth: base64('00000000-0000-0000-0000-000000000000:'), identitytoken: 'id' },
      'empty.example': {},
    },
  });
  const find = dockerCredentials(env, none);
  assert.deepEqual((await find('ghcr.io')).secret, password('ann', 'pa:ss'));
  assert.deepEqual((await find('quay.example')).secret, password('bob', 'b'));
  assert.deepEqual((await find('docker.io')).secret, password('hub', 'h'));
  assert.deepEqual((await find('127.0.0.1:5000')).secret, { kind: 'identity', token: 'refresh' });
  assert.deepEqual((await find('azure.example')).secret, { kind: 'identity', token: 'id' });
  for (const host of ['empty.example', 'other.example', '127.0.0.1']) {
    const { secret, looked } = await find(host);
    assert.equal(secret, null);
    assert.match(looked, /config\.json/);
  }
});

test('a helper for the host comes before the store, and the store before the file', async (t) => {
  const env = config(t, {
    auths: { 'a.example': { auth: base64('file:f') }, 'c.example': { auth: base64('file:f') } },
    credHelpers: { 'a.example': 'special' },
    credsStore: 'store',
  });
  const calls: unknown[] = [];
  const exec: Exec = async (command, args, options) => {
    calls.push([command, args, options?.input]);
    if (options?.input === 'c.example') return { code: 1, stdout: 'credentials not found', stderr: '' };
    return { code: 0, stdout: JSON.stringify({ Username: command, Secret: 's' }), stderr: '' };
  };
  const find = dockerCredentials(env, exec);
  assert.deepEqual((await find('a.example')).secret, password('docker-credential-special', 's'));
  assert.deepEqual((await find('b.example')).secret, password('docker-credential-store', 's'));
  assert.deepEqual((await find('c.example')).secret, password('file', 'f'));
  assert.deepEqual(calls, [
    ['docker-credential-special', ['get'], 'a.example'],
    ['docker-credential-store', ['get'], 'b.example'],
    ['docker-credential-store', ['get'], 'c.example'],
  ]);
});

test('a helper that is missing, or whose name is a path, is a message', async (t) => {
  await assert.rejects(
    dockerCredentials(config(t, { credsStore: 'desktop' }), none)('a.example'),
    /docker-credential-desktop, which is not installed/,
  );
  const never: Exec = async () => assert.fail('it was run');
  for (const name of ['../../bin/sh', 'a b', 'x;y', '$(id)'])
    await assert.rejects(dockerCredentials(config(t, { credsStore: name }), never)('a.example'), UserError);
});

test('no file is no credentials, and a broken file is a message that does not quote it', async (t) => {
  const home = scratch(t);
  assert.equal((await dockerCredentials({ HOME: home }, none)('ghcr.io')).secret, null);
  mkdirSync(join(home, '.docker'));
  writeFileSync(join(home, '.docker', 'config.json'), '{"auths": {"ghcr.io": {"auth": "c2VjcmV0"');
  await assert.rejects(dockerCredentials({ HOME: home }, none)('ghcr.io'), (error: unknown) => {
    assert.ok(error instanceof UserError);
    assert.equal(error.cause, undefined);
    assert.doesNotMatch(error.message, /c2Vj/);
    return true;
  });
  for (const odd of ['[]', 'null', '{"auths": [1], "credHelpers": "x"}', '{"auths": {"ghcr.io": 7}}'])
    assert.equal((await dockerCredentials(config(t, odd), none)('ghcr.io')).secret, null);
});

test('challenges are read as registries write them', () => {
  const read = (text: string) =>
    parseChallenges(text).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
  assert.deepEqual(
    read('Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:a/b:pull,push"'),
    [['bearer', { realm: 'https://ghcr.io/token', service: 'ghcr.io', scope: 'repository:a/b:pull,push' }]],
  );
  assert.deepEqual(read('Basic realm="Sonatype \\"Nexus\\"", BEARER realm=https://x/t'), [
    ['basic', { realm: 'Sonatype "Nexus"' }],
    ['bearer', { realm: 'https://x/t' }],
  ]);
  assert.deepEqual(read(''), []);
  assert.deepEqual(read('Negotiate'), [['negotiate', {}]]);
  assert.equal(parseChallenges(`Bearer realm="${'\\"'.repeat(50_000)}`).length, 1);
});
