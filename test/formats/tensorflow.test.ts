import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Reading } from '../../src/formats/format.ts';
import { detect, lookAt, readModel } from '../../src/formats/read.ts';
import { readConstant } from '../../src/formats/tensorflow/constant.ts';
import { readMetaGraphs } from '../../src/formats/tensorflow/read.ts';
import { readGraph } from '../../src/formats/tensorflow/read-graph.ts';
import { tensorflow } from '../../src/formats/tensorflow.ts';
import { tensorflowGraph } from '../../src/formats/tensorflow-graph.ts';
import { rootMessage } from '../../src/formats/wire/protobuf.ts';
import { type Bytes, inMemory } from '../../src/model/bytes.ts';
import { walk } from '../../src/model/walk.ts';
import { attempt, candidate, counted, EMPTY_LOOK, fuzz } from '../helpers/damage.ts';
import { field, int } from '../helpers/proto.ts';
import { judge, truthCases } from '../helpers/truth.ts';

const MODELS = join(import.meta.dirname, '../fixtures/models/tensorflow');
const GRAPHS = join(import.meta.dirname, '../fixtures/models/tensorflow-graph');
const binary = (name: string) => readFileSync(join(MODELS, name, 'model/saved_model.pb'));
const read = (bytes: Bytes): Reading =>
  readMetaGraphs(bytes, candidate('tensorflow', ''), 'saved_model.pb', EMPTY_LOOK);
const readText = (bytes: Bytes): Reading =>
  readMetaGraphs(bytes, candidate('tensorflow', ''), 'saved_model.pbtxt', EMPTY_LOOK);
const readPlain = (bytes: Bytes): Reading => readGraph(bytes, candidate('tensorflow-graph', 'g.pb'), false);

async function inFolder<T>(fill: (path: string) => void, use: (path: string) => T | Promise<T>): Promise<T> {
  const path = mkdtempSync(join(tmpdir(), 'lading-tf-'));
  try {
    fill(path);
    return await use(path);
  } finally {
    rmSync(path, { recursive: true });
  }
}

test('a folder is one model with all that belongs to it', () => {
  const look = lookAt(walk('m', join(MODELS, 'keras-export/model')));
  const [found, ...more] = detect(look, [tensorflow, tensorflowGraph]);
  assert.deepEqual(more, []);
  assert.equal(found?.path, '');
  assert.deepEqual(
    [...(found?.covers ?? [])].sort(),
    look.directory.files.map((file) => file.path),
  );
});

test('a model in a folder that is called after its version is found', () => {
  const look = lookAt(walk('m', join(MODELS, 'version-folder/model')));
  assert.deepEqual(
    detect(look).map((one) => one.path),
    ['1546024374'],
  );
});

test('of two versions neither is chosen', async () => {
  const found = await inFolder(
    (path) => {
      for (const version of ['1', '2'])
        cpSync(join(MODELS, 'v1/model'), join(path, version), { recursive: true });
    },
    (path) => readModel(lookAt(walk('m', path))),
  );
  assert.equal(found.kind, 'ambiguous');
});

test('initialization is no signature, and a reference is of the type that it refers to', () => {
  const { contract } = read(inMemory(binary('v1')));
  assert.deepEqual(Object.keys(contract?.signatures ?? {}), ['serving_default', 'total', 'weights']);
  assert.equal(contract?.signatures['weights']?.outputs?.[0]?.type, 'float32');
  assert.deepEqual(contract?.signatures['weights']?.inputs, []);
});

test('a size that protobuf leaves out is zero, minus one is any, and any rank is no scalar', () => {
  const info = (...parts: Buffer[]) => field(2, int(2, 1), ...parts);
  const shape = (...parts: Buffer[]) => field(3, ...parts);
  const output = (name: string, ...parts: Buffer[]) => field(2, field(1, name), info(...parts));
  const signature = field(
    2,
    output('a', shape(field(2, int(1, -1)), field(2), field(2, int(1, 7)))),
    output('b', shape()),
    output('c', shape(int(3, 1))),
    output('d'),
  );
  const bytes = Buffer.concat([int(1, 1), field(2, field(5, field(1, 'f'), signature))]);
  assert.deepEqual(
    read(inMemory(bytes)).contract?.signatures['f']?.outputs?.map((one) => one.shape),
    [[null, 0, 7], [], null, null],
  );
});

test('text and binary of one model say the same', () => {
  const text = readText(inMemory(readFileSync(join(MODELS, 'v1-pbtxt/model/saved_model.pbtxt'))));
  const same = read(inMemory(binary('v1')));
  assert.deepEqual(text.contract, same.contract);
  assert.equal(text.parameters, same.parameters);
  assert.deepEqual(text.evidence, same.evidence);
});

