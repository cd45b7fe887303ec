import { readFileSync } from 'node:fs';
import { messageOf } from '../../ports/errors.ts';
import { MAX_DOCUMENT } from '../declared.ts';
import { type Look, Malformed } from '../format.ts';

export type Json = Readonly<Record<string, unknown>>;

/** A value as an object, or an empty one: descriptions are read leniently, field by field. */
export const object = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
export const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
export const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);

/** A file as text. @throws Malformed when it is gone or too large to be a description. */
export function readDocument(look: Look, path: string): string {
  const file = look.file(path);
  if (!file || file.size > MAX_DOCUMENT)
    throw new Malformed('the file is gone, or too large for a description');
  return readFileSync(file.absolute, 'utf8');
}

/** A parsed YAML takes hundreds of times its text: so many parts, and so deep, are in no description. */
const MAX_PARTS = 60_000;
const MAX_DEPTH = 200;
/** Lines of texts, and their escapes: each is a piece that the text is put together from. */
const MAX_LINES = 200_000;
const MAX_ESCAPES = 600_000;
/** A tag or an anchor counts as so many parts: descriptions hardly have one. */
const MARK = 60;

/** Whether a text has room for more than that at all: most have not, and need not be gone through twice. */
const hasRoom = (text: string): boolean =>
  text.length + MARK * (text.match(/[!&]/g)?.length ?? 0) > MAX_PARTS ||
  (text.match(/[[{?-]/g)?.length ?? 0) > MAX_DEPTH;

/** Counts the parts of a text as YAML's own lexer sees them: a signature that is one quoted text is one part, however long. */
function checkYaml(parts: Iterable<string>): void {
  let count = 0;
  let flow = 0;
  let block = 0;
  for (const part of parts) {
    if (/^[ \t]+$/.test(part)) continue;
    const [sign] = part;
    count += sign === '!' || sign === '&' ? MARK : 1;
    if (sign === '[' || sign === '{') flow += 1;
    else if (sign === ']' || sign === '}') flow -= 1;
    // `- - -` is a list in a list in a list.
    block = part === '-' || part === '?' ? block + 1 : 0;
    if (flow > MAX_DEPTH || block > MAX_DEPTH || count > MAX_PARTS)
      throw new Malformed('it is too large or too deep for a description');
  }
}

function countOf(text: string, sign: string): number {
  let count = 0;
  for (let at = text.indexOf(sign); at !== -1; at = text.indexOf(sign, at + 1)) count += 1;
  return count;
}

/** All documents of a YAML file. Aliases are bounded, and nothing but plain data comes out. @throws Malformed. */
export async function readYaml(look: Look, path: string): Promise<unknown[]> {
  const { Lexer, parseAllDocuments } = await import('yaml');
  const document = readDocument(look, path);
  if (countOf(document, '\n') > MAX_LINES || countOf(document, '\\') > MAX_ESCAPES)
    throw new Malformed('it has more lines or escapes than a description');
  if (hasRoom(document)) checkYaml(new Lexer().lex(document));
  // Whether a key stands twice is asked of each pair of keys, which takes minutes in a long map.
  const documents = parseAllDocuments(document, { schema: 'core', logLevel: 'silent', uniqueKeys: false });
  if (!Array.isArray(documents)) return [];
  return documents.map((document) => {
    const [problem] = document.errors;
    if (problem) throw new Malformed(problem.message.split('\n')[0] ?? 'it is no YAML');
    try {
      return document.toJS({ maxAliasCount: 100 }) as unknown;
    } catch (error) {
      // The library's protection against aliases that multiply.
      throw new Malformed(messageOf(error));
    }
  });
}
