import { Malformed } from '../format.ts';
import { parseJson } from '../wire/parse-json.ts';
import { type PickleResult, readPickleBytes } from '../wire/pickle/read.ts';
import { entryBytes, findEntry, readText, type Zip } from '../wire/zip.ts';

const MAX_PICKLE = 256 * 1024 * 1024;
const MAX_TEXT = 16 * 1024 * 1024;

/** The pickle in a member; `null` when there is no such member. */
export async function pickleMember(zip: Zip, name: string): Promise<PickleResult | null> {
  const entry = findEntry(zip, name);
  return entry ? readPickleBytes(entryBytes(zip, entry, MAX_PICKLE)) : null;
}

/** A member as text; `null` when it is not there. */
export function textMember(zip: Zip, name: string, limit = MAX_TEXT): string | null {
  const entry = findEntry(zip, name);
  return entry ? readText(zip, entry, limit) : null;
}

/** A member as a JSON object; `null` when it is not there. @throws Malformed when it is none. */
export function jsonMember(
  zip: Zip,
  name: string,
  limit = 128 * 1024 * 1024,
): Record<string, unknown> | null {
  const text = textMember(zip, name, limit);
  if (text === null) return null;
  try {
    const parsed: unknown = parseJson(text);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed))
      return parsed as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw new Malformed(`${name} is not a JSON object`);
}
