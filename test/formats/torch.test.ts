import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { openZip, readEntry } from '../../src/formats/wire/zip.ts';
import { inMemory } from '../../src/model/bytes.ts';
import { fixture, found, HOSTILE, inspectionOf, readingOf } from '../helpers/model-files.ts';
import { type Member, zipOf } from '../helpers/zip.ts';

const only = (name: string): Buffer => Object.values(fixture(name))[0] ?? assert.fail(name);
const state = only('torch/state-dict');
const script = only('torchscript/scripted');
const program = only('torch-export/dynamic');
const legacy = only('torch/tied-legacy');

/** The members of an archive, to be written again with changes. */
function membersOf(bytes: Buffer): Member[] {
  const zip = openZip(inMemory(bytes));
  return zip.entries.map((entry) => ({
    name: entry.name,
    data: Buffer.from(readEntry(zip, entry, 1e8).bytes),
    deflate: entry.method === 8,
  }));
}

const changed = (bytes: Buffer, name: RegExp, change: (member: Member) => Member): Buffer =>
  zipOf(membersOf(bytes).map((member) => (name.test(member.name) ? change(member) : member)));

test('a state_dict holds parameters only, and no contract is made up for it', async (t) => {
  const result = await found(t, { 'model.pt': state });
  assert.ok(result.kind === 'model');
  assert.equal(result.reading.contract, null);
  assert.equal(result.reading.risk, 'none');
  assert.ok(result.reading.remarks.some((remark) => remark.rule === 'contract-unknown'));
  assert.match(result.reading.properties['input hint'] ?? '', /4 features/);
});

test('weights give way to a model that can be called', async (t) => {
  const reading = await readingOf(t, { 'weights.pt': state, 'model.pt': script });
  assert.equal(reading.format, 'torchscript');
});

test('what the code does with its weights gives types; what fits any rank has no shape, and a hint', async (t) => {
  const reading = await readingOf(t, { 'model.pt': script });
  const input = reading.contract?.signatures['forward']?.inputs?.[0];
  assert.deepEqual([input?.name, input?.type, input?.shape], ['features', 'float32', null]);
  assert.equal(reading.evidence['/signatures/forward/inputs/0/type']?.kind, 'derived');
  const evidence = reading.evidence['/signatures/forward/inputs/0/shape'];
  assert.ok(evidence?.kind === 'unknown' && evidence.add);
  assert.match(reading.properties['output hint'] ?? '', /^3 values/);
});

/** The scripted model with another body of `forward`. */
const scriptWith = (lines: readonly string[], head = 'features: Tensor) -> Tensor:'): Buffer =>
  changed(script, /code\/__torch__\.py$/, (member) => ({
    ...member,
    data: Buffer.from(
      member.data
        .toString()
        .replace(
          /features: Tensor\) -> Tensor:\n[\s\S]*$/,
          () => `${head}\n${lines.map((line) => `    ${line}\n`).join('')}`,
        ),
    ),
  }));
const many = (count: number, line: string): string[] => Array.from({ length: count }, () => line);

const costly: Record<string, readonly string[]> = {
  'branches within branches': [
    ...Array.from({ length: 60 }, (_, depth) => `${'  '.repeat(depth)}if torch.gt(features, 0):`),
    `${'  '.repeat(60)}x = features`,
    'return features',
  ],
  'long lists, joined again and again': [
    `all = [${many(9000, 'features').join(', ')}]`,
    ...many(50_000, 'x = torch.cat(all, 0)'),
    'return features',
  ],
  'ever more axes': [...many(100_000, 'features = torch.unsqueeze(features, 0)'), 'return features'],
  'calls of itself': ['return torch.add((self).forward(features, ), (self).forward(features, ))'],
  'brackets within brackets': [`return ${'torch.relu('.repeat(5000)}features${')'.repeat(5000)}`],
  'loops within loops': [
    ...Array.from({ length: 30 }, (_, depth) => `${'  '.repeat(depth)}for i${depth} in range(60):`),
    `${'  '.repeat(30)}x = torch.relu(features)`,
    'return features',
  ],
  'sizes that are made one, one after the other': [
    ...many(
      30_000,
      'features = torch.bmm(torch.relu(features), torch.zeros([torch.size(features, 0), 2, 2]))',
    ),
    'return features',
  ],
};
for (const [what, lines] of Object.entries(costly))
  test(`code with ${what} is given up in time`, async (t) => {
    const before = performance.now();
    const reading = await readingOf(t, { 'model.pt': scriptWith(lines) });
    assert.equal(reading.contract?.signatures['forward']?.inputs?.[0]?.name, 'features');
    assert.ok(performance.now() - before < 4000);
  });

