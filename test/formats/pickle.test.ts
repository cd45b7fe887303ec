import assert from 'node:assert/strict';
import { closeSync, ftruncateSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { deflateSync } from 'node:zlib';
import { decompressed, openStream } from '../../src/formats/wire/decompress.ts';
import {
  type ArrayView,
  arrayOf,
  elementsOf,
  scalarOf,
  scalarTypeOf,
} from '../../src/formats/wire/pickle/numpy.ts';
import { type PickleResult, readPickle, readPickleBytes } from '../../src/formats/wire/pickle/read.ts';
import { getKey, is, type Value } from '../../src/formats/wire/pickle/values.ts';
import { inMemory, openFile } from '../../src/model/bytes.ts';

const ROOT = join(import.meta.dirname, '../fixtures/pickle');
const bytesOf = (...parts: (string | number[] | Uint8Array)[]) =>
  Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part))),
  );
const read = (bytes: Uint8Array): Promise<PickleResult> => readPickleBytes(inMemory(bytes));

/** What plain Python values look like in JSON. */
function toJson(value: Value): unknown {
  if (is(value, 'list') || is(value, 'tuple')) return value.items.map(toJson);
  if (is(value, 'dict'))
    return Object.fromEntries(
      value.keys.map((key, index) => [String(key), toJson(value.values[index] ?? null)]),
    );
  return value;
}

for (const protocol of [0, 1, 2, 3, 4, 5]) {
  test(`values in protocol ${protocol} are those that Python wrote`, async () => {
    const { values, error, trailing } = await read(readFileSync(join(ROOT, `values-${protocol}.pkl`)));
    assert.equal(error, null);
    assert.equal(trailing, false);
    assert.deepEqual(toJson(values[0] ?? null), JSON.parse(readFileSync(join(ROOT, 'values.json'), 'utf8')));
  });
  test(`arrays in protocol ${protocol} are those that NumPy wrote`, async () => {
    await checkArrays(await read(readFileSync(join(ROOT, `arrays-${protocol}.pkl`))));
  });
}

test('arrays between opcodes are those that joblib wrote', async () => {
  await checkArrays(await read(readFileSync(join(ROOT, 'arrays.joblib'))));
});

async function checkArrays(result: PickleResult): Promise<void> {
  assert.equal(result.error, null);
  const [root] = result.values;
  assert.ok(is(root, 'dict'));
  const expected: Record<string, { shape: number[]; dtype: string; values: unknown[] }> = JSON.parse(
    readFileSync(join(ROOT, 'arrays.json'), 'utf8'),
  );
  for (const [name, truth] of Object.entries(expected)) {
    const value = getKey(root, name);
    const array = arrayOf(value);
    if (!array) {
      assert.equal(scalarOf(value), truth.values[0], name);
      continue;
    }
    assert.deepEqual(array.shape, truth.shape, name);
    const type = scalarTypeOf(array.dtype);
    if (array.dtype.kind in { i: 1, u: 1, f: 1, b: 1 }) assert.equal(type, truth.dtype, name);
    assert.deepEqual(elementsOf(array), truth.values, name);
  }
}

test('what unpickling would import is listed with the number of calls', async () => {
  const { globals } = await read(
    bytesOf([0x80, 2], 'ccollections\nOrderedDict\n)Rccollections\nOrderedDict\n)R\x86.'),
  );
  assert.deepEqual(
    globals.map((use) => [use.global.module, use.global.name, use.calls]),
    [['collections', 'OrderedDict', 2]],
  );
});

test('persistent references stay in the values, for formats that resolve them', async () => {
  const { values } = await read(bytesOf([0x80, 2], "(S'storage'\nK\x05tQ."));
  assert.ok(is(values[0], 'ref'));
  assert.ok(is(values[0].id, 'tuple'));
  assert.deepEqual(values[0].id.items, ['storage', 5]);
});

test('reading stops after the pickles that were asked for, right behind the last one', async () => {
  const { stream } = openStream(inMemory(bytesOf([0x80, 2], 'K\x01.', [0x80, 2], 'K\x02.', 'raw')));
  const { values, end, trailing } = await readPickle(stream, { pickles: 2 });
  assert.deepEqual(values, [1, 2]);
  assert.equal(trailing, null);
  assert.equal(Buffer.from(await stream.peek(10)).toString(), 'raw');
  assert.equal(end, 10);
});

test('what was found before an error is kept, and the error says where it is', async () => {
  const { values, globals, error } = await read(bytesOf([0x80, 2], 'cos\nsystem\n', [0x8b, 0xff]));
  assert.deepEqual(values, []);
  assert.equal(globals[0]?.global.module, 'os');
  assert.equal(error?.truncated, true);
});

