import { type Bytes, glance, inMemory, slice, Truncated } from '../../model/bytes.ts';
import { zlib } from '../../ports/builtin.ts';
import { keepYoungSpaceSmall } from '../../ports/memory.ts';
import { Malformed } from '../format.ts';

/*
 * A zip reader that is tolerant where loaders are and tells what it tolerated: PyTorch, Keras and others read members
 * whose headers disagree, and scanners that trusted one header were led past the payload. Well-kept libraries
 * either refuse such archives or hide the disagreement, and Lading has to report it.
 * Source: PKWARE APPNOTE 6.3.10, sections 4.3 to 4.5.
 */

/** A member as the central directory describes it, with what its local header says. */
export interface ZipEntry {
  readonly name: string;
  /** 0 stored, 8 deflated; others cannot be read. */
  readonly method: number;
  readonly compressedSize: number;
  readonly size: number;
  readonly crc: number;
  /** Where the member's bytes start, from the start of the archive. */
  readonly offset: number;
  /** One of its headers says so; loaders that do not ask read it all the same. */
  readonly encrypted: boolean;
}

/** A disagreement that a loader does not mind. Each is the way of a known bypass. */
export interface ZipAnomaly {
  readonly kind: 'name-mismatch' | 'odd-name' | 'duplicate' | 'overlap' | 'bad-crc';
  readonly message: string;
}

export interface Zip {
  readonly entries: readonly ZipEntry[];
  readonly anomalies: readonly ZipAnomaly[];
  readonly bytes: Bytes;
}

const END = 0x06054b50;
const END64 = 0x06064b50;
const END64_LOCATOR = 0x07064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const MAX_ENTRIES = 100_000;
/** 160 bytes for each of so many members; torch's largest checkpoints have some thousands, with names of 20. */
const MAX_DIRECTORY = 16 * 1024 * 1024;
/** Archives of more members are gone through with little memory. */
const MANY = 2000;
/** Flag bits that claim encryption: 0 (traditional), 5 (patched data), 6 (strong). */
const ENCRYPTED = 0x1 | 0x20 | 0x40;

/** Whether bytes look like a zip archive: a local header, or an empty archive's end record. */
export function looksLikeZip(head: Uint8Array): boolean {
  return (
    head[0] === 0x50 &&
    head[1] === 0x4b &&
    ((head[2] === 3 && head[3] === 4) || (head[2] === 5 && head[3] === 6))
  );
}

/**
 * Whether an archive's end record, without a comment, is at the very end: loaders of zip files find it there, whatever
 * stands before it.
 */
export function endsLikeZip(bytes: Bytes): boolean {
  if (bytes.size < 22) return false;
  const end = view(bytes.read(bytes.size - 22, 22));
  return end.getUint32(0, true) === END && end.getUint16(20, true) === 0;
}

/**
 * Lists an archive by its central directory; member data is not touched. Archives behind other data (TFLite
 * metadata) and zip64 are read too.
 * @throws Malformed | Truncated when there is no central directory or it does not parse.
 */
