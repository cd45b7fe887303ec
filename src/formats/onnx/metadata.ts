import type { Label } from '../../contract/types.ts';

/** Keys under which exporters keep class names in `metadata_props`. */
const KEYS = ['names', 'classes', 'class_names', 'labels', 'id2label'];
const LINES = ['character'];
const MAX_TEXT = 1_000_000;

/** Class names that the metadata of a model holds. `certain`: written as a list, and not as lines that may be anything. */
export interface NamedClasses {
  readonly labels: readonly Label[];
  readonly where: string;
  readonly certain: boolean;
}

/**
 * Class names in the metadata of a model: a JSON list, a JSON or Python dictionary from 0, 1, 2 …, or a line each, as
 * RapidAI's models have them.
 */
export function labelsInMetadata(metadata: ReadonlyMap<string, string>): NamedClasses | null {
  for (const key of [...KEYS, ...LINES]) {
    const text = metadata.get(key)?.trim();
    if (text === undefined || text === '' || text.length > MAX_TEXT) continue;
    const where = `metadata_props.${key}`;
    const labels = listOf(text) ?? dictionaryOf(text);
    if (labels) return { labels, where, certain: true };
    const lines = text.split(/\r?\n/);
    if (LINES.includes(key) && lines.length > 1) return { labels: lines, where, certain: false };
  }
  return null;
}

/** Names of the columns of the one input, where the metadata lists as many as it has. */
export function featuresInMetadata(
  metadata: ReadonlyMap<string, string>,
  width: number | null,
): readonly string[] | null {
  for (const key of ['feature_names', 'features']) {
    const text = metadata.get(key)?.trim();
    const names = text !== undefined && text.length <= MAX_TEXT ? listOf(text) : null;
    if (names && names.length === width) return names;
  }
  return null;
}

function listOf(text: string): string[] | null {
  if (!text.startsWith('[')) return null;
  const items = pythonStrings(text.slice(1), ']', false);
  return items && items.length > 0 ? items.map((item) => item.value) : null;
}

function dictionaryOf(text: string): string[] | null {
  if (!text.startsWith('{')) return null;
  const items = pythonStrings(text.slice(1), '}', true);
  if (!items || items.length === 0) return null;
  // Sorted as text, 10 stands before 2.
  const labels = new Map(items.map((item) => [item.key ?? -1, item.value]));
  const inOrder = items.flatMap((_, index) => labels.get(index) ?? []);
  return inOrder.length === items.length ? inOrder : null;
}

const ITEM = /\s*(?:["']?(\d{1,7})["']?\s*:\s*)?(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\s*(,|[\]}])/y;

const ESCAPE = /\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))/gs;
const SPACES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };

/** What a character that JSON or Python has escaped stands for. */
const unescaped = (_: string, wide?: string, narrow?: string, plain = ''): string => {
  const code = wide ?? narrow;
  return code === undefined ? (SPACES[plain] ?? plain) : String.fromCharCode(Number.parseInt(code, 16));
};

/** `0: 'a', 1: "b"}` or `'a', 'b']`, as Python and JSON write them. */
function pythonStrings(
  text: string,
  close: string,
  keyed: boolean,
): { key: number | null; value: string }[] | null {
  const items: { key: number | null; value: string }[] = [];
  ITEM.lastIndex = 0;
  for (;;) {
    const found = ITEM.exec(text);
    if (!found) return null;
    const [, key, single, double, end] = found;
    if ((key !== undefined) !== keyed) return null;
    const value = (single ?? double ?? '').replace(ESCAPE, unescaped);
    items.push({ key: key === undefined ? null : Number(key), value });
    if (end === close) return text.slice(ITEM.lastIndex).trim() === '' ? items : null;
    if (end !== ',') return null;
  }
}
