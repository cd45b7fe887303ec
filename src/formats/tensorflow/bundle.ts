import { type Bytes, inMemory } from '../../model/bytes.ts';
import { Malformed } from '../format.ts';
import { decode, rootMessage, type Schema } from '../wire/protobuf.ts';
import { child, enumeration } from '../wire/tree.ts';
import { countOf, TENSOR_SHAPE } from './types.ts';

/** What `variables.index` says of one tensor of a checkpoint. */
export interface BundleEntry {
  readonly key: string;
  /** DataType, by number. */
  readonly type: number;
  /** Count of values; `null` where a dimension is not known. */
  readonly count: number | null;
}

/** BundleEntryProto (tensorflow/core/protobuf/tensor_bundle.proto). */
const ENTRY: Schema = { dtype: [1, 'int'], shape: [2, TENSOR_SHAPE] };

const FOOTER = 48;
const MAGIC = [0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb];
/** A byte for the compression and four for the checksum stand behind each block. */
const TRAILER = 5;
/** TensorFlow begins another block after 256 KiB. */
const MAX_BLOCK = 16 * 1024 * 1024;
const MAX_BLOCKS = 4096;
const MAX_ENTRIES = 500_000;
const MAX_ENTRY = 1024 * 1024;

/**
 * The entries of the index of a checkpoint: a table as LevelDB writes it (doc/table_format.md there). `null`: it is
 * compressed, which TensorFlow never does to it. @throws Truncated, Malformed.
 */
export function readBundle(bytes: Bytes, visit: (entry: BundleEntry) => void): 'read' | null {
  const footer = bytes.read(Math.max(0, bytes.size - FOOTER), Math.min(FOOTER, bytes.size));
  if (footer.length < FOOTER || MAGIC.some((byte, at) => footer[FOOTER - 8 + at] !== byte))
    throw new Malformed('variables.index does not end as a table of TensorFlow');
  const at = { at: 0 };
  handle(footer, at);
  const index = block(bytes, handle(footer, at));
  if (!index) return null;
  let blocks = 0;
  let entries = 0;
  for (const { value } of pairs(index)) {
    if (++blocks > MAX_BLOCKS) throw new Malformed(`variables.index has more than ${MAX_BLOCKS} blocks`);
    const data = block(bytes, handle(value, { at: 0 }));
    if (!data) return null;
    for (const pair of pairs(data)) {
      // The empty key has the header of the bundle.
      if (pair.key.length === 0) continue;
      if (++entries > MAX_ENTRIES)
        throw new Malformed(`variables.index has more than ${MAX_ENTRIES} entries`);
      const entry = decode(rootMessage(inMemory(pair.value)), ENTRY);
      const type = enumeration(entry, 'dtype');
      visit({
        key: Buffer.from(pair.key).toString('utf8'),
        type: typeof type === 'number' ? type : 0,
        count: countOf(child(entry, 'shape')),
      });
    }
  }
  return 'read';
}

/** The offset and the size of a block. */
interface Handle {
  readonly offset: number;
  readonly size: number;
}

function handle(bytes: Uint8Array, cursor: { at: number }): Handle {
  const offset = varint(bytes, cursor);
  return { offset, size: varint(bytes, cursor) };
}

/** The content of a block, which is shared with nobody; `null` when it is compressed. */
function block(source: Bytes, { offset, size }: Handle): Uint8Array | null {
  if (size > MAX_BLOCK) throw new Malformed(`a block of variables.index has ${size} bytes`);
  const whole = source.read(offset, size + TRAILER);
  return whole[size] === 0 ? whole.slice(0, size) : null;
}

/** Keys and values of a block. Each key repeats so many bytes of the one before it. */
function* pairs(content: Uint8Array): Generator<{ key: Uint8Array; value: Uint8Array }, void, undefined> {
  if (content.length < 4) throw new Malformed('a block of variables.index is too short');
  const restarts = new DataView(content.buffer, content.byteOffset).getUint32(content.length - 4, true);
  const end = content.length - 4 - 4 * restarts;
  if (end < 0) throw new Malformed('a block of variables.index is shorter than its restart points');
  const cursor = { at: 0 };
  let key = new Uint8Array(0);
  while (cursor.at < end) {
    const shared = varint(content, cursor);
    const added = varint(content, cursor);
    const length = varint(content, cursor);
    const start = cursor.at + added;
    if (shared > key.length || shared + added > MAX_ENTRY || length > MAX_ENTRY || start + length > end)
      throw new Malformed('an entry of variables.index does not fit its block');
    const next = new Uint8Array(shared + added);
    next.set(key.subarray(0, shared));
    next.set(content.subarray(cursor.at, start), shared);
    key = next;
    cursor.at = start + length;
    yield { key, value: content.subarray(start, cursor.at) };
  }
}

/** An unsigned varint below 2^49, which is more than any offset. */
function varint(bytes: Uint8Array, cursor: { at: number }): number {
  let value = 0;
  for (let index = 0; index < 7; index++) {
    const byte = bytes[cursor.at++];
    if (byte === undefined) throw new Malformed('variables.index ends within a number');
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return value;
  }
  throw new Malformed('a number of variables.index is too large');
}
