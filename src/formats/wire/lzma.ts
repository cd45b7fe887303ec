import type { Bytes } from '../../model/bytes.ts';
import { Malformed } from '../format.ts';

/** Above this the library, which works on whole buffers, would need too much memory. */
const MAX_INPUT = 8 * 1024 * 1024;

/** The content of an LZMA "alone" file, in one piece. @throws Malformed when the file is too large for that. */
export async function* lzmaPieces(bytes: Bytes): AsyncGenerator<Uint8Array> {
  if (bytes.size > MAX_INPUT)
    throw new Malformed(
      'it is an LZMA "alone" file of more than 8 MiB, which Lading does not read: use zlib or xz',
    );
  const { decompress } = await import('lzma1');
  yield decompress(bytes.read(0, bytes.size));
}
