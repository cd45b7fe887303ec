/** Very large files cost what their structure costs. */
import assert from 'node:assert/strict';
import {
  closeSync,
  cpSync,
  ftruncateSync,
  mkdirSync,
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
import { cost } from '../helpers/cost.ts';
import { field, head, int } from '../helpers/proto.ts';
import { ROOT } from '../helpers/runner.ts';

const MODELS = join(ROOT, 'test/fixtures/models');
const CLI = join(ROOT, 'src/cli.ts');
const GB = 1024 ** 3;
const MAX_MEMORY = 128 * 1024 * 1024;
const MAX_READ = 4 * 1024 * 1024;

async function inFolder(use: (path: string) => Promise<void>): Promise<void> {
  const path = mkdtempSync(join(tmpdir(), 'lading-limits-'));
  try {
    await use(path);
  } finally {
    rmSync(path, { recursive: true });
  }
}

/** A file of these parts, where a number is so many zeros that take no space on the disk. */
function sparse(path: string, ...parts: readonly (Buffer | number)[]): void {
  const fd = openSync(path, 'w');
  let at = 0;
  for (const part of parts) {
    if (typeof part !== 'number') writeSync(fd, part, 0, part.length, at);
    at += typeof part === 'number' ? part : part.length;
  }
  ftruncateSync(fd, at);
  closeSync(fd);
}

const ascii = (text: string) => Buffer.from(text, 'latin1');
const uint64 = (value: number) => {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt(value));
  return buffer;
};

/** A matrix product whose weights lie inside the file, before the inputs and outputs, as `onnx.save` writes it. */
function writeOnnx(folder: string, bytes: number): void {
  const columns = bytes / 4 / 4;
  const tensor = Buffer.concat([int(1, 4), int(1, columns), int(2, 1), field(8, 'w'), head(9, bytes)]);
  const node = field(1, field(1, 'x'), field(1, 'w'), field(2, 'y'), field(4, 'MatMul'));
  const value = (name: string, size: number) => {
    const shape = field(2, field(1, field(2, 'batch')), field(1, int(1, size)));
    return Buffer.concat([field(1, name), field(2, field(1, int(1, 1), shape))]);
  };
  const start = Buffer.concat([node, field(2, 'g'), head(5, tensor.length + bytes), tensor]);
  const end = Buffer.concat([field(11, value('x', 4)), field(12, value('y', columns))]);
  const graph = head(7, start.length + bytes + end.length);
  const opset = field(8, int(2, 21));
  sparse(join(folder, 'model.onnx'), Buffer.concat([int(1, 10), graph, start]), bytes, end, opset);
}

/** A LinearRegression of four features as joblib writes it, with a `coef_` of this size between the opcodes. */
function writeJoblib(folder: string, bytes: number): void {
  const text = (value: string) => Buffer.concat([Buffer.from([0x8c, value.length]), ascii(value)]);
  const global = (module: string, name: string) => Buffer.concat([text(module), text(name), ascii('\x93')]);
  const before = Buffer.concat([
    ascii('\x80\x04'),
    global('sklearn.linear_model._base', 'LinearRegression'),
    ascii(')\x81}('),
    text('n_features_in_'),
    ascii('K\x04'),
    text('coef_'),
    global('joblib.numpy_pickle', 'NumpyArrayWrapper'),
    ascii(')\x81}('),
    text('subclass'),
    global('numpy', 'ndarray'),
    text('shape'),
    ascii('\x8a\x08'),
    uint64(bytes / 8 / 4),
    ascii('K\x04\x86'),
    text('order'),
    text('C'),
    text('dtype'),
    global('numpy', 'dtype'),
    text('f8'),
    ascii('\x89\x88\x87R(K\x03'),
    text('<'),
    ascii('NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb'),
    text('allow_mmap'),
    ascii('\x88'),
    text('numpy_array_alignment_bytes'),
    ascii('K\x10ub\x01\xff'),
  ]);
  const after = Buffer.concat([text('_sklearn_version'), text('1.5.2'), ascii('ub.')]);
  sparse(join(folder, 'model.joblib'), before, bytes, after);
}

