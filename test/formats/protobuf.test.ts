import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Malformed } from '../../src/formats/format.ts';
import {
  decode,
  fields,
  integersIn,
  messageIn,
  passing,
  rootMessage,
  type Schema,
  signed,
  textIn,
  unsigned,
  type WireField,
} from '../../src/formats/wire/protobuf.ts';
import { parsePrototext } from '../../src/formats/wire/prototext.ts';
import {
  bool,
  child,
  children,
  entries,
  number,
  numbers,
  string,
  strings,
} from '../../src/formats/wire/tree.ts';
import { type Bytes, inMemory, Truncated } from '../../src/model/bytes.ts';
import { counted } from '../helpers/damage.ts';
import { field, head, int, varint } from '../helpers/proto.ts';

const message = (...parts: Buffer[]) => rootMessage(inMemory(Buffer.concat(parts)));
const only = (...parts: Buffer[]): WireField => {
  const [first] = [...fields(message(...parts))];
  assert.ok(first);
  return first;
};

test('the examples of the specification are read', () => {
  // https://protobuf.dev/programming-guides/encoding: `a: 150` and `b: "testing"`.
  assert.equal(signed(only(Buffer.from('089601', 'hex'))), 150);
  const text = message(Buffer.from('120774657374696e67', 'hex'));
  for (const one of fields(text)) assert.equal(textIn(text, one), 'testing');
  // Packed: 6 { 3, 270, 86942 }.
  const packed = message(Buffer.from('3206038e029ea705', 'hex'));
  for (const one of fields(packed)) assert.deepEqual(integersIn(packed, one), [3, 270, 86942]);
});

test('numbers of every size keep their value', () => {
  for (const value of [
    0,
    1,
    127,
    128,
    300,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32,
    2 ** 40 + 5,
    Number.MAX_SAFE_INTEGER,
  ])
    assert.equal(signed(only(int(1, value))), value);
  for (const value of [-1, -2, -(2 ** 31), -(2 ** 40)]) assert.equal(signed(only(int(1, value))), value);
  assert.equal(unsigned(only(int(1, 2n ** 64n - 1n))), 2 ** 64);
});

test('four and eight bytes are read little-endian', () => {
  const fixed = only(Buffer.from('0d78563412', 'hex'));
  assert.deepEqual([fixed.wire, fixed.low], [5, 0x12345678]);
  const wide = only(Buffer.from('09efcdab9078563412', 'hex'));
  assert.deepEqual([wide.wire, wide.low, wide.high], [1, 0x90abcdef, 0x12345678]);
});

test('a payload that is not asked for is not read, however long it is', () => {
  const weights = 5_000_000_000;
  const before = Buffer.concat([int(1, 7), head(2, weights)]);
  const after = field(3, 'end');
  const sparse: Bytes = {
    size: before.length + weights + after.length,
    read(offset, length) {
      const out = new Uint8Array(length);
      for (let index = 0; index < length; index++) {
        const at = offset + index;
        const tail = at - before.length - weights;
        out[index] = (at < before.length ? before[at] : tail >= 0 ? after[tail] : 0) ?? 0;
      }
      return out;
    },
  };
  const source = counted(sparse);
  const root = rootMessage(source);
  const seen = [...fields(root)];
  assert.deepEqual(
    seen.map((one) => one.number),
    [1, 2, 3],
  );
  assert.equal((seen[1]?.end ?? 0) - (seen[1]?.start ?? 0), weights);
  assert.ok(source.count() < 1000, `${source.count()} bytes were read`);
});

test('a file that ends too early is truncated, and a message that claims too much is malformed', () => {
  const whole = Buffer.concat([int(1, 300), field(2, field(3, 'abc'))]);
  const NESTED: Schema = { a: [1, 'int'], b: [2, { c: [3, 'string'] }] };
  for (let length = 1; length < whole.length; length++) {
    if (length === 3) continue; // The end of the first field: a message of its own.
    assert.throws(() => decode(message(whole.subarray(0, length)), NESTED), Truncated, `at ${length}`);
  }
  const lying = field(2, head(3, 100), Buffer.from('abc'));
  assert.throws(() => decode(message(lying), NESTED), Malformed);
  assert.throws(() => decode(message(field(2, Buffer.from([0x80]))), { b: [2, {}] }), Malformed);
});

test('what is no protobuf is refused', () => {
  for (const hex of ['00', '0b', '0c', '0e', '0f', '08ffffffffffffffffffff01', 'ffffffffff7f'])
    assert.throws(() => [...fields(message(Buffer.from(hex, 'hex')))], Malformed, hex);
});

