import type { Command, InputSpec } from '../commands/command.ts';
import { loadCommand, TERMINAL_COMMANDS } from '../commands/registry.ts';
import { paint, table, width } from '../report/table.ts';
import { VERSION } from '../version.ts';
import { GLOBAL_OPTIONS } from './args.ts';

const COLUMNS = 100;

/** `lading --help`. */
export async function overview(): Promise<string> {
  const commands = await Promise.all(TERMINAL_COMMANDS.map(loadCommand));
  return [
    `${paint.bold('lading')} ${VERSION}: a contract, an immutable version and an image for every model`,
    '',
    paint.bold('Usage'),
    '  lading <command> [options]',
    '',
    paint.bold('Commands'),
    table(
      commands.map((command) => [paint.cyan(command.name), command.summary]),
      '  ',
    ),
    '',
    paint.bold('Examples'),
    table(
      [
        ['lading inspect models/churn', paint.dim('# what goes in, what comes out, and is it safe')],
        ['lading generate models/churn', paint.dim('# write contract.yaml, checksum.txt and the rest')],
        ['lading check models/churn --against main', paint.dim('# would callers break?')],
        ['lading publish models/churn', paint.dim('# an immutable, versioned image')],
      ],
      '  ',
    ),
    '',
    '  lading <command> --help shows the options of a command.',
    '  Exit codes: 0 fine, 1 findings at or over --fail-on, 2 trouble.',
  ].join('\n');
}

/** `lading <command> --help`, made of what the command says about its inputs. */
export function commandHelp(command: Command): string {
  const entries = Object.entries(command.inputs);
  const [first] = entries;
  const positional = first ? ` ${positionalText(first[0], first[1])}` : '';
  const rows: [string, string][] = entries.map(([name, spec]) => [usage(name, spec), description(spec)]);
  const globals: [string, string][] = [
    ['--format text|json', GLOBAL_OPTIONS.format],
    ['-q, --quiet', GLOBAL_OPTIONS.quiet],
    ['--verbose', GLOBAL_OPTIONS.verbose],
    ['-h, --help', GLOBAL_OPTIONS.help],
  ];
  return [
    `${paint.bold(`lading ${command.name}`)}: ${command.summary}`,
    '',
    paint.bold('Usage'),
    `  lading ${command.name}${positional} [options]`,
    '',
    ...(rows.length > 0 ? [paint.bold('Options'), twoColumns(rows), ''] : []),
    paint.bold('Everywhere'),
    twoColumns(globals),
    '',
    `  In a workflow the same names are inputs of lading-ml/lading/actions/${command.name}.`,
  ].join('\n');
}

function positionalText(name: string, spec: InputSpec): string {
  const text = name.toUpperCase();
  if (spec.kind === 'list') return `[${text} …]`;
  return spec.required ? text : `[${text}]`;
}

function usage(name: string, spec: InputSpec): string {
  switch (spec.kind) {
    case 'boolean':
      return spec.default === 'true' ? `--no-${name}` : `--${name}`;
    case 'choice':
      return `--${name} ${spec.choices?.join('|')}`;
    case 'list':
      return `--${name} … (repeat)`;
    case 'string':
      return `--${name} …`;
  }
}

function description(spec: InputSpec): string {
  const note =
    spec.default !== undefined && spec.kind !== 'boolean' && spec.default !== ''
      ? ` [default: ${spec.default}]`
      : spec.required
        ? ' [required]'
        : spec.default === 'true'
          ? ' [on by default]'
          : '';
  return `${spec.description}${note}`;
}

/** Options beside their descriptions, wrapped; an option that is too long gets a line of its own. */
function twoColumns(rows: readonly [string, string][]): string {
  const left = Math.min(30, Math.max(...rows.map(([option]) => width(option)))) + 2;
  return rows
    .map(([option, text]) => {
      const lines = wrap(text, COLUMNS - left - 2);
      const own = width(option) > left - 2;
      const head = own ? [`  ${paint.cyan(option)}`] : [];
      const body = lines.map((line, index) =>
        index === 0 && !own
          ? `  ${paint.cyan(option)}${' '.repeat(left - width(option))}${line}`
          : `  ${' '.repeat(left)}${line}`,
      );
      return [...head, ...body].join('\n');
    })
    .join('\n');
}

function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && width(line) + 1 + width(word) > columns) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
