import type { OpenFile } from '../model/bytes.ts';
import { open } from '../model/walk.ts';
import { type Candidate, type Look, Malformed } from './format.ts';

/** Opens the file of a candidate; the caller disposes of it (`using`). @throws Malformed when it is gone by now. */
export function openCandidate(candidate: Candidate, look: Look): OpenFile {
  const file = look.file(candidate.path);
  if (!file) throw new Malformed('the file is gone');
  return open(file);
}
