import assert from 'node:assert/strict';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Malformed, type Reading } from '../../src/formats/format.ts';
import { readOnnx } from '../../src/formats/onnx/read.ts';
import { onnx } from '../../src/formats/onnx.ts';
import { detect, lookAt, readModel } from '../../src/formats/read.ts';
import { type Bytes, inMemory, openFile } from '../../src/model/bytes.ts';
import { walk } from '../../src/model/walk.ts';
import { attempt, candidate, counted, EMPTY_LOOK, fuzz } from '../helpers/damage.ts';
import { field, head, int } from '../helpers/proto.ts';
import { judge, truthCases } from '../helpers/truth.ts';

const MODELS = join(import.meta.dirname, '../fixtures/models/onnx');
const fixture = (name: string) => readFileSync(join(MODELS, name, 'model/model.onnx'));
const read = (bytes: Bytes): Reading => readOnnx(bytes, candidate('onnx', 'model.onnx'), EMPTY_LOOK);

// Field numbers of onnx.proto.
const tensorType = (type: number, ...dimensions: Buffer[]) =>
  field(1, int(1, type), field(2, ...dimensions.map((dimension) => field(1, dimension))));
const value = (slot: 11 | 12, name: string, ...type: Buffer[]) =>
  field(slot, field(1, name), field(2, ...type));
const opset = field(8, int(2, 17));
const model = (...graph: Buffer[]) => Buffer.concat([int(1, 8), field(7, ...graph), opset]);
const external = (location: string, ...more: Buffer[]) =>
  field(
    5,
    int(1, 4),
    int(2, 1),
    field(8, 'w'),
    field(13, field(1, 'location'), field(2, location)),
    ...more,
    int(14, 1),
  );

function folder(files: Readonly<Record<string, Buffer | string>>): string {
  const path = mkdtempSync(join(tmpdir(), 'lading-onnx-'));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content);
  return path;
}

async function readFolder(files: Readonly<Record<string, Buffer | string>>): Promise<Reading> {
  const path = folder(files);
  try {
    const found = await readModel(lookAt(walk('m', path)));
    assert.ok(found.kind === 'model', JSON.stringify(found));
    return found.reading;
  } finally {
    rmSync(path, { recursive: true });
  }
}

test('sizes that a file leaves open are open, and any rank is no scalar', () => {
  const bytes = model(
    value(
      11,
      'sizes',
      tensorType(1, int(1, 3), int(1, 0), int(1, -1), field(2, 'n'), field(2, ''), Buffer.alloc(0)),
    ),
    value(11, 'placeholders', tensorType(1, field(2, '?'), field(2, 'None'), field(2, '-1'))),
    value(11, 'scalar', tensorType(1)),
    value(11, 'anything', field(1, int(1, 1))),
    value(12, 'untyped'),
    value(12, 'undefined', field(1, int(1, 0))),
  );
  const signature = read(inMemory(bytes)).contract?.signatures['predict'];
  assert.deepEqual(
    signature?.inputs?.map((one) => one.shape),
    [[3, null, null, 'n', null, null], [null, null, null], [], null],
  );
  assert.deepEqual(
    signature?.outputs?.map((one) => [one.name, one.type, one.shape]),
    [
      ['untyped', null, null],
      ['undefined', null, null],
    ],
  );
});

test('every field says where it comes from', () => {
  const { evidence } = read(inMemory(fixture('shapes')));
  assert.deepEqual(evidence['/signatures/predict/inputs/0/type'], {
    kind: 'stated',
    where: 'graph.input[0].type.tensor_type.elem_type',
  });
  assert.equal(evidence['/signatures/predict/inputs/1/shape']?.kind, 'unknown');
});

test('an input that has an initializer is no input before IR 4, and an optional one since', () => {
  const names = (name: string) =>
    read(inMemory(fixture(name))).contract?.signatures['predict']?.inputs?.map((one) => [
      one.name,
      one.optional,
    ]);
  assert.deepEqual(names('linear-ir3'), [['x', undefined]]);
  assert.deepEqual(names('linear-ir5'), [
    ['x', undefined],
    ['w', true],
    ['b', true],
  ]);
});

