import { Malformed } from '../../format.ts';

/** The largest integer, in bytes, that is turned into a number. */
const MAX_LONG = 4096;

/** An integer as a number where that is exact, else as a bigint. */
const asInteger = (value: bigint): number | bigint =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(value)
    : value;

/** LONG1 and LONG4: little-endian two's complement. */
export function longOf(raw: Uint8Array, length: number): number | bigint {
  if (length > MAX_LONG) throw new Malformed(`an integer of ${length} bytes`);
  if (raw.length < length) throw new Malformed('it holds more integers than are kept in memory');
  if (length === 0) return 0;
  const hex = Buffer.from(raw).reverse().toString('hex');
  const value = BigInt(`0x${hex}`);
  return asInteger((raw[length - 1] ?? 0) >= 0x80 ? value - (1n << BigInt(8 * length)) : value);
}

/** INT and LONG in text: `I01` is true, a LONG ends with `L`. */
export function decimalOf(line: string): number | bigint | boolean {
  if (line === '01') return true;
  if (line === '00') return false;
  const digits = line.trim().replace(/L$/, '').replaceAll('_', '');
  if (!/^[+-]?\d+$/.test(digits) || digits.length > 2 * MAX_LONG)
    throw new Malformed(`${JSON.stringify(line.slice(0, 40))} is no integer`);
  return asInteger(BigInt(digits.startsWith('+') ? digits.slice(1) : digits));
}

/** FLOAT in text. */
export function floatOf(line: string): number {
  const text = line.trim().toLowerCase();
  const named = /^([+-]?)(inf|infinity|nan)$/.exec(text);
  if (named) return named[2] === 'nan' ? Number.NaN : named[1] === '-' ? -Infinity : Infinity;
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/.test(text))
    throw new Malformed(`${JSON.stringify(line.slice(0, 40))} is no number`);
  return Number(text);
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
  '\n': '',
};

/** STRING: the repr of a Python 2 string, in either quote. */
export function quotedOf(line: string): string {
  const text = line.trim();
  const quote = text[0];
  if (text.length < 2 || (quote !== "'" && quote !== '"') || text.at(-1) !== quote)
    throw new Malformed('the operand of STRING is not quoted');
  return text.slice(1, -1).replace(/\\(x[0-9a-fA-F]{2}|[0-7]{1,3}|[\s\S])/g, (_all, code: string) => {
    if (code.length === 3 && code[0] === 'x') return String.fromCharCode(Number.parseInt(code.slice(1), 16));
    if (/^[0-7]/.test(code)) return String.fromCharCode(Number.parseInt(code, 8) & 0xff);
    return ESCAPES[code] ?? (code === '\\' || code === "'" || code === '"' ? code : `\\${code}`);
  });
}

/** UNICODE: raw-unicode-escape. */
export function rawUnicodeOf(line: string): string {
  return line.replace(/\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/g, (all, short?: string, long?: string) => {
    const code = Number.parseInt(short ?? long ?? '', 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : all;
  });
}
