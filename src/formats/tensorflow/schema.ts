import type { Schema } from '../wire/protobuf.ts';
import { TENSOR_SHAPE } from './types.ts';

/** The parts of SavedModel (tensorflow/core/protobuf/*.proto) that say how a model is called. */

const TYPE_SPEC: Schema = { type_spec_class: [1, 'int'], type_state: [2, () => STRUCTURE] };

const TENSOR_SPEC: Schema = { name: [1, 'string'], shape: [2, TENSOR_SHAPE], dtype: [3, 'int'] };
/** StructuredValue: the nested arguments and results of a function. */
const STRUCTURE: Schema = {
  none_value: [1, {}],
  string_value: [13, 'string'],
  bool_value: [14, 'int'],
  int64_value: [12, 'int'],
  tensor_shape_value: [31, TENSOR_SHAPE],
  tensor_dtype_value: [32, 'int'],
  tensor_spec_value: [33, TENSOR_SPEC],
  bounded_tensor_spec_value: [35, TENSOR_SPEC],
  type_spec_value: [34, TYPE_SPEC],
  list_value: [51, { values: [1, () => STRUCTURE] }],
  tuple_value: [52, { values: [1, () => STRUCTURE] }],
  dict_value: [53, { fields: [1, { key: [1, 'string'], value: [2, () => STRUCTURE] }] }],
  named_tuple_value: [
    54,
    { name: [1, 'string'], values: [2, { key: [1, 'string'], value: [2, () => STRUCTURE] }] },
  ],
};

const TENSOR_INFO: Schema = {
  name: [1, 'string'],
  dtype: [2, 'int'],
  tensor_shape: [3, TENSOR_SHAPE],
  coo_sparse: [4, { values_tensor_name: [1, 'string'] }],
  composite_tensor: [5, { type_spec: [1, TYPE_SPEC] }],
};

const SIGNATURE: Schema = {
  inputs: [1, { key: [1, 'string'], value: [2, TENSOR_INFO] }],
  outputs: [2, { key: [1, 'string'], value: [2, TENSOR_INFO] }],
  method_name: [3, 'string'],
  defaults: [4, { key: [1, 'string'] }],
};

const VARIABLE: Schema[string] = [
  7,
  { dtype: [1, 'int'], shape: [2, TENSOR_SHAPE], trainable: [3, 'int'], name: [6, 'string'] },
];

/** SavedObject, of which only variables are looked at. */
export const VARIABLE_OBJECT: Schema = { variable: VARIABLE };

/** SavedObject. */
export const OBJECT: Schema = {
  children: [1, { node_id: [1, 'int'], local_name: [2, 'string'] }],
  function: [
    6,
    {
      concrete_functions: [1, 'string'],
      function_spec: [2, { fullargspec: [1, STRUCTURE], is_method: [2, 'int'] }],
    },
  ],
  variable: VARIABLE,
};

/** An entry of `concrete_functions` of a SavedObjectGraph. */
export const CONCRETE_FUNCTION: Schema = {
  key: [1, 'string'],
  value: [2, { canonicalized_input_signature: [3, STRUCTURE], output_signature: [4, STRUCTURE] }],
};

/** MetaGraphDef without its graph; the objects are read by `objectGraph`. */
export const META_GRAPH: Schema = {
  meta_info_def: [
    1,
    { tags: [4, 'string'], tensorflow_version: [5, 'string'], tensorflow_git_version: [6, 'string'] },
  ],
  signature_def: [5, { key: [1, 'string'], value: [2, SIGNATURE] }],
  asset_file_def: [6, { filename: [2, 'string'] }],
};

/** NodeDef attributes that state a type, a shape or a switch. */
export const NODE_ATTRIBUTE: Schema = {
  key: [1, 'string'],
  value: [
    2,
    { b: [5, 'int'], type: [6, 'int'], shape: [7, TENSOR_SHAPE], list: [1, { shape: [7, TENSOR_SHAPE] }] },
  ],
};

/** NodeDef attributes that say how an operator changes sizes. */
export const SIZE_ATTRIBUTE: Schema = {
  key: [1, 'string'],
  value: [
    2,
    {
      s: [2, 'string'],
      i: [3, 'int'],
      b: [5, 'int'],
      shape: [7, TENSOR_SHAPE],
      list: [1, { i: [3, 'int'] }],
    },
  ],
};
