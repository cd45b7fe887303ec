import { readFileSync } from 'node:fs';
import type { ModelFile } from '../../model/walk.ts';
import { type Look, Malformed } from '../format.ts';
import { parseJson } from '../wire/parse-json.ts';
import { type Json, object } from './facts.ts';

/** Larger files are not read. */
const MAX_JSON = 16 * 1024 * 1024;

/** The JSON object in a file of the directory; `null` where there is none. */
export function readJson(look: Look, path: string): Json | null {
  return object(parsedFile(look, path));
}

/** @throws Malformed: not read is not the same as not there. */
export function limitJson(file: ModelFile): void {
  if (file.size > MAX_JSON)
    throw new Malformed(`${file.path} has ${file.size} bytes; at most ${MAX_JSON} are read`);
}

/** Whatever JSON is in a file of the directory; `undefined` where there is none. */
export function parsedFile(look: Look, path: string): unknown {
  const file = look.file(path);
  if (!file) return undefined;
  limitJson(file);
  try {
    return parseJson(readFileSync(file.absolute, 'utf8'));
  } catch (error) {
    if (error instanceof Malformed) throw error;
    return undefined;
  }
}