test('operators that reach outside are named with their node', () => {
  const { remarks, risk } = read(inMemory(binary('active-writes-files')));
  assert.equal(risk, 'dangerous');
  assert.deepEqual(
    remarks.map((remark) => [remark.rule, remark.level, remark.subject]),
    [['code-active', 'error', 'WriteFile']],
  );
  assert.match(remarks[0]?.message ?? '', /WriteFile/);
});

test('operators of every meta graph and of functions are seen', () => {
  const graph = field(
    2,
    field(2, field(1, field(1, field(1, 'f')), field(3, field(1, 'n'), field(2, 'PyFunc')))),
  );
  const bytes = Buffer.concat([
    field(2, field(1, field(4, 'serve'))),
    field(2, field(1, field(4, 'train')), graph),
  ]);
  assert.equal(read(inMemory(bytes)).risk, 'dangerous');
});

for (const [filename, risk] of [
  ['../../../etc/passwd', 'dangerous'],
  ['/etc/passwd', 'dangerous'],
  ['vocabulary..txt', 'none'],
] as const)
  test(`a SavedModel with the asset ${filename} is ${risk}`, () => {
    const graph = field(2, field(1, field(1, 'x'), field(2, 'Placeholder')));
    const bytes = field(2, graph, field(6, field(2, filename)));
    assert.equal(read(inMemory(bytes)).risk, risk);
  });

test('features of serialized examples are those of the spec that TensorFlow parses them by', () => {
  const TEXT = /^(\w+)(?: (\[.*\]))?(, any number of values)?(, optional(?: \(default (.*)\))?)?$/;
  for (const name of ['example-features', 'v1-classify']) {
    const { properties, contract } = read(inMemory(binary(name)));
    const specs = JSON.parse(readFileSync(join(MODELS, name, 'features.json'), 'utf8'));
    for (const [signature, spec] of Object.entries<Record<string, unknown>>(specs)) {
      const said = Object.fromEntries(
        Object.keys(spec).map((feature) => {
          const text =
            properties[`feature.${signature}.${feature}`] ?? properties[`feature.${feature}`] ?? '';
          const [, type, shape, free, optional, value] = TEXT.exec(text) ?? [];
          const fallback = value === undefined ? null : JSON.parse(value);
          return [
            feature,
            {
              type,
              shape: free ? null : JSON.parse(shape ?? ''),
              optional: optional !== undefined,
              fallback,
            },
          ];
        }),
      );
      const expected = Object.fromEntries(
        Object.entries<Record<string, unknown>>(JSON.parse(JSON.stringify(spec))).map(
          ([feature, { default: value, ...rest }]) => [
            feature,
            { ...rest, fallback: Array.isArray(value) ? value[0] : value },
          ],
        ),
      );
      assert.deepEqual(said, expected);
      assert.match(
        contract?.signatures[signature]?.inputs?.[0]?.description ?? '',
        /^serialized tf\.Example with /,
      );
    }
  }
});

test('the constants of a graph are not read', () => {
  const weights = Buffer.alloc(50_000_000);
  const constant = field(
    1,
    field(1, 'w'),
    field(2, 'Const'),
    field(5, field(1, 'value'), field(2, field(8, weights))),
  );
  const placeholder = field(
    1,
    field(1, 'x'),
    field(2, 'Placeholder'),
    field(5, field(1, 'dtype'), field(2, int(6, 1))),
  );
  const source = counted(inMemory(Buffer.concat([placeholder, constant])));
  assert.deepEqual(readPlain(source).contract?.signatures['predict']?.inputs?.[0]?.type, 'float32');
  assert.ok(source.count() < 10_000, `${source.count()} bytes were read`);
});

test('a SavedModel that is split into chunks is named, and not called clean', async () => {
  const found = await inFolder(
    (path) => writeFileSync(join(path, 'saved_model.cpb'), 'riegeli'),
    (path) => readModel(lookAt(walk('m', path))),
  );
  assert.ok(found.kind === 'model');
  assert.deepEqual([found.reading.remarks[0]?.rule, found.reading.risk], ['format-unsupported', 'review']);
});

test('variables whose values are not there are a finding', async () => {
  const rules = async (keep: (path: string) => boolean) => {
    const path = mkdtempSync(join(tmpdir(), 'lading-tf-'));
    try {
      cpSync(join(MODELS, 'v1/model'), path, { recursive: true, filter: (source) => keep(source) });
      const found = await readModel(lookAt(walk('m', path)));
      assert.ok(found.kind === 'model');
      return found.reading.remarks.map((remark) => remark.rule);
    } finally {
      rmSync(path, { recursive: true });
    }
  };
  assert.deepEqual(await rules(() => true), []);
  assert.deepEqual(await rules((path) => !path.includes('variables')), ['weights-missing']);
  assert.deepEqual(await rules((path) => !path.includes('.data-')), ['weights-missing']);
});

