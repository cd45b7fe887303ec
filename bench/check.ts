/**
 * `npm run bench:check`: a repository of 500 models of which a pull request changes 20. What `plan` and `check` cost
 * together, as cold processes, beside the time that git alone needs to tell what changed. Ends with 1 over the budget.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CLI = process.env['LADING_CLI'] ?? join(ROOT, 'dist/cli.js');
const MODELS = 500;
const CHANGED = 20;
const RUNS = 7;
/** Milliseconds, for both commands together, on two cores. */
const BUDGET = 2000;

const scratch = mkdtempSync(join(tmpdir(), 'lading-bench-'));
const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1', GITHUB_ACTIONS: '' };
try {
  if (!existsSync(CLI)) throw new Error('run npm run build first');
  const declared = repository('declared', true);
  const inferred = repository('inferred', false);
  const floor = median(() => run(declared.root, 'git', ['diff', '--name-status', declared.base, 'HEAD']));
  const node = median(() => run(declared.root, process.execPath, ['-e', '0']));
  console.log(
    `${MODELS} models, ${CHANGED} changed; medians of ${RUNS} cold processes on ${availableParallelism()} cores. ` +
      `git diff: ${show(floor)}, an empty Node ${process.version}: ${show(node)}.\n`,
  );
  for (const [what, { root, base }] of [
    ['with declared contracts', declared],
    ['without declared contracts', inferred],
  ] as const) {
    const plan = median(() => lading(root, ['plan', 'models/*', '--base', base]));
    const check = median(() => lading(root, ['check', '--models', 'models/*', '--base', base]));
    const all = median(() => lading(root, ['check', '--models', 'models/*', '--base', base, '--all']), 1);
    const both = plan + check;
    const kept = both <= BUDGET;
    console.log(
      `${kept ? '✓' : '✗'}  ${what}: plan ${show(plan)} + check ${show(check)} = ${show(both)} ` +
        `(${(both / (2 * node)).toFixed(1)} × two empty Nodes; budget ${show(BUDGET)}); check of all ${MODELS}: ${show(all)}`,
    );
    if (!kept) process.exitCode = 1;
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

function repository(name: string, declare: boolean): { root: string; base: string } {
  const root = join(scratch, name);
  const variant = (one: string) => join(ROOT, 'examples/wine/variants', one, 'model.joblib');
  const template = join(scratch, `${name}-template/models/wine`);
  mkdirSync(template, { recursive: true });
  cpSync(variant('v1'), join(template, 'model.joblib'));
  writeFileSync(join(template, 'requirements.txt'), 'scikit-learn==1.7.2\n');
  writeFileSync(join(template, 'model-card.md'), '# A model\n\nLicence: Apache-2.0\n');
  if (declare) run(join(scratch, `${name}-template`), process.execPath, [CLI, 'generate', 'models/wine']);
  for (let index = 0; index < MODELS; index++)
    cpSync(template, join(root, `models/m${String(index).padStart(3, '0')}`), { recursive: true });
  const git = (...args: string[]) =>
    run(root, 'git', ['-c', 'user.name=b', '-c', 'user.email=b@example.invalid', ...args]);
  git('init', '-q', '-b', 'main');
  git('add', '-A');
  git('commit', '-q', '-m', 'base');
  const base = git('rev-parse', 'HEAD').trim();
  for (let index = 0; index < CHANGED; index++)
    cpSync(
      variant('v2-retrained'),
      join(root, `models/m${String(index * 25).padStart(3, '0')}/model.joblib`),
    );
  git('commit', '-qam', 'change');
  return { root, base };
}

function lading(root: string, args: readonly string[]): string {
  return run(root, process.execPath, [CLI, ...args]);
}

function run(cwd: string, program: string, args: readonly string[]): string {
  const ran = spawnSync(program, args, { cwd, env, encoding: 'utf8', maxBuffer: 1 << 28 });
  if (ran.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${ran.stdout}${ran.stderr}`);
  return ran.stdout;
}

/** Median time in milliseconds. */
function median(body: () => void, runs = RUNS): number {
  const times = Array.from({ length: runs }, () => {
    const start = performance.now();
    body();
    return performance.now() - start;
  }).sort((a, b) => a - b);
  return times[Math.floor(runs / 2)] ?? 0;
}

function show(milliseconds: number): string {
  return milliseconds < 1000 ? `${milliseconds.toFixed(0)} ms` : `${(milliseconds / 1000).toFixed(2)} s`;
}