function writeSafetensors(folder: string, bytes: number): void {
  const header = ascii(
    JSON.stringify({ weight: { dtype: 'F32', shape: [bytes / 4], data_offsets: [0, bytes] } }),
  );
  sparse(join(folder, 'model.safetensors'), uint64(header.length), header, bytes);
}

/** A SavedModel of the fixtures with more weights than its index asks for. */
function writeSavedModel(folder: string, bytes: number): void {
  cpSync(join(MODELS, 'tensorflow/keras-export/model'), folder, { recursive: true });
  const data = readdirSync(join(folder, 'variables')).find((name) => name.includes('.data-')) ?? '';
  truncateSync(join(folder, 'variables', data), bytes);
}

/** A Keras file of the fixtures, its first kernel widened to this size and moved behind the end. */
function writeHdf5(folder: string, bytes: number): void {
  const file = readFileSync(join(MODELS, 'keras/mlp-h5/model/model.h5'));
  const columns = bytes / 4 / 4;
  // Data layout message, version 3, contiguous: address, and size of 4 × 8 float32.
  const layout = file.findIndex(
    (byte, at) =>
      byte === 3 && file[at + 1] === 1 && at + 18 <= file.length && file.readBigUInt64LE(at + 10) === 128n,
  );
  const dimensions = file.lastIndexOf(Buffer.concat([uint64(4), uint64(8)]), layout);
  assert.ok(layout > 0 && dimensions > 0);
  for (const at of [dimensions, dimensions - 16]) if (at > 0) uint64(columns).copy(file, at + 8);
  uint64(file.length).copy(file, layout + 2);
  uint64(bytes).copy(file, layout + 10);
  sparse(join(folder, 'model.h5'), file, bytes);
}

const LARGE = [
  { what: 'an ONNX model of 5 GB with its weights inside', format: 'onnx', size: 5 * GB, write: writeOnnx },
  { what: 'a joblib file of 3 GB', format: 'sklearn', size: 3 * GB, write: writeJoblib },
  { what: 'a safetensors file of 3 GB', format: 'safetensors', size: 3 * GB, write: writeSafetensors },
  { what: 'a SavedModel with 2 GB of variables', format: 'tensorflow', size: 2 * GB, write: writeSavedModel },
  { what: 'an HDF5 file of 3 GB', format: 'keras', size: 3 * GB, write: writeHdf5 },
] as const;

for (const { what, format, size, write } of LARGE)
  test(`${what} is read in the memory and the bytes of its structure`, (t) =>
    inFolder(async (folder) => {
      if (process.platform !== 'linux') return t.skip('memory and reads are counted by Linux');
      const models = { small: join(folder, 'small'), large: join(folder, 'large') };
      for (const path of Object.values(models)) mkdirSync(path);
      write(models.small, 4096);
      write(models.large, size);
      const empty = await cost(folder, ['-e', '0']);
      const inspect = (path: string) => cost(folder, [CLI, 'inspect', path, '--format', 'json']);
      const small = await inspect(models.small);
      const large = await inspect(models.large);
      assert.equal(large.code, 0, large.stdout + large.stderr);
      const said = JSON.parse(large.stdout);
      assert.equal(said.format, format);
      assert.equal(said.verdict, 'clean');
      if (format !== 'safetensors') assert.notEqual(said.contract, null);
      const memory = large.memory - empty.memory;
      assert.ok(memory < MAX_MEMORY, `${memory} bytes of memory above an empty process`);
      // The program's own sources are read both times.
      const read = large.read - small.read;
      assert.ok(read < MAX_READ, `${read} bytes more are read than of a small model`);
    }));

/** So many messages that a reader which keeps them all takes fifty times the size of the file. */
const CROWDED: Readonly<Record<string, (filler: (one: Buffer) => Buffer) => Buffer>> = {
  'variables of the object graph': (filler) =>
    field(7, filler(field(1, field(7, int(3, 1), field(2, field(2, int(1, 1))))))),
  'names that the root object gives': (filler) =>
    field(7, field(1, filler(field(1, int(1, 1), field(2, 'a'))))),
  'dimensions of one input': (filler) =>
    field(5, field(1, 'f'), field(2, field(1, field(1, 'x'), field(2, field(3, filler(field(2))))))),
  'empty graphs': (filler) => filler(field(2)),
  'long names of outputs': () =>
    field(
      5,
      field(1, 'f'),
      field(
        2,
        ...Array.from({ length: 9000 }, (_, at) =>
          field(2, field(1, `${at}${'y'.repeat(1200)}`), field(2, int(2, 1))),
        ),
      ),
    ),
};