test('values of the checkpoint are counted, and which of them were trained is not guessed', async () => {
  for (const [name, parameters] of [
    ['v1-shape-in-checkpoint', 8],
    ['v1-trainable-unlisted', null],
  ] as const) {
    const found = await readModel(lookAt(walk('m', join(MODELS, name, 'model'))));
    assert.ok(found.kind === 'model');
    const truth = JSON.parse(readFileSync(join(MODELS, name, 'checkpoint.json'), 'utf8'));
    assert.equal(found.reading.parameters, parameters);
    assert.equal(found.reading.properties['saved_values'], String(truth.values));
  }
});

test('an index of variables that is damaged anywhere is a finding or still read, and never a crash', async () => {
  const index = join(MODELS, 'v1-shape-in-checkpoint/model/variables/variables.index');
  const whole = readFileSync(index);
  const damaged = (bytes: Buffer) =>
    inFolder(
      (path) => {
        cpSync(join(MODELS, 'v1-shape-in-checkpoint/model'), path, { recursive: true });
        writeFileSync(join(path, 'variables/variables.index'), bytes);
      },
      async (path) => {
        const found = await readModel(lookAt(walk('m', path)));
        assert.ok(found.kind === 'model');
        return found.reading;
      },
    );
  await Promise.all([
    ...[0, 10, 47, 48, 100, whole.length - 1].map(async (length) => {
      const { parameters, remarks } = await damaged(whole.subarray(0, length));
      assert.deepEqual([parameters, remarks.map((one) => one.rule)], [null, ['file-malformed']], `${length}`);
    }),
    ...Array.from({ length: 60 }, async (_, turn) => {
      const bytes = Buffer.from(whole);
      for (let at = turn; at < bytes.length; at += 61) bytes[at] = (turn * 89 + at) & 0xff;
      const { remarks } = await damaged(bytes);
      for (const one of remarks) assert.equal(one.rule, 'file-malformed');
    }),
  ]);
});

test('shapes of results follow from constants, and where they do not they are unknown', () => {
  const truth = JSON.parse(readFileSync(join(GRAPHS, 'chains/truth.json'), 'utf8'));
  const { contract, evidence } = readPlain(inMemory(readFileSync(join(GRAPHS, 'chains/model/graph.pb'))));
  const outputs = contract?.signatures['predict']?.outputs ?? [];
  const shapes = outputs.map((one) => [one.name, one.shape]);
  const expected = truth.signatures.predict.outputs.map((one: { name: string; shape: unknown }) => [
    one.name,
    one.shape,
  ]);
  assert.deepEqual(shapes, expected);
  assert.equal(evidence['/signatures/predict/outputs/0/shape']?.kind, 'derived');
});

test('a graph that feeds itself, or is a very long chain, is read all the same', () => {
  const node = (name: string, ...inputs: string[]) =>
    field(1, field(1, name), field(2, 'Add'), ...inputs.map((input) => field(3, input)));
  const chain = Array.from({ length: 5000 }, (_, at) => node(`n${at + 1}`, `n${at}`, `n${at}`));
  const bytes = Buffer.concat([node('a', 'b', 'a'), node('b', 'a', 'b'), node('end', 'a', 'b'), ...chain]);
  const outputs = readPlain(inMemory(bytes)).contract?.signatures['predict']?.outputs;
  assert.deepEqual(
    outputs?.map((one) => [one.name, one.shape]),
    [
      ['end', null],
      ['n5000', null],
    ],
  );
});

test('a graph that was saved with its training does not say what it answers, and its checkpoint belongs to it', async () => {
  const folder = join(MODELS, '../tensorflow-meta/training/model');
  const look = lookAt(walk('m', folder));
  const [found, ...more] = detect(look);
  assert.deepEqual([found?.path, more], ['model.ckpt-7.meta', []]);
  assert.equal(found?.covers.length, 2);
  const model = await readModel(look);
  assert.ok(model.kind === 'model');
  assert.equal(model.reading.contract?.signatures['predict']?.outputs, null);
  assert.match(
    JSON.stringify(model.reading.evidence['/signatures/predict/outputs']),
    /saved with its training/,
  );
});