const seen = async (t: Parameters<typeof readingOf>[0], lines: readonly string[], head?: string) => {
  const forward = (await readingOf(t, { 'model.pt': scriptWith(lines, head) })).contract?.signatures[
    'forward'
  ];
  return [forward?.inputs?.[0], forward?.outputs?.[0]].map((one) => [one?.type, one?.shape]);
};
const WEIGHTS = ['hidden = self.hidden', 'w = hidden.weight'];

test('what only one branch does to an input is no fact about it', async (t) => {
  const lines = [
    ...WEIGHTS,
    'if flag:',
    '  y = torch.linear(features, w)',
    'else:',
    '  y = torch.relu(features)',
    'return y',
  ];
  assert.deepEqual(await seen(t, lines, 'features: Tensor,\n    flag: bool) -> Tensor:'), [
    [null, null],
    [null, null],
  ]);
});

test('a branch that raises is none', async (t) => {
  const lines = [
    ...WEIGHTS,
    'if torch.ne(torch.dim(features), 2):',
    '  ops.prim.RaiseException("no")',
    'else:',
    '  pass',
    'return torch.linear(features, w)',
  ];
  assert.deepEqual(await seen(t, lines), [
    ['float32', ['batch', 4]],
    ['float32', ['batch', 5]],
  ]);
});

test('what code sets on a module may be something else by the next call', async (t) => {
  const lines = [...WEIGHTS, 'hidden.weight = features', 'return torch.linear(features, w)'];
  const [input] = await seen(t, ['self.hidden = self.out', ...lines]);
  assert.deepEqual(input, [null, null]);
});

test('a type that an input is turned into is not its own', async (t) => {
  assert.deepEqual(await seen(t, [...WEIGHTS, 'return torch.linear(torch.to(features, 6), w)']), [
    [null, null],
    ['float32', null],
  ]);
});

test('a mobile archive says so', async (t) => {
  const reading = await readingOf(t, fixture('torchscript/mobile'));
  assert.ok(reading.properties['mobile']);
});

test('the classes of a detector in the layout of ultralytics are its labels, and its facts are properties', async (t) => {
  const reading = await readingOf(t, fixture('torch/ultralytics-layout'));
  assert.deepEqual(reading.labels, ['person', 'bicycle', 'car']);
  assert.equal(reading.properties['task'], 'detect');
  assert.equal(reading.properties['image size'], '640');
  assert.equal(reading.requirements['ultralytics'], '8.3.0');
});

test("what Lightning's checkpoints state are properties", async (t) => {
  const reading = await readingOf(t, fixture('torch/lightning'));
  assert.equal(reading.properties['lightning version'], '2.5.0');
  assert.equal(reading.properties['hyper-parameter width'], '5');
});

for (const [name, file] of Object.entries({ state, script, program }))
  for (const member of ['data/99', 'extra/labels.txt', 'hook.pkl', '.data/x'])
    test(`a pickle that runs a command is found as ${member} of an archive with a ${name}`, async (t) => {
      const root = openZip(inMemory(file)).entries[0]?.name.split('/')[0] ?? '';
      const bytes = zipOf([
        ...membersOf(file),
        { name: `${root}/${member}`, data: HOSTILE, deflate: member === 'hook.pkl' },
      ]);
      const reading = await readingOf(t, { 'model.pt': bytes });
      assert.equal(reading.risk, 'dangerous');
      assert.ok(
        reading.remarks.some(
          (remark) => remark.rule === 'pickle-dangerous' && remark.message.includes(member),
        ),
      );
    });

test('data.pkl itself may be the hostile one', async (t) => {
  const bytes = changed(state, /data\.pkl$/, (member) => ({ ...member, data: HOSTILE }));
  const reading = await readingOf(t, { 'model.pt': bytes });
  assert.equal(reading.risk, 'dangerous');
});

