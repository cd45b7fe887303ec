import type { Bytes } from '../../model/bytes.ts';

/**
 * The JSON object or list behind a key, as text; `null` unless it ends within the text. Large documents are not parsed whole
 * for the sake of a part.
 * @param key with its quotation marks and the colon.
 * @param from where to look from.
 */
export function valueBehind(text: string, key: string, from: number): string | null {
  const start = text.indexOf(key, from);
  if (start === -1) return null;
  let depth = 0;
  let quoted = false;
  for (let at = start + key.length; at < text.length; at++) {
    const char = text[at];
    if (quoted) {
      if (char === '\\') at++;
      else if (char === '"') quoted = false;
    } else if (char === '"') quoted = true;
    else if (char === '{' || char === '[') depth++;
    else if (char === '}' || char === ']') {
      depth--;
      if (depth === 0) return text.slice(start + key.length, at + 1);
      if (depth < 0) return null;
    } else if (depth === 0 && char === ',') return null;
  }
  return null;
}

const PIECE = 256 * 1024;

/** Byte at which the text stands first among so many bytes; their end where it does not. One piece is held at a time. */
export function placeOf(bytes: Bytes, text: string, limit: number): number {
  const end = Math.min(bytes.size, limit);
  const memory = Buffer.alloc(Math.min(PIECE, end));
  for (let at = 0; at < end; at += PIECE - text.length) {
    const piece = memory.subarray(0, Math.min(PIECE, end - at));
    if (bytes.fill) bytes.fill(piece, at);
    else piece.set(bytes.read(at, piece.length));
    const found = piece.indexOf(text);
    if (found !== -1) return at + found;
  }
  return end;
}
