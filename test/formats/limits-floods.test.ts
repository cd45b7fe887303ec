/** Files of very many small things are refused before they cost more than any model, and large honest ones are read. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { cost } from '../helpers/cost.ts';
import { type Files, fixture, readingOf } from '../helpers/model-files.ts';
import { field, int } from '../helpers/proto.ts';
import { ROOT } from '../helpers/runner.ts';

const CLI = join(ROOT, 'src/cli.ts');
const MB = 1024 * 1024;
const MAX_MEMORY = 128 * MB;

const ascii = (text: string) => Buffer.from(text, 'latin1');
const many = (what: string | Buffer, count: number) => {
  const one = Buffer.from(what);
  return Buffer.alloc(one.length * count, one);
};
const each = (count: number, write: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => write(index)).join('');
const joined = (...parts: readonly (string | Buffer)[]) =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? ascii(part) : part)));
const uint32 = (value: number) => {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
};
const uint64 = (value: number) => {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt(value));
  return buffer;
};
const text64 = (text: string) => joined(uint64(text.length), text);
const headed = (header: Buffer) => joined(uint64(header.length), header);

const pmml = (...inside: readonly (string | Buffer)[]) =>
  joined('<?xml version="1.0"?><PMML version="4.4"><Header/>', ...inside, '</PMML>');
const gguf = (values: number, ...inside: readonly Buffer[]) =>
  joined('GGUF', uint32(3), uint64(0), uint64(values), ...inside);
/** Values of an array in GGUF's metadata. @param type 8: strings, 9: arrays. */
const ggufArray = (key: string, type: number, count: number, ...values: readonly Buffer[]) =>
  joined(text64(key), uint32(9), uint32(type), uint64(count), ...values);
const lightgbm = (names: string, count: number, tail = '') =>
  ascii(
    `tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nmax_feature_idx=${count - 1}\nobjective=regression\nfeature_names=${names}\n\nTree=0\n\nend of trees\n${tail}`,
  );
const xgboost = (inside: string) => ascii(`{"learner":{${inside}}}`);
const ubjson = (...inside: readonly (string | Buffer)[]) =>
  joined('{L', uint64(7).reverse(), 'learner', ...inside, '}');
const onnx = (...graph: readonly Buffer[]) => joined(int(1, 10), field(7, ...graph), field(8, int(2, 21)));
const catboost = (features: string, info = '') =>
  ascii(`{"features_info":{"float_features":[${features}]},"model_info":{${info}},"scale_and_bias":[1,[0]]}`);

/** A CatBoost file whose list of information leads to one table again and again. */
function catboostTables(count: number): Buffer {
  const list = Buffer.alloc(4 + 4 * count);
  list.writeUInt32LE(count);
  const table = 64 + list.length + 4;
  for (let index = 0; index < count; index += 1) list.writeUInt32LE(table - (68 + 4 * index), 4 + 4 * index);
  const core = Buffer.alloc(64 + list.length + 8);
  core.writeUInt32LE(16, 0);
  // The root's table of fields: none, the trees, the list.
  for (const [index, value] of [10, 0, 0, 4, 8].entries()) core.writeUInt16LE(value, 4 + 2 * index);
  core.writeInt32LE(12, 16);
  core.writeUInt32LE(20, 20);
  core.writeUInt32LE(40, 24);
  core.writeUInt16LE(4, 32);
  core.writeInt32LE(8, 40);
  list.copy(core, 64);
  core.writeUInt16LE(4, table - 4);
  core.writeInt32LE(4, table);
  return joined('CBM1', uint32(core.length), core);
}

