import type { ScalarType, Shape } from '../../contract/types.ts';
import { entryOf } from '../../model/entry.ts';
import { type Told, unknown } from '../told.ts';
import { child, children, enumeration, has, type Tree } from '../wire/tree.ts';
import { dataType, tensorShape } from './types.ts';

/** What a spec says of a value that is made of several tensors, or of one. */
export interface SpecValue {
  readonly type: Told<ScalarType>;
  readonly shape: Told<Shape>;
  readonly description?: string;
}

/** TypeSpecProto.TypeSpecClass (tensorflow/core/protobuf/struct.proto) of those whose state begins with shape and type. */
const COMPOSITES: Readonly<Record<number | string, string>> = {
  1: 'a sparse tensor',
  SPARSE_TENSOR_SPEC: 'a sparse tensor',
  2: 'slices of a tensor with their indices',
  INDEXED_SLICES_SPEC: 'slices of a tensor with their indices',
  3: 'a ragged tensor',
  RAGGED_TENSOR_SPEC: 'a ragged tensor',
};

/** A leaf of a StructuredValue that stands for a tensor; `undefined`: it is a Python value. */
export function specValue(value: Tree, where: string): SpecValue | undefined {
  const spec = child(value, 'tensor_spec_value') ?? child(value, 'bounded_tensor_spec_value');
  if (spec)
    return {
      type: dataType(spec, 'dtype', `${where}.dtype`),
      shape: tensorShape(child(spec, 'shape'), `${where}.shape`),
    };
  return has(value, 'type_spec_value') ? compositeSpec(child(value, 'type_spec_value'), where) : undefined;
}

/** A TypeSpecProto: what the whole is as one tensor, which is how `tf.RaggedTensorSpec` and the like show it. */
export function compositeSpec(spec: Tree | undefined, where: string): SpecValue {
  const description = entryOf(COMPOSITES, String(enumeration(spec, 'type_spec_class')));
  const state = children(child(child(spec, 'type_state'), 'tuple_value'), 'values');
  const typed = state.find((part) => has(part, 'tensor_dtype_value'));
  if (description === undefined || typed === undefined) {
    const reason = `${where} is made of several tensors`;
    return { type: unknown(reason), shape: unknown(reason), description: 'a composite tensor' };
  }
  const shape = state.find((part) => has(part, 'tensor_shape_value'));
  return {
    type: dataType(typed, 'tensor_dtype_value', `${where} type_state`),
    shape: tensorShape(child(shape, 'tensor_shape_value'), `${where} type_state`),
    description,
  };
}
