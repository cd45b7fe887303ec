import { deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import { readOperand } from '../../src/formats/wire/pickle/operands.ts';
import { plainSource, pullStream } from '../../src/formats/wire/stream.ts';
import { entryBytes, looksLikeZip, openZip } from '../../src/formats/wire/zip.ts';
import { inMemory } from '../../src/model/bytes.ts';
import { head, varint } from './proto.ts';
import { type Member, zipOf } from './zip.ts';

/** A number from 0 on, below the one that is given. */
export type Random = (below: number) => number;

/** Numbers that are the same for the same seed (mulberry32). */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below);
  };
}

const MAX_DEPTH = 3;
/** What becomes of larger files costs more time than it finds. */
const MAX_UNPACKED = 4 * 1024 * 1024;

/**
 * Damages bytes in one to three places. Mostly by what they are made of, so that the damage gets past the container: members of
 * archives, compressed data, messages, opcodes, tokens of text, lengths; now and then anywhere.
 */
export async function mutate(original: Buffer, random: Random, depth = 0): Promise<Buffer> {
  let bytes = original;
  for (let round = 1 + random(3); round > 0 && bytes.length > 0; round--) {
    const known = depth < MAX_DEPTH && random(4) > 0 ? await structured(bytes, random, depth) : null;
    bytes = known ?? anywhere(bytes, random);
  }
  return bytes;
}

async function structured(bytes: Buffer, random: Random, depth: number): Promise<Buffer | null> {
  try {
    if (looksLikeZip(bytes)) return await member(bytes, random, depth);
    if (bytes[0] === 0x1f && bytes[1] === 0x8b)
      return gzipSync(await mutate(gunzipSync(bytes, { maxOutputLength: MAX_UNPACKED }), random, depth + 1), {
        level: 1,
      });
    if (bytes[0] === 0x78 && bytes.readUInt16BE(0) % 31 === 0)
      return deflateSync(
        await mutate(inflateSync(bytes, { maxOutputLength: MAX_UNPACKED }), random, depth + 1),
        { level: 1 },
      );
  } catch {
    return null;
  }
  const header = bytes.length > 9 ? Number(bytes.readBigUInt64LE(0)) : 0;
  if (bytes[8] === 0x7b && header + 8 <= bytes.length) {
    // safetensors: the length of the header, and the header.
    const text = tokens(bytes.subarray(8, 8 + header), random);
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(text.length));
    return Buffer.concat([length, text, bytes.subarray(8 + header)]);
  }
  if (isText(bytes)) return tokens(bytes, random);
  if (bytes[0] === 0x80 && (bytes[1] ?? 9) <= 5) return await opcodes(bytes, random);
  return (random(2) > 0 ? message(bytes, random, 0) : null) ?? numbers(bytes, random);
}

/** One member of an archive, or what the directory says of one, and an archive around it that holds. */
async function member(bytes: Buffer, random: Random, depth: number): Promise<Buffer | null> {
  const zip = openZip(inMemory(bytes));
  const members: Member[] = zip.entries.map((entry) => ({
    name: entry.name,
    deflate: entry.method === 8,
    data: Buffer.from(entryBytes(zip, entry, MAX_UNPACKED).read(0, entry.size)),
  }));
  const at = random(members.length);
  const victim = members[at];
  if (victim === undefined) return null;
  const kind = random(12);
  if (kind === 0) members.splice(at, 1);
  else if (kind === 1)
    members.push({ ...victim, data: members[random(members.length)]?.data ?? victim.data });
  else if (kind === 2) members[at] = { ...victim, name: `${victim.name.slice(0, random(20))}../x` };
  else members[at] = { ...victim, data: await mutate(victim.data, random, depth + 1) };
  return zipOf(members);
}

const isText = (bytes: Buffer): boolean =>
  bytes.subarray(0, 256).every((byte) => (byte >= 0x20 && byte < 0x7f) || (byte >= 9 && byte <= 13));

const ODD_TOKENS = [
  ...[
    '-1',
    '0',
    '1e999',
    '99999999999999999999',
    'null',
    '""',
    '{}',
    '[]',
    '{',
    ']',
    '"',
    '<a>',
    '</a>',
    ',',
    ':',
    '\n',
    ' ',
    '*a',
    '&a ',
  ],
  ...[
    '__proto__',
    'constructor',
    '../../etc/passwd',
    '\\',
    '\u0000',
    'é',
    '[]],',
    '[1,[2]]',
    'x'.repeat(5000),
    '['.repeat(3000),
    '{"a":'.repeat(2000),
  ],
];

/** Words, numbers and signs of a text: taken out, doubled, put elsewhere, replaced. */
function tokens(bytes: Buffer, random: Random): Buffer {
  const parts = bytes.toString('latin1').match(/[\w.-]+|\s+|[^\w\s]/g) ?? [];
  const at = random(parts.length);
  const other = parts[random(parts.length)] ?? '';
  const kind = random(6);
  if (kind === 0) parts.splice(at, 1);
  else if (kind === 1) parts.splice(at, 0, ...parts.slice(at, at + random(30)));
  else if (kind === 2) parts[at] = other;
  else if (kind === 3) parts.splice(at, random(20));
  else parts[at] = ODD_TOKENS[random(ODD_TOKENS.length)] ?? '';
  return Buffer.from(parts.join(''), 'latin1');
}

const ODD_OPCODES = [
  'c os\nsystem\n',
  'R',
  'b',
  '0',
  '1',
  'e',
  'u',
  'a',
  's',
  '\x93',
  '\x81',
  '\x92',
  't',
  ')',
  'N',
  '}',
  ']',
  '\x8f',
  '\x94',
  'h\x00',
  '2',
  '(',
  'K\xff',
  'U\x03abc',
  'I-1\n',
];

