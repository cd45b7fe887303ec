import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Contract } from '../../src/contract/types.ts';
import { emptyReading, type Reading } from '../../src/formats/format.ts';

import { type BuiltImage, buildImage, hasDocker, type ImageOptions } from '../../src/image/docker.ts';
import { tryImage } from '../../src/image/trial.ts';
import { walk } from '../../src/model/walk.ts';
import { execLocal } from '../../src/ports/exec.ts';
import { silent } from '../../src/ports/log.ts';

const SERVING = join(import.meta.dirname, '..', 'fixtures', 'serving');
const BASE = process.env['LADING_TEST_BASE'] ?? 'lading-test/python:3.11';
const ports = { exec: execLocal, log: silent };

/** These tests need a Docker engine and the base image; they fail for want of them only where they must run. */
async function needDocker(t: TestContext): Promise<boolean> {
  const there = await hasDocker(execLocal);
  if (there && (await execLocal('docker', ['image', 'inspect', BASE])).code === 0) return true;
  const reason = there ? `there is no image ${BASE}` : 'there is no Docker engine';
  assert.notEqual(process.env['LADING_REQUIRE_DOCKER'], '1', reason);
  t.skip(reason);
  return false;
}

interface Truth {
  readonly payload: Record<string, unknown>;
  readonly [signature: string]: Record<string, unknown>;
}

function load(
  name: string,
  reading: Partial<Reading> | null,
  contract?: Contract,
): ImageOptions & { truth: Truth } {
  const json = <T>(file: string): T => JSON.parse(readFileSync(join(SERVING, name, file), 'utf8')) as T;
  const candidate = { format: name, path: '', role: 'model', covers: [] } as const;
  return {
    directory: walk(name, join(SERVING, name, 'model')),
    reading: reading && { ...emptyReading(candidate), ...reading },
    contract: contract ?? json<Contract>('contract.json'),
    base: BASE,
    dockerfile: null,
    truth: json<Truth>('truth.json'),
  };
}

/** Runs a container of the image for `body`, which gets the server's address. */
async function serving<T>(image: BuiltImage, body: (url: string) => Promise<T>): Promise<T> {
  const run = await execLocal('docker', [
    'run',
    '--detach',
    '--rm',
    '--publish',
    '127.0.0.1::8080',
    image.reference,
  ]);
  assert.equal(run.code, 0, run.stderr);
  const container = run.stdout.trim();
  try {
    const port = await execLocal('docker', ['port', container, '8080/tcp']);
    const url = `http://${port.stdout.trim().split('\n')[0]}`;
    for (let tries = 0; ; tries += 1) {
      const ready = await fetch(`${url}/readyz`)
        .then((answer) => answer.ok)
        .catch(() => false);
      if (ready) return await body(url);
      assert.ok(tries < 480, 'the server did not become ready');
      await new Promise((done) => setTimeout(done, 250));
    }
  } finally {
    await execLocal('docker', ['rm', '--force', container]);
  }
}

async function post(url: string, body: unknown): Promise<{ status: number; body: unknown }> {
  const answer = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
  return { status: answer.status, body: await answer.json() };
}

/** The answers of the framework, and of the server, with numbers rounded to 6 digits. */
function rounded(value: unknown): unknown {
  if (typeof value === 'number') return Number(value.toPrecision(6));
  if (Array.isArray(value)) return value.map(rounded);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, rounded(one)]));
}

async function passes(options: ImageOptions & { truth: Truth }): Promise<void> {
  await using image = await buildImage(options, ports);
  const trial = await tryImage({ ...options, reference: image.reference }, ports);
  assert.deepEqual(trial.remarks, []);
  assert.deepEqual(
    trial.calls.map((call) => [call.signature, call.status]),
    Object.keys(options.contract.signatures).map((signature) => [signature, 200]),
  );
  await serving(image, async (url) => {
    for (const signature of Object.keys(options.contract.signatures)) {
      const answer = await post(`${url}/predict/${signature}`, options.truth.payload);
      assert.deepEqual(rounded(answer), rounded({ status: 200, body: options.truth[signature] }));
    }
  });
}

test('a scikit-learn pipeline answers as scikit-learn does', async (t) => {
  if (!(await needDocker(t))) return;
  const columns = ['alcohol', 'malic_acid', 'color_intensity', 'proline'];
  await passes(
    load('sklearn', { path: 'model.joblib', requirements: { 'scikit-learn': '1.5.2' }, features: columns }),
  );
});

test('an ONNX model answers as onnxruntime does', async (t) => {
  if (!(await needDocker(t))) return;
  await passes(load('onnx', { path: 'model.onnx' }));
});

test("a user's predict.py is loaded once and called with the payload", async (t) => {
  if (!(await needDocker(t))) return;
  await passes(load('predict', null));
});
