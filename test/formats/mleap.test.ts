import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixture, readingOf } from '../helpers/model-files.ts';
import { zipOf } from '../helpers/zip.ts';

/** A node as MLeap writes it: what it computes, and which columns it is connected to. */
function node(
  folder: string,
  op: string,
  attributes: object,
  inputs: Readonly<Record<string, string>>,
  outputs: Readonly<Record<string, string>>,
): Record<string, string> {
  const sockets = (ports: Readonly<Record<string, string>>) =>
    Object.entries(ports).map(([port, name]) => ({ name, port }));
  return {
    [`${folder}/model.json`]: JSON.stringify({ op, attributes }),
    [`${folder}/node.json`]: JSON.stringify({
      name: folder,
      shape: { inputs: sockets(inputs), outputs: sockets(outputs) },
    }),
  };
}

const names = (...string: string[]) => ({ nodes: { type: 'list', string } });
const scalar = { base: 'scalar', isNullable: false };
const BUNDLE: Readonly<Record<'bundle.json', string>> & Readonly<Record<string, string>> = {
  'bundle.json': JSON.stringify({ uid: 'u', name: 'b', format: 'json', version: '0.20.0' }),
  ...node('root', 'pipeline', names('assembler', 'inner'), {}, {}),
  ...node(
    'root/assembler.node',
    'vector_assembler',
    { input_shapes: { type: 'list', data_shape: [scalar, scalar] } },
    { input0: 'age', input1: 'income' },
    { output: 'features' },
  ),
  ...node('root/inner.node', 'pipeline', names('lr', 'back'), {}, {}),
  ...node(
    'root/inner.node/lr.node',
    'logistic_regression',
    { num_classes: { long: 2 }, coefficients: { type: 'tensor', double: [0.5, 1] } },
    { features: 'features' },
    { prediction: 'class', probability: 'probability' },
  ),
  ...node(
    'root/inner.node/back.node',
    'reverse_string_indexer',
    { labels: { type: 'list', string: ['no', 'yes'] } },
    { input: 'class' },
    { output: 'answer' },
  ),
};

test('columns are folded through the nodes of a bundle, in the order of its pipelines', async (t) => {
  const read = await readingOf(t, BUNDLE);
  assert.deepEqual(read.framework, { name: 'mleap', version: '0.20.0' });
  assert.deepEqual(read.contract?.signatures['transform'], {
    inputs: [
      { name: 'age', type: 'float64', shape: ['batch'] },
      { name: 'income', type: 'float64', shape: ['batch'] },
    ],
    outputs: [
      { name: 'probability', type: 'float64', shape: ['batch', 2], labels: [0, 1] },
      { name: 'answer', type: 'string', shape: ['batch'], labels: ['no', 'yes'] },
    ],
  });
  assert.deepEqual(read.labels, ['no', 'yes']);
});

test('a bundle in a zip is read the same, whichever member comes first', async (t) => {
  const members = Object.entries(BUNDLE).map(([name, text]) => ({
    name,
    data: Buffer.from(text),
    deflate: true,
  }));
  const plain = await readingOf(t, BUNDLE);
  for (const list of [members, members.toReversed()]) {
    const read = await readingOf(t, { 'model.zip': zipOf(list) });
    assert.deepEqual(read.contract, plain.contract);
  }
});

test('attributes may be a list, as the first versions wrote them', async (t) => {
  const read = await readingOf(t, {
    'bundle.json': JSON.stringify({ format: 'json', version: '0.5.0' }),
    ...node(
      'root',
      'standard_scaler',
      [{ name: 'mean', type: { type: 'tensor' }, value: [1, 2, 3] }],
      { input: 'raw' },
      { output: 'scaled' },
    ),
  });
  assert.deepEqual(read.contract?.signatures['transform'], {
    inputs: [{ name: 'raw', type: 'float64', shape: ['batch', 3] }],
    outputs: [{ name: 'scaled', type: 'float64', shape: ['batch', 3] }],
  });
});

