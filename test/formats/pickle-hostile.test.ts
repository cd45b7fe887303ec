import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openStream } from '../../src/formats/wire/decompress.ts';
import type { Limits } from '../../src/formats/wire/pickle/machine.ts';
import { assess } from '../../src/formats/wire/pickle/policy.ts';
import { readPickle } from '../../src/formats/wire/pickle/read.ts';
import { is } from '../../src/formats/wire/pickle/values.ts';
import { inMemory } from '../../src/model/bytes.ts';

const ROOT = join(import.meta.dirname, '../fixtures/hostile/pickle');
const EXPECTED: Record<string, { risk: string; names: string[] }> = JSON.parse(
  readFileSync(join(ROOT, 'expected.json'), 'utf8'),
);

for (const [file, expected] of Object.entries(EXPECTED))
  test(`${file} is found to be ${expected.risk}`, async () => {
    const { stream } = openStream(inMemory(readFileSync(join(ROOT, file))));
    const result = await readPickle(stream);
    stream.close();
    const { risk, remarks } = await assess(result, { file });
    const said = remarks.map((remark) => remark.message).join('\n');
    assert.equal(risk, expected.risk, said);
    for (const name of expected.names) assert.ok(said.includes(name), `${name} is not in:\n${said}`);
    if (risk === 'dangerous') assert.ok(remarks.some((remark) => remark.rule === 'pickle-dangerous'));
    if (result.error) assert.notEqual(risk, 'none');
  });

/** `callee(*args)` by protocol 2; every argument is written as the pickle needs it. */
const called = (callee: string, ...args: string[]): Buffer =>
  Buffer.from(`\x80\x02c${callee}\n(${args.join('')}tR.`, 'latin1');
const riskOf = async (bytes: Buffer): Promise<string> =>
  (await assess(await readPickle(openStream(inMemory(bytes)).stream), { file: 'x' })).risk;
const SUBIMPORT = 'cloudpickle.cloudpickle\nsubimport';

test('what honest cloudpickles do is to be looked at, and the same with other arguments is dangerous', async () => {
  const union = '(c__builtin__\nint\nc__builtin__\nstr\nt';
  assert.equal(await riskOf(called('functools\nreduce', 'c_operator\nor_\n', union)), 'review');
  assert.equal(await riskOf(called('functools\nreduce', 'cos\nsystem\n', union)), 'dangerous');
  assert.equal(await riskOf(called(SUBIMPORT, 'X\x05\0\0\0torch')), 'review');
  assert.equal(
    await riskOf(
      Buffer.from(
        `\x80\x02c__builtin__\ngetattr\n(c${SUBIMPORT}\n(X\x05\0\0\0torchtRX\x04\0\0\0loadtR.`,
        'latin1',
      ),
    ),
    'dangerous',
  );
});

const text = (value: string): Buffer =>
  Buffer.concat([Buffer.from([0x8c, value.length]), Buffer.from(value)]);
/** `module.name('x')` by protocol 4, which allows dotted names. */
const calling = (module: string, name: string): Buffer =>
  Buffer.concat([
    Buffer.from([0x80, 4]),
    text(module),
    text(name),
    Buffer.from([0x93]),
    text('x'),
    Buffer.from([0x85, 0x52, 0x2e]),
  ]);

// Each of them runs, loads, downloads or writes what its argument says, by the documentation or source of its package.
for (const [module, name] of [
  ['pandas', 'eval'],
  ['pandas.core.frame', 'DataFrame.query'],
  ['pandas.core.generic', 'NDFrame.to_pickle'],
  ['pandas.compat.pickle_compat', 'Unpickler'],
  ['pandas', 'read_xml'],
  ['numpy.core', 'memmap'],
  ['numpy._core.records', 'fromfile'],
  ['keras.utils', 'get_file'],
  ['scipy.sparse', 'load_npz'],
  ['torch.fx.graph_module', '_exec_with_source'],
  ['tpot.operator_utils', 'TPOTOperatorClassFactory'],
  ['sentence_transformers', 'SentenceTransformer'],
  ['gensim.models.wrappers.ldamallet', 'LdaMallet'],
  ['spacy.util', 'run_command'],
  ['fastcore.basics', 'exec_eval'],
  ['transformers', 'AutoModelForCausalLM.from_pretrained'],
  ['skops.io', 'load'],
  ['pathlib', 'PosixPath.unlink'],
] as const)
  test(`a pickle that calls ${module}.${name} is dangerous`, async () => {
    assert.equal(await riskOf(calling(module, name)), 'dangerous');
  });

