import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { deflateSync, gzipSync } from 'node:zlib';
import { fixture, HOSTILE, inspectionOf } from '../helpers/model-files.ts';
import { tarOf } from '../helpers/tar.ts';
import { type Member, zipOf } from '../helpers/zip.ts';

const bert = fixture('huggingface/bert-classification');
const weights = fixture('safetensors/linear');
const HARMLESS = Buffer.from('\x80\x02}q\x00.', 'latin1');

test('a directory of honest files beside a model stays clean', async (t) => {
  const inspection = await inspectionOf(t, {
    ...bert,
    'requirements.txt': 'catboost\nnumpy\nclick\nos\n',
    'notes.md': 'cos\nsystem\n',
    'words.txt': 'S\nV\nNone\n(a)\n.',
    'data.tar': tarOf([{ name: 'cos', data: Buffer.from('nothing') }]),
    'table.csv.gz': gzipSync('a,b\n1,2\n'),
    'photo.z': deflateSync(Buffer.from('not a pickle')),
  });
  assert.equal(inspection.verdict, 'clean', JSON.stringify(inspection.findings));
});

const hidden: Record<string, Buffer> = {
  'pytorch_model.bin': HOSTILE,
  'tokenizer.pkl': HOSTILE,
  'README.png': HOSTILE,
  'cache.dat.gz': gzipSync(HOSTILE),
  'extra/weights.npz': zipOf([{ name: 'arr_0.npy', data: objectArray(HOSTILE) }]),
  'arr.npy': objectArray(HOSTILE),
  'backup.zip': zipOf([{ name: 'deep/inside.txt', data: HOSTILE, deflate: true }]),
  'vocabulary.txt': Buffer.from("cos\nsystem\n(S'id'\ntR.", 'latin1'),
  'strings.dat': Buffer.from("S'os'\nS'system'\n\x93S'id'\n\x85R.", 'latin1'),
  'inst.dat': Buffer.from("(S'id'\nios\nsystem\n.", 'latin1'),
  'backup.tar': tarOf([{ name: 'deep/inside', data: HOSTILE }]),
  'backup.tgz': gzipSync(
    tarOf([
      { name: 'notes', data: Buffer.from('x') },
      { name: 'inside', data: HOSTILE },
    ]),
  ),
  'packed.zip': zipOf([{ name: 'model.joblib', data: deflateSync(HOSTILE), deflate: true }]),
  'packed.tar': tarOf([{ name: 'a.npz', data: zipOf([{ name: 'arr_0.npy', data: objectArray(HOSTILE) }]) }]),
  'behind.keras': Buffer.concat([Buffer.from('any text'), zipOf([{ name: 'data.pkl', data: HOSTILE }])]),
  'both.pt': Buffer.concat([HOSTILE, zipOf([{ name: 'honest.txt', data: Buffer.from('x') }])]),
  'nested.zip': zipOf([{ name: 'inner', data: zipOf([{ name: 'data.pkl', data: HOSTILE }]), deflate: true }]),
  'old.pkl': Buffer.from("cos\nsystem\n(S'id'\ntR.", 'latin1'),
  'broken.pkl': Buffer.from("cos\nsystem\n(S'id'\ntR\xff\xff\xff", 'latin1'),
};

const portable = Buffer.alloc(512);
portable.write('MZ');
portable.writeUInt32LE(128, 60);
portable.write('PE\0\0', 128);
for (const [what, content] of [
  ['a library of Linux', Buffer.concat([Buffer.from('\x7fELF\x02\x01\x01', 'latin1'), Buffer.alloc(100)])],
  ['a program of Windows', portable],
  ['a library of macOS', Buffer.concat([Buffer.from([0xcf, 0xfa, 0xed, 0xfe]), Buffer.alloc(100)])],
  ['a llamafile', Buffer.concat([Buffer.from("MZqFpD='\n"), Buffer.alloc(100)])],
] as const)
  test(`a harmless model is to be looked at with ${what} beside it`, async (t) => {
    const inspection = await inspectionOf(t, { ...bert, 'extra/ops': content });
    assert.equal(inspection.verdict, 'review');
    assert.ok(
      inspection.findings.some((one) => one.rule === 'code-active' && one.file === 'model/extra/ops'),
    );
  });

