import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import protobuf from 'protobufjs';
import type { Reading } from '../../src/formats/format.ts';
import { lookAt, readModel } from '../../src/formats/read.ts';
import { walk } from '../../src/model/walk.ts';

/** Reads a directory with these files. */
async function read(t: TestContext, files: Readonly<Record<string, string | Uint8Array>>): Promise<Reading> {
  const root = mkdtempSync(join(tmpdir(), 'lading-declared-'));
  t.after(() => rmSync(root, { recursive: true }));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  const found = await readModel(lookAt(walk('model', root)));
  assert.equal(found.kind, 'model', JSON.stringify(found));
  return found.kind === 'model' ? found.reading : assert.fail();
}

const field = (
  name: string,
  type: string | null,
  shape: readonly (number | string | null)[] | null,
  more: object = {},
) => ({ name, type, shape, ...more });

test('a Triton configuration states dims without the batch, and labels in a file', async (t) => {
  const reading = await read(t, {
    'config.pbtxt': `name: "resnet"\nplatform: "onnxruntime_onnx"\nmax_batch_size: 8
input [ { name: "image" data_type: TYPE_FP32 dims: [ 3, 224, -1 ] }, { name: "mask", data_type: TYPE_BOOL, dims: [ 1 ], optional: true } ]
output [ { name: "scores" data_type: TYPE_FP16 dims: [ 2 ] label_filename: "labels.txt" } ]\n`,
    'labels.txt': 'cat\ndog\n',
  });
  assert.equal(reading.format, 'triton');
  assert.deepEqual(reading.contract?.signatures['predict'], {
    inputs: [
      field('image', 'float32', ['batch', 3, 224, null]),
      field('mask', 'bool', ['batch', 1], { optional: true }),
    ],
    outputs: [field('scores', 'float16', ['batch', 2], { labels: ['cat', 'dog'] })],
  });
});

test('without max_batch_size the dims of a Triton configuration are the whole shape', async (t) => {
  const reading = await read(t, {
    'config.pbtxt':
      'backend: "python" input { name: "text" data_type: TYPE_STRING dims: -1 } output { name: "y" data_type: TYPE_INT64 dims: 1 dims: 4 }',
  });
  assert.deepEqual(reading.contract?.signatures['predict'], {
    inputs: [field('text', 'string', ['batch'])],
    outputs: [field('y', 'int64', [1, 4])],
  });
});

test('a serving.yaml declares a contract; what it leaves out is not known', async (t) => {
  const reading = await read(t, {
    'serving.yaml': `kind: Model
name: titanic
runtime: hydrosphere/serving-runtime-python-3.7:3.0.0
contract:
  name: infer
  inputs:
    pclass: {shape: scalar, type: int32, profile: categorical}
    features: {shape: [-1, 112], type: double}
    anything: {type: string}
  outputs:
    survived: {shape: scalar, type: int64, profile: numerical}
`,
  });
  assert.deepEqual(reading.contract?.signatures['infer'], {
    inputs: [
      field('pclass', 'int32', [], { profile: 'categorical' }),
      field('features', 'float64', [null, 112]),
      field('anything', 'string', null),
    ],
    outputs: [field('survived', 'int64', [], { profile: 'numerical' })],
  });
  assert.deepEqual(reading.properties, { runtime: 'hydrosphere/serving-runtime-python-3.7:3.0.0' });
});

/** Hydrosphere's own message definitions: hydro-serving-protos 3.x and 2.4. */
const NEW = protobuf.parse(`syntax = "proto3";
message ModelSignature { string signature_name = 1; repeated ModelField inputs = 2; repeated ModelField outputs = 3; }
message ModelField { string name = 1; TensorShape shape = 2;
  message Subfield { repeated ModelField data = 1; }
  oneof type_or_subfields { Subfield subfields = 3; int32 dtype = 4; } int32 profile = 5; }
message TensorShape { repeated int64 dims = 1; }`).root;
const OLD = protobuf.parse(`syntax = "proto3";
message ModelContract { string model_name = 1; ModelSignature predict = 2; }
message ModelSignature { string signature_name = 1; repeated ModelField inputs = 2; repeated ModelField outputs = 3; }
message ModelField { string name = 1; TensorShapeProto shape = 2;
  message Subfield { repeated ModelField data = 1; }
  oneof type_or_subfields { Subfield subfields = 3; int32 dtype = 4; } int32 profile = 10; }
message TensorShapeProto { message Dim { int64 size = 1; string name = 2; } repeated Dim dim = 2; bool unknown_rank = 3; }`).root;

const encode = (root: protobuf.Root, type: string, value: object): Uint8Array =>
  root.lookupType(type).encode(root.lookupType(type).fromObject(value)).finish();

