import { CONTAINER_TYPES, type Label, PROFILES, type Profile, SCALAR_TYPES } from './types.ts';

/** Keys of a value, and of a field. */
export const VALUE_KEYS = ['type', 'shape', 'items', 'keys', 'values', 'fields'];
export const FIELD_KEYS = [
  'name',
  ...VALUE_KEYS,
  'labels',
  'categories',
  'range',
  'optional',
  'profile',
  'description',
];
export const TYPES: ReadonlySet<string> = new Set([...SCALAR_TYPES, ...CONTAINER_TYPES]);

/** What other systems call the types. */
export const TYPE_HINTS: ReadonlyMap<string, string> = new Map([
  ['double', 'float64'],
  ['float', 'float32` or `float64'],
  ['half', 'float16'],
  ['fp16', 'float16'],
  ['fp32', 'float32'],
  ['fp64', 'float64'],
  ['bf16', 'bfloat16'],
  ['int', 'int64'],
  ['integer', 'int32` or `int64'],
  ['long', 'int64'],
  ['short', 'int16'],
  ['byte', 'int8'],
  ['boolean', 'bool'],
  ['str', 'string'],
  ['text', 'string'],
  ['object', 'string` or `record'],
  ['binary', 'bytes'],
  ['datetime', 'datetime64'],
  ['datetime64[ns]', 'datetime64'],
  ['date', 'datetime64'],
  ['timestamp', 'datetime64'],
  ['list', 'sequence'],
  ['array', 'sequence'],
  ['dict', 'map` or `record'],
  ['struct', 'record'],
]);

export function isLabelValue(value: unknown): value is Label {
  return (
    typeof value === 'string' ||
    typeof value === 'boolean' ||
    (typeof value === 'number' && Number.isFinite(value))
  );
}

export function isProfile(value: unknown): value is Profile {
  return PROFILES.some((profile) => profile === value);
}

export function isText(value: unknown): value is string {
  return typeof value === 'string';
}
