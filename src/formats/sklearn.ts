import { openFile } from '../model/bytes.ts';
import type { ModelFile } from '../model/walk.ts';
import type { Candidate, Format, Reading } from './format.ts';
import { describe } from './sklearn/describe.ts';
import { requirementsOf } from './sklearn/versions.ts';
import { compressionOf, openStream } from './wire/decompress.ts';
import { assess } from './wire/pickle/policy.ts';
import { type PickleResult, readPickle } from './wire/pickle/read.ts';

const ENDING = /\.(pkl|pickle|joblib|sav|p|pk|dump|model|bin|gz|bz2|xz|lzma|lz4|z|zst|dat)$/i;
/** `torch.save` before zip files begins with this number, pickled; that file is another format's. */
const TORCH_LEGACY = Buffer.from('8a0a6cfc9c46f9206aa85019', 'hex');

/** Pickles and joblib files: scikit-learn's are read, others are looked at for danger. */
export const sklearn: Format = {
  id: 'sklearn',
  title: 'scikit-learn (pickle, joblib)',
  detect(look) {
    return look.directory.files
      .filter((file) => isPickle(file, look.head(file)))
      .map((file) => candidate(file));
  },
  async read(given, look) {
    const file = look.file(given.path);
    if (!file) throw new Error(`${given.path} is not in the directory`);
    return readFile(given, file);
  },
};

function candidate(file: ModelFile): Candidate {
  return { format: 'sklearn', path: file.path, role: 'model', covers: [] };
}

function isPickle(file: ModelFile, head: Uint8Array): boolean {
  if (head.length < 2) return false;
  const [first = 0, second = 0] = head;
  // fastai's learners are pickles too, with a meaning of their own.
  if (Buffer.from(head.subarray(0, 400)).toString('latin1').includes('fastai')) return false;
  if (first === 0x80 && second <= 5) return !TORCH_LEGACY.equals(head.subarray(2, 14));
  const named = ENDING.test(file.path);
  if (!named) return false;
  if (compressionOf(head) !== null)
    return !/\.(nii|tar|tgz|rds|rdata|csv|json|txt|npy)(\.|$)/i.test(file.path);
  return isTextPickle(head);
}

/** Protocols 0 and 1 have no magic: they begin with the global or the container of their root. */
function isTextPickle(head: Uint8Array): boolean {
  const [first = 0, second = 0, third = 0] = head;
  // Protocol 1: an empty list or dict, put into the memo.
  if ((first === 0x5d || first === 0x7d) && second === 0x71 && third < 0x10) return true;
  const text = Buffer.from(head.subarray(0, 300)).toString('latin1');
  return /^\(?(?:[ic][A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n|[ld]?p\d+\n)/.test(text);
}

async function readFile(given: Candidate, file: ModelFile): Promise<Reading> {
  using bytes = openFile(file.absolute);
  const { stream, compression } = openStream(bytes);
  let result: PickleResult;
  try {
    result = await readPickle(stream);
  } finally {
    stream.close();
  }
  const { risk, remarks } = await assess(result, { file: file.path });
  const root = result.values[0];
  const base: Reading = {
    format: 'sklearn',
    path: given.path,
    framework: null,
    contract: null,
    evidence: {},
    features: null,
    labels: null,
    parameters: null,
    properties: { ...(compression !== null && { compression }) },
    requirements: requirementsOf(result, compression),
    risk,
    remarks,
  };
  if (root === undefined) return base;
  const usesSklearn = result.globals.some((use) => use.global.module.split('.')[0] === 'sklearn');
  return describe(base, root, usesSklearn);
}