/** What is refused, and in which words. */
const REFUSED: Readonly<Record<string, readonly [write: () => Files, says: RegExp]>> = {
  'elements of PMML that are gone by': [
    () => ({
      'm.pmml': pmml('<TransformationDictionary>', many('<a/>', 4_000_000), '</TransformationDictionary>'),
    }),
    /more than 3000000 elements/,
  ],
  'strings in GGUF': [
    () => ({ 'm.gguf': gguf(1, ggufArray('a', 8, 6_000_000, Buffer.alloc(48_000_000))) }),
    /more than 5000000 strings/,
  ],
  'arrays within arrays in GGUF': [
    () => {
      const empty = many(joined(uint32(0), uint64(0)), 600_000);
      const one = joined(uint32(9), uint64(600_000), empty);
      return { 'm.gguf': gguf(1, ggufArray('a', 9, 2, one, one)) };
    },
    /more than 1000000 values/,
  ],
  'tensors in GGUF': [
    () => {
      const tensor = joined(text64('t'), uint32(1), uint64(1), uint32(0), uint64(0));
      return { 'm.gguf': joined('GGUF', uint32(3), uint64(100_000), uint64(0), many(tensor, 100_000)) };
    },
    /its metadata take more than/,
  ],
  'columns and no trees in the JSON of XGBoost': [
    () => ({ 'm.json': xgboost(`"a":[${'1,'.repeat(2_050_000)}1]`).subarray(0, 4 * MB) }),
    /more than 2000000 values/,
  ],
  'keys in the JSON of XGBoost': [
    () => ({ 'm.json': xgboost(`"a":{${each(420_000, (index) => `"${index.toString(36)}":0,`)}"z":1}`) }),
    /more than 2000000 values/,
  ],
  'values in the UBJSON of XGBoost': [
    () => ({ 'm.ubj': ubjson('[', many('T', 1_100_000), ']') }),
    /too many values/,
  ],
  'bytes in the UBJSON of XGBoost that mean nothing': [
    () => ({ 'm.ubj': ubjson(many('N', 6_000_000), '[]') }),
    /too many values/,
  ],
  'bytes of one text in the UBJSON of XGBoost': [
    () => ({ 'm.ubj': ubjson('[SL', uint64(5 * MB).reverse(), Buffer.alloc(5 * MB), ']') }),
    /a text of 5242880 bytes/,
  ],
  'categories in LightGBM': [
    () => ({ 'm.txt': lightgbm('a', 1, `pandas_categorical:[${'[],'.repeat(700_000)}[]]\n`) }),
    /more than 600000 arrays and objects/,
  ],
  'features in the JSON of CatBoost': [
    () => ({ 'm.json': catboost(`${'{},'.repeat(150_000)}{}`) }),
    /more than 100000/,
  ],
  'classes in the JSON of CatBoost': [
    () => ({ 'm.json': catboost('', `"class_params":{"class_names":[${'"a",'.repeat(150_000)}"a"]}`) }),
    /150001 classes/,
  ],
  'tables in one place of a CatBoost file': [
    () => ({ 'm.cbm': catboostTables(150_000) }),
    /a list of 150000 elements/,
  ],
  'nodes in the symbol of MXNet': [
    () => ({
      'm-symbol.json': ascii(
        `{"nodes":[{"op":"null","name":"a"}${',{"op":""}'.repeat(50_000)}],"heads":[[0,0,0]]}`,
      ),
    }),
    /more than 40000 nodes/,
  ],
  'arrays in the parameters of MXNet': [
    () => ({ 'm.params': joined(uint64(0x112), uint64(0), uint64(200_000), Buffer.alloc(MB)) }),
    /200000 arrays are announced/,
  ],
  'initializers in ONNX': [
    () => {
      const tensors = Array.from({ length: 70_000 }, (_, index) =>
        field(5, int(1, 1), int(2, 1), field(8, `w${index}`)),
      );
      return { 'm.onnx': onnx(Buffer.concat(tensors)) };
    },
    /more than 60000 initializers/,
  ],
  'inputs of one ONNX node': [
    () => ({ 'm.onnx': onnx(field(1, many(field(1, 'x'), 30_000), field(4, 'Concat'))) }),
    /more than 20000 inputs and outputs/,
  ],
  'inputs of one TensorFlow node': [
    () => ({
      'graph.pb': field(1, field(1, 'a'), field(2, 'AddN'), many(field(3, 'b'), 60_000)),
    }),
    /more than 50000 inputs/,
  ],
  'fields of protobuf': [
    () => ({
      'graph.pb': joined(field(1, field(1, 'a'), field(2, 'Placeholder')), many(int(3, 1), 7_000_000)),
    }),
    /more than 6000000 protobuf fields/,
  ],
  'fields in the text of TensorFlow': [
    () => ({
      'saved_model.pbtxt': joined('meta_graphs { graph_def { ', many('a:1 ', 4_000_000), '} }'),
    }),
    /more than 3000000 fields/,
  ],
  'dimensions of a tensor in safetensors': [
    () => ({
      'm.safetensors': headed(
        ascii(`{"a":{"dtype":"F32","shape":[0,${'1,'.repeat(100)}1],"data_offsets":[0,0]}}`),
      ),
    }),
    /102 dimensions/,
  ],
  'times metadata in safetensors': [
    () => ({
      'm.safetensors': headed(
        ascii(
          '{"__metadata__":{"a":"b"},"__metadata__":{"a":"c"},"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}',
        ),
      ),
    }),
    /metadata are there twice/,
  ],
  'lists in the configuration of a Hugging Face model': [
    () => ({
      'config.json': ascii(
        `{"architectures":["BertModel"],"model_type":"bert","a":[${'[],'.repeat(700_000)}1]}`,
      ),
    }),
    /more than 600000 arrays and objects/,
  ],
  'bytes in the configuration of a tokenizer': [
    () => ({
      'config.json': '{"architectures":["BertModel"],"model_type":"bert"}',
      'tokenizer_config.json': joined('{"chat_template":"', many(' ', 17 * MB), '{{ x.__class__ }}"}'),
    }),
    /tokenizer_config.json has \d+ bytes/,
  ],
  'columns in the signature of MLflow': [
    () => ({ MLmodel: ascii(`flavors: {}\nsignature:\n  inputs: '[${'1,'.repeat(60_000)}1]'\n`) }),
    /60001 columns/,
  ],
  'lists in the signature of MLflow': [
    () => ({ MLmodel: ascii(`flavors: {}\nsignature:\n  inputs: '[${'[],'.repeat(700_000)}[]]'\n`) }),
    /more than 600000 arrays and objects/,
  ],
  'lines of one text in YAML': [
    () => ({ MLmodel: ascii(`flavors: {}\na: |\n${' \n'.repeat(300_000)}`) }),
    /more lines or escapes/,
  ],
  'escapes in one text of YAML': [
    () => ({ MLmodel: ascii(`flavors: {}\na: "${'\\n'.repeat(700_000)}"\n`) }),
    /more lines or escapes/,
  ],
  'tags in YAML': [
    () => ({ MLmodel: ascii(`flavors: {}\na: ${'!a '.repeat(5000)}\n`) }),
    /too large or too deep/,
  ],
};

