import { type Document, isAlias, isMap, isSeq, LineCounter, type Node, type Pair, parseDocument } from 'yaml';
import { messageOf } from '../ports/errors.ts';

/** Longest text that is parsed: a contract with 10,000 columns has a tenth of it. */
const MAX_CHARACTERS = 8 * 1024 * 1024;
/** Aliases make a small text a huge value; contracts hardly need any. */
const MAX_ALIASES = 100;

/** A parsed YAML or JSON text that remembers where everything stands. */
export type Source =
  | {
      readonly ok: true;
      readonly value: unknown;
      /** Line (1-based) of what a JSON Pointer names, or of the innermost thing around it that is there. */
      lineOf(pointer: string): number;
    }
  | { readonly ok: false; readonly message: string; readonly line?: number };

/** Parses YAML 1.2 or (when `json`) strict JSON. Never throws for what the text holds. */
export function parseSource(text: string, json: boolean): Source {
  if (text.length > MAX_CHARACTERS)
    return { ok: false, message: `the file has ${text.length} characters; ${MAX_CHARACTERS} are allowed` };
  const lines = new LineCounter();
  try {
    // Tabs are white space in JSON and an error in YAML; a raw one inside a string is an error in both.
    const document = parseDocument(json ? text.replaceAll('\t', ' ') : text, {
      lineCounter: lines,
      prettyErrors: false,
      logLevel: 'silent',
      uniqueKeys: true,
    });
    const [error] = document.errors;
    if (error) return { ok: false, message: error.message, line: lines.linePos(error.pos[0]).line };
    const value: unknown = json ? JSON.parse(text) : document.toJS({ maxAliasCount: MAX_ALIASES });
    return { ok: true, value, lineOf: (pointer) => lines.linePos(offsetOf(document, pointer)).line };
  } catch (error) {
    // Aliases over the limit, nesting deeper than the stack, JSON that is only YAML.
    const offset = /position (\d+)/.exec(messageOf(error))?.[1];
    return {
      ok: false,
      message: error instanceof RangeError ? 'it is nested too deeply' : messageOf(error),
      ...(offset !== undefined && { line: text.slice(0, Number(offset)).split('\n').length }),
    };
  }
}

/** Splits a JSON Pointer (RFC 6901) into its keys. */
export function pointerKeys(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** One key as a part of a JSON Pointer (RFC 6901). */
export function pointerKey(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}

function offsetOf(document: Document.Parsed, pointer: string): number {
  let node: Node | null = document.contents;
  let offset = node?.range?.[0] ?? 0;
  for (const key of pointerKeys(pointer)) {
    const target: Node | undefined | null = isAlias(node) ? node.resolve(document) : node;
    if (isMap(target)) {
      const pair: Pair | undefined = target.items.find((item) => String(item.key) === key);
      if (!pair) break;
      offset = (pair.key as Node | null)?.range?.[0] ?? offset;
      node = (pair.value as Node | null) ?? null;
    } else if (isSeq(target)) {
      node = (target.items[Number(key)] as Node | undefined) ?? null;
      if (!node) break;
      offset = node.range?.[0] ?? offset;
    } else break;
  }
  return offset;
}
