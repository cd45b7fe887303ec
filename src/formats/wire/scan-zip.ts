import { type Bytes, inMemory, slice, Truncated } from '../../model/bytes.ts';
import { messageOf } from '../../ports/errors.ts';
import { Malformed, type Remark, type Risk } from '../format.ts';
import { decompressed } from './decompress.ts';
import { isObjectArray, isPickleHead, legacyPickles, npyData } from './pickle/heads.ts';
import { type AssessOptions, assess } from './pickle/policy.ts';
import { type PickleResult, readPickle } from './pickle/read.ts';
import { expectedReferences } from './pickle/references.ts';
import { type PullStream, plainSource, pullStream, type Source } from './stream.ts';
import { looksLikeZip, openZip, type Zip, type ZipEntry } from './zip.ts';
import { zlib } from './zlib.ts';

/** What a look for danger found. */
export interface Scan {
  readonly remarks: readonly Remark[];
  readonly risk: Risk;
}

export interface ScanOptions {
  /** What members were read as already, so that they are not read twice. */
  readonly known?: ReadonlyMap<string, PickleResult>;
  readonly trusted?: AssessOptions['trusted'];
}

const HEAD = 512;
/** Members of one archive that are looked at; more are nothing that a framework writes. */
const MAX_MEMBERS = 50_000;
/** A member may unpack to so much; a pickle that is larger is no model's. */
const MAX_UNPACKED = 256 * 1024 * 1024;
const MAX_INNER_ZIP = 64 * 1024 * 1024;
const MAX_CHECKED = 64 * 1024 * 1024;
const MAX_DEPTH = 2;
/** Opcodes for members that are no pickles by name: raw weights may begin like one by chance. */
const STRAY_LIMITS = { opcodes: 1_000_000, stack: 100_000, memo: 200_000, kept: 8 * 1024 * 1024 };
const PICKLE_NAME = /\.(pkl|pickle|debug_pkl|p|joblib|npy|npz)$|^data$|(^|\/)(data\.pkl|pickle)$/i;
const RISKS: readonly Risk[] = ['none', 'review', 'dangerous'];

export const worst = (...risks: readonly Risk[]): Risk =>
  RISKS[Math.max(...risks.map((risk) => RISKS.indexOf(risk)))] ?? 'none';

/**
 * Looks for pickles in every member of an archive, whatever its name: at its head for pickles, object arrays and inner archives, and at
 * the archive's own headers. Members that only begin like a pickle by chance, as weights may, are not reported.
 */
export async function scanZip(zip: Zip, file: string, options: ScanOptions = {}, depth = 0): Promise<Scan> {
  const remarks: Remark[] = zip.anomalies.slice(0, 20).map((anomaly) => tampered(file, anomaly.message));
  let risk: Risk = remarks.length > 0 ? 'dangerous' : 'none';
  const add = (scan: Scan): void => {
    remarks.push(...scan.remarks);
    risk = worst(risk, scan.risk);
  };
  for (const entry of zip.entries.slice(0, MAX_MEMBERS))
    add(await scanEntry(zip, entry, file, options, depth));
  if (zip.entries.length > MAX_MEMBERS)
    add(unscannable(file, `it has ${zip.entries.length} members, and ${MAX_MEMBERS} are looked at`));
  return { remarks: remarks.slice(0, 200), risk };
}

/** A remark about an archive, or a part of one, that nobody can look into. */
export function unscannable(file: string, why: string): Scan {
  const help = 'Unpack it, or save the model as its framework does: what cannot be read cannot be checked.';
  return {
    remarks: [{ rule: 'archive-unscannable', level: 'warning', file, message: why, help }],
    risk: 'review',
  };
}

const tampered = (file: string, message: string): Remark => ({
  rule: 'archive-tampered',
  level: 'error',
  file,
  message,
  help: 'No tool writes archives like this; get the model from its makers again.',
});

async function scanEntry(
  zip: Zip,
  entry: ZipEntry,
  file: string,
  options: ScanOptions,
  depth: number,
): Promise<Scan> {
  const known = options.known?.get(entry.name);
  try {
    if (known) return checked(zip, entry, file, await judged(known, entry.name, file, options, true));
    if (entry.name.endsWith('/') || entry.compressedSize === 0) return { remarks: [], risk: 'none' };
    if (entry.method !== 0 && entry.method !== 8)
      return unscannable(file, `"${entry.name}" is compressed by method ${entry.method}, which is not read`);
    const head = await headOf(zip, entry);
    const pickle = isPickleHead(head) || isObjectArray(head) || legacyPickles(head) !== null;
    if (!pickle && !looksLikeZip(head)) return { remarks: [], risk: 'none' };
    const scan = looksLikeZip(head)
      ? await scanInner(zip, entry, file, options, depth)
      : await scanPickle(zip, entry, file, options);
    return checked(zip, entry, file, scan);
  } catch (error) {
    if (!(error instanceof Malformed || error instanceof Truncated)) throw error;
    return unscannable(file, `"${entry.name}" cannot be looked into: ${messageOf(error)}`);
  }
}