const EXPECTED = {
  inputs: [
    field('x', 'float32', [null, 112], { profile: 'numerical' }),
    field('free', 'string', null),
    field('one', 'int64', []),
  ],
  outputs: [{ name: 'nested', type: 'record', shape: [], fields: [field('y', 'float64', [3])] }],
};

test('contract.protobin of version 3 is a signature with bare dimensions', async (t) => {
  const bytes = encode(NEW, 'ModelSignature', {
    signatureName: 'infer',
    inputs: [
      { name: 'x', shape: { dims: [-1, 112] }, dtype: 1, profile: 2 },
      { name: 'free', dtype: 7 },
      { name: 'one', shape: {}, dtype: 9 },
    ],
    outputs: [
      { name: 'nested', shape: {}, subfields: { data: [{ name: 'y', shape: { dims: [3] }, dtype: 2 }] } },
    ],
  });
  const reading = await read(t, { 'contract.protobin': bytes });
  assert.deepEqual(reading.contract?.signatures, { infer: EXPECTED });
});

for (const wrapped of [true, false])
  test(`contract.protobin of version 2 has messages for dimensions (${wrapped ? 'contract' : 'signature'})`, async (t) => {
    const signature = {
      signatureName: 'infer',
      inputs: [
        { name: 'x', shape: { dim: [{ size: -1 }, { size: 112 }] }, dtype: 1, profile: 2 },
        { name: 'free', shape: { unknownRank: true }, dtype: 7 },
        { name: 'one', shape: {}, dtype: 9 },
      ],
      outputs: [
        {
          name: 'nested',
          shape: {},
          subfields: { data: [{ name: 'y', shape: { dim: [{ size: 3 }] }, dtype: 2 }] },
        },
      ],
    };
    const bytes = wrapped
      ? encode(OLD, 'ModelContract', { modelName: 'm', predict: signature })
      : encode(OLD, 'ModelSignature', signature);
    const reading = await read(t, { 'contract.protobin': bytes });
    assert.deepEqual(reading.contract?.signatures, { infer: EXPECTED });
  });

test('contract.prototxt names its types', async (t) => {
  const reading = await read(t, {
    'contract.prototxt': `signature_name: "infer"
inputs { name: "x" shape { dim { size: -1 } dim { size: 4 } } dtype: DT_DOUBLE profile: CATEGORICAL }
outputs { name: "y" shape { } dtype: DT_INT64 }`,
  });
  assert.deepEqual(reading.contract?.signatures, {
    infer: {
      inputs: [field('x', 'float64', [null, 4], { profile: 'categorical' })],
      outputs: [field('y', 'int64', [])],
    },
  });
});

test('other packagers know names and versions, and no contract', async (t) => {
  const bento = await read(t, {
    'model.yaml': `name: fraud\nversion: ecdoisxf4kbcmax4\nmodule: bentoml.sklearn\nsignatures:\n  predict: {batchable: true}
context:\n  framework_name: sklearn\n  framework_versions: {scikit-learn: 1.5.2}\n  bentoml_version: 1.4.0\n  python_version: 3.11.4\n`,
  });
  assert.deepEqual([bento.framework, bento.contract], [{ name: 'sklearn', version: '1.5.2' }, null]);
  assert.equal(bento.remarks.at(-1)?.rule, 'contract-unknown');
});

/** As `kit init` and `modctl modelfile generate`, both of August 2026, wrote them. */
const PACKAGES = join(import.meta.dirname, '../fixtures/packages');

test('a Kitfile says which of several files is the model', async (t) => {
  const model = readFileSync(join(import.meta.dirname, '../fixtures/priors/logistic.pkl'));
  const Kitfile = readFileSync(join(PACKAGES, 'kitops/Kitfile'));
  const reading = await read(t, { Kitfile, 'model.pkl': model, 'other.pkl': model });
  assert.deepEqual([reading.format, reading.path], ['sklearn', 'model.pkl']);
  const alone = await read(t, { Kitfile });
  assert.deepEqual(
    [alone.format, alone.properties],
    ['kitops', { name: 'churn', description: 'predicts churn', path: 'model.pkl', authors: 'Data team' }],
  );
});

test('a Modelfile knows name, family and precision', async (t) => {
  const reading = await read(t, { Modelfile: readFileSync(join(PACKAGES, 'modelpack/Modelfile')) });
  assert.deepEqual(reading.properties, { name: 'tiny', family: 'bert', precision: 'float16' });
});

