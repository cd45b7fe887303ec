import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { behaviourDrift } from '../../src/check/behaviour.ts';
import { inspectModel } from '../../src/check/inspect.ts';
import { imagePythonOf, madeFacts, madeProperties } from '../../src/commands/made.ts';
import type { PublishEvent } from '../../src/ledger/event.ts';
import { walk } from '../../src/model/walk.ts';

const MODELS = join(import.meta.dirname, '../fixtures/models');

async function modelAt(path: string) {
  const directory = walk('model', join(MODELS, path, 'model'));
  const inspected = await inspectModel(directory, { name: 'wine' });
  return { directory, inspected, contract: inspected.inspection.contract };
}

test('Python of the image is that of the base, and of the framework where Lading chooses the base', async () => {
  const model = await modelAt('sklearn/classifier-gaussian-nb');
  assert.match((await imagePythonOf({ ...model, base: null })) ?? '', /^3\.\d+$/);
  assert.equal(await imagePythonOf({ ...model, base: 'python:3.11-slim' }), '3.11');
  assert.equal(await imagePythonOf({ ...model, base: 'ghcr.io/acme/base:2' }), null, 'nobody says it');
  assert.equal(await imagePythonOf({ ...model, base: 'not an image' }), null, 'the build says what is wrong');
  assert.equal(await imagePythonOf({ ...model, contract: null, base: null }), null);
  assert.equal(madeProperties(model.inspected, '3.11')['image_python'], '3.11');
});

test('an image that gets another Python than the published one is a notice, where the ledger knows that one', async () => {
  const model = await modelAt('sklearn/classifier-gaussian-nb');
  const { reading } = model.inspected;
  const rules = async (properties: Record<string, string>) => {
    const old: PublishEvent = {
      ...{ event: 'publish', seq: 1, at: '2026-01-01T00:00:00Z', name: 'wine', prev: '0'.repeat(64) },
      ...{ version: '1.0.0', bump: 'first', kind: 'image', repository: 'ghcr.io/acme/wine' },
      ...{ digest: `sha256:${'a'.repeat(64)}`, content: 'a'.repeat(64), labels: {} },
      contract: model.contract ?? { contract: 'v1', signatures: {} },
      framework: reading?.framework ?? null,
      parameters: null,
      files: model.directory.files.map(({ path, size }) => ({ path, size, sha256: 'a'.repeat(64) })),
      properties,
    };
    const facts = await madeFacts(old, { ...model, base: 'python:3.11-slim' }, () => true);
    return behaviourDrift(...facts).map((one) => one.rule);
  };
  assert.deepEqual(await rules({ image_python: '3.9' }), ['behaviour-python-changed']);
  assert.deepEqual(await rules({ image_python: '3.11' }), []);
  assert.deepEqual(await rules({ python: '3.9.2' }), [], 'an image is not what the model was made with');
});

test('formats that no image can serve have no Python', async () => {
  assert.equal(await imagePythonOf({ ...(await modelAt('tflite/keras-float')), base: null }), null);
});

test('a converter that quantised leaves another precision', async () => {
  const precision = async (path: string) =>
    madeProperties((await modelAt(path)).inspected, null)['precision']?.split(', ')[0];
  assert.equal(await precision('tflite/keras-float'), 'float32');
  assert.equal(await precision('tflite/keras-int8'), 'int8');
  assert.equal(await precision('onnx/weights-in-constants'), 'float32');
});
