import type { Bytes } from '../../model/bytes.ts';
import { Malformed } from '../format.ts';

const MAX_INPUT = 64 * 1024 * 1024;

/** placeholder */
export async function* bzip2Pieces(bytes: Bytes): AsyncGenerator<Uint8Array> {
  if (bytes.size > MAX_INPUT) throw new Malformed('too large');
  yield bytes.read(0, 0);
}