const tampered: Record<string, Buffer> = {
  'names that disagree (CVE-2025-1944)': changed(state, /data\.pkl$/, (one) => ({
    ...one,
    localName: one.name.replace('data.pkl', 'datap.kl'),
  })),
  'false flags of encryption (CVE-2025-1945)': changed(state, /data\.pkl$/, (one) => ({ ...one, flags: 1 })),
  'a false checksum (CVE-2025-10156)': changed(state, /data\.pkl$/, (one) => ({ ...one, crc: 7 })),
  'a member that is there twice': zipOf([
    ...membersOf(state),
    ...membersOf(state).filter((one) => one.name.endsWith('data.pkl')),
  ]),
};
for (const [what, bytes] of Object.entries(tampered))
  test(`an archive with ${what} is dangerous`, async (t) => {
    const reading = await readingOf(t, { 'model.pt': bytes });
    assert.equal(reading.risk, 'dangerous');
    assert.ok(reading.remarks.some((remark) => remark.rule === 'archive-tampered'));
  });

test('a storage smaller than its pickle claims is reported (CVE-2026-24747)', async (t) => {
  const bytes = changed(state, /data\/0$/, (one) => ({ ...one, data: one.data.subarray(0, 8) }));
  const reading = await readingOf(t, { 'model.pt': bytes });
  assert.equal(reading.risk, 'dangerous');
  assert.ok(reading.remarks.some((remark) => remark.rule === 'tensor-tampered'));
});

test('items that are set on a tensor while it is rebuilt are reported (CVE-2026-24747)', async (t) => {
  const storage = '(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x04tQ';
  const pickle = `\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(${storage}K\0K\x04\x85K\x01\x85\x89}tRK\x00K\x01s.`;
  const bytes = zipOf([
    { name: 'm/data.pkl', data: Buffer.from(pickle, 'latin1') },
    { name: 'm/data/0', data: Buffer.alloc(16) },
    { name: 'm/version', data: Buffer.from('3\n') },
  ]);
  const reading = await readingOf(t, { 'model.pt': bytes });
  assert.equal(reading.risk, 'dangerous');
});

test('machine code in an exported program is reported', async (t) => {
  const bytes = zipOf([
    ...membersOf(program),
    { name: 'archive/data/aotinductor/model/x.wrapper.so', data: Buffer.from('\x7fELF') },
  ]);
  const reading = await readingOf(t, { 'model.pt2': bytes });
  assert.ok(reading.remarks.some((remark) => remark.rule === 'code-active'));
  assert.equal(reading.risk, 'review');
});

test('the layout of exported programs before torch 2.8 says the same', async (t) => {
  const zip = openZip(inMemory(program));
  const entry = zip.entries.find((one) => one.name.endsWith('models/model.json')) ?? assert.fail();
  const json = Buffer.from(readEntry(zip, entry, 1e7).bytes);
  const old = zipOf([
    { name: 'serialized_exported_program.json', data: json },
    { name: 'version', data: Buffer.from('8.2') },
    { name: 'serialized_state_dict.pt', data: state },
  ]);
  const [now, before] = [await readingOf(t, { 'm.pt2': program }), await readingOf(t, { 'm.pt2': old })];
  assert.equal(before.format, 'torch-export');
  assert.deepEqual(before.contract, now.contract);
  assert.equal(before.properties['archive version'], '8.2');
});

test('symbolic sizes keep their names, and their ranges are told', async (t) => {
  const reading = await readingOf(t, { 'm.pt2': program });
  const [size] = reading.contract?.signatures['forward']?.inputs?.[0]?.shape ?? [];
  assert.ok(typeof size === 'string');
  assert.equal(reading.contract?.signatures['forward']?.outputs?.[0]?.shape?.[0], size);
  assert.equal(reading.properties[`dimension ${size}`], '2 to 64');
});

// No torch that still writes this layout can be had; the file follows caffe2/proto/torch.proto of torch 1.1.
test('an archive for TorchServe is named by its manifest, and its labels are read', async (t) => {
  const manifest = {
    model: { modelName: 'net', serializedFile: 'model.pt', handler: 'handler.py', modelVersion: '1.0' },
  };
  const served = (inner: Buffer): Buffer =>
    zipOf([
      { name: 'model.pt', data: inner, deflate: true },
      { name: 'handler.py', data: Buffer.from('pass\n') },
      { name: 'index_to_name.json', data: Buffer.from('{"0": "cat", "1": ["n02084071", "dog"]}') },
      { name: 'MAR-INF/MANIFEST.json', data: Buffer.from(JSON.stringify(manifest)) },
    ]);
  const reading = await readingOf(t, { 'net.mar': served(script) });
  assert.equal(reading.properties['layout'], 'TorchServe archive');
  assert.equal(reading.properties['model version'], '1.0');
  assert.deepEqual(reading.labels, ['cat', 'dog']);
  assert.equal(reading.risk, 'review');
  assert.equal((await readingOf(t, { 'net.mar': served(HOSTILE) })).risk, 'dangerous');
});

