import type { Label } from '../../contract/types.ts';
import { Malformed } from '../format.ts';
import { findEntry, readText, type Zip } from '../wire/zip.ts';

const MAX_TEXT = 16 * 1024 * 1024;
/** All texts together. */
const MAX_TEXTS = 48 * 1024 * 1024;
const MAX_LIST = 10_000;

/** What `model.ini` says, with the files beside it that it speaks of. */
export interface Mojo {
  readonly info: ReadonlyMap<string, string>;
  readonly columns: readonly string[];
  /** By column; `null` of numbers. */
  readonly categories: readonly (readonly Label[] | null)[];
  /** Lines of another text in the archive; `null` where there is none. */
  lines(file: string): readonly string[] | null;
}

/** @throws Malformed when there is no `model.ini`, or a text that it needs is damaged. */
export function readMojo(zip: Zip): Mojo {
  let left = MAX_TEXTS;
  const lines = (file: string): string[] | null => {
    const entry = findEntry(zip, file);
    if (!entry) return null;
    const text = readText(zip, entry, Math.min(MAX_TEXT, left));
    left -= text.length;
    const all = text.split('\n');
    if (all.at(-1) === '') all.pop();
    return all;
  };
  const ini = lines('model.ini');
  if (!ini) throw new Malformed('the archive has no model.ini');
  const { info, columns, domains } = parseIni(ini);
  const escaped = info.get('escape_domain_values') === 'true';
  const labels = (file: string): string[] | null => {
    const all = lines(file);
    return escaped ? (all?.map((line) => line.replaceAll('\\n', '\n')) ?? null) : all;
  };
  const own: Mojo = {
    info,
    columns,
    categories: columns.map((_, index) => {
      const file = domains.get(index);
      return file === undefined ? null : labels(`domains/${file}`);
    }),
    lines,
  };
  return asGiven(own, labels);
}

/**
 * Where categories were turned into numbers before training, the archive keeps the columns as they are brought. What
 * stands behind the features, such as weights and the response, was left as it is.
 */
function asGiven(own: Mojo, labels: (file: string) => readonly string[] | null): Mojo {
  const names = own.lines('_orig_names');
  if (!names || names.length > MAX_LIST) return own;
  const rest = own.columns.slice(Number(own.info.get('n_features') ?? own.columns.length));
  const unused = new Set(rest);
  const given = names
    .map((name, index) => ({ name, categories: labels(`_orig_domain_values_${index}`) }))
    .filter(({ name }) => !unused.has(name));
  return {
    ...own,
    info: new Map([...own.info, ['n_features', String(given.length)]]),
    columns: [...given.map(({ name }) => name), ...rest],
    categories: [
      ...given.map(({ categories }) => categories),
      ...own.categories.slice(own.columns.length - rest.length),
    ],
  };
}

function parseIni(lines: readonly string[]) {
  const info = new Map<string, string>();
  const columns: string[] = [];
  /** Name of the file with a column's categories, by the column's number. */
  const domains = new Map<number, string>();
  let section = '';
  for (const one of lines) {
    const line = one.endsWith('\r') ? one.slice(0, -1) : one;
    if (/^\[\w+\]$/.test(line)) section = line.slice(1, -1);
    else if (line === '') continue;
    else if (section === 'info') {
      const equals = line.indexOf('=');
      info.set(line.slice(0, equals).trim(), line.slice(equals + 1).trim());
    } else if (section === 'columns') columns.push(line);
    else if (section === 'domains') {
      const [, column, file] = /^(\d+): \d+ (\S+)$/.exec(line) ?? [];
      if (column !== undefined && file !== undefined) domains.set(Number(column), file);
    }
  }
  return { info, columns, domains };
}

/** A list of whole numbers, `[0, 4]`; empty when it is not stated. */
export function numbersOf(info: ReadonlyMap<string, string>, key: string): number[] {
  const inside = /^\[(.*)\]$/.exec(info.get(key) ?? '')?.[1] ?? '';
  const numbers = inside === '' ? [] : inside.split(',', MAX_LIST).map(Number);
  return numbers.every(Number.isSafeInteger) ? numbers : [];
}
