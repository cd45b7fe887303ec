import { type Bytes, glance, inMemory, slice, Truncated } from '../../model/bytes.ts';
import { zlib } from '../../ports/builtin.ts';
import { messageOf } from '../../ports/errors.ts';
import { Malformed } from '../format.ts';
import { compressionOf } from './compression.ts';
import { decompressed } from './decompress.ts';
import { LIMITS } from './pickle/machine.ts';
import type { AssessOptions } from './pickle/policy.ts';
import type { PickleResult } from './pickle/read.ts';
import { judgePickle, mayBePickle, scanStream } from './scan-pickle.ts';
import { archiveName, NOTHING, type Scan, tampered, unscannable, worst } from './scan-result.ts';
import { type PullStream, plainSource, pullStream, type Source } from './stream.ts';
import { isTar, tarMembers } from './tar.ts';
import { endsLikeZip, looksLikeZip, openZip, readEntry, type Zip, type ZipEntry } from './zip.ts';

export interface ScanOptions {
  /** What members were read as already, so that they are not read twice. */
  readonly known?: ReadonlyMap<string, PickleResult>;
  readonly trusted?: AssessOptions['trusted'];
}

const HEAD = 512;
/** Members of one archive that are looked at; more are nothing that a framework writes. */
const MAX_MEMBERS = 50_000;
/** All that is unpacked and summed up of one file; what is larger is no model's. */
const MAX_WORK = 512 * 1024 * 1024;
/** What has to be in memory as a whole: archives and compressed files that are compressed themselves. */
const MAX_INNER = 32 * 1024 * 1024;
const SMALL_MEMBER = 256 * 1024;
const MAX_CHECKED = 64 * 1024 * 1024;
/** Archives and compressions within each other. */
const MAX_DEPTH = 4;
const MAX_REMARKS = 200;
const PICKLE_NAME =
  /\.(pkl|pickle|debug_pkl|p|joblib|sav|dill|npy|npz|pt|pth|ckpt|bin)(\.(gz|bz2|xz|lz4|z|zst))?$|^data$|(^|\/)(data\.pkl|pickle)$/i;
const CHECKED_NAME = /\.(pkl|pickle|debug_pkl|p|joblib|npy|npz)$|^data$|(^|\/)pickle$/i;

/** What one file is looked at with. */
interface Context extends ScanOptions {
  readonly file: string;
  /** What may still be done: bytes unpacked and summed up, and opcodes of pickles run. */
  readonly work: { bytes: number; opcodes: number };
}

const allowance = (): Context['work'] => ({ bytes: MAX_WORK, opcodes: LIMITS.opcodes });

/** A file, a member of an archive, or what a compression holds. */
interface Content {
  /** Path in the archive; `undefined` for the file itself. */
  readonly member?: string;
  readonly head: Uint8Array;
  /** Where it can be read at any place. */
  readonly bytes?: Bytes;
  open(): PullStream;
}

/**
 * Looks for danger in a file, whatever its name is: in pickles, arrays of objects, and all that archives and compressions hold.
 * @param head its first bytes, at least 512 where there are so many.
 */
export async function scanFile(
  bytes: Bytes,
  head: Uint8Array,
  file: string,
  options: ScanOptions,
): Promise<Scan> {
  const context = { ...options, file, work: allowance() };
  return scanContent({ head, bytes, open: () => pullStream(plainSource(bytes)) }, context, 0);
}

/**
 * Looks into every member of an archive, whatever its name, and at the archive's own headers. Members that only begin like a
 * pickle by chance, as weights may, are not reported.
 */
export async function scanZip(zip: Zip, file: string, options: ScanOptions = {}): Promise<Scan> {
  return scanMembers(zip, { ...options, file, work: allowance() }, 0);
}

async function scanContent(content: Content, context: Context, depth: number): Promise<Scan> {
  const { file } = context;
  const { head, bytes, member } = content;
  const label = member === undefined ? 'it' : `"${member}"`;
  const archive = archiveName(head);
  if (archive !== null)
    return unscannable(file, `${label} is a ${archive} archive, which Lading cannot look into`);
  const zip = looksLikeZip(head) || (bytes !== undefined && endsLikeZip(bytes));
  const compression = zip ? null : compressionOf(head);
  const nests = zip || compression !== null || isTar(head);
  if (nests && depth >= MAX_DEPTH) return unscannable(file, `${label} is packed too deep inside others`);
  const inside = nests ? await scanInside(content, zip, context, depth) : NOTHING;
  // An archive may stand behind a pickle: both are there for whoever looks for them.
  if (compression !== null || looksLikeZip(head) || !(await mayBePickle(head))) return inside;
  const stream = content.open();
  try {
    const named = PICKLE_NAME.test(member ?? file);
    return joined(
      inside,
      await scanStream(stream, file, { ...context, named, ...(member !== undefined && { member }) }),
    );
  } finally {
    stream.close();
  }
}

