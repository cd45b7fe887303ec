import type { ScalarType } from '../../contract/types.ts';

/** What is known of a value: a type, some number whose type its columns decide, a decimal, or nothing. */
export type SqlType = ScalarType | 'number' | 'decimal' | null;

/** What a function gives, and how it uses columns among its arguments. `first`, `second`: the type of that argument. */
interface SqlFunction {
  readonly gives: SqlType | 'first' | 'second' | 'common';
  readonly takes: 'text' | 'number' | null;
}

const TABLE: readonly (readonly [SqlFunction['gives'], SqlFunction['takes'], string])[] = [
  [
    'string',
    'text',
    'upper ucase lower lcase trim ltrim rtrim btrim substring_index replace regexp_replace regexp_extract translate initcap soundex lpad rpad',
  ],
  [
    'string',
    null,
    'concat concat_ws substring substr left right date_format from_unixtime format_number format_string printf md5 sha sha1 sha2 base64 hex space typeof',
  ],
  ['int32', 'text', 'length char_length character_length instr locate levenshtein ascii'],
  [
    'int32',
    null,
    'year month day dayofmonth dayofyear dayofweek weekday weekofyear quarter hour minute datediff size hash',
  ],
  [
    'float64',
    'number',
    'log ln log2 log10 log1p exp expm1 sqrt cbrt pow power sin cos tan asin acos atan atan2 sinh cosh tanh degrees radians rint signum sign hypot avg mean std stddev stddev_pop stddev_samp variance var_pop var_samp corr',
  ],
  ['float64', null, 'rand random randn pi e months_between'],
  ['int64', 'number', 'floor ceil ceiling'],
  ['int64', null, 'count unix_timestamp to_unix_timestamp monotonically_increasing_id'],
  ['bool', null, 'isnull isnotnull'],
  ['bool', 'number', 'isnan'],
  ['bool', 'text', 'startswith endswith contains'],
  [null, 'text', 'split'],
  ['first', 'number', 'abs round bround'],
  ['first', null, 'max min first last nullif'],
  ['common', null, 'coalesce nvl ifnull greatest least'],
  ['second', null, 'if iff'],
];

/** Functions of Spark SQL whose result does not depend on more than this. */
export const FUNCTIONS: ReadonlyMap<string, SqlFunction> = new Map(
  TABLE.flatMap(([gives, takes, names]) => names.split(' ').map((name) => [name, { gives, takes }] as const)),
);

/** Types after CAST … AS. */
export const CASTS: Readonly<Record<string, SqlType>> = {
  STRING: 'string',
  VARCHAR: 'string',
  CHAR: 'string',
  BOOLEAN: 'bool',
  BYTE: 'int8',
  TINYINT: 'int8',
  SHORT: 'int16',
  SMALLINT: 'int16',
  INT: 'int32',
  INTEGER: 'int32',
  LONG: 'int64',
  BIGINT: 'int64',
  FLOAT: 'float32',
  REAL: 'float32',
  DOUBLE: 'float64',
  DECIMAL: 'decimal',
  DEC: 'decimal',
  NUMERIC: 'decimal',
  DATE: null,
  TIMESTAMP: null,
};

/** The functions that Spark also has as casts: `int(x)`. */
export const CAST_FUNCTIONS = new Set('string boolean tinyint smallint int bigint float double'.split(' '));

const WHOLE = ['int8', 'int16', 'int32', 'int64'];

/** The type of a sum, difference or product. */
export function arithmetic(a: SqlType, b: SqlType): SqlType {
  if (a === 'float64' || b === 'float64') return 'float64';
  const [low, high] = [WHOLE.indexOf(a ?? ''), WHOLE.indexOf(b ?? '')].toSorted((x, y) => x - y);
  if (low !== undefined && high !== undefined && low >= 0) return (WHOLE[high] as SqlType) ?? null;
  return a === 'number' || b === 'number' ? 'number' : null;
}

/** The type of what may be the one or the other; NULL takes the type of the other. */
export function common(types: readonly SqlType[]): SqlType {
  const [first = null, ...others] = types;
  return others.reduce((all, one) => (all === one ? all : arithmetic(all, one)), first);
}