test('an instance of such a class that is only restored is not', async () => {
  const restored = Buffer.from(
    '\x80\x02csentence_transformers.SentenceTransformer\nSentenceTransformer\n)\x81.',
    'latin1',
  );
  assert.equal(await riskOf(restored), 'none');
});

const bytes32 = (value: Buffer): Buffer => {
  const head = Buffer.alloc(5, 'B');
  head.writeUInt32LE(value.length, 1);
  return Buffer.concat([head, value]);
};

test('a pickle in the data that is too long to be read to its end is to be looked at', async () => {
  const inner = Buffer.concat([
    Buffer.from('\x80\x02', 'latin1'),
    Buffer.from('N0'.repeat(150_000)),
    Buffer.from('cos\nsystem\n(X\x01\0\0\0xtR.', 'latin1'),
  ]);
  assert.equal(
    await riskOf(Buffer.concat([Buffer.from([0x80, 4]), bytes32(inner), Buffer.from('.')])),
    'review',
  );
});

test('of very many pickles in the data not all are run, and it says so', async () => {
  const inner = bytes32(Buffer.from(`\x80\x02${'N0'.repeat(40_000)}N.`, 'latin1'));
  const many = Array.from({ length: 20 }, () => Buffer.concat([inner, Buffer.from('0')]));
  assert.equal(await riskOf(Buffer.concat([Buffer.from([0x80, 4]), ...many, Buffer.from('N.')])), 'review');
});

const errorOf = async (pickle: Buffer, limits: Partial<Limits>): Promise<string | undefined> =>
  (await readPickle(openStream(inMemory(pickle)).stream, { limits })).error?.message;
const listOf = (unit: Buffer, count: number): Buffer =>
  Buffer.concat([
    Buffer.from('\x80\x04]', 'latin1'),
    ...Array.from({ length: count }, () => unit),
    Buffer.from('.'),
  ]);

test('what large integers take in memory is bounded', async () => {
  const large = Buffer.concat([Buffer.from([0x8a, 255]), Buffer.alloc(255, 0x11), Buffer.from('a')]);
  assert.equal(
    await errorOf(listOf(large, 8000), { structure: 2 ** 20 }),
    'it holds more values than are kept in memory',
  );
  assert.equal(
    await errorOf(listOf(large, 8000), { kept: 2 ** 20 }),
    'it holds more integers than are kept in memory',
  );
});

test('what is known of memo keys that were read is bounded', async () => {
  const fetches = Array.from({ length: 20_000 }, (_none, key) =>
    Buffer.from([0x94, 0x6a, key & 255, key >> 8, 0, 0, 0x30]),
  );
  const pickle = Buffer.concat([Buffer.from('\x80\x04]', 'latin1'), ...fetches, Buffer.from('.')]);
  assert.equal(await errorOf(pickle, { structure: 800_000 }), 'it holds more values than are kept in memory');
});

test('bytes that are kept hold on to nothing but themselves', async () => {
  const some = bytes32(Buffer.alloc(5000, 7));
  const { values } = await readPickle(
    openStream(inMemory(Buffer.concat([Buffer.from([0x80, 4]), some, Buffer.from('.')]))).stream,
  );
  const [kept] = values;
  assert.ok(is(kept, 'bytes'));
  assert.equal(kept.data.buffer.byteLength, 5000);
});
