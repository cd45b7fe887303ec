import type { Candidate, Format } from './format.ts';
import { looksLikeXgboostBinary } from './xgboost/binary.ts';

/** Boosters that XGBoost saved as JSON, UBJSON or (before 3.1) in its own binary form. */
export const xgboost: Format = {
  id: 'xgboost',
  title: 'XGBoost',
  detect: (look) =>
    look.directory.files
      .filter((file) => kindOf(look.head(file), file.size) !== null)
      .map((file): Candidate => ({ format: 'xgboost', path: file.path, role: 'model', covers: [] })),
  read: async (...args) => (await import('./xgboost/read.ts')).readXgboost(...args),
};

export function kindOf(head: Uint8Array, size: number): 'json' | 'ubjson' | 'binary' | null {
  const text = Buffer.from(head.subarray(0, 512)).toString('latin1');
  if (/^\s*\{\s*"(learner|version)"\s*:/.test(text) && (text.includes('learner') || size > 512)) {
    // What `save_config` gives begins alike and has no trees.
    if (/^\s*\{\s*"learner"\s*:\s*\{\s*"generic_param"/.test(text)) return null;
    return /^\s*\{\s*"learner"/.test(text) ||
      /"version"\s*:\s*\[\s*\d+\s*,\s*\d+\s*,\s*\d+\s*\]\s*,\s*"learner"/.test(text)
      ? 'json'
      : null;
  }
  // "{", a length of any width, then the first key.
  const key = Math.max(text.indexOf('learner'), text.indexOf('version'));
  if (head[0] === 0x7b && 'iUIlL'.includes(text[1] ?? ' ') && key >= 3 && key <= 10) return 'ubjson';
  return looksLikeXgboostBinary(head, size) ? 'binary' : null;
}
