import type { Profile, ScalarType, Shape } from '../../contract/types.ts';
import { entryOf } from '../../model/entry.ts';
import { stated, type Told, type ToldField, type ToldValue, unknown } from '../told.ts';
import type { Schema } from '../wire/protobuf.ts';
import { child, children, has, number, string, type Tree } from '../wire/tree.ts';

/** TensorProto.DataType (onnx.proto). Two-bit integers (25, 26) have no name in the contract. */
const ELEMENT_TYPES: Readonly<Record<number, ScalarType>> = {
  1: 'float32',
  2: 'uint8',
  3: 'int8',
  4: 'uint16',
  5: 'int16',
  6: 'int32',
  7: 'int64',
  8: 'string',
  9: 'bool',
  10: 'float16',
  11: 'float64',
  12: 'uint32',
  13: 'uint64',
  14: 'complex64',
  15: 'complex128',
  16: 'bfloat16',
  17: 'float8_e4m3fn',
  18: 'float8_e4m3fnuz',
  19: 'float8_e5m2',
  20: 'float8_e5m2fnuz',
  21: 'uint4',
  22: 'int4',
  23: 'float4_e2m1fn',
  24: 'float8_e8m0fnu',
};

/** The scalar type of a TensorProto.DataType; `null` for 0 (undefined) and numbers that are not known. */
export function elementType(code: number): ScalarType | null {
  return ELEMENT_TYPES[code] ?? null;
}

const DIMENSION: Schema = { dim_value: [1, 'int'], dim_param: [2, 'string'] };
const TENSOR: Schema = { elem_type: [1, 'int'], shape: [2, { dim: [1, DIMENSION] }] };
const TYPE: Schema = {
  tensor_type: [1, TENSOR],
  sequence_type: [4, { elem_type: [1, () => TYPE] }],
  map_type: [5, { key_type: [1, 'int'], value_type: [2, () => TYPE] }],
  denotation: [6, 'string'],
  opaque_type: [7, { domain: [1, 'string'], name: [2, 'string'] }],
  sparse_tensor_type: [8, TENSOR],
  optional_type: [9, { elem_type: [1, () => TYPE] }],
};
/** ValueInfoProto. */
export const VALUE_INFO: Schema = { name: [1, 'string'], type: [2, TYPE], doc_string: [3, 'string'] };

const PROFILES: Readonly<Record<string, Profile>> = { IMAGE: 'image', AUDIO: 'audio', TEXT: 'text' };

/** A graph input or output. `where` is its place, such as `graph.input[0]`. */
export function valueField(info: Tree, where: string): ToldField {
  const type = child(info, 'type');
  const profile = entryOf(PROFILES, string(type, 'denotation'));
  const description = string(info, 'doc_string').trim();
  return {
    name: stated(string(info, 'name'), `${where}.name`),
    ...typeValue(type, `${where}.type`),
    ...(has(type, 'optional_type') && { optional: true }),
    ...(profile !== undefined && { profile }),
    ...(description !== '' && { description }),
  };
}

/** TypeProto: a tensor, or a container of other types. Nesting is bounded by the reader of the bytes. */
function typeValue(type: Tree | undefined, where: string): ToldValue {
  const optional = child(type, 'optional_type');
  if (optional) return typeValue(child(optional, 'elem_type'), `${where}.optional_type.elem_type`);
  const sequence = child(type, 'sequence_type');
  if (sequence)
    return {
      type: stated('sequence', where),
      shape: shapeless(`${where}.sequence_type`),
      items: typeValue(child(sequence, 'elem_type'), `${where}.sequence_type.elem_type`),
    };
  const map = child(type, 'map_type');
  if (map) {
    const keys = elementType(number(map, 'key_type'));
    const at = `${where}.map_type.key_type`;
    return {
      type: stated('map', where),
      shape: shapeless(`${where}.map_type`),
      keys: keys === null ? unknown(`${at} is ${number(map, 'key_type')}`) : stated(keys, at),
      values: typeValue(child(map, 'value_type'), `${where}.map_type.value_type`),
    };
  }
  const dense = child(type, 'tensor_type');
  const tensor = dense ?? child(type, 'sparse_tensor_type');
  if (tensor) {
    const at = `${where}.${dense ? 'tensor_type' : 'sparse_tensor_type'}`;
    return { type: tensorType(tensor, `${at}.elem_type`), shape: tensorShape(tensor, `${at}.shape`) };
  }
  const reason = has(type, 'opaque_type')
    ? `${where}.opaque_type is known to its own operators alone`
    : `${where} is not stated`;
  return { type: unknown(reason), shape: unknown(reason) };
}

/** A container has no shape of its own: that is stated, and it is no rank. */
function shapeless(where: string): Told<Shape> {
  return { value: null, evidence: { kind: 'stated', where } };
}

function tensorType(tensor: Tree, where: string): Told<ScalarType> {
  const code = number(tensor, 'elem_type');
  const type = elementType(code);
  if (type !== null) return stated(type, where);
  return unknown(code === 0 ? `${where} is not stated` : `${where} ${code} has no name in a contract`);
}

/** No `shape` is any rank; a `shape` without dimensions is a scalar (onnx.proto, TypeProto.Tensor). */
function tensorShape(tensor: Tree, where: string): Told<Shape> {
  const shape = child(tensor, 'shape');
  if (!shape) return unknown(`${where} is not stated: any rank`);
  const dimensions = children(shape, 'dim').map((dimension) => {
    const size = number(dimension, 'dim_value');
    if (size > 0) return size;
    const name = string(dimension, 'dim_param').trim();
    // Exporters that know no name write one of these; none of them says that two sizes are equal.
    return name === '' || name === '?' || name === 'None' || /^-?\d+$/.test(name) ? null : name;
  });
  return stated(dimensions, where);
}
