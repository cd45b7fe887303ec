/** Writes protobuf by hand, so that tests can say what no library would write. */

/** A varint; negative numbers take ten bytes, as int64 has it. */
export function varint(value: number | bigint): Buffer {
  let rest = BigInt.asUintN(64, BigInt(value));
  const out: number[] = [];
  do {
    out.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(out);
}

/** A field of wire type 0. */
export const int = (number: number, value: number | bigint): Buffer =>
  Buffer.concat([varint(number << 3), varint(value)]);

/** The tag and length of a field of wire type 2. */
export const head = (number: number, length: number): Buffer =>
  Buffer.concat([varint((number << 3) | 2), varint(length)]);

/** A field of wire type 2: text, bytes, or a message of these fields. */
export function field(number: number, ...content: readonly (Buffer | string)[]): Buffer {
  const payload = Buffer.concat(content.map((part) => Buffer.from(part)));
  return Buffer.concat([head(number, payload.length), payload]);
}