const CROWDED_TEXT: Readonly<Record<string, (repeat: (one: string) => string) => string>> = {
  'empty graphs': (repeat) => repeat('graph_def {}\n'),
  'strings of a signature': (repeat) =>
    `signature_def { key: "f" value { ${repeat('inputs { key: "x" }\n')} } }`,
};

for (const [what, write] of Object.entries(CROWDED_TEXT))
  test(`a SavedModel of thirty megabytes of text with ${what} is refused within the memory of any other`, (t) =>
    inFolder(async (folder) => {
      if (process.platform !== 'linux') return t.skip('memory is counted by Linux');
      mkdirSync(join(folder, 'model'));
      const repeat = (one: string) => one.repeat(Math.floor((30 * 1024 * 1024) / one.length));
      writeFileSync(join(folder, 'model/saved_model.pbtxt'), `meta_graphs { ${write(repeat)} }`);
      const empty = await cost(folder, ['-e', '0']);
      const inspect = () => cost(folder, [CLI, 'inspect', 'model', '--format', 'json']);
      const runs = [await inspect(), await inspect()];
      assert.match(runs[0]?.stdout ?? '', /"file-malformed"/);
      const memory = Math.min(...runs.map((one) => one.memory)) - empty.memory;
      assert.ok(memory < MAX_MEMORY, `${memory} bytes of memory above an empty process`);
    }));

test('a SavedModel in text costs what its structure costs, and not its weights', (t) =>
  inFolder(async (folder) => {
    if (process.platform !== 'linux') return t.skip('memory is counted by Linux');
    mkdirSync(join(folder, 'model'));
    const weights = '\\001\\377'.repeat(5 * 1024 * 1024);
    const text = readFileSync(join(MODELS, 'tensorflow/v1-pbtxt/model/saved_model.pbtxt'), 'utf8');
    const constant = `node { name: "c" op: "Const" attr { key: "value" value { tensor { tensor_content: "${weights}" } } } }`;
    writeFileSync(
      join(folder, 'model/saved_model.pbtxt'),
      text.replace('graph_def {', `graph_def { ${constant}`),
    );
    const empty = await cost(folder, ['-e', '0']);
    const ran = await cost(folder, [CLI, 'inspect', 'model', '--format', 'json']);
    assert.notEqual(JSON.parse(ran.stdout).contract.signatures.serving_default, undefined);
    const memory = ran.memory - empty.memory;
    assert.ok(memory < MAX_MEMORY / 1.5, `${memory} bytes of memory above an empty process`);
  }));

for (const [what, write] of Object.entries(CROWDED))
  test(`a SavedModel of eleven megabytes of ${what} is refused within the memory of any other`, (t) =>
    inFolder(async (folder) => {
      if (process.platform !== 'linux') return t.skip('memory is counted by Linux');
      const filler = (one: Buffer) =>
        Buffer.alloc(Math.floor((11 * 1024 * 1024) / one.length) * one.length, one);
      mkdirSync(join(folder, 'model'));
      const graph = field(2, field(1, field(4, 'serve')), write(filler));
      writeFileSync(join(folder, 'model/saved_model.pb'), graph);
      const empty = await cost(folder, ['-e', '0']);
      // On a busy machine the collector comes late now and then; what is kept is in every run.
      const inspect = () => cost(folder, [CLI, 'inspect', 'model', '--format', 'json']);
      const runs = [await inspect(), await inspect()];
      assert.match(runs[0]?.stdout ?? '', /"file-malformed"/);
      const memory = Math.min(...runs.map((one) => one.memory)) - empty.memory;
      assert.ok(memory < MAX_MEMORY, `${memory} bytes of memory above an empty process`);
    }));