test('a category that the model refuses is not in the set of its input', async () => {
  const found = await readModel(lookAt(walk('m', join(MODELS, 'sklearn-columns/model'))));
  assert.ok(found.kind === 'model');
  const inputs = found.reading.contract?.signatures['predict']?.inputs ?? [];
  // The generator asked onnxruntime: it takes these and refuses "west".
  assert.deepEqual(inputs.find((one) => one.name === 'region')?.categories, ['east', 'north', 'south']);
  assert.equal(inputs.find((one) => one.name === 'price')?.categories, undefined);
});

test('what the metadata names and what the nodes give is found whole', async () => {
  const wanted = ['metadata-names', 'metadata-escaped', 'metadata-lines', 'scalars-that-are-none'];
  const cases = truthCases(join(MODELS, '..')).filter(
    (one) => one.format === 'onnx' && wanted.includes(one.name),
  );
  assert.equal(cases.length, wanted.length);
  for (const one of cases) {
    const found = await readModel(lookAt(walk(one.name, one.directory)));
    assert.ok(found.kind === 'model');
    const missed = judge(one.truth, found.reading).filter((judgement) => judgement.verdict !== 'right');
    assert.deepEqual(missed, []);
  }
});

test('ranks that double with each node are given up, and not followed until memory ends', () => {
  const gather = (at: number) =>
    field(1, field(1, `x${at}`), field(1, `x${at}`), field(2, `x${at + 1}`), field(4, 'Gather'));
  const nodes = Array.from({ length: 60 }, (_, at) => gather(at));
  const input = value(11, 'x0', tensorType(7, int(1, 2), int(1, 2)));
  const graph = field(7, ...nodes, input, field(12, field(1, 'x60')));
  const { contract } = read(inMemory(Buffer.concat([int(1, 8), graph, opset])));
  const [output] = contract?.signatures['predict']?.outputs ?? [];
  assert.equal(output?.type, 'int64');
  assert.equal(output?.shape, null);
});

test('operator sets, metadata and foreign operators are told', () => {
  const bytes = Buffer.concat([
    int(1, 8),
    field(2, 'pytorch'),
    field(7, field(1, field(4, 'Own'), field(7, 'my.ops'), field(2, 'y')), value(12, 'y', tensorType(1))),
    opset,
    field(8, field(1, 'my.ops'), int(2, 3)),
    field(14, field(1, 'author'), field(2, 'me')),
  ]);
  const { properties, remarks, framework } = read(inMemory(bytes));
  assert.deepEqual(properties, {
    ir_version: '8',
    'opset.ai.onnx': '17',
    'opset.my.ops': '3',
    custom_domains: 'my.ops',
    'metadata.author': 'me',
  });
  assert.deepEqual(framework, { name: 'pytorch', version: null });
  assert.deepEqual(
    remarks.map((remark) => remark.rule),
    ['onnx-custom-operators'],
  );
});

test('weights that are missing, cut short, or outside of the folder are findings', async () => {
  const x = value(12, 'y', tensorType(1));
  const missing = await readFolder({ 'model.onnx': model(x, external('weights.bin')) });
  assert.deepEqual(
    missing.remarks.map((remark) => [remark.rule, remark.level]),
    [['external-data-missing', 'error']],
  );
  const range = [field(13, field(1, 'offset'), field(2, '8')), field(13, field(1, 'length'), field(2, '16'))];
  const files = {
    'model.onnx': model(x, external('weights.bin', ...range)),
    'weights.bin': Buffer.alloc(20),
  };
  const short = await readFolder(files);
  assert.deepEqual(
    short.remarks.map((remark) => remark.rule),
    ['external-data-truncated'],
  );
  const whole = await readFolder({ ...files, 'weights.bin': Buffer.alloc(24) });
  assert.deepEqual([whole.remarks, whole.risk], [[], 'none']);
  for (const location of ['../secret', '/etc/passwd', 'C:\\x', '..\\..\\x', 'a/../../x', '']) {
    const escaped = await readFolder({ 'model.onnx': model(x, external(location)) });
    assert.deepEqual([escaped.remarks[0]?.rule, escaped.risk], ['path-escapes', 'dangerous'], location);
  }
});

