import { type SpawnOptions, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/**
 * The entry of an action: its source, or with LADING_TEST_BUILT=1 what is built of it and what workflows run.
 */
export function entry(action: string): string {
  return process.env['LADING_TEST_BUILT'] === '1'
    ? join(ROOT, `dist/${action}.js`)
    : join(ROOT, `src/actions/${action}.ts`);
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
export function run(
  program: string,
  args: readonly string[],
  options: Pick<SpawnOptions, 'cwd' | 'env'>,
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args], { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
  });
}

/** What a child process inherits: enough to find programs, nothing of the workflow that the tests may run in. */
export function plainEnvironment(): Record<string, string> {
  const keep = ['PATH', 'HOME', 'TMPDIR', 'DOCKER_HOST', 'DOCKER_CONFIG'];
  return {
    ...Object.fromEntries(keep.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : []))),
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_COUNT: '0',
  };
}

/** Runs the command line from its sources. */
export function lading(
  cwd: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  return run(process.execPath, [join(ROOT, 'src/cli.ts'), ...args], {
    cwd,
    env: { ...plainEnvironment(), ...env },
  });
}

export interface Step {
  /** Folder that the workflow checked out. */
  readonly workspace: string;
  /** As in `with:`. */
  readonly with?: Readonly<Record<string, string>>;
  readonly event?: string;
  readonly payload?: unknown;
  readonly env?: Readonly<Record<string, string>>;
}

export interface StepRan extends Ran {
  readonly outputs: Readonly<Record<string, string>>;
  readonly summary: string;
}

/** Starts the entry of an action the way the runner does: environment files, `INPUT_*` and the event's payload. */
export async function runStep(entry: string, step: Step): Promise<StepRan> {
  const folder = mkdtempSync(join(tmpdir(), 'lading-step-'));
  const files = {
    GITHUB_OUTPUT: join(folder, 'output'),
    GITHUB_STEP_SUMMARY: join(folder, 'summary'),
    GITHUB_ENV: join(folder, 'env'),
    GITHUB_STATE: join(folder, 'state'),
    GITHUB_EVENT_PATH: join(folder, 'event.json'),
  };
  for (const file of Object.values(files)) writeFileSync(file, '');
  writeFileSync(files.GITHUB_EVENT_PATH, JSON.stringify(step.payload ?? {}));
  const inputs = Object.entries(step.with ?? {}).map(([name, value]) => [
    `INPUT_${name.toUpperCase()}`,
    value,
  ]);
  const ran = await run(process.execPath, [entry], {
    cwd: step.workspace,
    env: {
      ...plainEnvironment(),
      GITHUB_ACTIONS: 'true',
      GITHUB_WORKSPACE: step.workspace,
      GITHUB_EVENT_NAME: step.event ?? 'workflow_dispatch',
      GITHUB_REPOSITORY: 'acme/models',
      RUNNER_TEMP: folder,
      ...files,
      ...Object.fromEntries(inputs),
      ...step.env,
    },
  });
  return {
    ...ran,
    outputs: parseOutputs(readFileSync(files.GITHUB_OUTPUT, 'utf8')),
    summary: readFileSync(files.GITHUB_STEP_SUMMARY, 'utf8'),
  };
}

/** The runner's environment file: `name<<delimiter`, lines, `delimiter`. */
function parseOutputs(text: string): Record<string, string> {
  const outputs: Record<string, string> = {};
  const lines = text.split('\n');
  for (let index = 0; index < lines.length; index++) {
    const match = /^([^=<]+)<<(.+)$/.exec(lines[index] ?? '');
    if (!match) continue;
    const [, name = '', delimiter = ''] = match;
    const end = lines.indexOf(delimiter, index + 1);
    outputs[name] = lines.slice(index + 1, end).join('\n');
    index = end;
  }
  return outputs;
}
