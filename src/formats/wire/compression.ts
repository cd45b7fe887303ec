/** Compressions that a whole file may be in. `zf` is joblib's before 0.9.3: a header and zlib. */
export type Compression = 'zlib' | 'gzip' | 'bz2' | 'xz' | 'lzma' | 'lz4' | 'zstd' | 'zf';

/** Which compression the first bytes are, by content; `null` when they are none. */
export function compressionOf(head: Uint8Array): Compression | null {
  const [a, b, c, d] = [head[0] ?? -1, head[1] ?? -1, head[2] ?? -1, head[3] ?? -1];
  if (a === 0x78 && (a * 256 + b) % 31 === 0 && (b & 0x20) === 0) return 'zlib';
  if (a === 0x1f && b === 0x8b && c === 8) return 'gzip';
  if (a === 0x42 && b === 0x5a && c === 0x68 && d >= 0x31 && d <= 0x39) return 'bz2';
  if (a === 0xfd && b === 0x37 && c === 0x7a && d === 0x58 && head[4] === 0x5a && head[5] === 0) return 'xz';
  if (a === 0x04 && b === 0x22 && c === 0x4d && d === 0x18) return 'lz4';
  if (a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd) return 'zstd';
  if (a === 0x5a && b === 0x46 && c === 0x30 && d === 0x78) return 'zf';
  // LZMA "alone": properties lc=3 lp=0 pb=2, then the dictionary size, a power of two or 3·2^n.
  if (a === 0x5d && b === 0 && c === 0 && head.length >= 13 && head[5] !== undefined) {
    const size = [...head.subarray(5, 13)];
    if (size.every((byte) => byte === 0xff) || (size[6] === 0 && size[7] === 0)) return 'lzma';
  }
  return null;
}
