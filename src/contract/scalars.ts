import type { ScalarType } from './types.ts';

/** Integers: smallest and largest value, both admitted. */
export const INTEGERS: ReadonlyMap<ScalarType, readonly [bigint, bigint]> = new Map([
  ['int4', [-8n, 7n]],
  ['int8', [-128n, 127n]],
  ['int16', [-32_768n, 32_767n]],
  ['int32', [-(2n ** 31n), 2n ** 31n - 1n]],
  ['int64', [-(2n ** 63n), 2n ** 63n - 1n]],
  ['uint4', [0n, 15n]],
  ['uint8', [0n, 255n]],
  ['uint16', [0n, 65_535n]],
  ['uint32', [0n, 2n ** 32n - 1n]],
  ['uint64', [0n, 2n ** 64n - 1n]],
]);

/** What a floating-point type can hold. Sources: IEEE 754, OCP 8-bit floating point 1.0, OCP microscaling formats 1.0. */
export interface Floating {
  /** Bits of the significand with the hidden one: integers up to 2 to this power are exact. */
  readonly precision: number;
  /**
   * Numbers of a smaller magnitude than this round to a finite value and are admitted: the largest finite
   * value plus half of its last place.
   */
  readonly limit: number;
  /** The exponents that finite, normal values have, for telling what is held exactly. */
  readonly exponents: readonly [number, number];
}

export const FLOATS: ReadonlyMap<ScalarType, Floating> = new Map([
  ['float4_e2m1fn', { precision: 2, limit: 7, exponents: [0, 2] }],
  ['float8_e4m3fn', { precision: 4, limit: 464, exponents: [-6, 8] }],
  ['float8_e4m3fnuz', { precision: 4, limit: 248, exponents: [-7, 7] }],
  ['float8_e5m2', { precision: 3, limit: 61_440, exponents: [-14, 15] }],
  ['float8_e5m2fnuz', { precision: 3, limit: 61_440, exponents: [-15, 15] }],
  ['float8_e8m0fnu', { precision: 1, limit: 1.5 * 2 ** 127, exponents: [-127, 127] }],
  ['float16', { precision: 11, limit: 65_520, exponents: [-14, 15] }],
  ['bfloat16', { precision: 8, limit: (2 - 2 ** -8) * 2 ** 127, exponents: [-126, 127] }],
  ['float32', { precision: 24, limit: (2 - 2 ** -24) * 2 ** 127, exponents: [-126, 127] }],
  ['float64', { precision: 53, limit: Number.POSITIVE_INFINITY, exponents: [-1022, 1023] }],
]);

/** The type of the real and the imaginary part. */
export const COMPLEX: ReadonlyMap<ScalarType, ScalarType> = new Map([
  ['complex64', 'float32'],
  ['complex128', 'float64'],
]);

const DATE_TIME =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]{1,9})?(?:Z|[+-]([0-9]{2}):([0-9]{2}))$/;

/**
 * Why a JSON value is not one of `type`, or `null` if it is. The JSON meaning of every type:
 * bool is `true` or `false`; integers are numbers without a fraction, in range (`1.0` is 1); floats are all
 * numbers that round to a finite value, integers included; complex is `[re, im]`; string any string; bytes
 * base64 (RFC 4648 §4, padded); datetime64 RFC 3339 with `T`, seconds and zone. NaN, infinities and `null` are
 * none of them. Integers may come as bigint where a number would not be exact.
 */
export function scalarProblem(type: ScalarType, value: unknown): string | null {
  const integer = INTEGERS.get(type);
  if (integer) {
    if (!isNumber(value)) return `${describe(value)} is not a number`;
    if (typeof value === 'number' && !Number.isInteger(value)) return `${value} is not an integer`;
    const [min, max] = integer;
    return value < min || value > max ? `${value} is outside ${type} (${min} to ${max})` : null;
  }
  const float = FLOATS.get(type);
  if (float) {
    if (!isNumber(value)) return `${describe(value)} is not a number`;
    if (type === 'float8_e8m0fnu' && value <= 0)
      return `${value} is not positive, and ${type} holds no other`;
    return value <= -float.limit || value >= float.limit ? `${value} is too large for ${type}` : null;
  }
  const part = COMPLEX.get(type);
  if (part) {
    if (!Array.isArray(value) || value.length !== 2) return `${describe(value)} is not [real, imaginary]`;
    return scalarProblem(part, value[0]) ?? scalarProblem(part, value[1]);
  }
  if (type === 'bool') return typeof value === 'boolean' ? null : `${describe(value)} is not true or false`;
  if (typeof value !== 'string') return `${describe(value)} is not a string`;
  if (type === 'bytes') return isBase64(value) ? null : `${describe(value)} is not base64`;
  if (type === 'datetime64')
    return isDateTime(value) ? null : `${describe(value)} is not a time as RFC 3339 writes it`;
  return null;
}

/** Whether the value is a JSON number: finite, or a bigint. */
export function isNumber(value: unknown): value is number | bigint {
  return typeof value === 'bigint' || (typeof value === 'number' && Number.isFinite(value));
}

function isBase64(text: string): boolean {
  if (text.length % 4 !== 0) return false;
  const end = text.endsWith('==') ? text.length - 2 : text.endsWith('=') ? text.length - 1 : text.length;
  return /^[A-Za-z0-9+/]*$/.test(text.slice(0, end));
}

function isDateTime(text: string): boolean {
  const match = DATE_TIME.exec(text);
  if (!match) return false;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, zoneHour = 0, zoneMinute = 0] = match
    .slice(1)
    .map((part) => Number(part ?? 0));
  if (hour > 23 || minute > 59 || second > 59 || zoneHour > 23 || zoneMinute > 59) return false;
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1];
  return year >= 1 && days !== undefined && day >= 1 && day <= days;
}

/** A JSON value for a message, at most 40 characters. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 40 ? `${text.slice(0, 37)}…` : text;
}