export function openZip(bytes: Bytes): Zip {
  const end = findEnd(bytes);
  const base = end.base;
  if (end.size > MAX_DIRECTORY) throw new Malformed(`the zip directory claims ${end.size} bytes`);
  if (end.count > MANY) keepYoungSpaceSmall();
  const listing = bytes.read(base + end.offset, end.size);
  const directory = view(listing);
  const entries: ZipEntry[] = [];
  const anomalies: ZipAnomaly[] = [];
  const seen = new Set<string>();
  let at = 0;
  while (at + 46 <= directory.byteLength && directory.getUint32(at, true) === CENTRAL) {
    if (entries.length >= MAX_ENTRIES) throw new Malformed(`the zip has more than ${MAX_ENTRIES} members`);
    const nameLength = directory.getUint16(at + 28, true);
    const extraLength = directory.getUint16(at + 30, true);
    const commentLength = directory.getUint16(at + 32, true);
    const next = at + 46 + nameLength + extraLength + commentLength;
    if (next > directory.byteLength) throw new Truncated('the zip directory ends within a member');
    const nameBytes = listing.subarray(at + 46, at + 46 + nameLength);
    const name = decoded(nameBytes);
    const sizes = wideSizes(directory, at, at + 46 + nameLength, extraLength);
    const local = readLocal(bytes, base + sizes.offset, nameBytes);
    if (local.name !== null)
      anomalies.push({
        kind: 'name-mismatch',
        message: `"${name}" is called "${local.name}" in its own header`,
      });
    const odd = oddName(name);
    if (odd !== null) anomalies.push({ kind: 'odd-name', message: `"${name}" ${odd}` });
    const flags = directory.getUint16(at + 8, true) | local.flags;
    if (seen.has(name)) anomalies.push({ kind: 'duplicate', message: `"${name}" is there twice` });
    seen.add(name);
    entries.push({
      name,
      method: directory.getUint16(at + 10, true),
      crc: directory.getUint32(at + 16, true),
      compressedSize: sizes.compressed,
      size: sizes.size,
      offset: local.data,
      encrypted: (flags & ENCRYPTED) !== 0,
    });
    at = next;
  }
  if (entries.length !== end.count && end.count !== 0xffff)
    throw new Malformed(`the zip announces ${end.count} members and lists ${entries.length}`);
  const overlap = findOverlap(entries);
  if (overlap) anomalies.push({ kind: 'overlap', message: overlap });
  return { entries, anomalies, bytes };
}

/** The member of that name; the last one where there are several, as loaders take it. */
export function findEntry(zip: Zip, name: string): ZipEntry | undefined {
  return zip.entries.findLast((entry) => entry.name === name);
}

/**
 * A member's bytes. A stored member is a window on the archive, however large; a deflated one is inflated into
 * memory, at most `limit` bytes.
 * @throws Malformed when it is over the limit, or packed in another way.
 */
export function entryBytes(zip: Zip, entry: ZipEntry, limit: number): Bytes {
  if (entry.method === 0) return slice(zip.bytes, entry.offset, entry.compressedSize);
  if (entry.method !== 8)
    throw new Malformed(`"${entry.name}" is compressed by method ${entry.method}, which is not read`);
  if (entry.compressedSize > limit || entry.size > limit)
    throw new Malformed(`"${entry.name}" unpacks to ${entry.size} bytes; at most ${limit} are read`);
  try {
    return inMemory(
      zlib().inflateRawSync(zip.bytes.read(entry.offset, entry.compressedSize), { maxOutputLength: limit }),
    );
  } catch (error) {
    if (error instanceof Truncated) throw error;
    throw new Malformed(`"${entry.name}" does not unpack: ${error instanceof Error ? error.message : error}`);
  }
}

/** A member as one array, with its checksum checked. @throws Malformed over `limit` bytes. */
export function readEntry(
  zip: Zip,
  entry: ZipEntry,
  limit: number,
): { bytes: Uint8Array; anomaly: ZipAnomaly | null } {
  const source = entryBytes(zip, entry, limit);
  if (source.size > limit)
    throw new Malformed(`"${entry.name}" has ${source.size} bytes; at most ${limit} are read`);
  const bytes = source.read(0, source.size);
  const anomaly: ZipAnomaly | null =
    zlib().crc32(bytes) === entry.crc
      ? null
      : { kind: 'bad-crc', message: `"${entry.name}" does not have the checksum that the archive states` };
  return { bytes, anomaly };
}

/** A member as UTF-8 text. */
export function readText(zip: Zip, entry: ZipEntry, limit: number): string {
  return Buffer.from(readEntry(zip, entry, limit).bytes).toString('utf8');
}

interface End {
  readonly offset: number;
  readonly size: number;
  readonly count: number;
  /** Where the archive starts: not 0 when something stands before it. */
  readonly base: number;
}

function findEnd(bytes: Bytes): End {
  const tailLength = Math.min(bytes.size, 22 + 0xffff);
  const tailStart = bytes.size - tailLength;
  const tail = view(bytes.read(tailStart, tailLength));
  for (let at = tailLength - 22; at >= 0; at--) {
    if (tail.getUint32(at, true) !== END) continue;
    const count = tail.getUint16(at + 10, true);
    const size = tail.getUint32(at + 12, true);
    const offset = tail.getUint32(at + 16, true);
    const absolute = tailStart + at;
    if (count === 0xffff || size === 0xffffffff || offset === 0xffffffff) {
      const wide = findEnd64(bytes, absolute);
      if (wide) return wide;
    }
    const base = absolute - size - offset;
    // Offsets count from the start of the archive, which is the start of the file unless data was put before it.
    const shifted = base > 0 && !isCentral(bytes, offset, size) && isCentral(bytes, base + offset, size);
    return { offset, size, count, base: shifted ? base : 0 };
  }
  throw new Truncated('the zip has no directory at its end');
}