test('a frozen graph of half a million nodes that none uses is read within the memory of any other', (t) =>
  inFolder(async (folder) => {
    if (process.platform !== 'linux') return t.skip('memory is counted by Linux');
    mkdirSync(join(folder, 'model'));
    const nodes = Array.from({ length: 500_000 }, (_, at) => field(1, field(1, `n${at}`), field(2, 'Abs')));
    writeFileSync(join(folder, 'model/graph.pb'), Buffer.concat(nodes));
    const empty = await cost(folder, ['-e', '0']);
    const inspect = () => cost(folder, [CLI, 'inspect', 'model', '--format', 'json']);
    const runs = [await inspect(), await inspect()];
    const { outputs } = JSON.parse(runs[0]?.stdout ?? '').contract.signatures.predict;
    assert.equal(outputs, null);
    const memory = Math.min(...runs.map((one) => one.memory)) - empty.memory;
    assert.ok(memory < MAX_MEMORY, `${memory} bytes of memory above an empty process`);
  }));

const MB = 1024 * 1024;
const many = (text: string, size: number) =>
  Buffer.alloc(Math.floor(size / text.length) * text.length, text, 'latin1');
const headed = (header: Buffer) => Buffer.concat([uint64(header.length), header]);
const int64 = (value: number) => uint64(value).reverse();

/** What takes fifty times its size when all of it is kept, or minutes when each part is held to each other one. */
const CROWDED_FILES: Readonly<Record<string, () => readonly [string, Buffer]>> = {
  'states of one object in a pickle': () => [
    'm.pkl',
    Buffer.concat([ascii('\x80\x04csklearn.svm\nSVC\n)\x81'), many('}b', 40 * MB)]),
  ],
  'calls in a pickle': () => [
    'm.pkl',
    Buffer.concat([ascii('\x80\x02ccollections\nOrderedDict\nq\x00'), many('h\x00)R', 40 * MB)]),
  ],
  'byte strings in a pickle': () => ['m.pkl', Buffer.concat([ascii('\x80\x04'), many('C\x01a', 40 * MB)])],
  'lists within lists in a safetensors header': () => [
    'm.safetensors',
    headed(Buffer.concat([ascii('{"a":'), many('[', 20 * MB), ascii('}')])),
  ],
  'empty objects in UBJSON': () => [
    'm.ubj',
    Buffer.concat([ascii('{L'), int64(7), ascii('learner['), many('{}', 40 * MB), ascii(']}')]),
  ],
  'attributes of one XML element': () => [
    'm.pmml',
    Buffer.concat([
      ascii('<?xml version="1.0"?><PMML version="4.4" xmlns="http://www.dmg.org/PMML-4_4"><Header '),
      ascii(Array.from({ length: 1_000_000 }, (_, at) => `a${at}="1"`).join(' ')),
      ascii('/></PMML>'),
    ]),
  ],
  'attributes of one ONNX node': () => {
    const attribute = field(5, field(1, 'a'));
    const attributes = Buffer.alloc(Math.floor((40 * MB) / attribute.length) * attribute.length, attribute);
    return ['m.onnx', Buffer.concat([int(1, 10), field(7, field(1, field(4, 'Relu'), attributes))])];
  },
  'lists within lists in YAML': () => [
    'MLmodel',
    Buffer.concat([ascii('flavors: {}\nz: '), many('[', 2 * MB)]),
  ],
  'keys of a map in YAML': () => [
    'MLmodel',
    ascii(`flavors: {}\nz:\n${Array.from({ length: 24_000 }, (_, at) => ` k${at}: b\n`).join('')}`),
  ],
};

for (const [what, write] of Object.entries(CROWDED_FILES))
  test(`a file of many ${what} is read within the memory and the time of any other`, (t) =>
    inFolder(async (folder) => {
      if (process.platform !== 'linux') return t.skip('memory is counted by Linux');
      mkdirSync(join(folder, 'model'));
      const [name, bytes] = write();
      writeFileSync(join(folder, 'model', name), bytes);
      const empty = await cost(folder, ['-e', '0']);
      const inspect = () => cost(folder, [CLI, 'inspect', 'model', '--format', 'json']);
      const runs = [await inspect(), await inspect()];
      assert.notEqual(JSON.parse(runs[0]?.stdout ?? '').format, null);
      const memory = Math.min(...runs.map((one) => one.memory)) - empty.memory;
      assert.ok(memory < MAX_MEMORY, `${memory} bytes of memory above an empty process`);
      const time = Math.min(...runs.map((one) => one.time));
      assert.ok(time < 2, `${time} seconds of processor time`);
    }));
