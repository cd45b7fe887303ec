import { type Bytes, openFile, Truncated } from '../model/bytes.ts';
import type { ModelFile } from '../model/walk.ts';
import { messageOf } from '../ports/errors.ts';
import { type Look, Malformed, type Reading, type Remark, type Risk } from './format.ts';
import { isTorchOwn } from './torch/policy.ts';
import { compressionOf } from './wire/compression.ts';
import { isMachineCode } from './wire/machine-code.ts';
import { npyData } from './wire/pickle/heads.ts';
import { isOpcode } from './wire/pickle/operands.ts';
import { archiveName, NOTHING, type Scan, unscannable, worst } from './wire/scan-result.ts';
import { isTar } from './wire/tar.ts';
import { endsLikeZip, looksLikeZip } from './wire/zip.ts';

/** Formats that judge all pickles in the file that they read. */
const SELF_SCANNED: ReadonlySet<string> = new Set([
  'sklearn',
  'pickle',
  'torch',
  'torchscript',
  'torch-export',
  'fastai',
]);

/**
 * Looks for danger in the files that the chosen reading did not look into itself: weights beside a configuration, and whatever
 * else lies in the directory. By content, whatever the names are; heads alone decide what is read on.
 * @param reading what was chosen as the model; `null` where nothing was.
 */
export async function sweep(look: Look, reading: Reading | null): Promise<Scan> {
  const remarks: Remark[] = [];
  let risk: Risk = 'none';
  const own =
    reading !== null && SELF_SCANNED.has(reading.format) && !isDamaged(reading) ? reading.path : null;
  for (const file of look.directory.files) {
    if (file.path === own) continue;
    const head = look.head(file);
    if (isMachineCode(head)) {
      remarks.push(machineCode(file.path));
      risk = worst(risk, 'review');
    }
    const scan = await sweepFile(file, head);
    remarks.push(...scan.remarks);
    risk = worst(risk, scan.risk);
  }
  return { remarks, risk };
}

const machineCode = (path: string): Remark => ({
  rule: 'code-active',
  level: 'warning',
  file: path,
  message: 'the file is machine code, a program or a library, which no model needs to be read',
  help: 'Keep it only if you compiled it yourself, or know from where it came and what loads it.',
});

/** Reading ended before its time, perhaps before it came to what is dangerous. */
const isDamaged = (reading: Reading): boolean =>
  reading.remarks.some(({ rule }) => rule === 'file-malformed' || rule === 'file-truncated');

async function sweepFile(file: ModelFile, head: Uint8Array): Promise<Scan> {
  if (file.size === 0) return NOTHING;
  try {
    using bytes = openFile(file.absolute);
    if (!holdsOthers(bytes, head)) return NOTHING;
    const { scanFile } = await import('./wire/scan.ts');
    return await scanFile(bytes, head, file.path, { trusted: isTorchOwn });
  } catch (error) {
    if (!(error instanceof Malformed || error instanceof Truncated)) throw error;
    return unscannable(file.path, `it is an archive that cannot be looked into: ${messageOf(error)}`);
  }
}

/** Whether it could be a pickle, or something that one can be in: what begins otherwise costs no more than this look. */
function holdsOthers(bytes: Bytes, head: Uint8Array): boolean {
  const [first = 0] = head;
  return (
    isOpcode(first) ||
    npyData(head) !== null ||
    looksLikeZip(head) ||
    compressionOf(head) !== null ||
    isTar(head) ||
    archiveName(head) !== null ||
    endsLikeZip(bytes)
  );
}
