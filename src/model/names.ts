import { UserError } from '../ports/errors.ts';

/** Longest name or version: the DNS label that a deployment will be called after. */
const MAX_LENGTH = 63;
const GRAMMAR = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;

/**
 * Why `text` is not a legal model name or version, or `null` if it is one. Legal at once as an OCI repository
 * component, an OCI tag and a git ref component (DESIGN.md §1).
 */
export function nameProblem(text: string): string | null {
  if (text === '') return 'it is empty';
  if (text.length > MAX_LENGTH) return `it has ${text.length} characters; ${MAX_LENGTH} are allowed`;
  if (text.toLowerCase() === 'latest') return '"latest" is reserved: it is computed from the ledger';
  if (/[A-Z]/.test(text)) return `upper case is not allowed; did you mean "${text.toLowerCase()}"?`;
  if (text.endsWith('.lock')) return 'git allows no ref that ends in ".lock"';
  if (!GRAMMAR.test(text))
    return 'allowed are groups of a-z and 0-9, joined by ".", "_", "__" or hyphens (for example "wine-v2")';
  return null;
}

/** Returns `text` if it is a legal model name. @throws UserError that says why it is not. */
export function modelName(text: string): string {
  const problem = nameProblem(text);
  if (problem !== null) throw new UserError(`"${text}" is not a model name: ${problem}`);
  return text;
}

/** Returns `text` if it is a legal version. @throws UserError that says why it is not. */
export function versionName(text: string): string {
  const problem = nameProblem(text);
  if (problem !== null) throw new UserError(`"${text}" is not a version: ${problem}`);
  return text;
}