async function scanInside(content: Content, zip: boolean, context: Context, depth: number): Promise<Scan> {
  if (zip) return scanMembers(openZip(await whole(content)), context, depth);
  if (isTar(content.head)) {
    const stream = content.open();
    try {
      return await scanTar(stream, context, depth);
    } finally {
      stream.close();
    }
  }
  const packed = await whole(content);
  const compression = compressionOf(content.head);
  if (compression === null) return NOTHING;
  const open = (): PullStream => counted(decompressed(packed, compression), context);
  const stream = open();
  let head: Uint8Array;
  try {
    head = (await stream.peek(HEAD)).slice(0, HEAD);
  } catch (error) {
    if (!(error instanceof Malformed || error instanceof Truncated)) throw error;
    // What begins like a compression and does not unpack is nothing that anyone could load.
    return NOTHING;
  } finally {
    stream.close();
  }
  return scanContent(
    { ...(content.member !== undefined && { member: content.member }), head, open },
    context,
    depth + 1,
  );
}

async function scanMembers(zip: Zip, context: Context, depth: number): Promise<Scan> {
  const { file } = context;
  let scan = NOTHING;
  for (const anomaly of zip.anomalies.slice(0, 20)) scan = joined(scan, tampered(file, anomaly.message));
  for (const entry of zip.entries.slice(0, MAX_MEMBERS)) {
    if (entry.encrypted) scan = joined(scan, flagged(zip, entry, context));
    scan = joined(scan, await scanEntry(zip, entry, context, depth));
    if (context.work.bytes <= 0 || context.work.opcodes <= 0)
      return joined(scan, unscannable(file, 'there is so much in it that not all was looked at'));
  }
  if (zip.entries.length > MAX_MEMBERS)
    return joined(
      scan,
      unscannable(file, `it has ${zip.entries.length} members, and ${MAX_MEMBERS} are looked at`),
    );
  return scan;
}

async function scanEntry(zip: Zip, entry: ZipEntry, context: Context, depth: number): Promise<Scan> {
  const { file } = context;
  const known = depth === 0 ? context.known?.get(entry.name) : undefined;
  try {
    if (entry.name.endsWith('/') || entry.compressedSize === 0) return NOTHING;
    if (known)
      return checked(
        zip,
        entry,
        context,
        await judgePickle(known, file, { ...context, named: true, member: entry.name }, true),
      );
    if (entry.method !== 0 && entry.method !== 8)
      return unscannable(file, `"${entry.name}" is compressed by method ${entry.method}, which is not read`);
    const packed = slice(zip.bytes, entry.offset, entry.compressedSize);
    const open = (): PullStream =>
      entry.method === 0
        ? pullStream(plainSource(packed))
        : (inflated(packed, context) ?? counted(decompressed(packed, 'deflate-raw'), context));
    const content = {
      member: entry.name,
      head: await headOf(packed, entry, open),
      ...(entry.method === 0 && { bytes: packed }),
      open,
    };
    return checked(zip, entry, context, await scanContent(content, context, depth + 1));
  } catch (error) {
    if (!(error instanceof Malformed || error instanceof Truncated)) throw error;
    return unscannable(file, `"${entry.name}" cannot be looked into: ${messageOf(error)}`);
  }
}

async function scanTar(stream: PullStream, context: Context, depth: number): Promise<Scan> {
  let scan = NOTHING;
  try {
    for await (const { name, stream: inner } of tarMembers(stream)) {
      const head = (await inner.peek(HEAD)).slice(0, HEAD);
      // A stream is read once: its head is looked at, and it is opened once.
      scan = joined(scan, await scanContent({ member: name, head, open: () => inner }, context, depth + 1));
    }
  } catch (error) {
    if (!(error instanceof Malformed || error instanceof Truncated)) throw error;
    return joined(scan, unscannable(context.file, messageOf(error)));
  }
  return scan;
}

