import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Malformed } from '../../src/formats/format.ts';
import { readSafetensors } from '../../src/formats/wire/safetensors.ts';
import { inMemory, Truncated } from '../../src/model/bytes.ts';
import { fixture, found, readingOf } from '../helpers/model-files.ts';

function fileOf(header: unknown, data = 16, claimed?: number): Buffer {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(claimed ?? text.length));
  return Buffer.concat([size, text, Buffer.alloc(data)]);
}

const tensor = (shape: unknown, offsets: unknown, dtype: unknown = 'F32') => ({
  dtype,
  shape,
  data_offsets: offsets,
});

const corrupt: Record<string, Buffer> = {
  'a header longer than the file': fileOf({}, 0, 1000),
  'a header of exabytes': fileOf({}, 0, 2 ** 52),
  'a header that is no JSON': fileOf('{"a": '),
  'a header that is a list': fileOf('[1, 2]'),
  'tensors that overlap': fileOf({ a: tensor([2], [0, 8]), b: tensor([2], [4, 12]) }),
  'a gap between tensors': fileOf({ a: tensor([1], [0, 4]), b: tensor([1], [8, 12]) }),
  'a tensor beyond the end': fileOf({ a: tensor([100], [0, 400]) }),
  'a shape that does not fit its bytes': fileOf({ a: tensor([3], [0, 16]) }),
  'a negative size': fileOf({ a: tensor([-1], [0, 4]) }),
  'a size that is a text': fileOf({ a: tensor(['4'], [0, 16]) }),
  'offsets that run backwards': fileOf({ a: tensor([1], [4, 0]) }),
  'no offsets': fileOf({ a: tensor([1], null) }),
  'a type that is a number': fileOf({ a: tensor([1], [0, 4], 7) }),
  'a tensor that is null': fileOf({ a: null }),
  'bytes that belong to no tensor': fileOf({ a: tensor([2], [0, 8]) }, 16),
  'a tensor that is there twice': fileOf(
    '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}',
  ),
  'a type that is there twice': fileOf(
    '{"a":{"dtype":"F32","shape":[4],"dtype":"I32","data_offsets":[0,16]}}',
  ),
  'half a byte': fileOf({ a: tensor([3], [0, 2], 'F4') }, 2),
  'metadata that are no text': fileOf({ __metadata__: { a: 1 }, a: tensor([4], [0, 16]) }),
  'more behind the header': fileOf('{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}{}'),
};

for (const [what, bytes] of Object.entries(corrupt))
  test(`${what} is told and not read past`, () => {
    assert.throws(
      () => readSafetensors(inMemory(bytes)),
      (error) => error instanceof Malformed || error instanceof Truncated,
    );
  });

test('a header is read as it is, wherever its pieces end', () => {
  const names = Array.from({ length: 30_000 }, (_, index) => `layers.${index}."q\\u00e4{}`);
  const header = Object.fromEntries(names.map((name) => [name, tensor([0], [0, 0])]));
  const read = readSafetensors(inMemory(fileOf({ ...header, last: tensor([4], [0, 16]) })));
  assert.deepEqual([...read.tensors.keys()], [...names, 'last']);
});

test('names that JavaScript keeps for itself are names of tensors like any other', () => {
  const file = fileOf('{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4);
  assert.doesNotThrow(() => readSafetensors(inMemory(file)));
});

test('a part of split weights that is missing is named', async (t) => {
  const files = fixture('safetensors/sharded');
  delete files['model-00002-of-00002.safetensors'];
  const reading = await readingOf(t, files);
  assert.equal(reading.parameters, null);
  assert.ok(reading.remarks.some((remark) => remark.rule === 'file-missing'));
});

test('a file cut short anywhere is a finding', async (t) => {
  const whole = fixture('safetensors/linear')['model.safetensors'] ?? assert.fail();
  for (let length = 9; length < whole.length; length += 37) {
    const result = await found(t, { 'model.safetensors': whole.subarray(0, length) });
    if (result.kind === 'model')
      assert.ok(
        result.reading.remarks.some((remark) => /file-(truncated|malformed)/.test(remark.rule)),
        String(length),
      );
  }
});

for (const format of ['__proto__', 'toString'])
  test(`a file in the format "${format}" is of no framework that is known`, async (t) => {
    const header = `{"__metadata__":{"format":"${format}"},"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}`;
    const read = await readingOf(t, { 'model.safetensors': fileOf(header) });
    assert.equal(read.framework?.name, 'safetensors');
  });
