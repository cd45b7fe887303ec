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
