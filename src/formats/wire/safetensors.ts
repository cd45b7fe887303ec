import { type Bytes, Truncated } from '../../model/bytes.ts';
import { Malformed } from '../format.ts';

/** What the header of a safetensors file says. Source: the safetensors README, "Format". */
export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, { readonly dtype: string; readonly shape: readonly number[] }>;
  readonly metadata: Readonly<Record<string, string>>;
  /** Bytes that the tensors say they take, after the header. */
  readonly dataSize: number;
}

/** The reference implementation refuses larger headers. */
const MAX_HEADER = 100_000_000;

/** Bits of one element. */
const BITS: Readonly<Record<string, number>> = {
  BOOL: 8,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  I64: 64,
  U64: 64,
  F64: 64,
  C64: 64,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
};

/** Whether a file of `size` bytes that begins with `head` has a safetensors header. */
export function looksLikeSafetensors(head: Uint8Array, size: number): boolean {
  if (head.length < 9 || head[8] !== 0x7b) return false;
  const length = Number(new DataView(head.buffer, head.byteOffset, 8).getBigUint64(0, true));
  return length >= 2 && length <= size - 8 && length <= MAX_HEADER;
}

/**
 * Reads the header; tensor data is not touched.
 * @throws Malformed when the header is not JSON, or tensors overlap or leave gaps.
 * @throws Truncated when the tensors go past the end of the file.
 */
export function readSafetensors(bytes: Bytes): SafetensorsHeader {
  const prefix = bytes.read(0, 8);
  const length = new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER)) throw new Malformed(`the header claims ${length} bytes`);
  const parsed = parseHeader(bytes.read(8, Number(length)));
  const tensors = new Map<string, { dtype: string; shape: readonly number[] }>();
  const ranges: [number, number][] = [];
  for (const [name, value] of Object.entries(parsed)) {
    if (name === '__metadata__') continue;
    const tensor = asTensor(name, value);
    tensors.set(name, { dtype: tensor.dtype, shape: tensor.shape });
    ranges.push(tensor.range);
  }
  ranges.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let at = 0;
  for (const [begin, end] of ranges) {
    if (begin !== at)
      throw new Malformed(`tensor data ${begin < at ? 'overlaps' : 'has a gap'} at byte ${begin}`);
    at = end;
  }
  if (8 + Number(length) + at > bytes.size)
    throw new Truncated(`the tensors need ${8 + Number(length) + at} bytes and the file has ${bytes.size}`);
  const metadata: Record<string, string> = {};
  for (const [key, value] of Object.entries(parsed['__metadata__'] ?? {}))
    if (typeof value === 'string') metadata[key] = value;
  return { tensors, metadata, dataSize: at };
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed))
      return parsed as Record<string, unknown>;
  } catch {
    // Said below, without the parser's words about a megabyte of JSON.
  }
  throw new Malformed('the header is not a JSON object');
}

function asTensor(name: string, value: unknown): { dtype: string; shape: number[]; range: [number, number] } {
  const { dtype, shape, data_offsets: range } = (value ?? {}) as Record<string, unknown>;
  const natural = (n: unknown): n is number => typeof n === 'number' && Number.isSafeInteger(n) && n >= 0;
  if (typeof dtype !== 'string' || !Array.isArray(shape) || !shape.every(natural))
    throw new Malformed(`tensor "${name}" has no type or shape`);
  const [begin, end]: unknown[] = Array.isArray(range) && range.length === 2 ? range : [];
  if (!natural(begin) || !natural(end) || end < begin)
    throw new Malformed(`tensor "${name}" has no place in the file`);
  const bits = BITS[dtype];
  const count = shape.reduce((product, size) => product * size, 1);
  if (bits !== undefined && Math.ceil((count * bits) / 8) !== end - begin)
    throw new Malformed(
      `tensor "${name}" is ${end - begin} bytes, and its shape needs ${(count * bits) / 8}`,
    );
  return { dtype, shape, range: [begin, end] };
}
