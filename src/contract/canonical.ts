import { createHash } from 'node:crypto';
import type { Contract } from './types.ts';

/**
 * JSON with sorted keys and no white space, as RFC 8785 has it; `undefined` members are left out. Equal data gives
 * equal text, whatever the order in which it was put together.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const pairs = Object.entries(value)
      .filter(([, entry]) => entry !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${pairs.map(([key, entry]) => `${JSON.stringify(key)}:${canonicalJson(entry)}`).join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}

/** SHA-256 of a contract's canonical JSON, in hexadecimal: equal for equal contracts, however they were written. */
export function contractDigest(contract: Contract): string {
  return createHash('sha256').update(canonicalJson(contract)).digest('hex');
}
