import { UserError } from '../ports/errors.ts';
import type { InputSpec, Values } from './command.ts';

type Specs = Readonly<Record<string, InputSpec>>;

/**
 * Names that inputs had, or that people try: with them the runner would only warn and go on with the default.
 * They are refused with the name that is right.
 */
const RENAMED: Readonly<Record<string, string>> = {
  directory: 'model',
  dir: 'model',
  path: 'model',
  'model-path': 'model',
  'config-file': 'config',
  failon: 'fail-on',
  fail_on: 'fail-on',
  on_unchanged: 'on-unchanged',
  threshold: 'fail-on',
  baseline: 'against',
  'github-token': 'token',
  github_token: 'token',
};

/**
 * Turns the text of inputs into one typed object.
 * @param raw text by name; a missing or empty one was not given (the runner cannot tell them apart).
 * @param show how an input is written where the user gave it: `model` in a workflow, `--model` in a terminal.
 * @throws UserError that names the input, the bad value and the valid ones.
 */
export function parseValues<S extends Specs>(
  specs: S,
  raw: Readonly<Record<string, string | undefined>>,
  show: (name: string) => string,
): Values<S> {
  for (const name of Object.keys(raw)) {
    const now = RENAMED[name];
    if (now !== undefined && !Object.hasOwn(specs, name) && Object.hasOwn(specs, now))
      throw new UserError(`there is no input "${show(name)}"; it is called "${show(now)}"`, {
        help: `Write ${show(now)} instead of ${show(name)}.`,
      });
  }
  const values: Record<string, unknown> = {};
  for (const [name, spec] of Object.entries(specs)) {
    const given = raw[name]?.trim();
    const text = given === undefined || given === '' ? spec.default : given;
    if (spec.required && (text === undefined || text === ''))
      throw new UserError(`the input "${show(name)}" is required`, { help: spec.description });
    values[name] = parseOne(name, spec, text, show);
  }
  return values as Values<S>;
}

function parseOne(
  name: string,
  spec: InputSpec,
  text: string | undefined,
  show: (name: string) => string,
): string | boolean | readonly string[] | null {
  switch (spec.kind) {
    case 'boolean':
      return parseBoolean(name, text ?? 'false', show);
    case 'list':
      return parseList(text ?? '');
    case 'choice': {
      if (text === undefined) return null;
      if (!spec.choices?.includes(text))
        throw new UserError(`the value "${text}" is not valid for "${show(name)}"`, {
          help: `Valid values are: ${spec.choices?.join(', ')}.`,
        });
      return text;
    }
    case 'string':
      return text ?? null;
  }
}

/** The booleans of YAML 1.2's core schema, as the runner's own actions take them. */
function parseBoolean(name: string, text: string, show: (name: string) => string): boolean {
  if (['true', 'True', 'TRUE'].includes(text)) return true;
  if (['false', 'False', 'FALSE'].includes(text)) return false;
  throw new UserError(`the value "${text}" is not valid for "${show(name)}"`, {
    help: 'Valid values are: true, false.',
  });
}

/** One entry a line, or several with commas between; `#` at the start of a line makes it a comment. */
function parseList(text: string): string[] {
  return text
    .split(/\r?\n/)
    .filter((line) => !line.trimStart().startsWith('#'))
    .flatMap((line) => line.split(','))
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

/** The name among `names` that `typed` was probably meant to be, or `null`. */
export function closest(typed: string, names: readonly string[]): string | null {
  let best: string | null = null;
  let bestDistance = Math.max(typed.length > 3 ? 2 : 1, Math.floor(typed.length / 3)) + 1;
  for (const name of names) {
    const distance = editDistance(typed, name);
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  if (a.length > 64 || b.length > 64) return 64;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitute = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitute, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
