/**
 * `npm run bench:formats`: what reading a contract costs, against Netron's reader of the same file in the same
 * kind of process, and against the framework's own loader in Python. Cold processes (the files themselves are in
 * the machine's cache), in turns, medians. A peer that is not installed is said to be absent.
 *
 *   --size 1mb,100mb,2gb   sizes of the models; 1mb,100mb without it
 *   --runs 5               processes of each kind and model
 *   --only onnx,keras      formats
 *   --cli dist/cli.js      the Lading to measure
 *   --scratch DIR          where one model at a time is written; the temporary folder of the system without it
 *
 * `LADING_BENCH_PYTHON`: Pythons that have the frameworks, separated by `:`; the first one that has what is needed
 * is used. `LADING_BENCH_NETRON`: the folder with Netron's JavaScript; without it that of these Pythons. Linux only.
 */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const BENCH = fileURLToPath(new URL('.', import.meta.url));
const { values: options } = parseArgs({
  options: {
    size: { type: 'string', default: '1mb,100mb' },
    runs: { type: 'string', default: '5' },
    only: { type: 'string' },
    cli: { type: 'string', default: join(BENCH, '../dist/cli.js') },
    scratch: { type: 'string', default: tmpdir() },
  },
});
const SIZES: Readonly<Record<string, number>> = { '1mb': 1e6, '100mb': 1e8, '2gb': 2e9 };
const PYTHONS = (process.env['LADING_BENCH_PYTHON'] ?? 'python3').split(':');
/** A process that takes longer than this is stopped, and said to have been. */
const TIMEOUT = 300_000;

interface Model {
  /** File for Netron; for the framework too, unless `folder`. */
  readonly file: string;
  readonly loader: string;
  readonly folder?: true;
  /** Largest size that makes sense: of ensembles because of the training, of flatbuffers because of the format. */
  readonly most?: number;
}

const MODELS: Readonly<Record<string, Model>> = {
  onnx: { file: 'model.onnx', loader: 'onnx.load' },
  tensorflow: { file: 'saved_model.pb', loader: 'tf.saved_model.load', folder: true },
  keras: { file: 'model.keras', loader: 'keras load_model' },
  'keras-h5': { file: 'model.h5', loader: 'keras load_model' },
  torchscript: { file: 'model.pt', loader: 'torch.jit.load' },
  'torch-state-dict': { file: 'model.pth', loader: 'torch.load' },
  safetensors: { file: 'model.safetensors', loader: 'safe_open' },
  sklearn: { file: 'model.joblib', loader: 'joblib.load' },
  mlflow: { file: 'model.skops', loader: 'get_model_info', folder: true, most: 1e8 },
  'sklearn-forest': { file: 'model.joblib', loader: 'joblib.load', most: 1e8 },
  'xgboost-json': { file: 'model.json', loader: 'xgboost.Booster', most: 1e8 },
  'xgboost-ubj': { file: 'model.ubj', loader: 'xgboost.Booster', most: 1e8 },
  lightgbm: { file: 'model.txt', loader: 'lightgbm.Booster', most: 1e8 },
  catboost: { file: 'model.cbm', loader: 'load_model', most: 1e8 },
  tflite: { file: 'model.tflite', loader: 'tf.lite.Interpreter', most: 1e8 },
  gguf: { file: 'model.gguf', loader: 'GGUFReader' },
  openvino: { file: 'model.xml', loader: 'read_model' },
  transformers: { file: 'model.safetensors', loader: 'from_pretrained', folder: true },
  coreml: { file: 'model.mlpackage/Data/com.apple.CoreML/model.mlmodel', loader: 'MLModel' },
};

/** Time in milliseconds, memory and reads in bytes. */
interface Cost {
  readonly time: number;
  readonly peak: number;
  readonly read: number;
}

/** A kind of process, or why there is none. */
type Command = { readonly program: string; readonly args: readonly string[] } | { readonly absent: string };