/** A pickle behind more than is read of anything. */
const farBehind: Record<string, Buffer> = {
  'tokenizer.pkl': Buffer.concat([Buffer.alloc(4 * 10_000, '\x80\x04N.', 'latin1'), HOSTILE]),
  'backup.zip': zipOf([
    {
      name: 'weights.dat',
      data: Buffer.concat([
        Buffer.from('\x80\x04', 'latin1'),
        Buffer.alloc(1_200_000, 'N0'),
        HOSTILE.subarray(2),
      ]),
    },
  ]),
};

for (const [path, content] of Object.entries(farBehind))
  test(`a harmless model is not clean beside a pickle that is put out of sight in ${path}`, async (t) => {
    const inspection = await inspectionOf(t, { ...bert, [path]: content });
    assert.equal(inspection.verdict, 'review', JSON.stringify(inspection.findings));
    assert.ok(inspection.findings.some((finding) => finding.file === `model/${path}`));
  });

for (const [path, content] of Object.entries(hidden))
  test(`a pickle that runs a command is found in ${path} beside a harmless model`, async (t) => {
    const inspection = await inspectionOf(t, { ...bert, [path]: content });
    assert.equal(inspection.verdict, 'dangerous');
    const said = inspection.findings.filter((finding) => finding.rule === 'pickle-dangerous');
    assert.ok(
      said.some((finding) => finding.file === `model/${path}` && finding.message.includes('os.system')),
    );
  });

test('weights without a way to call them are swept too', async (t) => {
  const inspection = await inspectionOf(t, { ...weights, 'hook.bin': HOSTILE });
  assert.equal(inspection.verdict, 'dangerous');
});

test('a 7z archive cannot be looked into, and that is said', async (t) => {
  const sevenZip = Buffer.concat([Buffer.from('377abcaf271c0004', 'hex'), Buffer.alloc(64)]);
  const inspection = await inspectionOf(t, { ...bert, 'weights.bin': sevenZip });
  assert.equal(inspection.verdict, 'review');
  assert.ok(inspection.findings.some((finding) => finding.rule === 'archive-unscannable'));
});

test('raw weights that begin like a pickle by chance raise no alarm', async (t) => {
  const noise = Buffer.alloc(5000, 0xd3);
  for (const protocol of [0, 1, 2, 3, 4, 5]) {
    noise[0] = 0x80;
    noise[1] = protocol;
    const inspection = await inspectionOf(t, { ...bert, 'noise.raw': noise });
    assert.equal(inspection.verdict, 'clean', JSON.stringify(inspection.findings));
  }
});

test('the same danger is reported once, though a format and the sweep both see it', async (t) => {
  const inspection = await inspectionOf(t, { 'model.pkl': HOSTILE });
  const said = inspection.findings.filter((finding) => finding.rule === 'pickle-dangerous');
  assert.equal(said.length, 1);
  assert.equal(inspection.verdict, 'dangerous');
});

/** What no tool writes, and loaders read all the same: scanners that believed one of two headers were led past the pickle. */
const TAMPERED: Readonly<Record<string, readonly Member[]>> = {
  'a name in the directory that is not the member’s own': [
    { name: 'a/data.pkl', localName: 'a/datap.kl', data: HARMLESS },
  ],
  'a false mark of encryption': [{ name: 'a/data.pkl', data: HARMLESS, flags: 1 }],
  'a false mark of patched data': [{ name: 'a/data.pkl', data: HARMLESS, flags: 0x20 }],
  'a false mark of strong encryption': [{ name: 'a/data.pkl', data: HARMLESS, flags: 0x40, deflate: true }],
  'a wrong checksum': [{ name: 'a/data.pkl', data: HARMLESS, crc: 1 }],
  'one name twice': [
    { name: 'a/data.pkl', data: HARMLESS },
    { name: 'a/data.pkl', data: HARMLESS },
  ],
  'a name that leads outside': [{ name: '../../data.pkl', data: HARMLESS }],
  'an absolute name': [{ name: 'C:\\data.pkl', data: HARMLESS }],
  'a name with a NUL': [{ name: 'data.pkl\0.txt', data: HARMLESS }],
};

