/** What a Parquet file announces is held against what is there, before a library makes memory of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import { Malformed } from '../../src/formats/format.ts';
import { readColumn, readFooters } from '../../src/formats/spark/parquet.ts';
import type { Store } from '../../src/formats/store.ts';
import { inMemory } from '../../src/model/bytes.ts';
import { dataPage, i32, levels, parquetOf, runOf, struct } from '../helpers/parquet.ts';

const MB = 1024 * 1024;
const PLAIN = 0;
const BY_DICTIONARY = 8;
const MANY = 5_000_000;

/** The folder of a table with this file in it, so many times. */
function storeOf(bytes: Buffer, files = 1): Store {
  const file = {
    path: 'data/part-0',
    name: 'part-0',
    size: bytes.length,
    open: () => ({ ...inMemory(bytes), [Symbol.dispose]() {} }),
  };
  return { list: () => ({ files: Array(files).fill(file), folders: [] }), file: () => file };
}

const read = (bytes: Buffer) => readColumn(storeOf(bytes), 'data', 'numbers', { left: 64 * MB });

const numbers = Buffer.from(Int32Array.from([7, 8, 9]).buffer);
const present = levels(runOf(3, 1));

test('numbers of a column that may be absent are read', async () => {
  const page = dataPage(3, PLAIN, Buffer.concat([present, numbers]));
  assert.deepEqual(await read(parquetOf(page, { values: 3 })), [7, 8, 9]);
  const absent = Buffer.concat([runOf(1, 1), runOf(2, 0)]);
  const mixed = dataPage(3, PLAIN, Buffer.concat([levels(absent), numbers.subarray(0, 4)]));
  assert.deepEqual(await read(parquetOf(mixed, { values: 3 })), [7, null, null]);
});

/** A page of data whose header says that it is this large. */
const packedPage = (values: number, size: number, data: Buffer): Buffer =>
  Buffer.concat([
    struct({
      1: i32(0),
      2: i32(size),
      3: i32(data.length),
      5: struct({ 1: i32(values), 2: i32(PLAIN), 3: i32(3), 4: i32(3) }),
    }),
    data,
  ]);

test('pages that zstd compressed are read, and to no more than they announce', async () => {
  const plain = Buffer.concat([present, numbers]);
  const good = packedPage(3, plain.length, zstdCompressSync(plain));
  const size = plain.length + 100;
  assert.deepEqual(await read(parquetOf(good, { values: 3, size, codec: 6 })), [7, 8, 9]);
  const bomb = zstdCompressSync(Buffer.concat([plain, Buffer.alloc(40 * MB)]));
  const bad = packedPage(3, plain.length, bomb);
  await assert.rejects(read(parquetOf(bad, { values: 3, size, codec: 6 })), /larger than/);
});

const HOSTILE: Readonly<Record<string, Buffer>> = {
  'a page of more values than the column': parquetOf(
    dataPage(MANY, PLAIN, Buffer.concat([levels(runOf(MANY, 0)), numbers])),
    { values: 3 },
  ),
  'a run of levels that goes on behind the page': parquetOf(
    dataPage(3, PLAIN, Buffer.concat([levels(runOf(MANY, 1)), numbers])),
    { values: 3 },
  ),
  'a run of indices that goes on behind the page': parquetOf(
    Buffer.concat([
      struct({ 1: i32(2), 2: i32(4), 3: i32(4), 7: struct({ 1: i32(1), 2: i32(0) }) }),
      numbers.subarray(0, 4),
      dataPage(3, BY_DICTIONARY, Buffer.concat([present, Buffer.from([1]), runOf(MANY, 0)])),
    ]),
    { values: 3 },
  ),
  'more rows than a table of labels has': parquetOf(dataPage(3, PLAIN, Buffer.concat([present, numbers])), {
    values: 3,
    rows: MANY,
  }),
  'very many empty pages': parquetOf(
    Buffer.concat(Array(200_000).fill(dataPage(0, PLAIN, levels(Buffer.alloc(0))))),
    {
      values: 3,
    },
  ),
};

/** In words of our own, and not of a library that came so far. */
const SAYING = /where 3 is the most|a run of \d+ values|at most \d+ are read|more than \d+ pages/;

for (const [what, bytes] of Object.entries(HOSTILE))
  test(`a column of Parquet with ${what} is refused`, () =>
    assert.rejects(read(bytes), (error) => {
      assert.ok(error instanceof Malformed);
      assert.match(error.message, SAYING);
      return true;
    }));

test('a table of many files with wide footers is refused', async () => {
  const page = dataPage(3, PLAIN, Buffer.concat([present, numbers]));
  const one = parquetOf(page, { values: 3, columns: 2000 });
  const footers = await readFooters(storeOf(one, 5), 'data');
  assert.equal(footers?.rows, 5);
  await assert.rejects(readFooters(storeOf(one, 199), 'data'), /too large together/);
  await assert.rejects(
    readColumn(storeOf(one, 199), 'data', 'numbers', { left: 64 * MB }),
    /too large together/,
  );
});
