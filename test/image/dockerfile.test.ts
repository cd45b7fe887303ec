import assert from 'node:assert/strict';
import {
  chmodSync,
  createReadStream,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { extract, type Header } from 'tar-stream';
import type { Contract } from '../../src/contract/types.ts';
import { emptyReading } from '../../src/formats/format.ts';
import { writeContext } from '../../src/image/context.ts';
import { type ImageOptions, planImage } from '../../src/image/docker.ts';
import { dockerfile, isImageReference } from '../../src/image/dockerfile.ts';
import { walk } from '../../src/model/walk.ts';

const CONTRACT: Contract = { contract: 'v1', signatures: { predict: { inputs: null, outputs: null } } };

/** A scratch folder with files, removed after the test. */
function folder(t: { after(body: () => void): void }, files: Readonly<Record<string, string>> = {}): string {
  const path = mkdtempSync(join(tmpdir(), 'lading-test-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  return path;
}

function options(path: string, format: string | null, file = 'model.joblib'): ImageOptions {
  const candidate = { format: format ?? '', path: file, role: 'model', covers: [] } as const;
  return {
    directory: walk('models/wine', path),
    reading: format === null ? null : emptyReading(candidate),
    contract: CONTRACT,
    base: null,
    dockerfile: null,
  };
}

/** The entries of a tar archive, by name. */
async function unpack(archive: string): Promise<Map<string, { header: Header; text: string }>> {
  const entries = new Map<string, { header: Header; text: string }>();
  for await (const entry of createReadStream(archive).pipe(extract()))
    entries.set(entry.header.name, { header: entry.header, text: await text(entry) });
  return entries;
}

/** The instructions of a Dockerfile, one a line, with their arguments. */
function instructions(text: string): { name: string; rest: string }[] {
  return text
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => ({ name: line.split(' ')[0] ?? '', rest: line.slice(line.indexOf(' ') + 1) }));
}

test('layers are in order of change: dependencies, weights, code, contract', () => {
  const copies = instructions(dockerfile({ base: 'python:3.12-slim' }))
    .filter(({ rest }) => rest.startsWith('--link'))
    .map(({ rest }) => JSON.parse(rest.slice(rest.indexOf('['))));
  assert.deepEqual(
    copies.map(([from]) => from),
    ['/layer/', 'weights.tar', 'code.tar', 'contract.tar'],
  );
  assert.ok(copies.every(([, to]) => to === '/'));
});

test('the image runs as a numbered user without rights, says how it is and needs no shell', () => {
  const all = instructions(dockerfile({ base: 'python:3.12-slim' }));
  const final = all.slice(all.findLastIndex(({ name }) => name === 'FROM'));
  const one = (name: string): string => final.find((entry) => entry.name === name)?.rest ?? '';
  assert.equal(one('USER'), '10001:10001');
  assert.deepEqual(JSON.parse(one('ENTRYPOINT')), ['python', '-m', 'lading_server']);
  assert.match(one('HEALTHCHECK'), /CMD \["python", "-m", "lading_server\.health"\]$/);
  assert.equal(one('EXPOSE'), '8080');
  assert.equal(final.filter(({ name }) => name === 'RUN').length, 0);
});

test('nothing is pulled beside the base: no syntax directive, two stages of the same base', () => {
  const base = `python:3.12-slim@sha256:${'a'.repeat(64)}`;
  const text = dockerfile({ base });
  assert.ok(!text.startsWith('#'));
  assert.deepEqual(
    instructions(text).flatMap(({ name, rest }) => (name === 'FROM' ? [rest.split(' ')[0]] : [])),
    [base, base],
  );
});

test('a base that is more than a reference is refused', () => {
  for (const bad of [
    '',
    'python\nRUN id',
    'python AS x',
    '--platform=x',
    'python:3 # x',
    '$BASE',
    'a'.repeat(600),
  ])
    assert.equal(isImageReference(bad), false, bad);
  for (const good of ['python:3.12-slim', 'ghcr.io/acme/base:1@sha256:0', '127.0.0.1:5000/python:3.11'])
    assert.equal(isImageReference(good), true, good);
  assert.throws(() => dockerfile({ base: 'python\nRUN id' }));
});

test('what files are called does not change the Dockerfile, and they arrive under their names', async (t) => {
  const names = [
    'model.joblib',
    'a b "c" $(id) `id`.bin',
    'new\nRUN touch x',
    '["x", "y"]',
    '--from=dependencies',
    '*.txt',
    '!x',
    'deep/[a-z]/é.txt',
  ];
  const path = folder(t, Object.fromEntries(names.map((name) => [name, name])));
  const plain = folder(t, { 'model.joblib': '' });
  const given = options(path, 'sklearn');
  const plan = planImage(given);
  assert.equal(plan.dockerfile, planImage(options(plain, 'sklearn')).dockerfile);
  const context = join(folder(t), 'context');
  await writeContext({ ...plan, directory: given.directory, contract: CONTRACT }, context);
  assert.deepEqual(readdirSync(context).sort(), [
    'Dockerfile',
    'code.tar',
    'contract.tar',
    'requirements.txt',
    'weights.tar',
  ]);
  for (const name of names) {
    const layer = await unpack(join(context, name === 'model.joblib' ? 'weights.tar' : 'code.tar'));
    assert.equal(layer.get(`opt/lading/model/${name}`)?.text, name);
  }
});

test('every entry of a layer has time zero, owner zero and rights that do not come from the machine', async (t) => {
  const given = options(folder(t, { 'model.onnx': 'x', 'notes/a.txt': 'y' }), 'onnx', 'model.onnx');
  chmodSync(join(given.directory.absolute, 'notes/a.txt'), 0o600);
  const context = join(folder(t), 'context');
  await writeContext({ ...planImage(given), directory: given.directory, contract: CONTRACT }, context);
  for (const layer of ['weights.tar', 'code.tar', 'contract.tar']) {
    const entries = await unpack(join(context, layer));
    assert.ok(entries.has('opt/lading/model/'), 'the folder that the server is started in');
    for (const [name, { header }] of entries) {
      assert.equal(header.mtime?.getTime(), 0, name);
      assert.deepEqual([header.uid, header.gid, header.uname, header.gname], [0, 0, '', ''], name);
      assert.equal(header.mode, name.endsWith('/') ? 0o755 : 0o644, name);
    }
  }
});

test('an image has the loader of its format and no other', async (t) => {
  for (const [format, loader] of [
    ['sklearn', 'sklearn'],
    ['onnx', 'onnx'],
    ['tensorflow', 'tensorflow'],
  ] as const) {
    const given = options(folder(t, { 'model.bin': 'x' }), format, 'model.bin');
    const plan = planImage(given);
    assert.equal(plan.loader, loader);
    const context = join(folder(t), 'context');
    await writeContext({ ...plan, directory: given.directory, contract: CONTRACT }, context);
    const code = await unpack(join(context, 'code.tar'));
    assert.deepEqual(
      [...code.keys()].filter((name) => /loaders\/./.test(name)),
      ['__init__.py', `${loader}.py`].map((name) => `opt/lading/lading_server/loaders/${name}`),
    );
    const contract = await unpack(join(context, 'contract.tar'));
    const serving = contract.get('opt/lading/serving.json')?.text ?? '';
    assert.deepEqual(JSON.parse(serving), { loader, path: 'model.bin' });
  }
});

test('a predict.py answers for the model, whatever the format', (t) => {
  const path = folder(t, { 'predict.py': '', 'model.gguf': '' });
  assert.equal(planImage(options(path, 'gguf', 'model.gguf')).loader, 'predict');
  assert.equal(planImage(options(path, null)).path, 'predict.py');
});

test('a format without a server asks for a predict.py', (t) => {
  const path = folder(t, { 'model.gguf': '' });
  assert.throws(() => planImage(options(path, 'gguf', 'model.gguf')), /there is no server for gguf/);
});

test("the user's own Dockerfile replaces the generated one", (t) => {
  const path = folder(t, { 'model.joblib': '', Dockerfile: 'FROM scratch\n' });
  const plan = planImage({ ...options(path, 'sklearn'), dockerfile: join(path, 'Dockerfile') });
  assert.equal(plan.dockerfile, 'FROM scratch\n');
  assert.throws(
    () => planImage({ ...options(path, 'sklearn'), dockerfile: join(path, 'no') }),
    /cannot be read/,
  );
});