for (const [what, members] of Object.entries(TAMPERED))
  test(`an archive with ${what} is dangerous, as the model and beside one`, async (t) => {
    for (const files of [{ 'model.pt': zipOf(members) }, { ...bert, 'extra.zip': zipOf(members) }]) {
      const inspection = await inspectionOf(t, files);
      assert.equal(inspection.verdict, 'dangerous');
      assert.ok(inspection.findings.some((finding) => finding.rule === 'archive-tampered'));
    }
  });

test('members that share bytes are dangerous, and looked at in a bounded time', async (t) => {
  const one = zipOf([{ name: 'a.pkl', data: Buffer.alloc(8_000_000, 0x4e), crc: 0 }]);
  const directory = one.subarray(one.length - 22 - 51, one.length - 22);
  const end = Buffer.from(one.subarray(-22));
  const count = 20_000;
  end.writeUInt16LE(count, 8);
  end.writeUInt16LE(count, 10);
  end.writeUInt32LE(directory.length * count, 12);
  const bomb = Buffer.concat([one.subarray(0, -22 - 51), ...Array<Buffer>(count).fill(directory), end]);
  const started = process.cpuUsage();
  const inspection = await inspectionOf(t, { ...bert, 'bomb.zip': bomb });
  const { user, system } = process.cpuUsage(started);
  assert.equal(inspection.verdict, 'dangerous');
  assert.ok(user + system < 8e6, `${user + system} µs`);
});

test('an encrypted member and a bomb cannot be looked into, and that is said', async (t) => {
  const secret = { name: 'notes.txt', data: Buffer.from('sealed'), flags: 1, crc: 7 };
  const long = Buffer.concat([
    Buffer.from('\x80\x05\x8e', 'latin1'),
    length(60_000_000),
    Buffer.alloc(60_000_000),
  ]);
  const bomb = zipOf(
    Array.from({ length: 10 }, (_, at) => ({ name: `${at}.pkl`, data: long, deflate: true })),
  );
  for (const archive of [zipOf([secret]), bomb]) {
    const inspection = await inspectionOf(t, { ...bert, 'extra.zip': archive });
    assert.equal(inspection.verdict, 'review');
    assert.ok(inspection.findings.some((finding) => finding.rule === 'archive-unscannable'));
  }
});

test('a model whose reader gives up is still looked into', async (t) => {
  const files = {
    'model.pt': zipOf([
      { name: 'a/data.pkl', data: Buffer.alloc(0) },
      { name: 'a/x', data: HOSTILE },
    ]),
  };
  assert.equal((await inspectionOf(t, files)).verdict, 'dangerous');
});

const PICKLES = join(import.meta.dirname, '../fixtures/hostile/pickle');
const EXPECTED: Record<string, { risk: string }> = JSON.parse(
  readFileSync(join(PICKLES, 'expected.json'), 'utf8'),
);

test('every hostile pickle is found beside a harmless model, under a name that says nothing', async (t) => {
  for (const name of readdirSync(PICKLES)) {
    if (EXPECTED[name]?.risk !== 'dangerous') continue;
    const inspection = await inspectionOf(t, { ...bert, 'weights.dat': readFileSync(join(PICKLES, name)) });
    assert.equal(inspection.verdict, 'dangerous', name);
  }
});

function length(bytes: number): Buffer {
  const out = Buffer.alloc(8);
  out.writeBigUInt64LE(BigInt(bytes));
  return out;
}

/** A `.npy` of objects: numpy.lib.format version 1. */
function objectArray(pickle: Buffer): Buffer {
  const header = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n";
  const size = Buffer.alloc(2);
  size.writeUInt16LE(header.length);
  return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00', 'latin1'), size, Buffer.from(header), pickle]);
}
