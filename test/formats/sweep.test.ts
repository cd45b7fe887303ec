import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateSync, gzipSync } from 'node:zlib';
import { fixture, HOSTILE, inspectionOf } from '../helpers/model-files.ts';
import { zipOf } from '../helpers/zip.ts';

const bert = fixture('huggingface/bert-classification');
const weights = fixture('safetensors/linear');

test('a directory of honest files beside a model stays clean', async (t) => {
  const inspection = await inspectionOf(t, {
    ...bert,
    'requirements.txt': 'catboost\nnumpy\nclick\nos\n',
    'notes.md': 'cos\nsystem\n',
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
  'nested.zip': zipOf([{ name: 'inner', data: zipOf([{ name: 'data.pkl', data: HOSTILE }]), deflate: true }]),
  'old.pkl': Buffer.from("cos\nsystem\n(S'id'\ntR.", 'latin1'),
  'broken.pkl': Buffer.from("cos\nsystem\n(S'id'\ntR\xff\xff\xff", 'latin1'),
};

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

/** A `.npy` of objects: numpy.lib.format version 1. */
function objectArray(pickle: Buffer): Buffer {
  const header = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n";
  const size = Buffer.alloc(2);
  size.writeUInt16LE(header.length);
  return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00', 'latin1'), size, Buffer.from(header), pickle]);
}