test('the files of external data belong to the model', () => {
  const look = lookAt(walk('m', join(MODELS, 'external-data/model')));
  assert.deepEqual(onnx.detect(look), [
    { format: 'onnx', path: 'model.onnx', role: 'model', covers: ['weights.bin'] },
  ]);
});

test('a model is known by its content, whatever it is called', () => {
  const path = folder({
    'model.bin': fixture('linear-ir10'),
    'notes.txt': 'text',
    'other.pb': Buffer.from([8, 1, 18, 0]),
  });
  try {
    assert.deepEqual(
      detect(lookAt(walk('m', path)), [onnx]).map((one) => one.path),
      ['model.bin'],
    );
  } finally {
    rmSync(path, { recursive: true });
  }
});

test('a file that is called .onnx and is none is explained', async () => {
  for (const content of ['this is no model', '\x08', 'PK\x03\x04 a zip']) {
    const reading = await readFolder({ 'model.onnx': content });
    assert.match(reading.remarks[0]?.rule ?? '', /^file-(malformed|truncated)$/, content);
    assert.notEqual(reading.risk, 'none');
  }
});

test('cut at any byte, a model is never read as whole', () => {
  for (const name of ['linear-ir10', 'shapes', 'sequences']) {
    const bytes = fixture(name);
    for (let length = 0; length < bytes.length; length++) {
      const outcome = attempt(read, bytes.subarray(0, length));
      const said = outcome instanceof Error || outcome.remarks.length > 0;
      assert.ok(said, `${name} cut at ${length} of ${bytes.length}`);
    }
  }
});

test('five gigabytes of weights inside the file are not read', () => {
  const weights = 5 * 1024 ** 3;
  const tail = Buffer.concat([field(8, 'w')]);
  const dims = Buffer.concat([int(1, weights / 4), int(2, 1)]);
  const tensor = Buffer.concat([dims, head(9, weights)]);
  const initializer = head(5, tensor.length + weights + tail.length);
  const inputs = value(11, 'x', tensorType(1, field(2, 'batch')));
  const outputs = value(12, 'y', tensorType(1, field(2, 'batch')));
  const inside = initializer.length + tensor.length + weights + tail.length;
  const start = Buffer.concat([
    int(1, 8),
    head(7, inside + inputs.length + outputs.length),
    initializer,
    tensor,
  ]);
  const end = Buffer.concat([tail, inputs, outputs, opset]);
  const path = folder({});
  try {
    const file = join(path, 'model.onnx');
    writeFileSync(file, start);
    truncateSync(file, start.length + weights);
    const descriptor = openSync(file, 'r+');
    writeSync(descriptor, end, 0, end.length, start.length + weights);
    closeSync(descriptor);
    using bytes = openFile(file);
    const source = counted(bytes);
    const before = process.memoryUsage().arrayBuffers;
    const reading = read(source);
    assert.equal(reading.parameters, weights / 4);
    assert.deepEqual(reading.contract?.signatures['predict']?.inputs?.[0]?.shape, ['batch']);
    assert.ok(source.count() < 8192, `${source.count()} bytes were read`);
    assert.ok(process.memoryUsage().arrayBuffers - before < 8 * 1024 * 1024);
  } finally {
    rmSync(path, { recursive: true });
  }
});

test('damaged models never crash the reader', () => {
  const samples = readdirSync(MODELS)
    .filter((name) => !name.startsWith('ort-'))
    .map(fixture);
  const { readings, errors } = fuzz(read, samples, 6000, 20250101);
  assert.ok(readings > 100 && errors > 100, `${readings} readings, ${errors} errors`);
});

test('a file without a graph says so', () => {
  assert.throws(() => read(inMemory(int(1, 8))), Malformed);
});
