import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Contract } from '../../src/contract/types.ts';
import { emptyReading, type Reading } from '../../src/formats/format.ts';

import { type BuiltImage, buildImage, hasDocker, type ImageOptions } from '../../src/image/docker.ts';
import { tryImage } from '../../src/image/trial.ts';
import { walk } from '../../src/model/walk.ts';
import type { Manifest } from '../../src/oci/types.ts';
import { type Exec, execLocal } from '../../src/ports/exec.ts';
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

test('the same content gives the same layers, whenever and however often it is built', async (t) => {
  if (!(await needDocker(t))) return;
  const options = load('predict', null);
  await using first = await buildImage(options, ports);
  const touched = mkdtempSync(join(tmpdir(), 'lading-test-'));
  t.after(() => rmSync(touched, { recursive: true, force: true }));
  cpSync(options.directory.absolute, touched, { recursive: true, preserveTimestamps: false });
  for (const file of options.directory.files) chmodSync(join(touched, file.path), 0o600);
  const copy = { ...options, directory: walk('elsewhere', touched), noCache: true };
  await using second = await buildImage(copy, ports);
  const digests = (image: BuiltImage): string[] => image.layers.map((layer) => layer.descriptor.digest);
  assert.deepEqual(digests(second), digests(first));
});

test('a version is stamped on config and manifest, and every blob has the digest that it is called by', async (t) => {
  if (!(await needDocker(t))) return;
  await using image = await buildImage(load('predict', null), ports);
  for (const layer of image.layers) {
    const sum = createHash('sha256');
    let size = 0;
    for await (const chunk of layer.open()) {
      sum.update(chunk);
      size += chunk.length;
    }
    assert.equal(`sha256:${sum.digest('hex')}`, layer.descriptor.digest);
    assert.equal(size, layer.descriptor.size);
  }
  const stamp = {
    name: 'line',
    version: '1.0.0',
    contract: '{"a":1}',
    labels: { team: 'x"y' },
    revision: 'abc',
  };
  const json = (bytes: Uint8Array): Record<string, unknown> => JSON.parse(new TextDecoder().decode(bytes));
  const { config, manifest } = image.stamp(stamp);
  const written = json(manifest) as unknown as Manifest;
  assert.equal(written.config.digest, `sha256:${createHash('sha256').update(config).digest('hex')}`);
  assert.deepEqual(
    written.layers,
    image.layers.map((layer) => layer.descriptor),
  );
  const { Labels: labels, Env: env } = json(config)['config'] as {
    Labels: Record<string, string>;
    Env: string[];
  };
  assert.equal(labels['org.opencontainers.image.version'], '1.0.0');
  assert.equal(labels['org.opencontainers.image.revision'], 'abc');
  assert.equal(labels['io.lading.contract'], '{"a":1}');
  assert.equal(labels['team'], 'x"y');
  assert.equal(written.annotations?.['org.opencontainers.image.title'], 'line');
  assert.ok(env.includes('LADING_MODEL_VERSION=1.0.0'));
  assert.deepEqual(image.stamp(stamp), image.stamp(stamp));
  assert.notDeepEqual(image.stamp({ ...stamp, version: '1.0.1' }).config, config);
});

/** A copy of the predict.py model with other files. */
function changed(t: TestContext, files: Readonly<Record<string, string>>, contract?: Contract) {
  const options = load('predict', null, contract);
  const folder = mkdtempSync(join(tmpdir(), 'lading-test-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(options.directory.absolute, folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return { ...options, directory: walk('models/line', folder) };
}

async function trial(options: ImageOptions) {
  await using image = await buildImage(options, ports);
  return await tryImage({ ...options, reference: image.reference }, ports);
}

test('a model that cannot be loaded is a finding with the log, and the container is gone', async (t) => {
  if (!(await needDocker(t))) return;
  const options = changed(t, { 'predict.py': 'import nothing_like_this\n' });
  await using image = await buildImage(options, ports);
  const { remarks } = await tryImage({ ...options, reference: image.reference }, ports);
  assert.deepEqual(
    remarks.map((one) => one.rule),
    ['image-not-ready'],
  );
  assert.match(remarks[0]?.message ?? '', /No module named 'nothing_like_this'/);
  const left = await execLocal('docker', ['ps', '--all', '--format', '{{.Image}}']);
  assert.ok(!left.stdout.split('\n').includes(image.reference));
});

test('an answer that is not what the contract says is a finding that names the output', async (t) => {
  if (!(await needDocker(t))) return;
  const predict = 'def predict(payload):\n    return {"y": [str(x) for x in payload["x"]]}\n';
  const { remarks } = await trial(changed(t, { 'predict.py': predict }));
  assert.deepEqual(
    remarks.map((one) => [one.rule, one.subject]),
    [['image-breaks-contract', 'predict.outputs.y']],
  );
});

test('a model that fails on what its contract admits is a finding, and its own sample is used', async (t) => {
  if (!(await needDocker(t))) return;
  const predict = 'def predict(payload):\n    assert payload == {"x": [7]}\n    return {"y": [1.5]}\n';
  const bad = await trial(changed(t, { 'predict.py': predict }));
  assert.deepEqual(
    bad.remarks.map((one) => one.rule),
    ['image-breaks-contract'],
  );
  const good = await trial(changed(t, { 'predict.py': predict, 'samples/predict.json': '{"x": [7]}' }));
  assert.deepEqual(good.remarks, []);
  assert.deepEqual(good.calls[0]?.request, { x: [7] });
});

test('a server of the user that lets anything through is a finding', async (t) => {
  if (!(await needDocker(t))) return;
  const server = `
import http.server, json
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self): self.reply({})
    def do_POST(self): self.reply({"y": [1.0] * len(json.loads(self.rfile.read(int(self.headers["content-length"]))).get("x", []))})
    def reply(self, body):
        self.send_response(200); self.end_headers(); self.wfile.write(json.dumps(body).encode())
http.server.HTTPServer(("", 8080), Handler).serve_forever()
`;
  const dockerfile = `FROM ${BASE}\nADD code.tar /\nCMD ["python3", "/opt/lading/model/server.py"]\n`;
  const options = changed(t, { 'server.py': server, Dockerfile: dockerfile });
  const { remarks } = await trial({ ...options, dockerfile: join(options.directory.absolute, 'Dockerfile') });
  assert.ok(remarks.length > 0);
  assert.deepEqual([...new Set(remarks.map((one) => one.rule))], ['image-accepts-garbage']);
});

test('a build that fails says what Docker said', async (t) => {
  if (!(await needDocker(t))) return;
  const options = changed(t, { 'requirements.txt': 'numpy==0.0.0.1\n' });
  await assert.rejects(buildImage(options, ports), (error: Error) => {
    assert.equal(error.name, 'UserError');
    assert.match(error.message, /numpy==0\.0\.0\.1/);
    return true;
  });
});

test('a machine without Docker is a message that says what to do', async () => {
  const none: Exec = async () => ({ code: 127, stdout: '', stderr: '' });
  const silentEngine: Exec = async () => ({
    code: 1,
    stdout: '',
    stderr: 'Cannot connect to the Docker daemon',
  });
  const options = load('predict', null);
  await assert.rejects(buildImage(options, { ...ports, exec: none }), /Docker is not installed/);
  await assert.rejects(
    buildImage(options, { ...ports, exec: silentEngine }),
    /does not answer: Cannot connect/,
  );
});
