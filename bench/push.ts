// What it costs to publish weights, beside the floor of hashing with openssl and sending with curl:
//   node bench/push.ts [--files 1] [--megabytes 2048] [--rounds 1]
// It leaves four times the size a round in the registry: take one that can be thrown away, and not in memory.
// The registry is LADING_TEST_REGISTRY (127.0.0.1:5000 by default); without one only the folder is measured.
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { digestFile, digestFiles, inParallel } from '../src/model/digest.ts';
import { walk } from '../src/model/walk.ts';
import { assembleArtifact } from '../src/oci/artifact.ts';
import { anonymous } from '../src/oci/credentials.ts';
import { layoutRepository } from '../src/oci/layout.ts';
import { digestWhilePushing, pushAssembled } from '../src/oci/push.ts';
import { registryRepository } from '../src/oci/registry.ts';
import { silent } from '../src/ports/log.ts';

const HOST = process.env['LADING_TEST_REGISTRY'] ?? '127.0.0.1:5000';
const BUDGET_MB = 150;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    files: { type: 'string', default: '1' },
    /** Of each file. */
    megabytes: { type: 'string', default: '2048' },
    rounds: { type: 'string', default: '1' },
  },
});

interface Measured {
  readonly seconds: number;
  /** Peak of the process, with Node itself; `null` for other programs. */
  readonly megabytes: number | null;
}

const [way, folder = '', place = ''] = positionals;
if (way === undefined) await compare();
else await publish(way, folder, place);

/** The measured process: one way to publish the files of a folder as an artifact. */
async function publish(how: string, files: string, to: string): Promise<void> {
  const directory = walk('bench', files);
  const repository = how.startsWith('folder')
    ? layoutRepository(to, 'bench')
    : registryRepository({ host: HOST, repository: `lading-bench/${to}` }, anonymous);
  // As the ledger or Git LFS would tell it.
  const known = new Map<string, string>();
  if (how.endsWith('known'))
    for (const line of readFileSync(`${files}.sums`, 'utf8').trim().split('\n')) {
      const [sha256 = '', path = ''] = line.split('  ');
      known.set(path, sha256);
    }
  const digested = how.endsWith('one-pass')
    ? await digestWhilePushing(repository, directory, known)
    : await digestFiles(directory, known);
  const ready = digested.map((file, at) => ({ ...file, absolute: directory.files[at]?.absolute ?? '' }));
  const assembled = assembleArtifact(ready, [], { format: 'pt' });
  await pushAssembled(
    repository,
    assembled,
    { name: 'bench', version: '1', contract: '{}', labels: {} },
    silent,
  );
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
  const scratch = mkdtempSync(join(tmpdir(), 'lading-bench-'));
  process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
  const model = join(scratch, 'model');
  mkdirSync(model);
  const count = Number(values.files);
  const paths = Array.from({ length: count }, (_, at) => join(model, `weights-${at}.bin`));
  for (const path of paths) fill(path, Number(values.megabytes) * 1024 * 1024);

  const registry = await fetch(`http://${HOST}/v2/`).then(
    () => true,
    () => false,
  );
  const has = (program: string, flag: string) => spawnSync(program, [flag]).status === 0;
  const openssl = has('openssl', 'version');
  const curl = registry && openssl && has('curl', '--version');
  if (!registry) console.log(`no registry at ${HOST}: only the folder is measured`);
  if (!openssl) console.log('no openssl here: there is no floor to compare with');

  const fresh = () => randomBytes(6).toString('hex');
  const self = (how: string, to: string) =>
    measure(process.execPath, [import.meta.filename, how, model, to], true);
  const hash = () => measure('openssl', ['dgst', '-sha256', ...paths], false);
  const copied = () => measure('cp', ['-r', '--reflink=never', model, join(scratch, fresh())], false);
  const ways: [string, boolean, () => Promise<Measured>][] = [
    ['openssl dgst', openssl, hash],
    ['openssl dgst, then cp', openssl, async () => both(await hash(), await copied())],
    ['lading to a folder, one pass', true, () => self('folder-one-pass', join(scratch, fresh()))],
    ['openssl dgst, then curl', curl, async () => both(await hash(), await sent(paths))],
    ['lading, one pass', registry, () => self('registry-one-pass', fresh())],
    ['lading, hashed before', registry, () => self('registry-two', fresh())],
    ['lading, digests known', registry, () => self('registry-known', fresh())],
  ];
  const results = new Map<string, Measured[]>();
  for (let round = 0; round < Number(values.rounds); round += 1)
    for (const [title, possible, run] of ways) {
      if (!possible) continue;
      // Other content each time: nothing is there already.
      for (const path of paths) stamp(path);
      const sums = await digestFiles(walk('bench', model));
      writeFileSync(`${model}.sums`, sums.map(({ path, sha256 }) => `${sha256}  ${path}\n`).join(''));
      results.set(title, [...(results.get(title) ?? []), await run()]);
      for (const name of readdirSync(scratch))
        if (!name.startsWith('model')) rmSync(join(scratch, name), { recursive: true });
    }

  console.log(
    `\n${count} × ${values.megabytes} MiB, best of ${values.rounds}; ratios to the floor above them\n`,
  );
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
      `${title.padEnd(30)} ${seconds.toFixed(2).padStart(6)} s  ${ratio.padStart(6)}  ${memory.padStart(7)}`,
    );
  }
  if (over) {
    console.log(`\nover the budget of ${BUDGET_MB} MB`);
    process.exitCode = 1;
  }
}

function both(first: Measured, second: Measured): Measured {
  return { seconds: first.seconds + second.seconds, megabytes: null };
}

/** Sends files with curl, four at once, as whole PUTs with the digests that openssl would have given. */
async function sent(paths: readonly string[]): Promise<Measured> {
  const uploads = `http://${HOST}/v2/lading-bench/${randomBytes(6).toString('hex')}/blobs/uploads/`;
  const digests = await inParallel(paths, 4, digestFile);
  const start = performance.now();
  await inParallel([...paths.entries()], 4, async ([at, path]) => {
    const location = (await fetch(uploads, { method: 'POST' })).headers.get('location') ?? '';
    const url = new URL(location, uploads);
    url.searchParams.set('digest', `sha256:${digests[at]?.sha256}`);
    const type = 'Content-Type: application/octet-stream';
    await measure('curl', ['-sS', '--fail', '-X', 'PUT', '-H', type, '-T', path, url.href], false);
  });
  return { seconds: (performance.now() - start) / 1000, megabytes: null };
}

/** Random bytes, so that no file system or proxy makes them smaller. */
function fill(path: string, size: number): void {
  const fd = openSync(path, 'w');
  const step = 16 * 1024 * 1024;
  for (let at = 0; at < size; at += step)
    writeSync(fd, randomBytes(Math.min(step, size - at)), 0, undefined, at);
  closeSync(fd);
}

function stamp(path: string): void {
  const fd = openSync(path, 'r+');
  writeSync(fd, randomBytes(32), 0, undefined, 0);
  closeSync(fd);
}
