/** What is no model is called by its name, and what is damaged is never clean. */
import assert from 'node:assert/strict';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { findEntry, openZip, readEntry } from '../../src/formats/wire/zip.ts';
import { inMemory } from '../../src/model/bytes.ts';
import { plainEnvironment, ROOT, run } from '../helpers/runner.ts';
import { zipOf } from '../helpers/zip.ts';

const MODELS = join(ROOT, 'test/fixtures/models');
const CLI = join(ROOT, 'src/cli.ts');

async function inFolder(use: (path: string) => Promise<void>): Promise<void> {
  const path = mkdtempSync(join(tmpdir(), 'lading-limits-'));
  try {
    await use(path);
  } finally {
    rmSync(path, { recursive: true });
  }
}

/** What `inspect` says of a directory: its exit code and rules, never a stack trace. */
async function inspected(folder: string, ...args: string[]) {
  const json = await run(process.execPath, [CLI, 'inspect', ...args, '--format', 'json'], {
    cwd: folder,
    env: plainEnvironment(),
  });
  assert.doesNotMatch(json.stdout + json.stderr, /^\s+at .*:\d+:\d+\)?$/m);
  return json;
}

async function rulesOf(folder: string): Promise<{ code: number; rules: string[]; verdict: string }> {
  const { code, stdout, stderr } = await inspected(folder, 'model');
  assert.notEqual(stdout, '', stderr);
  const { findings, verdict } = JSON.parse(stdout);
  const errors = findings.filter((one: { level: string }) => one.level === 'error');
  for (const one of errors) assert.ok(one.message && one.help, one.rule);
  return { code, rules: errors.map((one: { rule: string }) => one.rule), verdict };
}

for (const model of ['torchscript/scripted/model/model.pt', 'torch-export/dynamic/model/model.pt2'])
  test(`${model} is read to its end when it is larger than what is kept of it`, () =>
    inFolder(async (folder) => {
      const zip = openZip(inMemory(readFileSync(join(MODELS, model))));
      const root = zip.entries[0]?.name.split('/')[0] ?? '';
      const members = zip.entries.map((entry) => ({
        name: entry.name,
        data: Buffer.from(readEntry(zip, entry, 2 ** 30).bytes),
      }));
      const padding = { name: `${root}/extra/padding`, data: Buffer.alloc(2_000_000) };
      assert.equal(findEntry(zip, padding.name), undefined);
      mkdirSync(join(folder, 'model'));
      writeFileSync(join(folder, 'model', basename(model)), zipOf([padding, ...members]));
      const { code, rules, verdict } = await rulesOf(folder);
      assert.deepEqual({ code, rules, verdict }, { code: 0, rules: [], verdict: 'clean' });
    }));

const POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${'ab'.repeat(32)}\nsize 3221225472\n`;
const PAGE = '<!DOCTYPE html>\n<html><head><title>404</title></head><body>Not found</body></html>\n';
const NAMES = [
  'model.pkl',
  'model.joblib',
  'model.onnx',
  'model.h5',
  'model.keras',
  'model.pt',
  'model.tflite',
];

for (const [what, content, rule] of [
  ['an empty file', '', 'file-empty'],
  ['a Git LFS pointer', POINTER, 'file-lfs-pointer'],
  ['a pointer of git-annex', '/annex/objects/SHA256E-s123--ab.h5\n', 'file-not-a-model'],
  ['an HTML error page', PAGE, 'file-not-a-model'],
  ['a file of zeros', Buffer.alloc(100_000), 'file-not-a-model'],
] as const)
  test(`${what} under the name of a model is called by its name`, async () => {
    for (const name of NAMES)
      await inFolder(async (folder) => {
        mkdirSync(join(folder, 'model'));
        writeFileSync(join(folder, 'model', name), content);
        const { code, rules, verdict } = await rulesOf(folder);
        assert.deepEqual({ code, rules, verdict }, { code: 1, rules: [rule], verdict: 'not-a-model' }, name);
      });
  });

test('a model that DVC keeps elsewhere is said to be there', () =>
  inFolder(async (folder) => {
    mkdirSync(join(folder, 'model'));
    writeFileSync(join(folder, 'model/model.pkl.dvc'), 'outs:\n- md5: ab\n  size: 12\n  path: model.pkl\n');
    const { code, rules, verdict } = await rulesOf(folder);
    assert.deepEqual(
      { code, rules, verdict },
      { code: 1, rules: ['file-not-a-model'], verdict: 'not-a-model' },
    );
  }));

test('a directory with no files, or none that is a model, is said to hold none', async () => {
  for (const files of [[], ['README.md', 'notes.csv']])
    await inFolder(async (folder) => {
      mkdirSync(join(folder, 'model'));
      for (const name of files) writeFileSync(join(folder, 'model', name), 'a,b\n1,2\n');
      const { code, rules, verdict } = await rulesOf(folder);
      assert.deepEqual(
        { code, rules, verdict },
        { code: 1, rules: ['model-missing'], verdict: 'not-a-model' },
      );
    });
});

test('a directory that is not there is a message about the path', () =>
  inFolder(async (folder) => {
    const { code, stdout, stderr } = await inspected(folder, 'models/churn');
    assert.notEqual(code, 0);
    assert.match(stdout + stderr, /models\/churn/);
  }));

const CUT = [
  'onnx/linear-ir13/model',
  'sklearn/container-joblib/model',
  'sklearn/container-gzip/model',
  'sklearn/pickle-protocol-2/model',
  'keras/mlp-keras/model',
  'keras/mlp-h5/model',
  'tensorflow/v1/model',
  'tflite/keras-float/model',
  'torchscript/scripted/model',
  'torch/state-dict-legacy/model',
  'xgboost/regression-named-json/model',
  'xgboost/regression-named-ubj/model',
  'catboost/regressor/model',
  'lightgbm/regression-named/model',
];

const DAMAGED = ['file-truncated', 'file-malformed', 'pickle-malformed'];

for (const model of CUT)
  test(`${dirname(model)} cut short is said to be damaged`, () =>
    inFolder(async (folder) => {
      const target = join(folder, 'model');
      cpSync(join(MODELS, model), target, { recursive: true });
      for (const name of readdirSync(target)) {
        const path = join(target, name);
        if (!/\.(onnx|joblib|pkl|keras|h5|pb|tflite|pt|pth|json|ubj|cbm|txt|bin)$/.test(name)) continue;
        truncateSync(path, Math.floor(readFileSync(path).length * 0.6));
      }
      const { code, rules, verdict } = await rulesOf(folder);
      assert.equal(code, 1);
      assert.ok(
        rules.some((rule) => DAMAGED.includes(rule)),
        rules.join(),
      );
      assert.notEqual(verdict, 'clean');
    }));

test('weights of OpenVINO that end before the graph does are said to be cut short', () =>
  inFolder(async (folder) => {
    const target = join(folder, 'model');
    cpSync(join(MODELS, 'openvino/dynamic-batch/model'), target, { recursive: true });
    const weights = readdirSync(target).find((name) => name.endsWith('.bin')) ?? assert.fail();
    truncateSync(join(target, weights), 10);
    const { code, rules, verdict } = await rulesOf(folder);
    assert.deepEqual({ code, rules, verdict }, { code: 1, rules: ['file-truncated'], verdict: 'review' });
  }));

test('a safetensors file whose weights end early is said to be cut short', () =>
  inFolder(async (folder) => {
    const target = join(folder, 'model');
    cpSync(join(MODELS, 'safetensors/linear/model'), target, { recursive: true });
    const weights = readdirSync(target).find((name) => name.endsWith('.safetensors')) ?? assert.fail();
    truncateSync(join(target, weights), statSync(join(target, weights)).size - 10);
    const { code, rules } = await rulesOf(folder);
    assert.deepEqual({ code, rules }, { code: 1, rules: ['file-truncated'] });
  }));
