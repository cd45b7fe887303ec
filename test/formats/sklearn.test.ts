import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Reading } from '../../src/formats/format.ts';
import { detect, lookAt, readCandidate } from '../../src/formats/read.ts';
import { sklearn } from '../../src/formats/sklearn.ts';
import { walk } from '../../src/model/walk.ts';
import { truthCases } from '../helpers/truth.ts';

const ROOT = join(import.meta.dirname, '../fixtures/models');
const CASES = truthCases(ROOT).filter((one) => one.format === 'sklearn');

/** Reads the only candidate for the format in a directory; `null` when there is none. */
async function read(directory: string): Promise<Reading | null> {
  const look = lookAt(walk('model', directory));
  const [candidate] = detect(look, [sklearn]);
  return candidate ? readCandidate(candidate, look) : null;
}

/** Reads bytes under a name. */
async function readBytes(name: string, ...parts: (string | number[])[]): Promise<Reading | null> {
  const folder = mkdtempSync(join(tmpdir(), 'lading-sklearn-'));
  try {
    const bytes = parts.map((part) =>
      typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part),
    );
    writeFileSync(join(folder, name), Buffer.concat(bytes));
    return await read(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

for (const one of CASES)
  test(`${one.name} has the methods that ${one.truth.maker.framework} ${one.truth.maker.version} gives it, and evidence for each value`, async () => {
    const reading = await read(one.directory);
    const expected = Object.keys(one.truth.signatures ?? {}).sort();
    assert.deepEqual(Object.keys(reading?.contract?.signatures ?? {}).sort(), expected);
    for (const [name, signature] of Object.entries(reading?.contract?.signatures ?? {}))
      for (const side of ['inputs', 'outputs'] as const)
        signature[side]?.forEach((_field, index) => {
          for (const key of ['name', 'type', 'shape'])
            assert.ok(
              reading?.evidence[`/signatures/${name}/${side}/${index}/${key}`],
              `${name} ${side} ${key}`,
            );
        });
  });

test('columns that an encoder knows come with their categories where no others are admitted', async () => {
  const one = CASES.find((given) => given.name === 'transformer-ordinal');
  const reading = await read(one?.directory ?? '');
  assert.deepEqual(reading?.contract?.signatures['transform']?.inputs?.[0]?.categories, [
    'east',
    'north',
    'south',
  ]);
  const open = CASES.find((given) => given.name === 'table-mixed');
  const lenient = await read(open?.directory ?? '');
  assert.equal(lenient?.contract?.signatures['predict']?.inputs?.[2]?.categories, undefined);
  assert.equal(lenient?.contract?.signatures['predict']?.inputs?.[2]?.type, 'string');
});

test('columns that no part of a table model uses may be left out', async () => {
  const one = CASES.find((given) => given.name === 'table-index-drop');
  const reading = await read(one?.directory ?? '');
  assert.deepEqual(
    reading?.contract?.signatures['predict']?.inputs?.map((field) => field.optional ?? false),
    [false, false, false, true],
  );
});

test('a dict of estimators is no model, and the reading says what it is and what to write', async () => {
  const reading = await readBytes(
    'e.pkl',
    [0x80, 2],
    '}(U\x01acsklearn.svm._classes\nSVC\n)\x81}bU\x01bcsklearn.svm._classes\nSVC\n)\x81}bu.',
  );
  assert.equal(reading?.contract, null);
  const remark = reading?.remarks.find((one) => one.rule === 'contract-unknown');
  assert.match(remark?.message ?? '', /dict of 2 objects \(a: SVC, b: SVC\)/);
  assert.match(remark?.help ?? '', /contract: v1\nsignatures:/);
});

test('an estimator that was never fitted has no contract, and the reading says why', async () => {
  const reading = await readBytes('m.pkl', [0x80, 2], 'csklearn.svm._classes\nSVC\n)\x81}U\x01CK\x01sb.');
  assert.equal(reading?.contract, null);
  assert.match(reading?.remarks[0]?.message ?? '', /SVC was saved before it was fitted/);
});

test('a function is no model, and is named', async () => {
  const reading = await readBytes('m.pkl', [0x80, 2], 'cnumpy\nmean\n.');
  assert.equal(reading?.contract, null);
  assert.match(reading?.remarks[0]?.message ?? '', /function or class \(numpy\.mean\)/);
});

test("a function of NumPy's that looks up another module's is as dangerous as what it finds", async () => {
  const call = (module: string, name: string) =>
    readBytes('m.pkl', [0x80, 2], `cnumpy.core\n_ufunc_reconstruct\n(S'${module}'\nS'${name}'\ntR.`);
  assert.equal((await call('os', 'system'))?.risk, 'dangerous');
  assert.equal((await call('somewhere', 'log1p'))?.risk, 'review');
  assert.equal((await call('numpy.core._multiarray_umath', 'log1p'))?.risk, 'none');
});

test('a class that has the name of one of scikit-learn is not taken for it', async () => {
  const reading = await readBytes('m.pkl', [0x80, 2], 'c__main__\nStackingClassifier\n)\x81}U\x01aK\x01sb.');
  assert.equal(reading?.contract, null);
});

test('a file beside an old joblib file is read by its name alone, never elsewhere', async () => {
  const wrapped = (name: string) =>
    readBytes(
      'm.pkl',
      [0x80, 2],
      `csklearn.preprocessing.data\nMaxAbsScaler\n)\x81}U\x08max_abs_cjoblib.numpy_pickle\nNDArrayWrapper\n)\x81}U\x08filenameS'${name}'\nsbsb.`,
    );
  for (const name of ['../../etc/passwd', '/etc/passwd', 'missing.npy', ''])
    assert.deepEqual((await wrapped(name))?.contract?.signatures['transform']?.inputs?.[0]?.shape, [
      'batch',
      null,
    ]);
});

test('a class that is not known asks for a contract, and for a look at the class', async () => {
  const reading = await readBytes('m.pkl', [0x80, 2], 'c__main__\nChurnModel\n)\x81}U\x01aK\x01sb.');
  assert.equal(reading?.risk, 'review');
  assert.deepEqual(reading?.remarks.map((one) => one.rule).sort(), ['contract-unknown', 'pickle-review']);
});

test('a pickle that would run a program is dangerous, and named', async () => {
  const reading = await readBytes('model.pkl', "cos\nsystem\n(S'true'\ntR.");
  assert.equal(reading?.risk, 'dangerous');
  assert.match(reading?.remarks[0]?.message ?? '', /os\.system/);
});

test('a pickle of Python 2 is read: its keys and names are byte strings', async () => {
  const reading = await readBytes(
    'old.pkl',
    'ccopy_reg\n_reconstructor\np0\n(csklearn.linear_model.logistic\nLogisticRegression\np1\nc__builtin__\nobject\np2\nNtp3\nRp4\n(dp5\n',
    "S'coef_'\np6\ncnumpy.core.multiarray\n_reconstruct\np7\n(cnumpy\nndarray\np8\n(I0\ntp9\nS'b'\np10\ntp11\nRp12\n(I1\n(I1\nI2\ntp13\n",
    "cnumpy\ndtype\np14\n(S'f8'\np15\nI0\nI1\ntp16\nRp17\n(I3\nS'<'\np18\nNNNI-1\nI-1\nI0\ntp19\nbI00\nS'\\x00\\x00\\x00\\x00\\x00\\x00\\xf0?\\x00\\x00\\x00\\x00\\x00\\x00\\xf0?'\np20\ntp21\nbs",
    "S'classes_'\np22\ng7\n(g8\n(I0\ntp23\ng10\ntp24\nRp25\n(I1\n(I2\ntp26\ncnumpy\ndtype\np27\n(S'i8'\np28\nI0\nI1\ntp29\nRp30\n(I3\nS'<'\np31\nNNNI-1\nI-1\nI0\ntp32\nbI00\nS'\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00'\np33\ntp34\nbs",
    "S'_sklearn_version'\np35\nS'0.18.1'\np36\nsb.",
  );
  assert.equal(reading?.risk, 'none', JSON.stringify(reading?.remarks));
  assert.deepEqual(reading?.framework, { name: 'scikit-learn', version: '0.18.1' });
  assert.deepEqual(reading?.contract?.signatures['predict']?.inputs?.[0]?.shape, ['batch', 2]);
  assert.deepEqual(reading?.labels, [0, 1]);
});

test('files of others are left to them', async () => {
  for (const [name, ...parts] of [
    ['legacy.pt', [0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19], '.'],
    ['zip.pkl', 'PK\x03\x04rest of it'],
    ['lightgbm.pkl', 'tree\nversion=v4\nnum_class=1\n'],
    ['text.pkl', 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n'],
    ['page.pkl', '<!doctype html><html>'],
    ['data.gz', [0x20, 0x20, 0x20, 0x20]],
  ] as const)
    assert.equal(
      await readBytes(name, ...parts.map((part) => (typeof part === 'string' ? part : [...part]))),
      null,
      name,
    );
});

test('a pickle that was cut short is an error, and no clean file', async () => {
  const reading = await readBytes('model.pkl', [0x80, 4, 0x95, 20, 0, 0, 0, 0, 0, 0, 0], 'K\x01');
  assert.equal(reading?.risk, 'review');
  assert.ok(reading?.remarks.some((one) => one.rule === 'pickle-malformed' && one.level === 'error'));
});

test('estimators that share one another in many ways end the reading, not the patience', async () => {
  const union = 'csklearn.pipeline\nFeatureUnion\n';
  // Each level holds the one before ten times: 10 to the power of 20 ways through it.
  const level = (memo: number) =>
    `${union})\x81}U\x10transformer_list](${`U\x01ah${String.fromCharCode(memo)}\x86`.repeat(10)}esbq${String.fromCharCode(memo + 1)}0`;
  const levels = Array.from({ length: 20 }, (_, index) => level(index)).join('');
  const reading = await readBytes(
    'u.pkl',
    [0x80, 2],
    `csklearn.decomposition._pca\nPCA\n)\x81}bq\x000${levels}h\x14.`,
  );
  assert.notEqual(reading, null);
  assert.notEqual(reading?.risk, 'none');
});

test('classifiers that keep how common their classes are say it, also inside of pipelines and searches', async () => {
  const folder = join(import.meta.dirname, '../fixtures/priors');
  const { cases } = JSON.parse(readFileSync(join(folder, 'truth.json'), 'utf8')) as {
    cases: Record<string, Record<string, number> | null>;
  };
  for (const [name, shares] of Object.entries(cases)) {
    const bytes = readFileSync(join(folder, `${name}.pkl`), 'latin1');
    const text = (await readBytes('model.pkl', bytes))?.properties['priors'];
    if (shares === null) {
      assert.equal(text, undefined, name);
      continue;
    }
    const sorted = Object.entries(shares).sort(([a], [b]) => (a < b ? -1 : 1));
    const rounded = sorted.map(([label, share]) => [label, Number(share.toFixed(4))]);
    assert.equal(text, JSON.stringify(Object.fromEntries(rounded)), name);
  }
});

test('an embedding of a CatBoost model in a pickle has the shape that it has in a file of its own', async () => {
  const directory = join(ROOT, 'catboost/embedding/model');
  const look = lookAt(walk('model', directory));
  const [candidate] = detect(look);
  assert.ok(candidate);
  const own = await readCandidate(candidate, look);
  const bytes = readFileSync(join(directory, candidate.path));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  const pickled = await readBytes(
    'model.pkl',
    '\x80\x03ccatboost.core\nCatBoostRegressor\n)\x81}X\x07\0\0\0__modelB',
    [...length, ...bytes],
    'sb.',
  );
  const shapes = (reading: Reading | null) =>
    reading?.contract?.signatures['predict']?.inputs?.map((one) => [one.name, one.type, one.shape]);
  assert.ok(shapes(own)?.some(([, , shape]) => shape?.length === 2));
  assert.deepEqual(shapes(pickled), shapes(own));
});
