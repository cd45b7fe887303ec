import { writeSync } from 'node:fs';
import type { Outcome, Ports } from '../commands/command.ts';
import { type CommandName, isCommandName, loadCommand, TERMINAL_COMMANDS } from '../commands/registry.ts';
import { closest, parseValues } from '../commands/values.ts';
import { asUserError, messageOf, UserError } from '../ports/errors.ts';
import { execLocal } from '../ports/exec.ts';
import { visible } from '../report/markdown.ts';
import { paint, unpainted } from '../report/table.ts';
import { REPORT_URL, VERSION } from '../version.ts';
import { type GlobalOptions, parseCommandLine } from './args.ts';
import { terminalLog } from './log.ts';

/**
 * Runs the command line and returns its exit code: 0 fine, 1 findings, 2 trouble. Results go to standard output,
 * everything else to standard error.
 */
export async function runTerminal(argv: readonly string[]): Promise<number> {
  const json = argv.includes('--format=json') || argv[argv.indexOf('--format') + 1] === 'json';
  try {
    return await dispatch(argv);
  } catch (thrown) {
    const error = asUserError(thrown);
    if (json) printJson({ error: describe(error) });
    printError(error);
    return 2;
  }
}

async function dispatch(argv: readonly string[]): Promise<number> {
  const [first, ...rest] = argv;
  if (first === undefined || first === 'help' || first === '--help' || first === '-h') {
    const topic = rest[0];
    const { overview, commandHelp } = await import('./help.ts');
    const help =
      topic !== undefined && isTerminalCommand(topic)
        ? commandHelp(await loadCommand(topic))
        : await overview();
    print(`${help}\n`);
    return first === undefined ? 2 : 0;
  }
  if (first === '--version' || first === '-v' || first === 'version') {
    print(`lading ${VERSION}\n`);
    return 0;
  }
  if (!isTerminalCommand(first)) throw unknownCommand(first);
  const command = await loadCommand(first);
  const line = parseCommandLine(command, rest);
  if (line.options.help) {
    const { commandHelp } = await import('./help.ts');
    print(`${commandHelp(command)}\n`);
    return 0;
  }
  const values = parseValues(command.inputs, line.raw, (name) => `--${name}`);
  const outcome = await command.run(values, terminalPorts(line.options));
  show(outcome, line.options);
  return outcome.exitCode;
}

const isTerminalCommand = (text: string): text is CommandName =>
  isCommandName(text) && TERMINAL_COMMANDS.includes(text);

function unknownCommand(text: string): UserError {
  const near = text.startsWith('-') ? null : closest(text, TERMINAL_COMMANDS);
  return new UserError(
    text.startsWith('-') ? `the command has to come before "${text}"` : `there is no command "${text}"`,
    {
      help:
        near === null
          ? `The commands are: ${TERMINAL_COMMANDS.join(', ')}.`
          : `Did you mean "lading ${near}"?`,
    },
  );
}

function terminalPorts(options: GlobalOptions): Ports {
  return {
    log: terminalLog(options),
    exec: execLocal,
    env: process.env,
    cwd: process.cwd(),
    now: () => new Date(),
    surface: 'terminal',
  };
}

function show(outcome: Outcome, options: GlobalOptions): void {
  if (options.format === 'json') printJson(outcome.json);
  else if (outcome.text !== '') print(`${outcome.text}\n`);
}

const PIECE = 64 * 1024;

/**
 * Programs get theirs by the descriptor: to make the stream of it takes as long as to read a small model. What a slow
 * reader does not take at once is left to the stream.
 */
function printJson(value: unknown): void {
  const text = `${JSON.stringify(value, null, 2)}\n`;
  // In pieces: of a model with very many columns a copy of it all takes as much as the rest.
  const piece = new Uint8Array(PIECE);
  const encoder = new TextEncoder();
  for (let at = 0; at < text.length; ) {
    const { read, written } = encoder.encodeInto(text.slice(at, at + PIECE), piece);
    const left = writeNow(piece.subarray(0, written));
    at += read;
    if (left === null) return;
    if (left.length > 0) {
      standardOutput().write(Buffer.concat([left, Buffer.from(text.slice(at))]));
      return;
    }
  }
}

/** Writes to standard output what it takes at once, and gives the rest; `null` when nobody reads any more. */
function writeNow(bytes: Uint8Array): Uint8Array | null {
  let written = 0;
  try {
    while (written < bytes.length) written += writeSync(1, bytes, written);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EPIPE') return null;
    if (code !== 'EAGAIN') throw error;
  }
  return bytes.subarray(written);
}

function print(text: string): void {
  const stream = standardOutput();
  stream.write(coloured(text, stream));
}

/** Standard output as a stream. A reader that has seen enough (`| head`) is no trouble. */
function standardOutput(): NodeJS.WriteStream {
  return process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

/** Colours only where somebody sees them (https://no-color.org, https://force-color.org). */
function coloured(text: string, stream: NodeJS.WriteStream): string {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
  const wanted =
    NO_COLOR !== undefined && NO_COLOR !== ''
      ? false
      : FORCE_COLOR !== undefined && FORCE_COLOR !== '' && FORCE_COLOR !== '0'
        ? true
        : stream.isTTY === true && TERM !== 'dumb';
  return wanted ? text : unpainted(text);
}

/** An error for programs (schemas/error.json). */
function describe(error: unknown): object {
  if (!(error instanceof UserError)) return { kind: 'bug', message: messageOf(error) };
  return {
    kind: 'user',
    message: error.message,
    ...(error.help !== undefined && { help: error.help }),
    ...(error.file !== undefined && { file: error.file }),
    ...(error.line !== undefined && { line: error.line }),
  };
}

function printError(error: unknown): void {
  const lines: string[] = [];
  if (error instanceof UserError) {
    const where =
      error.file === undefined ? '' : `${error.file}${error.line === undefined ? '' : `:${error.line}`}`;
    lines.push(`${paint.red('error')} ${error.message.split('\n').map(visible).join('\n  ')}`);
    if (where !== '') lines.push(`  ${paint.dim('at')} ${visible(where)}`);
    for (const line of error.help?.split('\n') ?? []) lines.push(`  ${paint.cyan('→')} ${visible(line)}`);
  } else {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    lines.push(`${paint.red('bug in Lading')} ${stack.split('\n').map(visible).join('\n')}`);
    lines.push(`Lading ${VERSION} on Node ${process.version}. Please report this: ${REPORT_URL}`);
  }
  process.stderr.write(`${coloured(lines.join('\n'), process.stderr)}\n`);
}
