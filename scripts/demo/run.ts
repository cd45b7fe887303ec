import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { childEnvironment, command, done, output } from './screen.ts';

const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

/** A step did not behave as the demo promises. */
export class Unexpected extends Error {
  override readonly name = 'Unexpected';
}

export interface Result {
  readonly code: number;
  /** Both streams, in the order in which they came. */
  readonly text: string;
  readonly stdout: string;
}

/** Runs a program in `cwd` without showing anything. */
export function quietly(cwd: string, program: string, args: readonly string[]): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args], {
      cwd,
      env: { ...process.env, ...childEnvironment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      stdout += chunk;
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 1, text, stdout }));
  });
}

/** What a step has to do to count as done. */
export interface Expected {
  /** Exit code; 0 unless it says otherwise. */
  readonly code?: number;
  /** Each has to occur in the output (without colours). */
  readonly shows?: readonly (string | RegExp)[];
}

/** Runs the built `lading` as a user would, shows command and output, and holds it to `expected`. */
export async function lading(cwd: string, args: readonly string[], expected: Expected = {}): Promise<Result> {
  command(['lading', ...args].join(' '));
  const result = await quietly(cwd, process.execPath, [CLI, ...args]);
  output(result.text);
  hold(['lading', ...args].join(' '), result, expected);
  return result;
}

/** Runs `git` and shows command and output. */
export async function git(cwd: string, args: readonly string[]): Promise<Result> {
  command(['git', ...args.map(quoted)].join(' '));
  const result = await quietly(cwd, 'git', args);
  if (result.text !== '') output(result.text);
  hold(`git ${args.join(' ')}`, result, {});
  return result;
}

/** The result of `lading … --format json`, not shown. */
export async function asked(cwd: string, args: readonly string[]): Promise<unknown> {
  const result = await quietly(cwd, process.execPath, [CLI, ...args, '--format', 'json']);
  hold(`lading ${args.join(' ')} --format json`, result, {});
  return JSON.parse(result.stdout);
}

function hold(line: string, result: Result, { code = 0, shows = [] }: Expected): void {
  if (result.code !== code)
    throw new Unexpected(`"${line}" ended with ${result.code}; ${code} was expected\n${result.text}`);
  const plain = stripVTControlCharacters(result.text);
  for (const wanted of shows)
    if (typeof wanted === 'string' ? !plain.includes(wanted) : !wanted.test(plain))
      throw new Unexpected(`"${line}" did not show ${String(wanted)}`);
  if (code !== 0) done(`It failed, as it should: exit code ${code}.`);
}

const quoted = (text: string) =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