function isCentral(bytes: Bytes, offset: number, size: number): boolean {
  if (size === 0) return true;
  return offset + 4 <= bytes.size && view(bytes.read(offset, 4)).getUint32(0, true) === CENTRAL;
}

function findEnd64(bytes: Bytes, end: number): End | null {
  if (end < 20) return null;
  const locator = view(bytes.read(end - 20, 20));
  if (locator.getUint32(0, true) !== END64_LOCATOR) return null;
  const at = toNumber(locator.getBigUint64(8, true));
  const record = view(bytes.read(at, 56));
  if (record.getUint32(0, true) !== END64)
    throw new Malformed('the zip64 end record is not where it should be');
  return {
    count: toNumber(record.getBigUint64(32, true)),
    size: toNumber(record.getBigUint64(40, true)),
    offset: toNumber(record.getBigUint64(48, true)),
    base: 0,
  };
}

/** Sizes and offset of a central record; from the zip64 extra field (id 1) where the short ones are full. */
function wideSizes(directory: DataView, record: number, extra: number, extraLength: number) {
  let compressed = directory.getUint32(record + 20, true);
  let size = directory.getUint32(record + 24, true);
  let offset = directory.getUint32(record + 42, true);
  const end = extra + extraLength;
  let at = extra;
  while (at + 4 <= end) {
    const id = directory.getUint16(at, true);
    const stop = Math.min(at + 4 + directory.getUint16(at + 2, true), end);
    let field = at + 4;
    const next = (): number => {
      if (field + 8 > stop) throw new Malformed('a zip64 field is too short');
      field += 8;
      return toNumber(directory.getBigUint64(field - 8, true));
    };
    if (id === 1) {
      if (size === 0xffffffff) size = next();
      if (compressed === 0xffffffff) compressed = next();
      if (offset === 0xffffffff) offset = next();
    }
    at = stop;
  }
  return { compressed, size, offset };
}

/** What a member's own header says; the name where it is another than `name`. */
function readLocal(
  bytes: Bytes,
  offset: number,
  name: Uint8Array,
): { name: string | null; flags: number; data: number } {
  // Most headers stand alone before the bytes of their member.
  const start = glance(bytes, offset, Math.min(30 + name.length, Math.max(0, bytes.size - offset)));
  const header = view(start);
  if (start.length < 30 || header.getUint32(0, true) !== LOCAL)
    throw new Malformed(`there is no member at the place of "${decoded(name)}"`);
  const nameLength = header.getUint16(26, true);
  const same = nameLength === name.length && Buffer.compare(start.subarray(30), name) === 0;
  return {
    name: same ? null : decoded(glance(bytes, offset + 30, nameLength)),
    flags: header.getUint16(6, true),
    data: offset + 30 + nameLength + header.getUint16(28, true),
  };
}

/** What a name does that none needs; `null` where it is an ordinary one. */
function oddName(name: string): string | null {
  if (name.includes('\0')) return 'ends for some loaders where it has a NUL';
  return /^(?:[/\\]|[A-Za-z]:)|(?:^|[/\\])\.\.(?:[/\\]|$)/.test(name)
    ? 'would be unpacked outside of its folder'
    : null;
}

function findOverlap(entries: readonly ZipEntry[]): string | null {
  const sorted = [...entries].sort((a, b) => a.offset - b.offset);
  for (const [index, entry] of sorted.entries()) {
    const next = sorted[index + 1];
    if (next && entry.offset + entry.compressedSize > next.offset)
      return `"${entry.name}" and "${next.name}" share bytes`;
  }
  return null;
}

const decoded = (name: Uint8Array): string =>
  Buffer.from(name.buffer, name.byteOffset, name.length).toString('utf8');

function toNumber(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new Malformed(`a zip states the size ${value}`);
  return Number(value);
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