const scratch = mkdtempSync(join(options.scratch, 'lading-formats-'));
const report = join(scratch, 'report');
/**
 * Linux's own account of the process, written when it ends (VmHWM: peak memory, rchar: bytes read). It imports nothing:
 * that would cost both sides milliseconds.
 */
const ACCOUNT = `data:text/javascript,${encodeURIComponent(
  `const { readFileSync, writeFileSync } = process.getBuiltinModule('node:fs'); process.on('exit', () => writeFileSync(${JSON.stringify(report)}, readFileSync('/proc/self/io', 'utf8') + readFileSync('/proc/self/status', 'utf8')));`,
)}`;
const node = (...args: string[]): Command => ({
  program: process.execPath,
  args: ['--import', ACCOUNT, ...args],
});

try {
  const netron = findNetron();
  const start = measure({ node: node('-e', '0'), python: python(PYTHONS[0] ?? '', 'start', '') });
  const nodeStart = start['node'];
  if (typeof nodeStart !== 'object') throw new Error(`Node does not start: ${nodeStart}`);
  const pythonStart = start['python'];
  console.log(
    [
      `${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}, medians of ${options.runs}.`,
      `Cells: time · peak memory · bytes read beyond the start of Node (${cell(nodeStart)}) or Python (${cell(pythonStart)}). Ratios: time, memory.`,
      '',
      '| model | size | Lading | Netron | framework | Netron ÷ Lading | framework ÷ Lading |',
      '|---|---|---|---|---|---|---|',
    ].join('\n'),
  );
  for (const size of options.size.split(',')) {
    const bytes = SIZES[size];
    if (bytes === undefined) throw new Error(`--size takes ${Object.keys(SIZES).join(', ')}, not "${size}"`);
    for (const [name, model] of Object.entries(MODELS)) {
      if (options.only && !options.only.split(',').includes(name)) continue;
      if (bytes > (model.most ?? Number.POSITIVE_INFINITY)) continue;
      const folder = join(scratch, name);
      mkdirSync(folder);
      const writer = write(name, bytes, folder);
      if ('absent' in writer) console.log(`| ${name} | ${size} | not written: ${writer.absent} | | | | |`);
      else {
        const path = join(folder, model.file);
        const costs = measure({
          lading: node(resolve(options.cli), 'inspect', folder, '--format', 'json'),
          netron:
            netron === null
              ? { absent: 'absent' }
              : node('--preserve-symlinks', join(BENCH, 'netron-host.mjs'), netron, path),
          framework: python(writer.python, name, model.folder ? folder : path),
        });
        const lading = costs['lading'];
        const peers = [since(costs['netron'], nodeStart), since(costs['framework'], pythonStart)];
        console.log(
          `| ${[
            name,
            megabytes(sizeOf(folder)),
            cell(since(lading, nodeStart)),
            cell(peers[0]),
            `${model.loader}: ${cell(peers[1])}`,
            ...peers.map((peer) => ratio(peer, lading)),
          ].join(' | ')} |`,
        );
      }
      rmSync(folder, { recursive: true });
    }
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** Writes the model with the first Python that has its framework. */
function write(name: string, bytes: number, folder: string): { python: string } | { absent: string } {
  let why = 'no Python';
  for (const one of PYTHONS) {
    const { status, stderr } = spawnSync(one, [join(BENCH, 'models.py'), name, String(bytes), folder], {
      encoding: 'utf8',
    });
    if (status === 0) return { python: one };
    why = lastLine(stderr);
    if (status !== null && status !== 3) break;
  }
  return { absent: why };
}

function python(program: string, format: string, path: string): Command {
  return { program, args: [join(BENCH, 'load.py'), format, path, report] };
}

/**
 * Netron's JavaScript as a folder below one whose package.json says that it is of modules: inside Python's packages
 * nothing does, and Node would parse each file twice, which is not Netron's fault.
 */
function findNetron(): string | null {
  const given = process.env['LADING_BENCH_NETRON'];
  const found = PYTHONS.map((one) => {
    const code = 'import netron, os; print(os.path.dirname(netron.__file__))';
    return spawnSync(one, ['-c', code], { encoding: 'utf8' }).stdout?.trim();
  });
  const folder = [given, ...found].find((one) => one && existsSync(join(one, 'view.js')));
  if (!folder) return null;
  writeFileSync(join(scratch, 'package.json'), '{"type":"module"}');
  symlinkSync(folder, join(scratch, 'netron'));
  return join(scratch, 'netron');
}

/** Median costs of each command, or why there are none. They take turns, so that a busy moment hits all of them. */
function measure(commands: Readonly<Record<string, Command>>): Record<string, Cost | string> {
  const samples = new Map<string, Cost[]>();
  const failures = new Map<string, string>();
  const runs = Number(options.runs);
  for (let round = 0; round < runs; round++)
    for (const [name, command] of Object.entries(commands)) {
      if (failures.has(name)) continue;
      const cost = 'absent' in command ? command.absent : once(command.program, command.args);
      if (typeof cost === 'string') failures.set(name, cost);
      else samples.set(name, [...(samples.get(name) ?? []), cost]);
    }
  return Object.fromEntries(
    Object.keys(commands).map((name) => {
      const all = samples.get(name) ?? [];
      const middle = (pick: (cost: Cost) => number) => median(all.map(pick));
      const costs = {
        time: middle((cost) => cost.time),
        peak: middle((cost) => cost.peak),
        read: middle((cost) => cost.read),
      };
      return [name, failures.get(name) ?? costs];
    }),
  );
}

/** One process to its end. */
function once(program: string, args: readonly string[]): Cost | string {
  rmSync(report, { force: true });
  const start = performance.now();
  const ran = spawnSync(program, [...args], { encoding: 'utf8', timeout: TIMEOUT, maxBuffer: 1e8 });
  const time = performance.now() - start;
  if (ran.signal) return `stopped by ${ran.signal} after ${(time / 1000).toFixed(0)} s`;
  if (ran.error)
    return 'code' in ran.error && ran.error.code === 'ENOENT' ? 'absent' : `fails: ${ran.error.message}`;
  if (ran.status !== 0 || !existsSync(report))
    return ran.status === 3 ? 'absent' : `fails: ${lastLine(ran.stderr)}`;
  const text = readFileSync(report, 'utf8');
  const number = (name: string) =>
    Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(text)?.[1] ?? Number.NaN);
  return { time, peak: number('VmHWM') * 1024, read: number('rchar') };
}

/** With what the runtime alone reads taken off. Times and memory stay whole: nobody gets them without a start. */
function since(cost: Cost | string | undefined, start: Cost | string | undefined): Cost | string {
  if (typeof cost !== 'object') return cost ?? 'absent';
  return typeof start === 'object' ? { ...cost, read: Math.max(0, cost.read - start.read) } : cost;
}

function cell(cost: Cost | string | undefined): string {
  if (typeof cost !== 'object') return cost ?? 'absent';
  return `${(cost.time / 1000).toFixed(2)} s · ${megabytes(cost.peak)} · ${megabytes(cost.read)}`;
}

function ratio(peer: Cost | string | undefined, own: Cost | string | undefined): string {
  if (typeof peer !== 'object' || typeof own !== 'object') return '';
  return `${(peer.time / own.time).toFixed(1)}, ${(peer.peak / own.peak).toFixed(1)}`;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function lastLine(text: string): string {
  const lines = text.trim().split('\n');
  const said = lines.find((line) => /^\w*Error\b|^Error/.test(line)) ?? lines.at(-1) ?? '';
  return said.replaceAll('|', '/').slice(0, 120);
}

function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 0)} MB`;
}
