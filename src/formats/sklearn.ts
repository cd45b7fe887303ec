import type { ModelFile } from '../model/walk.ts';
import { zlib } from '../ports/builtin.ts';
import type { Candidate, Format, Look } from './format.ts';
import { compressionOf } from './wire/compression.ts';
import { isOpcode } from './wire/pickle/operands.ts';

const ENDING = /\.(pkl|pickle|joblib|sav|p|pk|dump|model|bin|gz|bz2|xz|lzma|lz4|z|zst|dat)$/i;
/** Compressed files of other kinds that end in the same way. */
const OTHERS = /\.(nii|tar|tgz|rds|rdata|csv|json|txt|npy)(\.|$)/i;
/** `torch.save` before zip files begins with this number, pickled; that file is another format's. */
const TORCH_LEGACY = Buffer.from('8a0a6cfc9c46f9206aa85019', 'hex');

/** Pickles and joblib files: scikit-learn's are read, others are looked at for danger. */
export const sklearn: Format = {
  id: 'sklearn',
  title: 'scikit-learn (pickle, joblib)',
  detect(look) {
    return look.directory.files
      .filter((file) => isPickle(file, look.head(file)))
      .map((file) => candidate(file, look));
  },
  read: async (...args) => (await import('./sklearn/read.ts')).readPickledModel(...args),
};

function candidate(file: ModelFile, look: Look): Candidate {
  // joblib before 0.10 put each array into a file beside the pickle.
  const side = look.directory.files.filter(
    (one) => one.path.startsWith(`${file.path}_`) && /_\d+\.npy(\.z)?$/.test(one.path),
  );
  return { format: 'sklearn', path: file.path, role: 'model', covers: side.map((one) => one.path) };
}

function isPickle(file: ModelFile, head: Uint8Array): boolean {
  const compression = compressionOf(head);
  if (compression === 'zlib' || compression === 'gzip') {
    const start = inflateStart(head);
    // Damage under a pickle's own name is for the reader to explain.
    if (start === null || start.length < 3) return /\.(pkl|pickle|joblib|sav)(\.|$)/i.test(file.path);
    return isPlainPickle(start, true);
  }
  const named = ENDING.test(file.path);
  if (compression !== null) return named && !OTHERS.test(file.path);
  return isPlainPickle(head, named);
}

/** What the first bytes of a compressed file stand for; `null` when they do not inflate. */
function inflateStart(head: Uint8Array): Uint8Array | null {
  try {
    return zlib().unzipSync(head, { finishFlush: zlib().constants.Z_SYNC_FLUSH });
  } catch {
    return null;
  }
}

function isPlainPickle(head: Uint8Array, named: boolean): boolean {
  const [first = 0, second = 0, third] = head;
  if (third === undefined) return false;
  // fastai's learners are pickles too, with a meaning of their own.
  if (Buffer.from(head.subarray(0, 400)).toString('latin1').includes('fastai')) return false;
  if (first === 0x80 && second <= 5 && isOpcode(third)) return !TORCH_LEGACY.equals(head.subarray(2, 14));
  return named && isTextPickle(head);
}

/** Protocols 0 and 1 have no magic: they begin with the global or the container of their root. */
function isTextPickle(head: Uint8Array): boolean {
  const [first = 0, second = 0, third = 0] = head;
  // Protocol 1: an empty list or dict, put into the memo.
  if ((first === 0x5d || first === 0x7d) && second === 0x71 && third < 0x10) return true;
  const text = Buffer.from(head.subarray(0, 300)).toString('latin1');
  return /^\(?(?:[ic][A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n|[ld]?p\d+\n)/.test(text);
}
