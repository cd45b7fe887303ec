import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Loader, requirementsFor } from '../../src/image/requirements.ts';

function chosen(
  loader: Loader,
  requirements: Readonly<Record<string, string | null>> = {},
  more: { own?: string; python?: string; features?: readonly string[] } = {},
) {
  const result = requirementsFor({
    loader,
    reading: { requirements, features: more.features ?? null },
    own: more.own ?? null,
    python: more.python ?? null,
  });
  const lines = result.text.trim().split('\n');
  const version = (name: string): string | null | undefined => {
    const line = lines.find((one) => new RegExp(`^${name}(?![\\w-])`, 'i').test(one));
    return line === undefined ? undefined : (line.split('==')[1] ?? null);
  };
  return { ...result, lines, version };
}

test('the version that the model states is installed, not the newest', () => {
  const { version, python } = chosen('sklearn', { 'scikit-learn': '1.2.2' });
  assert.equal(version('scikit-learn'), '1.2.2');
  assert.equal(version('numpy'), '1.23.5');
  assert.equal(python, '3.11');
});

test('an old scikit-learn gets a Python that has wheels for it', () => {
  const { version, python } = chosen('sklearn', { 'scikit-learn': '0.24.2' });
  assert.deepEqual([python, version('scikit-learn'), version('numpy')], ['3.9', '0.24.2', '1.21.6']);
  // This FastAPI is the last that runs on Python 3.9.
  assert.equal(version('fastapi'), '0.128.8');
});

test('a stated companion goes before the table', () => {
  const { version } = chosen('sklearn', { 'scikit-learn': '1.5.2', numpy: '1.26.4', joblib: null });
  assert.equal(version('numpy'), '1.26.4');
  assert.equal(version('joblib'), '1.4.2');
});

test('pandas comes where the columns have names, and fits NumPy', () => {
  assert.equal(chosen('sklearn', { 'scikit-learn': '1.5.2' }).version('pandas'), undefined);
  const features = ['alcohol'];
  assert.equal(chosen('sklearn', { 'scikit-learn': '1.5.2' }, { features }).version('pandas'), '2.2.3');
  assert.equal(chosen('sklearn', { 'scikit-learn': '1.2.2' }, { features }).version('pandas'), '1.5.3');
  assert.equal(chosen('sklearn', { 'scikit-learn': '1.9.1' }, { features }).version('pandas'), '3.1.1');
  assert.equal(chosen('tensorflow', { tensorflow: '2.21.0' }, { features }).version('pandas'), undefined);
});

test('every line is pinned where nothing is left open', () => {
  for (const loader of ['sklearn', 'onnx', 'tensorflow', 'predict'] as const)
    for (const line of chosen(loader).lines) assert.match(line, /^[a-z0-9-]+==[0-9][0-9a-z.]*$/);
});

test('the same model gives the same text', () => {
  const a = chosen('sklearn', { 'scikit-learn': '1.5.2', numpy: '2.0.2' });
  const b = chosen('sklearn', { numpy: '2.0.2', 'scikit-learn': '1.5.2' });
  assert.equal(a.text, b.text);
});

test('TensorFlow 1 models are served by a TensorFlow 2, old ones by their own', () => {
  assert.equal(chosen('tensorflow', { tensorflow: '1.15.0' }).version('tensorflow-cpu'), '2.21.0');
  assert.equal(chosen('tensorflow', { tensorflow: '1.15.0' }).version('tensorflow'), undefined);
  const old = chosen('tensorflow', { tensorflow: '2.9.1' });
  assert.deepEqual(
    [old.python, old.version('tensorflow-cpu'), old.version('protobuf')],
    ['3.9', '2.9.1', '3.19.6'],
  );
});

test("what the user's file says is left as it is, and the server yields", () => {
  const own =
    '# mine\nscikit-learn == 1.4.0 ; python_version > "3"\nFastAPI==0.110.0\n--extra-index-url https://x/\n';
  const { lines, remarks, version } = chosen('sklearn', { 'scikit-learn': '1.5.2' }, { own });
  assert.equal(lines[0], 'scikit-learn == 1.4.0 ; python_version > "3"');
  assert.equal(lines[1], 'FastAPI==0.110.0');
  assert.equal(lines[2], '--extra-index-url https://x/');
  assert.equal(lines.filter((line) => /^scikit-learn|^fastapi/i.test(line)).length, 2);
  assert.equal(version('starlette'), undefined, 'pip chooses what goes with their FastAPI');
  assert.equal(version('uvicorn'), '0.54.0');
  assert.deepEqual(remarks, []);
});

test('a package that is not pinned is remarked with its line', () => {
  const own =
    'numpy>=1.20\n\npandas==2.*\nrequests\nhttps://example.com/a.whl\nx @ https://example.com/x.whl\n';
  const { remarks } = chosen('predict', {}, { own });
  assert.deepEqual(
    remarks.map(({ rule, subject, file, line }) => ({ rule, subject, file, line })),
    [
      { rule: 'requirement-unpinned', subject: 'numpy', file: 'requirements.txt', line: 1 },
      { rule: 'requirement-unpinned', subject: 'pandas', file: 'requirements.txt', line: 3 },
      { rule: 'requirement-unpinned', subject: 'requests', file: 'requirements.txt', line: 4 },
    ],
  );
});

test('hashes are left out: they would have to cover the packages of the server', () => {
  const own = 'numpy==2.1.3 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n';
  const { lines, remarks } = chosen('predict', {}, { own });
  assert.equal(lines[0], 'numpy==2.1.3');
  assert.deepEqual(remarks, []);
});

test('files that are not in the image are a message', () => {
  for (const line of ['-r more.txt', '-c limits.txt', '-e .', './wheel.whl', '../x', 'file:///etc/passwd'])
    assert.throws(() => chosen('predict', {}, { own: `numpy==2.1.3\n${line}\n` }), {
      name: 'UserError',
      line: 2,
    });
});

test('a package of which only the name is known is installed and remarked', () => {
  const { lines, remarks } = chosen('sklearn', { 'scikit-learn': '1.5.2', xgboost: null });
  assert.ok(lines.includes('xgboost'));
  assert.deepEqual(
    remarks.map((one) => [one.rule, one.subject]),
    [['requirement-unpinned', 'xgboost']],
  );
});