/** A pickle whose bytes are not those that the archive vouches for was changed after it was written. */
function checked(zip: Zip, entry: ZipEntry, file: string, scan: Scan): Scan {
  if (!PICKLE_NAME.test(entry.name) || checksumHolds(zip, entry)) return scan;
  const message = `"${entry.name}" does not have the checksum that the archive states`;
  return { remarks: [...scan.remarks, tampered(file, message)], risk: 'dangerous' };
}

async function scanInner(
  zip: Zip,
  entry: ZipEntry,
  file: string,
  options: ScanOptions,
  depth: number,
): Promise<Scan> {
  if (depth >= MAX_DEPTH) return unscannable(file, `"${entry.name}" is an archive too deep inside others`);
  let bytes: Bytes;
  if (entry.method === 0) bytes = slice(zip.bytes, entry.offset, entry.compressedSize);
  else {
    const stream = memberStream(zip, entry, MAX_INNER_ZIP);
    try {
      const whole = (await stream.peek(MAX_INNER_ZIP)).slice();
      bytes = inMemory(whole);
    } finally {
      stream.close();
    }
  }
  return scanZip(openZip(bytes), file, { ...options, known: new Map() }, depth + 1);
}

async function scanPickle(zip: Zip, entry: ZipEntry, file: string, options: ScanOptions): Promise<Scan> {
  const named = PICKLE_NAME.test(entry.name);
  const stream = memberStream(zip, entry, MAX_UNPACKED);
  try {
    return await scanStream(stream, file, { ...options, named, member: entry.name });
  } finally {
    stream.close();
  }
}

export interface StreamOptions extends ScanOptions {
  /** The name says that it is a pickle: then damage is worth a remark. */
  readonly named: boolean;
  /** Of an archive. */
  readonly member?: string;
}

/** Looks for danger in a stream that begins like a pickle, like torch's old files, or like an object array. */
export async function scanStream(stream: PullStream, file: string, options: StreamOptions): Promise<Scan> {
  const head = await stream.peek(HEAD);
  const skip = npyData(head);
  if (skip !== null) {
    await stream.skip(skip);
  }
  const legacy = legacyPickles(head);
  const result = await readPickle(stream, {
    ...(legacy !== null && { pickles: legacy }),
    ...(!options.named && { limits: STRAY_LIMITS }),
  });
  return judged(result, options.member, file, options, options.named);
}

async function judged(
  result: PickleResult,
  member: string | undefined,
  file: string,
  options: ScanOptions,
  named: boolean,
): Promise<Scan> {
  const { risk, remarks } = await assess(result, {
    file,
    expected: expectedReferences(result.values),
    ...(options.trusted && { trusted: options.trusted }),
  });
  const chance = !named && risk !== 'dangerous' && (result.error !== null || result.globals.length === 0);
  if (chance) return { remarks: [], risk: 'none' };
  const where = member === undefined ? '' : `in "${member}": `;
  return { risk, remarks: remarks.map((one) => ({ ...one, message: `${where}${one.message}` })) };
}

async function headOf(zip: Zip, entry: ZipEntry): Promise<Uint8Array> {
  if (entry.method === 0) return zip.bytes.read(entry.offset, Math.min(HEAD, entry.compressedSize));
  const stream = memberStream(zip, entry, MAX_UNPACKED);
  try {
    return (await stream.peek(HEAD)).slice(0, HEAD);
  } finally {
    stream.close();
  }
}

/** A member's bytes as a stream that ends with `Malformed` after `limit` unpacked bytes. */
function memberStream(zip: Zip, entry: ZipEntry, limit: number): PullStream {
  const packed = slice(zip.bytes, entry.offset, entry.compressedSize);
  if (entry.method === 0) return pullStream(plainSource(packed));
  const inner = decompressed(packed, 'deflate-raw');
  const source: Source = {
    async next() {
      if (inner.position > limit) throw new Malformed(`"${entry.name}" unpacks to more than ${limit} bytes`);
      const piece = await inner.peek(1);
      if (piece.length === 0) return null;
      const more = (await inner.peek(32 * 1024)).slice();
      inner.take(more.length);
      return more;
    },
    close: () => inner.close(),
  };
  return pullStream(source);
}

function checksumHolds(zip: Zip, entry: ZipEntry): boolean {
  // Deflated members are not checked: torch and NumPy do that when they unpack them.
  if (entry.method !== 0 || entry.compressedSize > MAX_CHECKED) return true;
  return zlib().crc32(zip.bytes.read(entry.offset, entry.compressedSize)) === entry.crc;
}
