import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { type RegistryDouble, registryDouble } from '../helpers/registry.ts';

const PROGRAM = join(import.meta.dirname, 'pusher.ts');

function push(double: RegistryDouble): ChildProcess {
  return spawn(process.execPath, [PROGRAM, double.host], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Everything that can be seen from outside. */
function state(double: RegistryDouble) {
  return {
    blobs: [...double.blobs('acme/wine').keys()].sort(),
    manifests: [...double.manifests('acme/wine').keys()],
    tags: [...double.tags('acme/wine')],
  };
}

test('a push that is killed at any request and run again ends as one that was not', async () => {
  await using clean = await registryDouble();
  assert.deepEqual(await once(push(clean), 'exit'), [0, null]);
  const wanted = state(clean);
  assert.equal(wanted.tags.length, 1);
  // Killed before a request is served, and after, when only its answer is lost.
  for (let at = 1; at <= clean.requests.length; at += 1) {
    let child: ChildProcess | null = null;
    await using double = await registryDouble({
      before: async ({ number }) => {
        if (number !== at || !child) return undefined;
        const dying = child;
        child = null;
        dying.kill('SIGKILL');
        await once(dying, 'exit');
        return at % 2 === 0 ? 'reset' : 'drop';
      },
    });
    child = push(double);
    const [, signal] = await once(child, 'exit');
    assert.equal(signal, 'SIGKILL');
    if (double.tags('acme/wine').size > 0)
      assert.deepEqual(state(double), wanted, 'a tag means that all is there');
    assert.deepEqual(await once(push(double), 'exit'), [0, null]);
    assert.deepEqual(state(double), wanted);
  }
});
