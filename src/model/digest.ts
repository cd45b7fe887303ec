import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { lfsPointer } from './lfs.ts';
import type { ModelDirectory, ModelFile } from './walk.ts';

/** A file whose content is known. */
export interface DigestedFile {
  /** Relative to the model directory, with `/`. Untrusted text. */
  readonly path: string;
  /** Bytes of the content; for a Git LFS pointer those of the file it stands for. */
  readonly size: number;
  /** 64 hex digits. */
  readonly sha256: string;
}

const CHUNK = 512 * 1024;
const AT_ONCE = 3;

/** The bytes of a file in chunks, from byte `start`. Each chunk is a buffer of its own. */
export function readChunks(path: string, start = 0): AsyncGenerator<Uint8Array, void, undefined> {
  return chunksInto(path, start, () => Buffer.allocUnsafeSlow(CHUNK));
}

/**
 * The same for consumers that are done with a chunk when they ask for the next one: two buffers take turns, so that
 * gigabytes pass without work for the garbage collector, which lets 64 MB pile up before it looks.
 */
export function passChunks(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  const buffers = [Buffer.allocUnsafeSlow(CHUNK), Buffer.allocUnsafeSlow(CHUNK)] as const;
  let turn = 0;
  return chunksInto(path, 0, () => {
    turn += 1;
    return turn % 2 === 0 ? buffers[0] : buffers[1];
  });
}

/** The next chunk is read while the consumer works on the one it has. */
async function* chunksInto(
  path: string,
  start: number,
  buffer: () => Buffer,
): AsyncGenerator<Uint8Array, void, undefined> {
  const file = await open(path, 'r');
  let next: Promise<Uint8Array> | null = null;
  try {
    let offset = start;
    let chunk = await readAt(file, offset, buffer());
    while (chunk.length > 0) {
      offset += chunk.length;
      next = readAt(file, offset, buffer());
      // A consumer that stops early must not leave an unhandled rejection behind.
      next.catch(() => {});
      yield chunk;
      chunk = await next;
    }
  } finally {
    await next?.catch(() => {});
    await file.close();
  }
}

async function readAt(file: FileHandle, offset: number, buffer: Buffer): Promise<Uint8Array> {
  const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
  return buffer.subarray(0, bytesRead);
}

/** SHA-256 of a file as 64 hex digits, and how many bytes were read. */
export async function digestFile(path: string): Promise<{ sha256: string; size: number }> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of passChunks(path)) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { sha256: hash.digest('hex'), size };
}

/**
 * What a file holds according to the pointer that Git LFS left in its place, or `null` when it is no pointer.
 * The object id of LFS is the SHA-256 of the content, so nothing has to be fetched or read.
 */
export async function pointedTo(file: ModelFile): Promise<{ sha256: string; size: number } | null> {
  // The specification keeps pointers under 1024 bytes; the shortest is longer than 100.
  if (file.size > 1024 || file.size < 100) return null;
  for await (const head of readChunks(file.absolute)) return lfsPointer(head);
  return null;
}

/**
 * The SHA-256 of every file, in the order of the directory. Files of which `known` has the digest (by path; 64 hex
 * digits) are not opened, and Git LFS pointers count as the file they stand for (DESIGN.md §4.5).
 */
export async function digestFiles(
  directory: ModelDirectory,
  known: ReadonlyMap<string, string> = new Map(),
): Promise<DigestedFile[]> {
  return inParallel(directory.files, AT_ONCE, async (file) => {
    const pointer = await pointedTo(file);
    if (pointer) return { path: file.path, ...pointer };
    const sha256 = known.get(file.path);
    if (sha256 !== undefined) return { path: file.path, size: file.size, sha256 };
    return { path: file.path, ...(await digestFile(file.absolute)) };
  });
}

/** Maps in order, at most `limit` at once; the first failure stops further starts and is thrown. */
export async function inParallel<T, R>(
  items: readonly T[],
  limit: number,
  body: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = new Array(items.length);
  const queue = items.entries();
  let failed = false;
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) {
      if (failed) return;
      try {
        results[index] = await body(item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const workers = Array.from({ length: Math.min(limit, items.length) }, worker);
  // All are awaited, so that nothing still runs when the failure is reported.
  const ends = await Promise.allSettled(workers);
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  return results;
}

/**
 * One digest for a set of files: names and contents. Equal to what
 * `sha256sum FILE… | LC_ALL=C sort | sha256sum` prints: lines sorted as bytes, each with its newline, names
 * escaped as coreutils does.
 */
export function contentDigest(files: readonly DigestedFile[]): string {
  const lines = files.map((file) => Buffer.from(checksumLine(file)));
  lines.sort(Buffer.compare);
  return createHash('sha256').update(Buffer.concat(lines)).digest('hex');
}

/** The text of `checksum.txt`, sorted by path: `sha256sum -c checksum.txt` reads it. */
export function checksumText(files: readonly DigestedFile[]): string {
  const sorted = [...files].sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
  return sorted.map(checksumLine).join('');
}

/**
 * GNU coreutils puts a backslash before the line of a file whose name has a backslash, newline or carriage return,
 * and writes those as `\\`, `\n` and `\r` (src/digest.c, since 9.0 for the carriage return).
 */
function checksumLine({ path, sha256 }: DigestedFile): string {
  const escaped = path.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
  return `${escaped === path ? '' : '\\'}${sha256}  ${escaped}\n`;
}
