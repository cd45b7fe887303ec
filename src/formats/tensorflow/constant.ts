import type { Shape } from '../../contract/types.ts';
import { bytesIn, decode, fields, integersIn, type Message, type Schema, textIn } from '../wire/protobuf.ts';
import { type Selection, selectionOf } from '../wire/prototext.ts';
import {
  bool,
  child,
  children,
  enumeration,
  number,
  numbers,
  string,
  strings,
  type Tree,
} from '../wire/tree.ts';
import { TENSOR_SHAPE } from './types.ts';

/** The value of a Const: its shape, and its numbers where they are few. */
export interface Constant {
  readonly shape: Shape | null;
  readonly values: readonly number[] | null;
}

/** More than any list of sizes or axes. */
const MAX_VALUES = 64;
const MAX_CONTENT = MAX_VALUES * 8;
const FLOAT = 1;
const INT32 = 3;
const INT64 = 9;
/** More than any list of the features of an example. */
const MAX_TEXTS = 2000;
const MAX_CHARACTERS = 64 * 1024;
const HEAD: Schema = { dtype: [1, 'int'], tensor_shape: [2, TENSOR_SHAPE] };

/** Reads a TensorProto (tensorflow/core/framework/tensor.proto) without its weights. */
export function readConstant(tensor: Message): Constant {
  const head = decode(tensor, HEAD);
  const shape = shapeIn(child(head, 'tensor_shape'));
  const type = number(head, 'dtype');
  let values: number[] = [];
  for (const field of fields(tensor)) {
    if (field.end - field.start > MAX_CONTENT) continue;
    if (field.number === 4 && field.wire === 2) values = contentOf(bytesIn(tensor, field), type);
    else if (field.number === 7 || field.number === 10)
      for (const value of integersIn(tensor, field)) if (values.length <= MAX_VALUES) values.push(value);
    if (field.number === 5 && field.wire === 2) values = contentOf(bytesIn(tensor, field), FLOAT);
    else if (field.number === 5 && field.wire === 5)
      values.push(...contentOf(tensor.source.read(field.start, 4), FLOAT));
  }
  const read = type === INT32 || type === INT64 || type === FLOAT;
  return { shape, values: read ? spread(values, shape) : null };
}

/** The strings of a TensorProto, as they are written; `null` where they are too many. */
export function readTexts(tensor: Message): string[] | null {
  const texts: string[] = [];
  let characters = 0;
  for (const field of fields(tensor)) {
    if (field.number !== 8) continue;
    characters += field.end - field.start;
    if (texts.length === MAX_TEXTS || characters > MAX_CHARACTERS) return null;
    texts.push(textIn(tensor, field));
  }
  return texts;
}

/** The same of a TensorProto that was read from text. */
export function textsInText(tensor: Tree): string[] | null {
  const texts = strings(tensor, 'string_val');
  return texts.length > MAX_TEXTS ? null : texts;
}

/** What is read of a TensorProto in text. */
export const TENSOR: Selection = {
  dtype: 'value',
  tensor_shape: { message: selectionOf(TENSOR_SHAPE) },
  tensor_content: { bytes: MAX_CONTENT },
  int_val: { few: MAX_VALUES + 1 },
  int64_val: { few: MAX_VALUES + 1 },
  float_val: { few: MAX_VALUES + 1 },
  string_val: { few: MAX_TEXTS + 1 },
};

const TYPES_IN_TEXT = new Map<number | string, number>([
  ['DT_FLOAT', FLOAT],
  ['DT_INT32', INT32],
  ['DT_INT64', INT64],
]);

/** The same of a TensorProto that was read from text. */
export function constantInText(tensor: Tree | undefined): Constant {
  const shape = shapeIn(child(tensor, 'tensor_shape'));
  const type = TYPES_IN_TEXT.get(enumeration(tensor, 'dtype'));
  if (type === undefined) return { shape, values: null };
  const content = Uint8Array.from(Buffer.from(string(tensor, 'tensor_content'), 'latin1'));
  const values = ['int_val', 'int64_val', 'float_val'].flatMap((name) => numbers(tensor, name));
  return { shape, values: spread(content.length > 0 ? contentOf(content, type) : values, shape) };
}

/** A message that is left out is a scalar. */
function shapeIn(shape: Tree | undefined): Shape | null {
  if (bool(shape, 'unknown_rank')) return null;
  const sizes = children(shape, 'dim').map((dimension) => number(dimension, 'size'));
  return sizes.some((size) => size < 0) ? null : sizes;
}

/** `tensor_content` is little-endian. Of types that say no sizes nothing is read. */
function contentOf(bytes: Uint8Array, type: number): number[] {
  if (type !== FLOAT && type !== INT32 && type !== INT64) return [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const size = type === INT64 ? 8 : 4;
  return Array.from({ length: Math.floor(bytes.length / size) }, (_, index) => {
    if (type === FLOAT) return view.getFloat32(index * size, true);
    return type === INT32 ? view.getInt32(index * size, true) : Number(view.getBigInt64(index * size, true));
  });
}

/** Where fewer values are written than the tensor has, the last one stands for the rest. */
function spread(values: readonly number[], shape: Shape | null): number[] | null {
  let count = 1;
  for (const size of shape ?? [null]) count *= typeof size === 'number' ? size : Number.NaN;
  const last = values.at(-1);
  if (!(count <= MAX_VALUES) || values.length > count) return null;
  if (count === 0) return [];
  return last === undefined ? null : Array.from({ length: count }, (_, index) => values[index] ?? last);
}
