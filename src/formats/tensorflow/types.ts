import type { ScalarType, Shape } from '../../contract/types.ts';
import { stated, type Told, unknown } from '../told.ts';
import type { Schema } from '../wire/protobuf.ts';
import { bool, children, enumeration, number, type Tree, type TreeValue } from '../wire/tree.ts';

/** tensorflow/core/framework/types.proto. Quantized types are stored as the integers that they hold. */
const TYPES: readonly (readonly [code: number, name: string, type: ScalarType | null])[] = [
  [1, 'DT_FLOAT', 'float32'],
  [2, 'DT_DOUBLE', 'float64'],
  [3, 'DT_INT32', 'int32'],
  [4, 'DT_UINT8', 'uint8'],
  [5, 'DT_INT16', 'int16'],
  [6, 'DT_INT8', 'int8'],
  [7, 'DT_STRING', 'string'],
  [8, 'DT_COMPLEX64', 'complex64'],
  [9, 'DT_INT64', 'int64'],
  [10, 'DT_BOOL', 'bool'],
  [11, 'DT_QINT8', 'int8'],
  [12, 'DT_QUINT8', 'uint8'],
  [13, 'DT_QINT32', 'int32'],
  [14, 'DT_BFLOAT16', 'bfloat16'],
  [15, 'DT_QINT16', 'int16'],
  [16, 'DT_QUINT16', 'uint16'],
  [17, 'DT_UINT16', 'uint16'],
  [18, 'DT_COMPLEX128', 'complex128'],
  [19, 'DT_HALF', 'float16'],
  [20, 'DT_RESOURCE', null],
  [21, 'DT_VARIANT', null],
  [22, 'DT_UINT32', 'uint32'],
  [23, 'DT_UINT64', 'uint64'],
  [24, 'DT_FLOAT8_E5M2', 'float8_e5m2'],
  [25, 'DT_FLOAT8_E4M3FN', 'float8_e4m3fn'],
  [26, 'DT_FLOAT8_E4M3FNUZ', 'float8_e4m3fnuz'],
  [28, 'DT_FLOAT8_E5M2FNUZ', 'float8_e5m2fnuz'],
  [29, 'DT_INT4', 'int4'],
  [30, 'DT_UINT4', 'uint4'],
  [33, 'DT_FLOAT4_E2M1FN', 'float4_e2m1fn'],
  [34, 'DT_FLOAT8_E8M0FNU', 'float8_e8m0fnu'],
];
const BY_CODE = new Map(TYPES.map(([code, name, type]) => [code, { name, type }]));
const BY_NAME = new Map(TYPES.map(([, name, type]) => [name, { name, type }]));
/** A reference to a variable of a type is the type plus this. */
const REFERENCE = 100;

function typeFor(code: number | string): { name: string; type: ScalarType | null } | undefined {
  return typeof code === 'number'
    ? BY_CODE.get(code > REFERENCE ? code - REFERENCE : code)
    : BY_NAME.get(code.replace(/_REF$/, ''));
}

/** The scalar type that a DataType stands for, which is a number in `.pb` and a name in `.pbtxt`. */
export function scalarType(code: TreeValue | undefined): ScalarType | null {
  return typeof code === 'number' || typeof code === 'string' ? (typeFor(code)?.type ?? null) : null;
}

/** The scalar type of a DataType field. */
export function dataType(message: Tree | undefined, name: string, where: string): Told<ScalarType> {
  const code = enumeration(message, name);
  const found = typeFor(code);
  if (found?.type) return stated(found.type, where);
  if (found) return unknown(`${where} is ${found.name}: a handle, which is no value`);
  return unknown(code === 0 || code === 'DT_INVALID' ? `${where} is not stated` : `${where} is ${code}`);
}

/** TensorShapeProto. */
export const TENSOR_SHAPE: Schema = {
  dim: [2, { size: [1, 'int'], name: [2, 'string'] }],
  unknown_rank: [3, 'int'],
};

/**
 * A TensorShapeProto: no message or `unknown_rank` is any rank, no dimensions is a scalar, -1 is any size. A
 * dimension without a field is of size 0, which is what protobuf leaves out.
 */
export function tensorShape(shape: Tree | undefined, where: string): Told<Shape> {
  if (!shape) return unknown(`${where} is not stated`);
  if (bool(shape, 'unknown_rank')) return unknown(`${where} has unknown_rank: any rank`);
  return stated(
    children(shape, 'dim').map((dimension) => {
      const size = number(dimension, 'size');
      return size < 0 ? null : size;
    }),
    where,
  );
}

/** The count of values of a shape that is known; `null` where it is not. */
export function countOf(shape: Tree | undefined): number | null {
  if (!shape || bool(shape, 'unknown_rank')) return null;
  let count = 1;
  for (const dimension of children(shape, 'dim')) {
    const size = number(dimension, 'size');
    if (size < 0) return null;
    count *= size;
  }
  return count;
}
