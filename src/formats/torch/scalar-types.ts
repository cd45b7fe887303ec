import type { ScalarType } from '../../contract/types.ts';

/** torch's ScalarType by number; quantized types as what they are stored in. Source: c10/core/ScalarType.h. */
export const TYPE_BY_NUMBER: Readonly<Record<number, ScalarType>> = {
  0: 'uint8', 1: 'int8', 2: 'int16', 3: 'int32', 4: 'int64', 5: 'float16', 6: 'float32', 7: 'float64', 9: 'complex64', 10: 'complex128',
  11: 'bool', 12: 'int8', 13: 'uint8', 14: 'int32', 15: 'bfloat16', 23: 'float8_e5m2', 24: 'float8_e4m3fn', 25: 'float8_e5m2fnuz', 26: 'float8_e4m3fnuz', 27: 'uint16', 28: 'uint32', 29: 'uint64',
}; // biome-ignore format: a table
