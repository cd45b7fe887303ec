import type { Readable } from 'node:stream';
import type { ReadableStream as NodeReadableStream } from 'node:stream/web';
import { type Bytes, slice, Truncated } from '../../model/bytes.ts';
import { stream, zlib } from '../../ports/builtin.ts';
import { messageOf } from '../../ports/errors.ts';
import { Malformed } from '../format.ts';
import { bzip2Pieces } from './bzip2.ts';
import { type Compression, compressionOf } from './compression.ts';
import { lz4Pieces } from './lz4.ts';
import { lzmaPieces } from './lzma.ts';
import { type PullStream, plainSource, pullStream, type Source } from './stream.ts';

/** Nothing that an honest tool writes is denser than this, once there is much of it. */
const MAX_RATIO = 2000;
const RATIO_FROM = 64 * 1024 * 1024;
const INPUT_PIECE = 64 * 1024;

/**
 * The bytes behind a compression, as a stream. What is passed over is never held; what is kept is the caller's to
 * bound. Damage is `Malformed`, an early end `Truncated`. `deflate-raw` is what zip members are in.
 */
export function decompressed(bytes: Bytes, how: Compression | 'deflate-raw'): PullStream {
  let pieces: AsyncIterator<Uint8Array> | null = null;
  let given = 0;
  let closed = false;
  const source: Source = {
    async next() {
      if (closed) return null;
      try {
        pieces ??= piecesOf(bytes, how)[Symbol.asyncIterator]();
        for (;;) {
          const { done, value } = await pieces.next();
          if (done) return null;
          if (value.length === 0) continue;
          given += value.length;
          if (given > RATIO_FROM && given / bytes.size > MAX_RATIO)
            throw new Malformed(`${how} data grows more than ${MAX_RATIO} times: a decompression bomb`);
          return value;
        }
      } catch (error) {
        if (error instanceof Malformed || error instanceof Truncated) throw error;
        const code = error instanceof Error && 'code' in error ? error.code : undefined;
        if (code === 'Z_BUF_ERROR') throw new Truncated(`the ${how} data ends too early`);
        throw new Malformed(`the ${how} data is damaged (${messageOf(error)})`);
      }
    },
    close() {
      closed = true;
      pieces?.return?.()?.catch(() => {});
    },
  };
  return pullStream(source);
}

/** A stream over a file that may be compressed as a whole, and what was found. */
export function openStream(bytes: Bytes): { stream: PullStream; compression: Compression | null } {
  const compression = compressionOf(bytes.read(0, Math.min(bytes.size, 64)));
  if (compression === null) return { stream: pullStream(plainSource(bytes)), compression };
  return { stream: decompressed(bytes, compression), compression };
}

function piecesOf(bytes: Bytes, how: Compression | 'deflate-raw'): AsyncIterable<Uint8Array> {
  switch (how) {
    case 'zlib':
      return through(bytes, zlib().createInflate({ chunkSize: INPUT_PIECE }));
    case 'deflate-raw':
      return through(bytes, zlib().createInflateRaw({ chunkSize: INPUT_PIECE }));
    case 'gzip':
      return through(bytes, zlib().createGunzip({ chunkSize: INPUT_PIECE }));
    case 'zstd':
      // Node before 22.15 has none.
      if (typeof zlib().createZstdDecompress !== 'function')
        throw new Malformed('it is zstd-compressed, which needs Node 22.15 or newer to be read');
      return through(bytes, zlib().createZstdDecompress({ chunkSize: INPUT_PIECE }));
    case 'zf':
      return through(zfBody(bytes), zlib().createInflate({ chunkSize: INPUT_PIECE }));
    case 'xz':
      return xz(bytes);
    case 'lz4':
      return lz4Pieces(bytes);
    case 'lzma':
      return lzmaPieces(bytes);
    case 'bz2':
      return bzip2Pieces(bytes);
  }
}

function* rawPieces(bytes: Bytes): Generator<Uint8Array> {
  for (let at = 0; at < bytes.size; at += INPUT_PIECE)
    yield bytes.read(at, Math.min(INPUT_PIECE, bytes.size - at));
}

async function* through(bytes: Bytes, transform: NodeJS.ReadWriteStream): AsyncGenerator<Uint8Array> {
  const input = stream().Readable.from(rawPieces(bytes), { highWaterMark: 1 });
  const output = transform as unknown as Readable;
  input.on('error', (error) => output.destroy(error));
  input.pipe(transform);
  try {
    for await (const piece of output) yield piece as Uint8Array;
  } finally {
    input.destroy();
    output.destroy();
  }
}

/** joblib < 0.9.3: `ZF`, then the length in hex, 19 characters wide, in some versions a space; then zlib. */
function zfBody(bytes: Bytes): Bytes {
  for (const start of [21, 22, 20])
    if (bytes.size > start && bytes.read(start, 1)[0] === 0x78)
      return slice(bytes, start, bytes.size - start);
  throw new Malformed('it begins as a joblib "ZF" file, but no zlib data follows');
}

async function* xz(bytes: Bytes): AsyncGenerator<Uint8Array> {
  const { default: xzModule } = await import('xz-decompress');
  const pieces = rawPieces(bytes);
  const input = new ReadableStream<Uint8Array>({
    pull(controller) {
      const { done, value } = pieces.next();
      if (done) controller.close();
      // A copy: the decoder keeps it while the file's window moves on.
      else controller.enqueue(value.slice());
    },
  });
  const output = new xzModule.XzReadableStream(input) as unknown as NodeReadableStream<Uint8Array>;
  const reader = output.getReader();
  let done = false;
  try {
    for (;;) {
      const step = await reader.read();
      if (step.done) {
        done = true;
        return;
      }
      yield step.value;
    }
  } finally {
    // Its one decoder is shared by all streams: whoever leaves early has to give it back.
    if (!done) await reader.cancel().catch(() => {});
  }
}
