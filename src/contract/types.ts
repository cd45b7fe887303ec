/** Scalar types: NumPy's names and those that NumPy lacks (DESIGN.md §5). */
export const SCALAR_TYPES = [
  'bool',
  'int4',
  'int8',
  'int16',
  'int32',
  'int64',
  'uint4',
  'uint8',
  'uint16',
  'uint32',
  'uint64',
  'float8_e4m3fn',
  'float8_e4m3fnuz',
  'float8_e5m2',
  'float8_e5m2fnuz',
  'float8_e8m0fnu',
  'float4_e2m1fn',
  'float16',
  'bfloat16',
  'float32',
  'float64',
  'complex64',
  'complex128',
  'string',
  'bytes',
  'datetime64',
] as const;
/** Types that hold other types: `sequence` has `items`, `map` has `keys` and `values`, `record` has `fields`. */
export const CONTAINER_TYPES = ['sequence', 'map', 'record'] as const;

export type ScalarType = (typeof SCALAR_TYPES)[number];
export type ContainerType = (typeof CONTAINER_TYPES)[number];
export type TypeName = ScalarType | ContainerType;

/** A fixed size, a named free size (equal names are equal sizes within a call), or a free size. */
export type Dimension = number | string | null;
/** `[]` is a scalar. The absence of a shape (`null` in a `Field`) is any rank, or not known. */
export type Shape = readonly Dimension[];
/** A class label or a category. */
export type Label = string | number | boolean;

export const PROFILES = ['numerical', 'categorical', 'text', 'image', 'audio', 'video'] as const;
export type Profile = (typeof PROFILES)[number];

/** What a value is, without its name. */
export interface ValueType {
  /** `null`: not known, or any. */
  readonly type: TypeName | null;
  /** `null`: not known, or any rank. */
  readonly shape: Shape | null;
  /** Of a `sequence`. */
  readonly items?: ValueType;
  /** Of a `map`: the type of its keys. */
  readonly keys?: ScalarType;
  /** Of a `map`. */
  readonly values?: ValueType;
  /** Of a `record`. */
  readonly fields?: readonly Field[];
}

/** One input or output of a signature. */
export interface Field extends ValueType {
  readonly name: string;
  /**
   * Of an output, in order: the values that a label output takes, or what the entries along the last axis of a
   * score output stand for.
   */
  readonly labels?: readonly Label[];
  /** Of an input: the only values it admits. */
  readonly categories?: readonly Label[];
  /** Smallest and largest value, both admitted. */
  readonly range?: { readonly min?: number; readonly max?: number };
  /** An input that may be left out; an output that may be missing. Default `false`. */
  readonly optional?: boolean;
  readonly profile?: Profile;
  readonly description?: string;
}

/** One way to call the model. `null` inputs or outputs are not known. */
export interface Signature {
  readonly inputs: readonly Field[] | null;
  readonly outputs: readonly Field[] | null;
}

/** Named signatures. The default one is `default`, else `predict`, else the only one. */
export interface Contract {
  readonly contract: 'v1';
  readonly default?: string;
  readonly signatures: Readonly<Record<string, Signature>>;
}

/** The signature that is called when none is named; `null` when the contract leaves it open. */
export function defaultSignature(contract: Contract): string | null {
  const names = Object.keys(contract.signatures);
  if (contract.default !== undefined) return contract.default;
  if (Object.hasOwn(contract.signatures, 'predict')) return 'predict';
  return names.length === 1 ? (names[0] ?? null) : null;
}
