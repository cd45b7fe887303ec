import type { ParseArgsConfig } from 'node:util';
import type { Command } from '../commands/command.ts';
import { closest } from '../commands/values.ts';
import { util } from '../ports/builtin.ts';
import { messageOf, UserError } from '../ports/errors.ts';

/** Options that every command has in a terminal. */
export interface GlobalOptions {
  readonly format: 'text' | 'json';
  readonly help: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
}

export const GLOBAL_OPTIONS = {
  format: 'text for people (default) or json for programs, alone on standard output',
  quiet: 'no progress on standard error',
  verbose: 'more of it',
  help: 'this page',
} as const;

export interface CommandLine {
  readonly options: GlobalOptions;
  /** Text of the inputs that were given, by name; lists with line breaks, as a workflow would write them. */
  readonly raw: Readonly<Record<string, string>>;
}

/**
 * Parses what follows the command's name. The first input of a command may be given without its name; where it
 * is a list, several may.
 * @throws UserError for an option that there is not, with the one that was probably meant.
 */
export function parseCommandLine(command: Command, argv: readonly string[]): CommandLine {
  const options: NonNullable<ParseArgsConfig['options']> = {
    format: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
    quiet: { type: 'boolean', short: 'q' },
    verbose: { type: 'boolean' },
  };
  for (const [name, spec] of Object.entries(command.inputs))
    options[name] =
      spec.kind === 'boolean' ? { type: 'boolean' } : { type: 'string', multiple: spec.kind === 'list' };
  const { values, positionals } = parse(command, argv, options);
  const format = values['format'] ?? 'text';
  if (format !== 'text' && format !== 'json')
    throw new UserError(`the value "${String(format)}" is not valid for "--format"`, {
      help: 'Valid values are: text, json.',
    });
  const raw: Record<string, string> = {};
  for (const [name, value] of Object.entries(values))
    if (Object.hasOwn(command.inputs, name))
      raw[name] = Array.isArray(value) ? value.join('\n') : String(value);
  const positional = positionalOf(command, positionals);
  if (positional) {
    if (raw[positional.name] !== undefined)
      throw new UserError(`"--${positional.name}" is given twice`, {
        help: `Once as --${positional.name}, once as "${positionals[0]}".`,
      });
    raw[positional.name] = positional.text;
  }
  return {
    raw,
    options: {
      format,
      help: values['help'] === true,
      quiet: values['quiet'] === true,
      verbose: values['verbose'] === true,
    },
  };
}

function parse(command: Command, argv: readonly string[], options: NonNullable<ParseArgsConfig['options']>) {
  try {
    return util().parseArgs({ args: [...argv], options, allowPositionals: true, allowNegative: true });
  } catch (error) {
    const unknown = /Unknown option '(--?[^']*)'/.exec(messageOf(error))?.[1];
    if (unknown !== undefined) {
      const near = closest(unknown.replace(/^-+/, ''), Object.keys(options));
      throw new UserError(`"lading ${command.name}" has no option "${unknown}"`, {
        help: near === null ? `See "lading ${command.name} --help".` : `Did you mean "--${near}"?`,
        cause: error,
      });
    }
    // The first sentence of Node's message says what is wrong; the rest explains how its own parser works.
    const [sentence = ''] = messageOf(error).split(/(?<=\.)\s|\n/);
    throw new UserError(sentence, { help: `See "lading ${command.name} --help".`, cause: error });
  }
}

function positionalOf(
  command: Command,
  positionals: readonly string[],
): { name: string; text: string } | null {
  if (positionals.length === 0) return null;
  const [first] = Object.entries(command.inputs);
  const many = first?.[1].kind === 'list';
  const extra = positionals[first === undefined ? 0 : 1];
  if (first === undefined || (extra !== undefined && !many))
    throw new UserError(`"lading ${command.name}" does not know what to do with "${extra}"`, {
      help: `See "lading ${command.name} --help".`,
    });
  return { name: first[0], text: positionals.join('\n') };
}