/** Opcodes of a pickle: taken out, doubled, put elsewhere, added. */
async function opcodes(bytes: Buffer, random: Random): Promise<Buffer> {
  const stream = pullStream(plainSource(inMemory(bytes)));
  const budget = { bytes: MAX_UNPACKED };
  const starts: number[] = [];
  try {
    while (await stream.ensure(1)) {
      starts.push(stream.position);
      await readOperand(stream, stream.byte(), budget);
    }
  } catch {
    // Raw arrays of joblib: the opcodes before them are enough.
  }
  const at = random(starts.length);
  const [from = 0, to = bytes.length] = starts.slice(at, at + 2);
  const other = random(starts.length);
  const [start = 0, end = bytes.length] = starts.slice(other, other + 2);
  const odd = Buffer.from(ODD_OPCODES[random(ODD_OPCODES.length)] ?? '', 'latin1');
  const between = [
    Buffer.alloc(0),
    odd,
    bytes.subarray(start, end),
    Buffer.concat([bytes.subarray(from, to), odd]),
  ];
  return Buffer.concat([bytes.subarray(0, from), between[random(4)] ?? odd, bytes.subarray(to)]);
}

/** A field of a protobuf message, however deep; the lengths around it hold. `null` where the bytes are none. */
function message(bytes: Buffer, random: Random, depth: number): Buffer | null {
  const fields: {
    readonly number: number;
    readonly start: number;
    readonly body: number;
    readonly end: number;
    readonly wire: number;
  }[] = [];
  for (let at = 0; at < bytes.length; ) {
    const start = at;
    const read = (): number => {
      let value = 0;
      for (let scale = 1; ; scale *= 128) {
        const byte = bytes[at++] ?? Number.NaN;
        value += (byte & 0x7f) * scale;
        if (!(byte >= 0x80 && scale < 2 ** 63)) return byte < 0x80 ? value : Number.NaN;
      }
    };
    const tag = read();
    const wire = tag % 8;
    const body = wire === 2 ? read() : 0;
    const from = at;
    if (wire === 0) read();
    else at += wire === 2 ? body : wire === 1 ? 8 : wire === 5 ? 4 : Number.NaN;
    if (!(at <= bytes.length) || tag < 8) return null;
    fields.push({ number: Math.floor(tag / 8), wire, start, body: from, end: at });
  }
  const one = fields[random(fields.length)];
  if (!one) return null;
  const { number, wire, start, end } = one;
  const payload = bytes.subarray(one.body, end);
  const inside = wire === 2 && depth < 30 && random(8) > 0 ? message(payload, random, depth + 1) : null;
  const changed = (): Buffer => {
    if (inside) return Buffer.concat([head(number, inside.length), inside]);
    switch (random(6)) {
      case 0:
        return Buffer.alloc(0);
      case 1:
        return Buffer.concat([bytes.subarray(start, end), bytes.subarray(start, end)]);
      case 2:
        return Buffer.concat([varint(number * 8), varint(ODD[random(ODD.length)] ?? 0)]);
      case 3:
        return Buffer.concat([
          varint((1 + random(20)) * 8 + wire),
          bytes.subarray(end - payload.length, end),
        ]);
      case 4:
        return Buffer.concat([head(number, bytes.length), bytes]);
      default: {
        const other = isText(payload) ? tokens(payload, random) : anywhere(payload, random);
        return Buffer.concat([head(number, other.length), other]);
      }
    }
  };
  return Buffer.concat([bytes.subarray(0, start), changed(), bytes.subarray(end)]);
}

const ODD = [
  0n,
  1n,
  127n,
  128n,
  255n,
  0x7fffn,
  0xffffn,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];

/** A number of two, four or eight bytes, which may be a length, a count or an offset. */
function numbers(original: Buffer, random: Random): Buffer {
  const bytes = Buffer.from(original);
  const width = 2 ** (1 + random(3));
  if (bytes.length < width) return anywhere(bytes, random);
  let at = random(Math.min(bytes.length, random(2) > 0 ? 512 : bytes.length) - width + 1);
  if (random(2) > 0) at -= at % width;
  const little = random(4) > 0;
  const read = little ? bytes.readUIntLE(at, Math.min(width, 6)) : bytes.readUIntBE(at, Math.min(width, 6));
  const near = BigInt(read) + BigInt(random(9) - 4);
  let value = random(2) > 0 ? near : (ODD[random(ODD.length)] ?? 0n);
  if (random(8) === 0) value = BigInt(random(bytes.length + 8));
  for (let index = 0; index < width; index++) {
    bytes[at + (little ? index : width - 1 - index)] = Number(value & 0xffn);
    value >>= 8n;
  }
  return bytes;
}

const NASTY = [0x00, 0x01, 0x7f, 0x80, 0xff];

/** Bytes wherever they are: flips, runs of extreme values, cuts, repeats. */
function anywhere(original: Buffer, random: Random): Buffer {
  const bytes = Buffer.from(original);
  const at = random(bytes.length);
  switch (random(6)) {
    case 0:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
      return bytes;
    case 1:
      bytes[at] = NASTY[random(NASTY.length)] ?? 0;
      return bytes;
    case 2:
      bytes.fill(NASTY[random(NASTY.length)] ?? 0, at, Math.min(bytes.length, at + 1 + random(8)));
      return bytes;
    case 3:
      return bytes.subarray(0, at);
    case 4:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at, at + random(64)), bytes.subarray(at)]);
    default:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random(16))]);
  }
}