// torch 0.1.1 wrote these; its loader is torch/serialization.py, legacy_load.
function oldTar(pickle: Buffer): Buffer {
  const long = (value: number): Buffer => {
    const out = Buffer.alloc(8);
    out.writeBigInt64LE(BigInt(value));
    return out;
  };
  const tensor = Buffer.concat([
    Buffer.from('\x80\x02K\x01.\x80\x02K\x00K\x00ctorch\nFloatTensor\n\x87.', 'latin1'),
    Buffer.from([2, 0, 0, 0, 0, 0, 0, 0]),
    ...[3, 4, 4, 1, 0].map(long),
  ]);
  const member = (name: string, data: Buffer): Buffer => {
    const header = Buffer.alloc(512);
    header.write(name, 0, 'latin1');
    header.write(`${data.length.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
    header.write('ustar', 257, 'latin1');
    return Buffer.concat([header, data, Buffer.alloc((512 - (data.length % 512)) % 512)]);
  };
  return Buffer.concat([
    member('sys_info', Buffer.from('\x80\x02}.', 'latin1')),
    member('pickle', pickle),
    member('tensors', tensor),
    Buffer.alloc(1024),
  ]);
}

test('the tar files of torch 0.1 are read for their sizes', async (t) => {
  const reading = await readingOf(t, {
    'old.pth': oldTar(Buffer.from('\x80\x02}X\x01\0\0\0wU\x010Qs.', 'latin1')),
  });
  assert.equal(reading.format, 'torch');
  assert.equal(reading.parameters, 12);
});

test('a hostile pickle in a tar, which weights_only once let pass, is dangerous (CVE-2025-32434)', async (t) => {
  const reading = await readingOf(t, { 'old.pth': oldTar(HOSTILE) });
  assert.equal(reading.risk, 'dangerous');
});

test('a reference to something else than a storage is worth a look', async (t) => {
  const pickle = Buffer.from('\x80\x02(X\x04\0\0\0httpX\x03\0\0\0a/btQ.', 'latin1');
  const bytes = zipOf([
    { name: 'm/data.pkl', data: pickle },
    { name: 'm/version', data: Buffer.from('3') },
  ]);
  const reading = await readingOf(t, { 'model.pt': bytes });
  assert.equal(reading.risk, 'review');
});

test('a whole module is for review, however harmless its classes look', async (t) => {
  const inspection = await inspectionOf(t, fixture('torch/module'));
  assert.equal(inspection.verdict, 'review');
  assert.ok(inspection.findings.some((finding) => finding.rule === 'pickle-module'));
});

for (const [name, bytes] of Object.entries({ state, script, program, legacy }))
  test(`a ${name} cut short anywhere is a finding, never a crash and never clean`, async (t) => {
    for (let length = 1; length < bytes.length; length += Math.ceil(bytes.length / 60)) {
      const result = await found(t, { 'model.pt': bytes.subarray(0, length) });
      if (result.kind !== 'model') continue;
      const cutInStorages =
        name === 'legacy' && result.reading.remarks.every((one) => one.rule === 'contract-unknown');
      assert.ok(cutInStorages || result.reading.risk !== 'none', `${length} of ${bytes.length}`);
    }
  });

test('code that nests without end does not', async (t) => {
  const deep = `class Net(Module):\n  def forward(self: __torch__.Net,\n    x: ${'List['.repeat(50_000)}Tensor) -> ${'Tuple['.repeat(50_000)}:\n    return x\n`;
  const bytes = changed(script, /code\/__torch__\.py$/, (one) => ({ ...one, data: Buffer.from(deep) }));
  await readingOf(t, { 'model.pt': bytes });
});

test('a bomb in an archive is not unpacked', async (t) => {
  const bomb = deflateRawSync(Buffer.alloc(1_000_000));
  assert.equal(inflateRawSync(bomb).length, 1_000_000);
  const big = {
    name: 'model/bomb.pkl',
    data: Buffer.concat([HOSTILE.subarray(0, 2), Buffer.alloc(8_000_000, 0x4e)]),
    deflate: true,
  };
  const reading = await readingOf(t, { 'model.pt': zipOf([...membersOf(state), big]) });
  assert.notEqual(reading.risk, 'none');
});
