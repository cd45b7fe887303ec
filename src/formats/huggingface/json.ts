import { readFileSync } from 'node:fs';
import { type Look, Malformed } from '../format.ts';
import { parseJson } from '../wire/parse-json.ts';
import { type Json, object } from './facts.ts';

/** Larger files are not read. */
export const MAX_JSON = 16 * 1024 * 1024;

/** The JSON object in a file of the directory; `null` where there is none. */
export function readJson(look: Look, path: string): Json | null {
  return object(parsedFile(look, path));
}

/** Whatever JSON is in a file of the directory; `undefined` where there is none. */
export function parsedFile(look: Look, path: string): unknown {
  const file = look.file(path);
  if (!file || file.size > MAX_JSON) return undefined;
  try {
    return parseJson(readFileSync(file.absolute, 'utf8'));
  } catch (error) {
    // Not read is not the same as not there.
    if (error instanceof Malformed) throw error;
    return undefined;
  }
}