for (const [what, [write, says]] of Object.entries(REFUSED))
  test(`a file of too many ${what} is refused, and never clean`, async (t) => {
    const reading = await readingOf(t, write());
    const remark = reading.remarks.find((one) => one.rule === 'file-malformed');
    assert.match(remark?.message ?? '', says);
    assert.equal(reading.risk, 'review');
    assert.ok(remark?.help);
  });

/** What is kept up to where it is refused. */
const KEPT: Readonly<Record<string, () => Files>> = {
  'values of one field in PMML': () => ({
    'm.pmml': pmml(
      '<DataDictionary><DataField name="a" optype="categorical" dataType="string">',
      many('<Value/>', 3_000_000),
      '</DataField></DataDictionary>',
    ),
  }),
  'fields in PMML': () => ({
    'm.pmml': pmml(
      '<DataDictionary>',
      each(300_000, (index) => `<DataField name="f${index}" optype="continuous" dataType="double"/>`),
      '</DataDictionary>',
    ),
  }),
  'entities in the text of PMML': () => ({ 'm.pmml': pmml('<a>', many('&lt;', 3_000_000), '</a>') }),
  'ports in OpenVINO': () => ({
    'm.xml': joined(
      '<?xml version="1.0"?><net name="m" version="11"><layers><layer id="0" name="a" type="Parameter"><output><port id="0">',
      many('<dim>1</dim>', 3_000_000),
      '</port></output></layer></layers></net>',
    ),
  }),
  'edges in OpenVINO': () => ({
    'm.xml': joined(
      '<?xml version="1.0"?><net name="m" version="11"><layers/><edges>',
      many('<edge/>', 3_000_000),
      '</edges></net>',
    ),
  }),
  'metadata in safetensors': () => ({
    'm.safetensors': headed(
      ascii(
        `{"__metadata__":{${each(200_000, (index) => `"k${index}":"v",`)}"z":"v"},"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}`,
      ),
    ),
  }),
  'tensors in safetensors': () => ({
    'm.safetensors': headed(
      ascii(
        `{${each(150_000, (index) => `"${'x'.repeat(300)}${index}":{"dtype":"F32","shape":[0,1,1,1],"data_offsets":[0,0]},`)}"z":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}`,
      ),
    ),
  }),
};

/** @param use is given what `inspect` says of these files, and the memory that it takes above an empty process. */
async function inspecting(files: Files, use: (said: string, memory: number) => void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'lading-floods-'));
  try {
    mkdirSync(join(folder, 'model'));
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, 'model', name), bytes);
    const empty = await cost(folder, ['-e', '0']);
    // On a busy machine the collector comes late now and then; what is kept is in every run.
    const inspect = () => cost(folder, [CLI, 'inspect', 'model', '--format', 'json']);
    const runs = [await inspect(), await inspect()];
    use(runs[0]?.stdout ?? '', Math.min(...runs.map((one) => one.memory)) - empty.memory);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

for (const [what, write] of Object.entries(KEPT))
  test(`a file of many ${what} is refused within the memory of any other`, async (t) => {
    if (process.platform !== 'linux') return t.skip('memory is counted by Linux');
    await inspecting(write(), (said, memory) => {
      assert.match(said, /"file-malformed"/);
      assert.ok(memory < MAX_MEMORY, `${memory} bytes of memory above an empty process`);
    });
  });

