// What it costs to publish weights, beside the floor of hashing with openssl and sending with curl:
//   node bench/push.ts [--megabytes 2048] [--rounds 3]
// The registry is LADING_TEST_REGISTRY (127.0.0.1:5000 by default); without one only the folder is measured.
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { digestFile, passChunks } from '../src/model/digest.ts';
import { anonymous } from '../src/oci/credentials.ts';
import { layoutRepository } from '../src/oci/layout.ts';
import { registryRepository } from '../src/oci/registry.ts';
import { MEDIA } from '../src/oci/types.ts';

const HOST = process.env['LADING_TEST_REGISTRY'] ?? '127.0.0.1:5000';
const BUDGET_MB = 150;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    megabytes: { type: 'string', default: '2048' },
    rounds: { type: 'string', default: '3' },
  },
});

interface Measured {
  readonly seconds: number;
  /** Peak of the process, with Node itself; `null` for other programs. */
  readonly megabytes: number | null;
}

const [way, file = '', place = '', digest = ''] = positionals;
if (way === undefined) await compare();
else await publish(way, file, place, digest);

/** The measured process: one way to publish one file. */
async function publish(how: string, path: string, root: string, known: string): Promise<void> {
  const source = { size: statSync(path).size, open: () => passChunks(path) };
  const repository = how.startsWith('layout')
    ? layoutRepository(root, 'bench')
    : registryRepository({ host: HOST, repository: `lading-bench/${root}` }, anonymous);
  if (how.endsWith('one-pass')) await repository.addBlob(source, MEDIA.layer);
  else {
    const sha256 = known === '' ? (await digestFile(path)).sha256 : known;
    const descriptor = { mediaType: MEDIA.layer, digest: `sha256:${sha256}` as const, size: source.size };
    await repository.putBlob({ descriptor, open: source.open });
  }
  process.stdout.write(`${process.resourceUsage().maxRSS}\n`);
}

async function measure(command: string, args: readonly string[], reportsMemory: boolean): Promise<Measured> {
  const start = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${command} ended with ${code}`);
  return {
    seconds: (performance.now() - start) / 1000,
    megabytes: reportsMemory ? Number(out.trim()) / 1024 : null,
  };
}

async function compare(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'lading-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'weights.bin');
  const size = Number(values.megabytes) * 1024 * 1024;
  fill(path, size);

  const registry = await fetch(`http://${HOST}/v2/`).then(
    () => true,
    () => false,
  );
  const curl = registry && spawnSync('curl', ['--version']).status === 0;
  const openssl = spawnSync('openssl', ['version']).status === 0;
  if (!registry) console.log(`no registry at ${HOST}: only the folder is measured`);
  if (!openssl) console.log('no openssl here: there is no floor to compare with');

  const self = (...args: string[]) => measure(process.execPath, [import.meta.filename, ...args], true);
  const fresh = () => randomBytes(6).toString('hex');
  const hash = () => measure('openssl', ['dgst', '-sha256', path], false);
  const known = async () => (await digestFile(path)).sha256;
  const ways: [string, boolean, () => Promise<Measured>][] = [
    ['openssl dgst', openssl, hash],
    ['openssl dgst, then cp', openssl, () => floorToFolder(hash, path, folder)],
    ['lading, folder, one pass', true, () => self('layout-one-pass', path, join(folder, fresh()))],
    ['openssl dgst, then curl', curl && openssl, () => floorToRegistry(hash, path)],
    ['lading, registry, one pass', registry, () => self('registry-one-pass', path, fresh())],
    ['lading, registry, hashed before', registry, () => self('registry-two', path, fresh())],
    [
      'lading, registry, digest known',
      registry,
      async () => self('registry-two', path, fresh(), await known()),
    ],
  ];
  const results = new Map<string, Measured[]>();
  for (let round = 0; round < Number(values.rounds); round += 1)
    for (const [title, possible, run] of ways) {
      if (!possible) continue;
      // Other content each time: nothing is there already.
      stamp(path);
      results.set(title, [...(results.get(title) ?? []), await run()]);
      for (const name of spawnSync('ls', [folder], { encoding: 'utf8' }).stdout.split('\n'))
        if (name !== '' && name !== 'weights.bin')
          rmSync(join(folder, name), { recursive: true, force: true });
    }

  console.log(`\n${values.megabytes} MiB, best of ${values.rounds}; ratios to the floor above them\n`);
  let floor = 0;
  let over = false;
  for (const [title, runs] of results) {
    const seconds = Math.min(...runs.map((run) => run.seconds));
    if (title.startsWith('openssl')) floor = seconds;
    const peaks = runs.map((run) => run.megabytes).filter((peak) => peak !== null);
    const memory = peaks.length === 0 ? '' : `${Math.max(...peaks).toFixed(0)} MB`;
    over ||= peaks.some((peak) => peak > BUDGET_MB);
    const ratio = floor > 0 ? `${(seconds / floor).toFixed(2)}×` : '';
    console.log(
      `${title.padEnd(34)} ${seconds.toFixed(2).padStart(6)} s  ${ratio.padStart(6)}  ${memory.padStart(7)}`,
    );
  }
  if (over) {
    console.log(`\nover the budget of ${BUDGET_MB} MB`);
    process.exitCode = 1;
  }
}

async function floorToFolder(hash: () => Promise<Measured>, path: string, folder: string): Promise<Measured> {
  const { seconds } = await hash();
  const copied = await measure('cp', ['--reflink=never', path, join(folder, 'copy.bin')], false);
  return { seconds: seconds + copied.seconds, megabytes: null };
}

async function floorToRegistry(hash: () => Promise<Measured>, path: string): Promise<Measured> {
  const { seconds } = await hash();
  const { sha256 } = await digestFile(path);
  const uploads = `http://${HOST}/v2/lading-bench/${randomBytes(6).toString('hex')}/blobs/uploads/`;
  const location = (await fetch(uploads, { method: 'POST' })).headers.get('location') ?? '';
  const url = new URL(location, uploads);
  url.searchParams.set('digest', `sha256:${sha256}`);
  const args = [
    '-sS',
    '--fail',
    '-X',
    'PUT',
    '-H',
    'Content-Type: application/octet-stream',
    '-T',
    path,
    url.href,
  ];
  const sent = await measure('curl', args, false);
  return { seconds: seconds + sent.seconds, megabytes: null };
}

/** Random bytes, so that no file system or proxy makes them smaller. */
function fill(path: string, size: number): void {
  const fd = openSync(path, 'w');
  for (let at = 0; at < size; at += 16 * 1024 * 1024)
    writeSync(fd, randomBytes(Math.min(16 * 1024 * 1024, size - at)), 0, undefined, at);
  closeSync(fd);
}

function stamp(path: string): void {
  const fd = openSync(path, 'r+');
  writeSync(fd, randomBytes(32), 0, undefined, 0);
  closeSync(fd);
}
