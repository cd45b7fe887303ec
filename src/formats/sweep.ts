import { openFile, Truncated } from '../model/bytes.ts';
import type { ModelFile } from '../model/walk.ts';
import { messageOf } from '../ports/errors.ts';
import { type Look, Malformed, type Reading, type Remark, type Risk } from './format.ts';
import { isTorchOwn } from './torch/policy.ts';
import { compressionOf, decompressed } from './wire/decompress.ts';
import { isObjectArray, isPickleHead } from './wire/pickle/heads.ts';
import { type Scan, scanStream, scanZip, unscannable, worst } from './wire/scan-zip.ts';
import { plainSource, pullStream } from './wire/stream.ts';
import { looksLikeZip, openZip } from './wire/zip.ts';

/** Formats that judge all pickles in the file that they read. */
const SELF_SCANNED: ReadonlySet<string> = new Set([
  'sklearn',
  'torch',
  'torchscript',
  'torch-export',
  'fastai',
]);
const PICKLE_NAME = /\.(pkl|pickle|joblib|sav|dill|npy|npz|pt|pth|ckpt|bin)(\.(gz|bz2|xz|lz4|z|zst))?$/i;
/** Lists of words may begin as old pickles do. */
const TEXT_NAME = /\.(txt|md|rst|py|ya?ml|json|jsonl|csv|tsv|toml|cfg|ini|xml|html|jinja|log)$/i;
const NOTHING: Scan = { remarks: [], risk: 'none' };

/**
 * Looks for danger in the files that the chosen reading did not look into itself: weights beside a configuration, and whatever
 * else lies in the directory. By content, whatever the names are; heads alone decide what is read on.
 * @param reading what was chosen as the model; `null` where nothing was.
 */
export async function sweep(look: Look, reading: Reading | null): Promise<Scan> {
  const remarks: Remark[] = [];
  let risk: Risk = 'none';
  const own = reading !== null && SELF_SCANNED.has(reading.format) ? reading.path : null;
  for (const file of look.directory.files) {
    if (file.path === own) continue;
    const scan = await sweepFile(file, look.head(file));
    remarks.push(...scan.remarks);
    risk = worst(risk, scan.risk);
  }
  return { remarks, risk };
}

async function sweepFile(file: ModelFile, head: Uint8Array): Promise<Scan> {
  const archive = archiveName(head);
  if (archive !== null)
    return unscannable(file.path, `it is a ${archive} archive, which Lading cannot look into`);
  const zip = looksLikeZip(head);
  const compression = zip ? null : compressionOf(head);
  if (!zip && compression === null && !startsPickle(file, head)) return NOTHING;
  try {
    using bytes = openFile(file.absolute);
    if (zip) return await scanZip(openZip(bytes), file.path, { trusted: isTorchOwn });
    const stream = compression === null ? pullStream(plainSource(bytes)) : decompressed(bytes, compression);
    try {
      const inner = compression === null ? head : (await stream.peek(512)).slice();
      if (!startsPickle(file, inner)) return NOTHING;
      const named = PICKLE_NAME.test(file.path);
      return await scanStream(stream, file.path, { named, trusted: isTorchOwn });
    } finally {
      stream.close();
    }
  } catch (error) {
    if (!(error instanceof Malformed || error instanceof Truncated)) throw error;
    // A compressed file that does not unpack is no pickle that anyone could load.
    return zip
      ? unscannable(file.path, `it is an archive that cannot be looked into: ${messageOf(error)}`)
      : NOTHING;
  }
}

function startsPickle(file: ModelFile, head: Uint8Array): boolean {
  if (isObjectArray(head)) return true;
  return isPickleHead(head) && (head[0] === 0x80 || !TEXT_NAME.test(file.path));
}

function archiveName(head: Uint8Array): string | null {
  const text = Buffer.from(head.subarray(0, 6)).toString('latin1');
  if (text === '7z\xbc\xaf\x27\x1c') return '7z';
  return text === 'Rar!\x1a\x07' ? 'RAR' : null;
}
