/**
 * `npm run bench:start`: what a start of Lading costs, as ratios to Node's own start, and the budgets of the project.
 * Ends with 1 when a budget of size or memory is broken; times depend on the machine and are only shown.
 */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  cpSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CLI = join(ROOT, 'dist/cli.js');
const RUNS = 15;
const WEIGHTS = 2 * 1024 ** 3;
const BUDGET = { ratio: 3, distBytes: 3_000_000, publishBytes: 150_000_000 };

/** Writes the most memory that the process ever had, in kB, when it ends. */
const PEAK = (file: string) =>
  `data:text/javascript,${encodeURIComponent(
    `import { writeFileSync } from 'node:fs'; process.on('exit', () => writeFileSync(${JSON.stringify(file)}, String(process.resourceUsage().maxRSS)));`,
  )}`;

interface Row {
  readonly what: string;
  readonly value: string;
  readonly budget: string;
  readonly kept: boolean;
  /** Whether the bench fails when it is not kept. */
  readonly hard: boolean;
}

const scratch = mkdtempSync(join(tmpdir(), 'lading-bench-'));
const rows: Row[] = [];
try {
  const small = join(scratch, 'small/wine');
  cpSync(join(ROOT, 'examples/wine/variants/v1'), small, { recursive: true });
  const large = join(scratch, 'large/weights');
  mkdirSync(large, { recursive: true });
  writeSafetensors(join(large, 'model.safetensors'), WEIGHTS);

  const commands: Record<string, readonly string[]> = {
    node: ['-e', '0'],
    small: [CLI, 'inspect', small],
    large: [CLI, 'inspect', large],
  };
  const times = measure(commands);
  const floor = times['node'] ?? 1;
  console.log(
    `Medians of ${RUNS} cold processes, taken in turns. Node ${process.version}: ${floor.toFixed(0)} ms.\n`,
  );
  for (const [what, key] of [
    ['lading inspect, a small scikit-learn model', 'small'],
    ['lading inspect, 2 GB of safetensors', 'large'],
  ] as const) {
    const time = times[key] ?? 0;
    rows.push({
      what,
      value: `${time.toFixed(0)} ms, ${(time / floor).toFixed(2)} × Node`,
      budget: `${BUDGET.ratio} × Node`,
      kept: time / floor <= BUDGET.ratio,
      hard: false,
    });
  }
  const dist = sizeOf(join(ROOT, 'dist'));
  rows.push({
    what: 'dist/, all of it',
    value: megabytes(dist),
    budget: megabytes(BUDGET.distBytes),
    kept: dist <= BUDGET.distBytes,
    hard: true,
  });
  const peak = publishPeak(large);
  rows.push({
    what: 'lading publish, 2 GB to an OCI layout: peak memory',
    value: `${megabytes(peak.bytes)} in ${(peak.milliseconds / 1000).toFixed(1)} s`,
    budget: megabytes(BUDGET.publishBytes),
    kept: peak.bytes <= BUDGET.publishBytes,
    hard: true,
  });
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

const column = (pick: (row: Row) => string) => Math.max(...rows.map((row) => pick(row).length));
for (const row of rows)
  console.log(
    [
      row.kept ? '✓' : '✗',
      row.what.padEnd(column((one) => one.what)),
      row.value.padEnd(column((one) => one.value)),
      `budget ${row.budget}`,
    ].join('  '),
  );
if (rows.some((row) => row.hard && !row.kept)) process.exitCode = 1;

/** Median time of each command in milliseconds. They take turns, so that a busy moment hits all of them. */
function measure(commands: Readonly<Record<string, readonly string[]>>): Record<string, number> {
  const samples = new Map<string, number[]>(Object.keys(commands).map((name) => [name, []]));
  // One round more than is counted: the first one fills the caches of the machine.
  for (let round = 0; round <= RUNS; round++)
    for (const [name, args] of Object.entries(commands)) {
      const start = performance.now();
      const { status, stderr } = spawnSync(process.execPath, [...args], { encoding: 'utf8' });
      const time = performance.now() - start;
      if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`);
      if (round > 0) samples.get(name)?.push(time);
    }
  return Object.fromEntries([...samples].map(([name, times]) => [name, median(times)]));
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** A safetensors file with one tensor of zeros, which takes no space on disk. */
function writeSafetensors(path: string, bytes: number): void {
  const header = Buffer.from(
    JSON.stringify({ weight: { dtype: 'F32', shape: [bytes / 4], data_offsets: [0, bytes] } }),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const file = openSync(path, 'w');
  writeSync(file, Buffer.concat([length, header]));
  ftruncateSync(file, 8 + header.length + bytes);
  closeSync(file);
}

/** Publishes the model from a scratch repository to a folder, and says how much memory that took at most. */
function publishPeak(model: string): { bytes: number; milliseconds: number } {
  const repo = join(model, '..');
  writeFileSync(
    join(model, 'contract.yaml'),
    'contract: v1\nsignatures:\n  predict:\n    inputs: [{name: x, type: float32, shape: [batch]}]\n    outputs: [{name: y, type: float32, shape: [batch]}]\n',
  );
  const git = (...args: string[]) => {
    const who = ['-c', 'user.name=Bench', '-c', 'user.email=bench@example.invalid'];
    const { status, stderr } = spawnSync('git', [...who, ...args], { cwd: repo, encoding: 'utf8' });
    if (status !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`);
  };
  git('init', '--quiet', '--initial-branch=main');
  git('commit', '--quiet', '--allow-empty', '--message', 'Begin');
  const peak = join(scratch, 'peak');
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', PEAK(peak), CLI, 'publish', model.slice(repo.length + 1)],
    { cwd: repo, encoding: 'utf8' },
  );
  if (status !== 0 || !existsSync(peak)) throw new Error(`publish ended with ${status}: ${stdout}${stderr}`);
  return {
    bytes: Number(readFileSync(peak, 'utf8')) * 1024,
    milliseconds: performance.now() - start,
  };
}

function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 0)} MB`;
}