test('nesting is bounded', () => {
  let deep: Buffer = field(1, '');
  for (let depth = 0; depth < 200; depth++) deep = field(1, deep);
  const SELF: Schema = { self: [1, () => SELF] };
  assert.throws(() => decode(message(deep), SELF), /deeper/);
});

test('what is kept of a file is bounded, and what is only looked at does not count', () => {
  const SCHEMA: Schema = { a: [1, { b: [1, 'string'] }] };
  const part = field(1, field(1, 'text'));
  const half = Buffer.alloc(part.length * 60_000, part);
  const root = message(half);
  for (let turn = 0; turn < 3; turn++)
    assert.equal(
      passing(root, () => children(decode(root, SCHEMA), 'a').length),
      60_000,
    );
  decode(root, SCHEMA);
  assert.throws(() => decode(root, SCHEMA), /bytes of memory/);
});

test('a repeated number may be packed or not, and both at once', () => {
  const mixed = Buffer.concat([int(1, 5), field(1, varint(6), varint(300)), int(1, -1)]);
  assert.deepEqual(numbers(decode(message(mixed), { n: [1, 'int'] }), 'n'), [5, 6, 300, -1]);
});

test('a map is sorted by key, and of an equal key the last one counts', () => {
  const entry = (key: string, value: number) => field(1, field(1, key), field(2, int(1, value)));
  const tree = decode(message(Buffer.concat([entry('b', 1), entry('a', 2), entry('b', 3)])), {
    map: [1, { key: [1, 'string'], value: [2, { n: [1, 'int'] }] }],
  });
  assert.deepEqual(
    entries(tree, 'map').map(([key, value]) => [key, number(value, 'n')]),
    [
      ['a', 2],
      ['b', 3],
    ],
  );
});

test('a message can be entered by hand', () => {
  const root = message(field(4, field(1, 'inner')));
  for (const one of fields(root)) {
    const inner = messageIn(root, one);
    for (const part of fields(inner)) assert.equal(textIn(inner, part), 'inner');
  }
});

test('text format: names, lists, nesting and comments', () => {
  const tree = parsePrototext(`
    # a model
    name: "half" 'plus'   platform: "x"; max_batch_size: 8,
    input [ { name: "a" dims: [ -1, 3 ] data_type: TYPE_FP32 }, < name: "b" dims: 2 dims: 4 > ]
    nested: { deep { on: true } } ratio: 1.5f hex: 0x1F octal: 017 small: -2e-3
    [extension.name/of.type]: { x: 1 }
  `);
  assert.equal(string(tree, 'name'), 'halfplus');
  assert.equal(number(tree, 'max_batch_size'), 8);
  const inputs = children(tree, 'input');
  assert.deepEqual(
    inputs.map((one) => [string(one, 'name'), numbers(one, 'dims')]),
    [
      ['a', [-1, 3]],
      ['b', [2, 4]],
    ],
  );
  assert.equal(string(inputs[0], 'data_type'), 'TYPE_FP32');
  assert.equal(bool(child(child(tree, 'nested'), 'deep'), 'on'), true);
  assert.deepEqual([number(tree, 'ratio'), number(tree, 'hex'), number(tree, 'octal')], [1.5, 31, 15]);
  assert.equal(number(tree, 'small'), -0.002);
});

test('text format: escapes are bytes, and the bytes are UTF-8', () => {
  const tree = parsePrototext(
    String.raw`a: "\303\274\n\x41\t\"\\" b: "ü" c: "\u00fc\U0001F600" d: [] e: ['x', 'y']`,
  );
  assert.equal(string(tree, 'a'), 'ü\nA\t"\\');
  assert.equal(string(tree, 'b'), 'ü');
  assert.equal(string(tree, 'c'), 'ü😀');
  assert.deepEqual(strings(tree, 'd'), []);
  assert.deepEqual(strings(tree, 'e'), ['x', 'y']);
});

test('text format: what is wrong is said with its line', () => {
  for (const [text, line] of [
    ['a: 1\nb {', 2],
    ['a: 1\nb: "x\ny"', 2],
    ['a 1', 1],
    ['a: 1\n\n}', 3],
    ['a: "\\q"', 1],
    ['a: [1, 2', 1],
    ['a: "\\U00110000"', 1],
  ] as const)
    assert.throws(() => parsePrototext(text), new RegExp(`^Malformed: line ${line}: expected`), text);
  assert.throws(() => parsePrototext('a {'.repeat(100_000)), /deeper/);
  assert.equal(parsePrototext(' '.repeat(1_000_000)).size, 0);
});
