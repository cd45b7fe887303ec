import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import { Malformed } from '../../src/formats/format.ts';
import { findEntry, openZip, readEntry, readText } from '../../src/formats/wire/zip.ts';
import { inMemory, Truncated } from '../../src/model/bytes.ts';
import { type Member, zipOf } from '../helpers/zip.ts';

const members: Member[] = [
  { name: 'a.txt', data: Buffer.from('stored') },
  { name: 'deep/b.txt', data: Buffer.from('deflated '.repeat(50)), deflate: true },
];

test('stored and deflated members come back as they went in', () => {
  const zip = openZip(inMemory(zipOf(members)));
  assert.deepEqual(
    zip.entries.map((entry) => entry.name),
    ['a.txt', 'deep/b.txt'],
  );
  assert.deepEqual(zip.anomalies, []);
  for (const member of members) {
    const entry = findEntry(zip, member.name);
    assert.ok(entry);
    assert.equal(readText(zip, entry, 10_000), member.data.toString());
  }
});

test('an archive behind other data is found', () => {
  const bytes = Buffer.concat([Buffer.alloc(1234, 7), zipOf(members)]);
  const zip = openZip(inMemory(bytes));
  assert.equal(readText(zip, zip.entries[0] ?? assert.fail(), 100), 'stored');
});

test('a name that differs between directory and member is told', () => {
  const zip = openZip(inMemory(zipOf([{ name: 'data.pkl', localName: 'datap.kl', data: Buffer.from('x') }])));
  assert.equal(zip.anomalies[0]?.kind, 'name-mismatch');
});

for (const flag of [0x1, 0x20, 0x40])
  test(`flag 0x${flag.toString(16)} does not hide a member that is plain`, () => {
    const zip = openZip(inMemory(zipOf([{ name: 'data.pkl', data: Buffer.from('plain'), flags: flag }])));
    assert.equal(zip.entries[0]?.encrypted, true);
    assert.equal(readText(zip, zip.entries[0] ?? assert.fail(), 100), 'plain');
  });

test('a wrong checksum is told and the bytes come all the same', () => {
  const zip = openZip(inMemory(zipOf([{ name: 'data.pkl', data: Buffer.from('abc'), crc: 1 }])));
  const { bytes, anomaly } = readEntry(zip, zip.entries[0] ?? assert.fail(), 100);
  assert.equal(Buffer.from(bytes).toString(), 'abc');
  assert.equal(anomaly?.kind, 'bad-crc');
  assert.notEqual(crc32('abc'), 1);
});

test('a name that is there twice is told, and the last one counts', () => {
  const zip = openZip(
    inMemory(
      zipOf([
        { name: 'w.npz', data: Buffer.from('first') },
        { name: 'w.npz', data: Buffer.from('last') },
      ]),
    ),
  );
  assert.equal(zip.anomalies[0]?.kind, 'duplicate');
  assert.equal(readText(zip, findEntry(zip, 'w.npz') ?? assert.fail(), 100), 'last');
});

test('a bomb is refused before it unpacks', () => {
  const bomb = openZip(inMemory(zipOf([{ name: 'bomb', data: Buffer.alloc(5_000_000), deflate: true }])));
  assert.throws(() => readEntry(bomb, bomb.entries[0] ?? assert.fail(), 1_000_000), Malformed);
  const lying = openZip(
    inMemory(zipOf([{ name: 'bomb', data: Buffer.alloc(5_000_000), deflate: true, statedSize: 10 }])),
  );
  assert.throws(() => readEntry(lying, lying.entries[0] ?? assert.fail(), 1_000_000), Malformed);
});

test('an archive cut short at any byte is Truncated or Malformed', () => {
  const whole = zipOf(members);
  for (let length = 0; length < whole.length; length++)
    assert.throws(
      () => openZip(inMemory(whole.subarray(0, length))),
      (error) => error instanceof Truncated || error instanceof Malformed,
    );
});