const joined = (one: Scan, other: Scan): Scan =>
  other === NOTHING
    ? one
    : {
        remarks: [...one.remarks, ...other.remarks].slice(0, MAX_REMARKS),
        risk: worst(one.risk, other.risk),
      };

/** Loaders that do not mind the flag read what is plain; scanners that do pass it over. */
function flagged(zip: Zip, entry: ZipEntry, context: Context): Scan {
  const plain = (): boolean => {
    if (entry.compressedSize > MAX_CHECKED || entry.size > MAX_CHECKED) return false;
    context.work.bytes -= entry.size;
    try {
      return readEntry(zip, entry, MAX_CHECKED).anomaly === null;
    } catch {
      return false;
    }
  };
  return plain()
    ? tampered(context.file, `"${entry.name}" is marked as encrypted, and is not`)
    : unscannable(context.file, `"${entry.name}" is encrypted`);
}

/** A pickle whose bytes are not those that the archive vouches for was changed after it was written. */
function checked(zip: Zip, entry: ZipEntry, context: Context, scan: Scan): Scan {
  // Deflated members are not checked: torch and NumPy do that when they unpack them.
  if (!CHECKED_NAME.test(entry.name) || entry.method !== 0 || entry.compressedSize > MAX_CHECKED) return scan;
  context.work.bytes -= entry.compressedSize;
  if (zlib().crc32(zip.bytes.read(entry.offset, entry.compressedSize)) === entry.crc) return scan;
  return joined(
    scan,
    tampered(context.file, `"${entry.name}" does not have the checksum that the archive states`),
  );
}

/** A small member as a whole: that is a hundred times cheaper than a stream. `null` where it is not small, or is damaged. */
function inflated(packed: Bytes, context: Context): PullStream | null {
  if (packed.size > SMALL_MEMBER) return null;
  try {
    const bytes = zlib().inflateRawSync(packed.read(0, packed.size), { maxOutputLength: SMALL_MEMBER });
    context.work.bytes -= bytes.length;
    return context.work.bytes <= 0 ? null : pullStream(plainSource(inMemory(bytes)));
  } catch {
    // The stream says what is wrong, behind what can be read.
    return null;
  }
}

/** The first bytes of a member. Few bytes of input are enough for most, and cost no stream. */
async function headOf(packed: Bytes, entry: ZipEntry, open: () => PullStream): Promise<Uint8Array> {
  const start = glance(packed, 0, Math.min(HEAD, packed.size));
  if (entry.method === 0) return start;
  try {
    const head = zlib().inflateRawSync(start, { finishFlush: zlib().constants.Z_SYNC_FLUSH });
    if (head.length >= HEAD || start.length === packed.size) return head.subarray(0, HEAD);
  } catch {
    // The stream says what is wrong.
  }
  const stream = open();
  try {
    return (await stream.peek(HEAD)).slice(0, HEAD);
  } finally {
    stream.close();
  }
}

/** All bytes of a content, for reading at any place. @throws Malformed when that is too many. */
async function whole(content: Content): Promise<Bytes> {
  if (content.bytes) return content.bytes;
  const stream = content.open();
  const pieces: Uint8Array[] = [];
  try {
    for (let total = 0; ; ) {
      const piece = (await stream.peek(32 * 1024)).slice(0, 32 * 1024);
      if (piece.length === 0) return inMemory(Buffer.concat(pieces));
      stream.take(piece.length);
      pieces.push(piece);
      total += piece.length;
      if (total > MAX_INNER) throw new Malformed(`it is packed twice, and larger than ${MAX_INNER} bytes`);
    }
  } finally {
    stream.close();
  }
}

/** The same stream, whose bytes count as work of the file; it ends with `Malformed` when that was too much. */
function counted(inner: PullStream, context: Context): PullStream {
  const source: Source = {
    async next() {
      const piece = (await inner.peek(1)).length === 0 ? null : (await inner.peek(32 * 1024)).slice();
      if (piece === null) return null;
      inner.take(piece.length);
      context.work.bytes -= piece.length;
      if (context.work.bytes <= 0)
        throw new Malformed(`more than ${MAX_WORK} bytes would have to be unpacked`);
      return piece;
    },
    close: () => inner.close(),
  };
  return pullStream(source);
}
