/** Addresses of HDF5 may lead to the same place again and again: what is looked at is counted. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readingOf } from '../helpers/model-files.ts';

const number = (value: number | bigint, width: number): Buffer => {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt(value));
  return buffer.subarray(0, width);
};
const ROOT = 48;
const CONFIG = '{"class_name":"Sequential","config":{"name":"s","layers":[]}}';

/** A superblock of version 2 with addresses of eight bytes, then the root object with these messages. */
function fileOf(size: number, ...messages: readonly Buffer[]): Buffer {
  const file = Buffer.alloc(size);
  Buffer.concat([
    Buffer.from('\x89HDF\r\n\x1a\n\x02\x08\x08\0', 'latin1'),
    number(0, 8),
    number(0xffff_ffff_ffff_ffffn, 8),
    number(size, 8),
    number(ROOT, 8),
  ]).copy(file);
  const content = Buffer.concat(messages);
  Buffer.concat([Buffer.from('OHDR\x02\x02', 'latin1'), number(content.length, 4), content]).copy(file, ROOT);
  return file;
}

const message = (type: number, data: Buffer): Buffer =>
  Buffer.concat([Buffer.from([type]), number(data.length, 2), Buffer.from([0]), data]);

/** An attribute of version 3. @param kind 3: texts of a fixed size, 9: of any. @param count `null` for one. */
function attribute(
  name: string,
  kind: number,
  size: number,
  count: number | bigint | null,
  data: Buffer,
): Buffer {
  const type = Buffer.concat([Buffer.from([0x10 | kind, kind === 9 ? 1 : 0, 0, 0]), number(size, 4)]);
  const space =
    count === null ? Buffer.from([2, 0, 0, 0]) : Buffer.concat([Buffer.from([2, 1, 0, 1]), number(count, 8)]);
  const head = [3, 0, name.length, 0, type.length, 0, space.length, 0, 0];
  return message(0x0c, Buffer.concat([Buffer.from(head), Buffer.from(name), type, space, data]));
}

const config = attribute('model_config', 3, CONFIG.length, null, Buffer.from(CONFIG));
const TREE = 4096;
const HEAP = 2048;
const symbols = message(0x11, Buffer.concat([number(TREE, 8), number(HEAP, 8)]));

/** A group whose tree has so many children at one address. */
function treeOf(children: number, address: number, more: number): Buffer {
  const file = fileOf(TREE + 32 + 16 * children + more, config, symbols);
  Buffer.concat([Buffer.from('HEAP'), Buffer.alloc(20), number(3000, 8)]).copy(file, HEAP);
  const child = Buffer.concat([number(address, 8), number(0, 8)]);
  Buffer.concat([
    Buffer.from('TREE\0\0'),
    number(children, 2),
    Buffer.alloc(24),
    Buffer.alloc(16 * children, child),
  ]).copy(file, TREE);
  return file;
}

const HOSTILE: Readonly<Record<string, () => Buffer>> = {
  'a tree that is its own child': () => treeOf(2000, TREE, 0),
  'one node of a group for all of its children': () => {
    const at = TREE + 32 + 16 * 500;
    const file = treeOf(500, at, 8 + 40 * 1000);
    Buffer.concat([Buffer.from('SNOD\x01\0'), number(1000, 2)]).copy(file, at);
    return file;
  },
  'values of no size': () => fileOf(4096, config, attribute('a', 3, 0, 2n ** 50n, Buffer.alloc(0))),
  'two million values of one byte': () =>
    fileOf(2_100_000, config, attribute('a', 3, 1, 2_000_000, Buffer.alloc(0))),
  'texts that are looked for in a heap again and again': () => {
    const at = 100_000;
    const text = Buffer.concat([number(1, 4), number(at, 8), number(900, 4)]);
    const data = Buffer.alloc(2000 * text.length, text);
    const file = fileOf(200_000, config, attribute('a', 9, text.length, 2000, data));
    Buffer.concat([Buffer.from('GCOL\x01\0\0\0'), number(90_000, 8)]).copy(file, at);
    for (let index = 0; index < 900; index += 1) {
      Buffer.concat([number(index + 1, 2), Buffer.alloc(6), number(1, 8)]).copy(file, at + 16 + 24 * index);
    }
    return file;
  },
};

test('a file of HDF5 that tests wrote by hand is read', async (t) => {
  const name = attribute('keras_version', 3, 5, null, Buffer.from('2.4.0'));
  const reading = await readingOf(t, { 'm.h5': fileOf(4096, config, name) });
  assert.deepEqual(reading.framework, { name: 'keras', version: '2.4.0' });
});

for (const [what, write] of Object.entries(HOSTILE))
  test(`a file of HDF5 with ${what} is refused, and never clean`, async (t) => {
    const reading = await readingOf(t, { 'm.h5': write() });
    const said = reading.remarks.map((one) => one.message).join('\n');
    assert.match(said, /refers to more than a model has/);
    assert.equal(reading.risk, 'review');
  });
