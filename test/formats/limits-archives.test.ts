/** Archives of very many members, or of very long names, are gone through within the memory of any other file. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { cost } from '../helpers/cost.ts';
import { ROOT } from '../helpers/runner.ts';
import { zipOf } from '../helpers/zip.ts';

const CLI = join(ROOT, 'src/cli.ts');
const MAX_MEMORY = 128 * 1024 * 1024;
const pickle = Buffer.from('\x80\x02}q\x00.', 'latin1');
const members = (count: number, name: (at: number) => string, data: Buffer, deflate = false) =>
  zipOf(Array.from({ length: count }, (_, at) => ({ name: name(at), data, deflate })));

const ARCHIVES: Readonly<Record<string, () => readonly [file: string, bytes: Buffer]>> = {
  'forty thousand pickles': () => ['m.pt', members(40_000, (at) => `archive/data/${at}.pkl`, pickle)],
  'forty thousand arrays': () => ['m.npz', members(40_000, (at) => `a${at}`, Buffer.alloc(1000), true)],
  'a thousand names of sixty thousand characters': () => [
    'm.pt',
    members(1000, (at) => `archive/data/${at}${'n'.repeat(60_000)}`, Buffer.alloc(100)),
  ],
};

for (const [what, write] of Object.entries(ARCHIVES))
  test(`an archive of ${what} is looked through within the memory of any other`, async (t) => {
    if (process.platform !== 'linux') return t.skip('memory is counted by Linux');
    const folder = mkdtempSync(join(tmpdir(), 'lading-archives-'));
    t.after(() => rmSync(folder, { recursive: true }));
    mkdirSync(join(folder, 'model'));
    const [file, bytes] = write();
    writeFileSync(join(folder, 'model', file), bytes);
    const empty = await cost(folder, ['-e', '0']);
    const inspect = () => cost(folder, [CLI, 'inspect', 'model', '--format', 'json']);
    const runs = [await inspect(), await inspect()];
    assert.ok(JSON.parse(runs[0]?.stdout ?? '').findings.length > 0, runs[0]?.stderr);
    const memory = Math.min(...runs.map((one) => one.memory)) - empty.memory;
    assert.ok(memory < MAX_MEMORY, `${memory} bytes of memory above an empty process`);
  });
