import type { Label } from '../../contract/types.ts';

/** Keys under which exporters keep class names in `metadata_props`. */
const KEYS = ['names', 'classes', 'class_names', 'labels', 'id2label'];

/** Class names in the metadata of a model: a JSON list, or a JSON or Python dictionary from 0, 1, 2 … */
export function labelsInMetadata(
  metadata: ReadonlyMap<string, string>,
): { labels: readonly Label[]; where: string } | null {
  for (const key of KEYS) {
    const text = metadata.get(key)?.trim();
    if (text === undefined || text === '' || text.length > 1_000_000) continue;
    const labels = listOf(text) ?? dictionaryOf(text);
    if (labels) return { labels, where: `metadata_props.${key}` };
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
  const labels: string[] = [];
  for (const { key, value } of items) {
    if (key === null || key !== labels.length) return null;
    labels.push(value);
  }
  return labels;
}

const ITEM = /\s*(?:["']?(\d{1,7})["']?\s*:\s*)?(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\s*(,|[\]}])/y;

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
    const value = (single ?? double ?? '').replace(/\\(.)/g, '$1');
    items.push({ key: key === undefined ? null : Number(key), value });
    if (end === close) return text.slice(ITEM.lastIndex).trim() === '' ? items : null;
    if (end !== ',') return null;
  }
}