test('a meta graph without its checkpoint, or cut short, is a finding', async () => {
  const file = readFileSync(join(MODELS, '../tensorflow-meta/inference/model/model.ckpt-7.meta'));
  const rules = (content: Buffer) =>
    inFolder(
      (path) => writeFileSync(join(path, 'a.meta'), content),
      async (path) => {
        const found = await readModel(lookAt(walk('m', path)));
        assert.ok(found.kind === 'model', found.kind);
        return found.reading.remarks.map((remark) => remark.rule);
      },
    );
  assert.deepEqual(await rules(file), ['weights-missing']);
  const cut = await rules(file.subarray(0, file.length - 100));
  assert.ok(cut.includes('file-truncated') || cut.includes('file-malformed'), `${cut}`);
});

test('of a graph with more sizes than can be shown nothing is shown', () => {
  const sizes = Array.from({ length: 300 }, () => field(2, int(1, 3)));
  const shape = field(5, field(1, 'shape'), field(2, field(7, ...sizes)));
  const placeholder = (at: number) => field(1, field(1, `p${at}`), field(2, 'Placeholder'), shape);
  const graph = (count: number) =>
    readPlain(inMemory(Buffer.concat(Array.from({ length: count }, (_, at) => placeholder(at)))));
  assert.equal(graph(10).contract?.signatures['predict']?.inputs?.length, 10);
  assert.equal(graph(200).contract?.signatures['predict']?.inputs, null);
});

test('every shape and type that TensorFlow finds by these operators is found', async () => {
  const cases = truthCases(join(MODELS, '..')).filter(
    (one) => one.format === 'tensorflow-graph' && ['operators', 'parts'].includes(one.name),
  );
  assert.equal(cases.length, 2);
  for (const one of cases) {
    const found = await readModel(lookAt(walk(one.name, one.directory)));
    assert.ok(found.kind === 'model');
    const missed = judge(one.truth, found.reading).filter((judgement) => judgement.verdict !== 'right');
    assert.deepEqual(missed, []);
  }
});

test('other protobuf is no frozen graph', async () => {
  const files = {
    'labels.pb': field(1, 'a name'),
    'node.pb': field(1, field(1, 'x y'), field(2, 'Const')),
    'lower.pb': field(1, field(1, 'x'), field(2, 'conv2d')),
    'graph.pb': field(1, field(1, 'x'), field(2, 'Placeholder')),
    'a/deep.pbtxt': Buffer.from('item { id: 1 }'),
    'a/calculators.pbtxt': Buffer.from('node {\n  name: "x"\n  calculator: "ToImageCalculator"\n}\n'),
    'a/graph.pbtxt': Buffer.from('node {\n  name: "x"\n  op: "Placeholder"\n}\n'),
  };
  const found = await inFolder(
    (path) => {
      mkdirSync(join(path, 'a'));
      for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content);
    },
    (path) => detect(lookAt(walk('m', path)), [tensorflowGraph]).map((one) => one.path),
  );
  assert.deepEqual(found, ['a/graph.pbtxt', 'graph.pb']);
});

test('cut at any byte, a model is never read as whole', () => {
  for (const name of ['v1-train-and-serve', 'no-default', 'v1']) {
    const bytes = binary(name);
    const whole = read(inMemory(bytes));
    for (let length = 0; length < bytes.length; length++) {
      const outcome = attempt(read, bytes.subarray(0, length));
      // Between two meta graphs a file that was cut is a whole file with one of them.
      const other =
        !(outcome instanceof Error) && outcome.properties['meta_graphs'] !== whole.properties['meta_graphs'];
      assert.ok(outcome instanceof Error || other, `${name} cut at ${length} of ${bytes.length}`);
    }
  }
});

test('damaged models never crash the reader', () => {
  const samples = readdirSync(MODELS)
    .filter((name) => name !== 'version-folder' && name !== 'v1-pbtxt')
    .map(binary);
  const savedModels = fuzz(read, samples, 1500, 7);
  assert.ok(savedModels.readings > 50 && savedModels.errors > 50, JSON.stringify(savedModels));
  const text = readFileSync(join(MODELS, 'v1-pbtxt/model/saved_model.pbtxt')).subarray(0, 20_000);
  fuzz(readText, [text], 500, 8);
  fuzz(readPlain, [readFileSync(join(GRAPHS, 'plain/model/graph.pb'))], 2000, 9);
});

test('constants of a type that says no sizes, such as double, have no values and do no harm', () => {
  for (const type of [2, 10, 4]) {
    const tensor = Buffer.concat([int(1, type), field(2), field(4, Buffer.alloc(8, 1))]);
    assert.deepEqual(readConstant(rootMessage(inMemory(tensor))), { shape: [], values: null });
  }
});