test('a bundle in protobuf that is damaged is told, wherever it is cut', async (t) => {
  const files = fixture('mleap/protobuf-classifier');
  const model = Object.keys(files).find((path) => /LogisticRegression.*model\.pb$/.test(path)) ?? '';
  for (const length of [1, 10, 60]) {
    const cut = (files[model] ?? Buffer.alloc(0)).subarray(0, length);
    const read = await readingOf(t, { ...files, [model]: cut });
    assert.equal(read.contract, null);
    assert.match(read.remarks[0]?.rule ?? '', /^file-(?:truncated|malformed)$/);
  }
});

test('a model that is too large to be read is known by what it is', async (t) => {
  const coefficients = `[${'0.25,'.repeat(2_000_000)}1]`;
  const text = `{"op": "linear_regression", "attributes": {"coefficients": {"double": ${coefficients}}}}`;
  const read = await readingOf(t, {
    'bundle.json': BUNDLE['bundle.json'],
    ...node('root', 'linear_regression', {}, { features: 'x' }, { prediction: 'y' }),
    'root/model.json': text,
  });
  assert.deepEqual(read.contract?.signatures['transform'], {
    inputs: [{ name: 'x', type: 'float64', shape: ['batch', null] }],
    outputs: [{ name: 'y', type: 'float64', shape: ['batch'] }],
  });
});

test('an operation with the name of a method of objects is one that is not known', async (t) => {
  const read = await readingOf(t, {
    ...BUNDLE,
    ...node('root/assembler.node', 'toString', {}, {}, { output: 'x' }),
  });
  assert.equal(read.format, 'mleap');
});

test('a node that is not there is damage', async (t) => {
  const read = await readingOf(t, {
    'bundle.json': BUNDLE['bundle.json'],
    'root/model.json': BUNDLE['root/model.json'] ?? '',
    'root/node.json': BUNDLE['root/node.json'] ?? '',
  });
  assert.equal(read.remarks[0]?.rule, 'file-malformed');
});

/** What is expected is the outputSchema of XGBoostClassificationModel and InteractionModel in MLeap 0.25. */
test('XGBoost in a bundle, and products of columns, are connected as the runtime says', async (t) => {
  const vector = { base: 'tensor', tensorShape: { dimensions: [{ size: 2 }] }, isNullable: false };
  const read = await readingOf(t, {
    'bundle.json': BUNDLE['bundle.json'],
    ...node('root', 'pipeline', names('products', 'boosted'), {}, {}),
    ...node(
      'root/products.node',
      'interaction',
      {
        input_shapes: { type: 'list', data_shape: [scalar, vector] },
        num_inputs: { int: 2 },
        num_features0: { type: 'list', int: [3] },
        num_features1: { type: 'list', int: [1, 1] },
      },
      { input0: 'kind', input1: 'sizes' },
      { output: 'both' },
    ),
    ...node(
      'root/boosted.node',
      'xgboost.classifier',
      { num_classes: { int: 3 }, num_features: { int: 6 }, tree_limit: { int: 0 } },
      { features: 'both' },
      { raw_prediction: 'raw', prediction: 'class', probability: 'p', leaf_prediction: 'leaf' },
    ),
  });
  const told = read.contract?.signatures['transform'];
  assert.deepEqual(told?.inputs, [
    { name: 'kind', type: 'float64', shape: ['batch'] },
    { name: 'sizes', type: 'float64', shape: ['batch', 2] },
  ]);
  const labels = [0, 1, 2];
  assert.deepEqual(told?.outputs, [
    { name: 'raw', type: 'float64', shape: ['batch', 3], labels },
    { name: 'class', type: 'float64', shape: ['batch'], labels },
    { name: 'p', type: 'float64', shape: ['batch', 3], labels },
    { name: 'leaf', type: 'float64', shape: ['batch', null] },
  ]);
});