for (const [name, bytes, limits] of [
  ['opcodes', bytesOf('(', 'N'.repeat(50), 't.'), { opcodes: 20 }],
  ['stack', bytesOf('(', 'N'.repeat(50), 't.'), { stack: 20 }],
  ['memo', bytesOf([0x80, 4], 'N', '\x94'.repeat(50), '.'), { memo: 20 }],
] as const)
  test(`the limit on ${name} ends the reading`, async () => {
    assert.equal((await readPickleBytes(inMemory(bytes))).error, null);
    assert.notEqual((await readPickleBytes(inMemory(bytes), { limits })).error, null);
  });

test('a string of 100 MB is read in part only, and reading goes on behind it', async () => {
  const size = 100 * 1024 * 1024;
  const length = Buffer.alloc(4);
  length.writeUInt32LE(size);
  const compressed = deflateSync(bytesOf([0x80, 2], 'B', length, Buffer.alloc(size), 'K\x07\x86.'));
  const stream = decompressed(inMemory(compressed), 'zlib');
  const { values, error } = await readPickle(stream);
  stream.close();
  assert.equal(error, null);
  assert.ok(is(values[0], 'tuple'));
  const [bytes, after] = values[0].items;
  assert.ok(is(bytes, 'bytes') && bytes.length === size && bytes.data.length <= 65536);
  assert.equal(after, 7);
});

/** A joblib file with one array of `size` bytes of zeros, and `tail` after it. */
function joblibHead(size: number): Buffer {
  const text = (value: string) => bytesOf([0x8c, value.length], value);
  const long = Buffer.alloc(8);
  long.writeBigInt64LE(BigInt(size / 8));
  return bytesOf(
    [0x80, 4],
    '(',
    text('joblib.numpy_pickle'),
    text('NumpyArrayWrapper'),
    '\x93)\x81}(',
    text('shape'),
    '\x8a\x08',
    long,
    '\x85',
    text('order'),
    text('C'),
    text('dtype'),
    text('numpy'),
    text('dtype'),
    '\x93',
    text('f8'),
    '\x89\x88\x87R(K\x03',
    text('<'),
    'NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb',
    text('numpy_array_alignment_bytes'),
    'K\x10ub\x01\xff',
  );
}

test('an array of 3 GB is passed over: memory stays, and what follows is read', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lading-pickle-'));
  try {
    const path = join(folder, 'big.joblib');
    const size = 3 * 1024 ** 3;
    const head = joblibHead(size);
    const fd = openSync(path, 'w');
    writeSync(fd, head);
    ftruncateSync(fd, head.length + size);
    writeSync(fd, bytesOf('cos\nsystem\nt.'), 0, undefined, head.length + size);
    closeSync(fd);
    using file = openFile(path);
    const before = process.memoryUsage.rss();
    const result = await readPickleBytes(file);
    assert.equal(result.error, null);
    assert.ok(process.memoryUsage.rss() - before < 32 * 1024 * 1024);
    assert.deepEqual(arrayOf(is(result.values[0], 'tuple') ? result.values[0].items[0] : null)?.shape, [
      size / 8,
    ]);
    assert.ok(result.globals.some((use) => use.global.module === 'os'));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('an array that is longer than its file is an early end, whatever its size says', async () => {
  for (const size of [8000, 2 ** 52]) {
    const result = await read(joblibHead(size));
    assert.equal(result.error?.truncated, true);
  }
});

/** Numbers that are the same for the same seed (mulberry32). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (((t ^ (t >>> 14)) >>> 0) % below) >>> 0;
  };
}

test('4000 damaged pickles are read to an end or an error, and never crash', async () => {
  const random = randomFrom(20);
  const originals = ['values-0', 'values-2', 'values-4', 'arrays-2', 'arrays-5'].map((name) =>
    readFileSync(join(ROOT, `${name}.pkl`)),
  );
  originals.push(readFileSync(join(ROOT, 'arrays.joblib')));
  const compressed = originals.map((bytes) => deflateSync(bytes));
  for (let round = 0; round < 4000; round += 1) {
    const from = round % 10 === 0 ? compressed : originals;
    const bytes = Buffer.from(from[round % from.length] ?? []);
    for (let change = 0; change <= random(6); change += 1) bytes[random(bytes.length)] = random(256);
    const cut = random(4) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes;
    const { stream } = openStream(inMemory(cut));
    const result = await readPickle(stream, { limits: { opcodes: 100_000 } });
    stream.close();
    assert.ok(result.values.length > 0 || result.error !== null, `round ${round}`);
  }
});

test('an array whose header promises more than its bytes has no elements', () => {
  const view = (kind: string, itemsize: number, bytes: number): ArrayView => ({
    shape: [2],
    dtype: { kind, itemsize, bigEndian: false, hasObject: false },
    fortran: false,
    data: new Uint8Array(bytes),
    objects: null,
  });
  assert.equal(elementsOf(view('U', 5, 10)), null, 'text in pieces of a character');
  assert.equal(elementsOf(view('f', 8, 15)), null);
  assert.deepEqual(elementsOf(view('f', 8, 16)), [0, 0]);
});