test('of the version folders of a Triton model the one that is served is read', async (t) => {
  const model = readFileSync(join(import.meta.dirname, '../fixtures/priors/logistic.pkl'));
  const versions = { '2/model.pkl': model, '9/model.pkl': model, '10/model.pkl': model };
  const config = 'backend: "python" input { name: "x" data_type: TYPE_FP32 dims: 4 }';
  const latest = await read(t, { ...versions, 'config.pbtxt': config });
  assert.equal(latest.path, '10/model.pkl');
  const specific = await read(t, {
    ...versions,
    'config.pbtxt': `${config} version_policy: { specific: { versions: [2, 9] } }`,
  });
  assert.equal(specific.path, '9/model.pkl');
  await assert.rejects(read(t, versions), /model-ambiguous/);
});

test('a serving.yaml whose fields contain themselves is read to a depth', async (t) => {
  const reading = await read(t, {
    'serving.yaml': 'kind: Model\ncontract:\n  inputs: &a {x: {shape: scalar, fields: *a}}\n  outputs: {}\n',
  });
  const [outermost] = reading.contract?.signatures['predict']?.inputs ?? [];
  assert.deepEqual([outermost?.type, outermost?.fields?.[0]?.fields?.[0]?.name], ['record', 'x']);
});

// Written as MLflow 3.17 writes it for `pyfunc_predict_fn="predict_proba"`, and for an XGBClassifier.
test('an MLmodel declares the method that it names, and the class that it wraps a booster in', async (t) => {
  const signature = [
    'signature:',
    `  inputs: '[{"type": "double", "name": "a", "required": true}]'`,
    `  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 3]}}]'`,
  ];
  const flavor = (...lines: string[]) =>
    ['flavors:', ...lines, 'mlflow_version: 3.17.2', ...signature].join('\n');
  const chances = await read(t, {
    MLmodel: flavor('  python_function:', '    predict_fn: predict_proba', '    model_path: model.skops'),
  });
  assert.deepEqual(Object.keys(chances.contract?.signatures ?? {}), ['predict_proba']);
  assert.equal(chances.contract?.default, 'predict_proba');
  const booster = await read(t, {
    MLmodel: flavor('  xgboost:', '    model_class: xgboost.sklearn.XGBClassifier'),
  });
  assert.equal(booster.properties['wrapper'], 'xgboost.sklearn.XGBClassifier');
  assert.deepEqual(Object.keys(booster.contract?.signatures ?? {}), ['predict']);
});

// XGBoost notes a column of any fractions as `float` and of any integers as `int`, and takes tables of either width.
test('of the columns of a booster only booleans have a type that nobody may contradict', async (t) => {
  const folder = join(import.meta.dirname, '../fixtures/models/xgboost/regression-named-json/model');
  const reading = await read(t, { 'model.json': readFileSync(join(folder, 'model.json')) });
  const kinds = ['age', 'income', 'member'].map(
    (_, index) => reading.evidence[`/signatures/predict/inputs/${index}/type`]?.kind,
  );
  assert.deepEqual(kinds, ['assumed', 'assumed', 'stated']);
});

test('an MLmodel of 20,000 columns is read, and lists in lists in lists are a finding', async (t) => {
  const columns = Array.from({ length: 20_000 }, (_, at) => ({ type: 'double', name: `column ${at}` }));
  const wide = await read(t, { MLmodel: `signature:\n  inputs: '${JSON.stringify(columns)}'\n` });
  assert.equal(wide.contract?.signatures['predict']?.inputs?.length, 20_000);
  const deep = await read(t, { MLmodel: '- '.repeat(100_000) });
  assert.equal(deep.remarks[0]?.rule, 'file-malformed');
});

test('a YAML bomb in a description is a finding', async (t) => {
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
    .split('')
    .map((name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[index]}`).join(',')}]`)
    .join('\n')}\nsignature: *i\n`;
  const reading = await read(t, { MLmodel: bomb });
  assert.equal(reading.remarks[0]?.rule, 'file-malformed');
});

test('what is stated in place of a size, and is none, is not known', async (t) => {
  const inputs = JSON.stringify([
    { type: 'tensor', 'tensor-spec': { dtype: 'float32', shape: [-1, 42.5, 1e300, 3] } },
  ]);
  const reading = await read(t, {
    MLmodel: `flavors: {}\nsignature:\n  inputs: '${inputs}'\n  outputs: null\n`,
  });
  assert.deepEqual(reading.contract?.signatures['predict']?.inputs?.[0]?.shape, ['batch', null, null, 3]);
});

test('a flavor with the name of a method of objects is one that is not known', async (t) => {
  const reading = await read(t, { MLmodel: 'flavors:\n  toString: {}\n  python_function: {}\n' });
  assert.equal(reading.format, 'mlflow');
});
