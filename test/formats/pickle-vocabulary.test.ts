/** Vocabularies of text models: more words than there is memory for, each with a number. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assess } from '../../src/formats/wire/pickle/policy.ts';
import { readPickleBytes } from '../../src/formats/wire/pickle/read.ts';
import { is } from '../../src/formats/wire/pickle/values.ts';
import { inMemory } from '../../src/model/bytes.ts';

const ascii = (text: string) => Buffer.from(text, 'latin1');
const uint32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer);
const word = (text: string) => Buffer.concat([Buffer.from([0x8c, text.length]), ascii(`${text}\x94`)]);
const name = (at: number) => `word${String(at).padStart(8, '0')}`;

/** A dict as CPython pickles it: `SETITEMS` for each thousand, every word in the memo, below what `number` writes. */
function vocabulary(count: number, number: (at: number) => Buffer): Buffer {
  const parts: Buffer[] = [ascii('}\x94')];
  for (let at = 0; at < count; at += 1) {
    if (at % 1000 === 0) parts.push(ascii('('));
    parts.push(word(name(at)), number(at));
    if (at % 1000 === 999 || at === count - 1) parts.push(ascii('u'));
  }
  return Buffer.concat(parts);
}
const whole = (at: number) => Buffer.concat([ascii('J'), uint32(at)]);
/** `numpy.int64`: the function and the type are in the memo at 0 and 1. */
const scalar = (at: number) =>
  Buffer.concat([ascii('h\x00h\x01C\x08'), uint32(at), uint32(0), ascii('\x94\x86\x94R\x94')]);
const SCALAR =
  'cnumpy.core.multiarray\nscalar\n\x94cnumpy\ndtype\n\x8c\x02i8\x89\x88\x87R(K\x03\x8c\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x94';

for (const [what, start, number, count] of [
  ['plain numbers', '', whole, 1_200_000],
  ["NumPy's numbers", SCALAR, scalar, 100_000],
] as const)
  test(`${count} words with ${what} are counted, and what follows is read`, async () => {
    const bytes = Buffer.concat([
      ascii(`\x80\x04(${start}`),
      vocabulary(count, number),
      word('classes_'),
      ascii(']\x94('),
      word('neg'),
      word('pos'),
      ascii('et.'),
    ]);
    const result = await readPickleBytes(inMemory(bytes));
    assert.equal(result.error, null);
    const [root] = result.values;
    const [words, key, classes] = is(root, 'tuple') ? root.items.slice(-3) : assert.fail();
    assert.ok(is(words, 'dict'));
    assert.equal(words.keys.length + words.more, count);
    assert.equal(words.keys[4321], name(4321));
    assert.equal(key, 'classes_');
    assert.deepEqual(is(classes, 'list') && classes.items, ['neg', 'pos']);
    assert.equal((await assess(result, { file: 'x' })).risk, 'none');
  });

test('what is imported by a word that was let go is dangerous', async () => {
  const words = vocabulary(20_000, whole);
  // The memo has the dict at 0, then the words: 15,000 was counted only.
  const bytes = Buffer.concat([
    ascii('\x80\x04'),
    words,
    ascii('j'),
    uint32(15_001),
    ascii('j'),
    uint32(15_002),
    ascii('\x93)R.'),
  ]);
  const result = await readPickleBytes(inMemory(bytes));
  assert.equal((await assess(result, { file: 'x' })).risk, 'dangerous');
});

test('a state that sets the method of an object is told behind ten thousand words', async () => {
  const words = vocabulary(12_000, whole);
  const magic = Buffer.concat([ascii('('), word('__setstate__'), ascii('cos\nsystem\nu')]);
  const bytes = Buffer.concat([ascii('\x80\x04cm\nC\n)\x81'), words, magic, ascii('b.')]);
  const result = await readPickleBytes(inMemory(bytes));
  assert.ok(result.anomalies.some(({ what }) => what === 'magic-state'));
});
