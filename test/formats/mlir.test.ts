import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { readingOf } from '../helpers/model-files.ts';

/** The fields of `main` as `name: type [shape]`. */
async function mainOf(t: TestContext, text: string) {
  const read = await readingOf(t, { 'model.mlir': text });
  const { inputs, outputs } = read.contract?.signatures['main'] ?? { inputs: null, outputs: null };
  const words = (fields: typeof inputs) =>
    fields?.map((field) => `${field.name}: ${field.type} ${JSON.stringify(field.shape)}`);
  return { inputs: words(inputs), outputs: words(outputs) };
}

test('attributes with brackets and quotes in them end nothing', async (t) => {
  const text = `// a comment
module @m attributes {note = "func.func (") {
  func.func public @main(%arg0: tensor<?x10xf32> {mhlo.sharding = "{devices=[1,2]<=[2]})", tf.aliasing_output = 0 : i32}, %arg1: tensor<*xui8>)
    -> (tensor<?x3xf64> {jax.result_info = "['scores']"}) {
  }
}`;
  assert.deepEqual(await mainOf(t, text), {
    inputs: ['arg0: float32 [null,10]', 'arg1: uint8 null'],
    outputs: ['scores: float64 [null,3]'],
  });
});

test('one plain result needs no brackets', async (t) => {
  const text =
    'module {\n  func.func @main(%x: tensor<2xcomplex<f64>>, %n: i64) -> tensor<f8E4M3FN> {\n  }\n}';
  assert.deepEqual(await mainOf(t, text), {
    inputs: ['x: complex128 [2]', 'n: int64 []'],
    outputs: ['output: float8_e4m3fn []'],
  });
});

test('TensorFlow names what goes in and comes out', async (t) => {
  const text = `module attributes {tf.versions = {}} {
  func.func @main(%arg0: tensor<1x!tf_type.string>) -> tensor<1xi32> attributes {tf.entry_function = {inputs = "texts", outputs = "ids"}} {
  }
}`;
  assert.deepEqual(await mainOf(t, text), {
    inputs: ['texts: string [1]'],
    outputs: ['ids: int32 [1]'],
  });
});

test('main is found behind a constant of several megabytes', async (t) => {
  const constant = `  func.func private @w() -> tensor<f32> {\n  %0 = stablehlo.constant dense<"0x${'0'.repeat(3_000_000)}"> : tensor<9xf32>\n }`;
  const text = `module {\n${constant}\n  func.func public @main(%arg0: tensor<4xf32>) -> tensor<4xf32> {\n }\n}`;
  assert.deepEqual((await mainOf(t, text)).inputs, ['arg0: float32 [4]']);
});

test('a module without main has no contract, and is told what to write', async (t) => {
  const read = await readingOf(t, { 'model.mlir': 'module {\n}\n' });
  assert.equal(read.contract, null);
  assert.match(read.remarks[0]?.help ?? '', /contract.yaml/);
});

test('bytecode names its writer, and its contract is asked for', async (t) => {
  const bytes = Buffer.concat([Buffer.from('ML\xefR\x0d', 'latin1'), Buffer.from('StableHLO_v1.9.0\0rest')]);
  const read = await readingOf(t, { 'model.mlirbc': bytes });
  assert.deepEqual(read.framework, { name: 'stablehlo', version: '1.9.0' });
  assert.equal(read.properties['bytecode version'], '6');
  assert.equal(read.contract, null);
  assert.deepEqual(
    read.remarks.map((one) => one.rule),
    ['contract-unknown'],
  );
});