test('more columns than anybody reads are counted, and not listed one by one', async (t) => {
  const names = each(400_000, (index) => `${index === 0 ? '' : ' '}f${index}x`);
  const wide: Readonly<Record<string, Files>> = {
    lightgbm: { 'm.txt': lightgbm(names, 400_000) },
    xgboost: {
      'm.json': xgboost(
        `"feature_names":["${names.replaceAll(' ', '","')}"],"gradient_booster":{"model":{}},"learner_model_param":{"num_feature":"400000"}`,
      ),
    },
    catboost: {
      'm.json': catboost(
        each(
          60_000,
          (index) => `${index === 0 ? '' : ','}{"flat_feature_index":${index},"feature_id":"f${index}x"}`,
        ),
      ),
    },
  };
  for (const [format, files] of Object.entries(wide)) {
    const reading = await readingOf(t, files);
    assert.equal(reading.format, format);
    assert.deepEqual(reading.remarks, [], format);
    assert.equal(reading.contract?.signatures['predict']?.inputs, null, format);
    assert.notEqual(reading.contract?.signatures['predict']?.outputs, null, format);
    assert.equal(reading.features, null, format);
    assert.match(reading.evidence['/signatures/predict/inputs']?.where ?? '', /at most 40000/, format);
  }
});

test('a table of forty thousand columns is listed one by one', async (t) => {
  const names = each(40_000, (index) => `${index === 0 ? '' : ' '}f${index}x`);
  const reading = await readingOf(t, { 'm.txt': lightgbm(names, 40_000) });
  assert.equal(reading.contract?.signatures['predict']?.inputs?.length, 40_000);
  assert.equal(reading.contract?.signatures['predict']?.inputs?.[39_999]?.name, 'f39999x');
});

test('a vocabulary of ten times the tokens of the largest language models is read', async (t) => {
  const token = text64('token');
  const reading = await readingOf(t, {
    'm.gguf': gguf(
      2,
      ggufArray('tokenizer.ggml.tokens', 8, 2_600_000, many(token, 2_600_000)),
      ggufArray('tokenizer.ggml.merges', 8, 500_000, many(token, 500_000)),
    ),
  });
  assert.equal(reading.properties['vocabulary'], '2600000');
  assert.deepEqual(
    reading.remarks.filter((one) => one.level === 'error'),
    [],
  );
});

test('a PMML forest of a hundred thousand trees is read for its interface', async (t) => {
  const nodes =
    '<Node><True/><Node score="1"><SimplePredicate field="x" operator="lessThan" value="1"/></Node></Node>';
  const reading = await readingOf(t, {
    'm.pmml': pmml(
      '<DataDictionary><DataField name="x" optype="continuous" dataType="double"/><DataField name="y" optype="continuous" dataType="double"/></DataDictionary>',
      '<MiningModel functionName="regression"><MiningSchema><MiningField name="x"/><MiningField name="y" usageType="target"/></MiningSchema><Segmentation>',
      many(nodes, 100_000),
      '</Segmentation></MiningModel>',
    ),
  });
  assert.deepEqual(reading.remarks, []);
  assert.deepEqual(reading.features, ['x']);
});

test('XGBoost models of JSON are read alike however many trees they have, and with numbers that are none', async (t) => {
  const files = fixture('xgboost/regression-named-json');
  const [name = '', bytes = Buffer.alloc(0)] =
    Object.entries(files).find(([path]) => path.endsWith('.json')) ?? [];
  const small = await readingOf(t, { [name]: bytes });
  const document = JSON.parse(bytes.toString('utf8'));
  const trees: unknown[] = document.learner.gradient_booster.model.trees;
  for (const count of [100, 100_000]) {
    const [tree] = trees;
    const text = JSON.stringify({
      ...document,
      learner: {
        ...document.learner,
        gradient_booster: {
          ...document.learner.gradient_booster,
          model: { ...document.learner.gradient_booster.model, trees: ['TREES'] },
        },
      },
    });
    const one = JSON.stringify(tree).replace(/"base_weights":\[[^,\]]*/, '"base_weights":[NaN');
    const size = Math.ceil(one.length / 200);
    const repeated = Array.from({ length: Math.ceil(count / size) }, () => one).join(',');
    const reading = await readingOf(t, { [name]: text.replace('"TREES"', () => repeated) });
    assert.deepEqual(reading.contract, small.contract, `${count}`);
    assert.deepEqual(reading.remarks, small.remarks, `${count}`);
  }
});
