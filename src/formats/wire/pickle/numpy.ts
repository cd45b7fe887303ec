import type { Label, ScalarType } from '../../../contract/types.ts';
import {
  fullName,
  getKey,
  is,
  isNode,
  type PyCall,
  type PyDict,
  type PyGlobal,
  textOf,
  type Value,
} from './values.ts';

/** A NumPy dtype, as far as it matters. */
export interface DType {
  /** NumPy's kind letter: b i u f c S U V O M m. */
  readonly kind: string;
  /** Bytes of one element. */
  readonly itemsize: number;
  readonly bigEndian: boolean;
  readonly hasObject: boolean;
}

/** An array, however it was pickled. */
export interface ArrayView {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly fortran: boolean;
  /** Raw elements; `null` when they were not kept. */
  readonly data: Uint8Array | null;
  /** Elements of an object array. */
  readonly objects: readonly Value[] | null;
}

const MAX_RANK = 64;

/** Sizes of a shape; `null` when the value is none. A plain integer is a shape of rank 1. */
export function sizeOf(value: Value): number[] | null {
  const items = is(value, 'tuple') || is(value, 'list') ? value.items : [value];
  if (items.length > MAX_RANK) return null;
  const sizes = items.map((item) => (isNode(item) ? scalarOf(item) : item));
  return sizes.every((one) => typeof one === 'number' && Number.isInteger(one) && one >= 0)
    ? sizes.map(Number)
    : null;
}

/** Python 2 and NumPy 1 names for the same functions. */
const isNumpy = (node: PyGlobal, name: string): boolean =>
  node.name === name && (node.module === 'numpy' || node.module.startsWith('numpy.'));

const isCallOf = (node: PyCall, name: string): boolean =>
  is(node.callee, 'global') && isNumpy(node.callee, name);

/** The arguments of a call. */
export function argsOf(node: PyCall): readonly Value[] {
  return is(node.args, 'tuple') ? node.args.items : [];
}

/** Reads `numpy.dtype(code)` with its state. `null` when the value is no dtype. */
export function dtypeOf(value: Value, depth = 0): DType | null {
  if (depth > 8) return null;
  if (is(value, 'global') && isNumpy(value, value.name)) return namedType(value.name);
  // numpy >= 1.25 pickles its own scalar dtypes as numpy.dtypes.Float64DType().
  if (is(value, 'call') && is(value.callee, 'global') && value.callee.module === 'numpy.dtypes')
    return namedType(value.callee.name.replace(/DType$/, '').toLowerCase());
  if (!is(value, 'call') || !isCallOf(value, 'dtype')) return null;
  const code = argsOf(value)[0] ?? null;
  const state = value.states.at(-1);
  const parts = is(state, 'tuple') ? state.items : [];
  const text = textOf(code) ?? (is(code, 'global') ? code.name : null);
  if (text === null) return null;
  const order = textOf(parts[1] ?? null);
  const match = /^([<>|=]?)([a-zA-Z?])(\d*)$/.exec(text);
  if (!match) return namedType(text);
  const [, prefix = '', letter = '', digits = ''] = match;
  const kind = letter === '?' ? 'b' : letter;
  if (!'biufcSUVOMma'.includes(kind)) return null;
  const stated = parts[5];
  const named = parts[4];
  let itemsize = kind === 'U' ? Number(digits || 0) * 4 : kind === 'O' ? 8 : Number(digits || 0);
  if ('SUV'.includes(kind) && typeof stated === 'number' && stated >= 0) itemsize = stated;
  if (kind === 'b' && digits === '') itemsize = 1;
  let hasObject = kind === 'O';
  if (is(named, 'dict') && depth < 8)
    for (const field of named.values) {
      const inner = is(field, 'tuple') ? dtypeOf(field.items[0] ?? null, depth + 1) : null;
      if (inner?.hasObject) hasObject = true;
    }
  const subtype = parts[2];
  if (is(subtype, 'tuple')) {
    const inner = dtypeOf(subtype.items[0] ?? null, depth + 1);
    if (inner?.hasObject) hasObject = true;
  }
  if (itemsize > 2 ** 31) return null;
  return { kind: kind === 'a' ? 'S' : kind, itemsize, bigEndian: (order ?? prefix) === '>', hasObject };
}

function namedType(name: string): DType | null {
  const make = (kind: string, itemsize: number): DType => ({
    kind,
    itemsize,
    bigEndian: false,
    hasObject: kind === 'O',
  });
  const match = /^(bool|int|uint|float|complex)_?(\d*)$/.exec(name);
  if (match) {
    const bits = Number(match[2] || (match[1] === 'bool' ? 8 : match[1] === 'complex' ? 128 : 64));
    return make(
      { bool: 'b', int: 'i', uint: 'u', float: 'f', complex: 'c' }[match[1] ?? ''] ?? 'V',
      bits / 8,
    );
  }
  return name === 'object' || name === 'object_' ? make('O', 8) : null;
}

/** The contract's type for a dtype; objects are `null`: their elements tell. */
export function scalarTypeOf(dtype: DType): ScalarType | null {
  const bits = dtype.itemsize * 8;
  switch (dtype.kind) {
    case 'b':
      return 'bool';
    case 'i':
      return bits === 8
        ? 'int8'
        : bits === 16
          ? 'int16'
          : bits === 32
            ? 'int32'
            : bits === 64
              ? 'int64'
              : null;
    case 'u':
      return bits === 8
        ? 'uint8'
        : bits === 16
          ? 'uint16'
          : bits === 32
            ? 'uint32'
            : bits === 64
              ? 'uint64'
              : null;
    case 'f':
      return bits === 16 ? 'float16' : bits === 32 ? 'float32' : bits === 64 ? 'float64' : null;
    case 'c':
      return bits === 64 ? 'complex64' : bits === 128 ? 'complex128' : null;
    case 'U':
      return 'string';
    case 'S':
      return 'bytes';
    case 'M':
      return 'datetime64';
    default:
      return null;
  }
}

/** An array, whichever of NumPy's and joblib's ways it was pickled in; `null` when the value is none. */
export function arrayOf(value: Value | undefined): ArrayView | null {
  if (is(value, 'array')) {
    const inner = value.objects === null ? null : arrayOf(value.objects);
    const dtype = dtypeOf(value.dtype);
    if (dtype === null) return null;
    return {
      shape: value.shape,
      dtype,
      fortran: value.order === 'F',
      data: value.data,
      objects: inner?.objects ?? null,
    };
  }
  if (!is(value, 'call')) return null;
  if (value.array) return arrayOf(value.array);
  if (isCallOf(value, '_frombuffer')) {
    const [buffer, dtypeValue, shapeValue, order] = argsOf(value);
    const dtype = dtypeOf(dtypeValue ?? null);
    const shape = sizeOf(shapeValue ?? null);
    if (dtype === null || shape === null) return null;
    const data = wholeBytes(buffer, shape, dtype);
    return { shape, dtype, fortran: order === 'F', data, objects: null };
  }
  const state = value.states.at(-1) ?? dilledState(value);
  const made = isCallOf(value, '_reconstruct') || isCallOf(value, 'ndarray') || dilledState(value) !== null;
  if (!is(state, 'tuple') || !made) return null;
  // (version, shape, dtype, is_fortran, data), or without the version before NumPy 1.
  const parts = state.items.length === 4 ? [1, ...state.items] : state.items;
  const shape = sizeOf(parts[1] ?? null);
  const dtype = dtypeOf(parts[2] ?? null);
  if (shape === null || dtype === null) return null;
  const raw = parts[4] ?? null;
  const objects = is(raw, 'list') ? raw.items : null;
  return { shape, dtype, fortran: parts[3] === true, data: wholeBytes(raw, shape, dtype), objects };
}

/** dill writes an array as `_create_array(_reconstruct, (…), state, attributes)`. */
function dilledState(value: PyCall): Value {
  if (!is(value.callee, 'global') || fullName(value.callee) !== 'dill._dill._create_array') return null;
  return argsOf(value)[2] ?? null;
}

/** Bytes however they were pickled: also `_codecs.encode(text, 'latin1')` of protocols before 3. */
export function bytesOf(value: Value | undefined): Uint8Array | null {
  if (is(value, 'bytes')) return value.data.length === value.length ? value.data : null;
  if (typeof value === 'string') return Buffer.from(value, 'latin1');
  if (!is(value, 'call') || !is(value.callee, 'global')) return null;
  const { module, name } = value.callee;
  const [first] = argsOf(value);
  if (module === '_codecs' && name === 'encode') {
    if (typeof first === 'string') return Buffer.from(first, 'latin1');
    if (is(first, 'bytes') && first.text && first.data.length === first.length)
      return Buffer.from(Buffer.from(first.data).toString('utf8'), 'latin1');
    return null;
  }
  if (name === 'bytearray' || name === 'bytes')
    return first === undefined ? new Uint8Array(0) : bytesOf(first);
  return null;
}

function wholeBytes(value: Value | undefined, shape: readonly number[], dtype: DType): Uint8Array | null {
  const data = bytesOf(value);
  const count = shape.reduce((product, size) => product * size, 1) * dtype.itemsize;
  return data !== null && data.length === count ? data : null;
}

const MAX_ELEMENTS = 100_000;

/** The elements of a small array of rank 0 or 1 (or any rank, in memory order); `null` when they are not there. */
export function elementsOf(array: ArrayView): (Label | bigint | null)[] | null {
  const count = array.shape.reduce((product, size) => product * size, 1);
  if (count > MAX_ELEMENTS) return null;
  if (array.objects) return array.objects.length === count ? array.objects.map(scalarOf) : null;
  if (!array.data) return null;
  const { kind, itemsize, bigEndian } = array.dtype;
  // A damaged header may promise more than there is, or text in pieces of a character.
  if (array.data.length < count * itemsize || (kind === 'U' && itemsize % 4 !== 0)) return null;
  const view = new DataView(array.data.buffer, array.data.byteOffset, array.data.length);
  const out: (Label | bigint | null)[] = [];
  for (let index = 0; index < count; index += 1)
    out.push(element(view, index * itemsize, kind, itemsize, !bigEndian));
  return out;
}

function element(
  view: DataView,
  at: number,
  kind: string,
  size: number,
  little: boolean,
): Label | bigint | null {
  const safe = (value: bigint) => (Number.isSafeInteger(Number(value)) ? Number(value) : value);
  switch (`${kind}${size}`) {
    case 'b1':
      return view.getUint8(at) !== 0;
    case 'i1':
      return view.getInt8(at);
    case 'u1':
      return view.getUint8(at);
    case 'i2':
      return view.getInt16(at, little);
    case 'u2':
      return view.getUint16(at, little);
    case 'i4':
      return view.getInt32(at, little);
    case 'u4':
      return view.getUint32(at, little);
    case 'i8':
      return safe(view.getBigInt64(at, little));
    case 'u8':
      return safe(view.getBigUint64(at, little));
    case 'f4':
      return view.getFloat32(at, little);
    case 'f8':
      return view.getFloat64(at, little);
  }
  if (kind === 'U') {
    let text = '';
    for (let index = 0; index < size; index += 4) {
      const code = view.getUint32(at + index, little);
      if (code === 0) break;
      text += code <= 0x10ffff ? String.fromCodePoint(code) : '\ufffd';
    }
    return text;
  }
  if (kind === 'S')
    return Buffer.from(view.buffer, view.byteOffset + at, size)
      .toString('latin1')
      .replace(/\0+$/, '');
  return null;
}

/** A scalar: Python's own, or NumPy's `scalar(dtype, bytes)`; `null` when the value is none. */
export function scalarOf(value: Value | undefined): Label | bigint | null {
  if (value === undefined || value === null) return null;
  if (!isNode(value)) return value;
  const text = textOf(value);
  if (text !== null) return text;
  if (!is(value, 'call') && !is(value, 'array')) return null;
  if (is(value, 'call') && isCallOf(value, 'scalar')) {
    const [dtypeValue, raw] = argsOf(value);
    const dtype = dtypeOf(dtypeValue ?? null);
    if (dtype === null) return null;
    if (dtype.kind === 'O') return scalarOf(raw);
    const data = wholeBytes(raw, [], dtype);
    return data ? (elementsOf({ shape: [], dtype, fortran: false, data, objects: null })?.[0] ?? null) : null;
  }
  const array = arrayOf(value);
  if (array && array.shape.length === 0) return elementsOf(array)?.[0] ?? null;
  return null;
}

/** The state of an object: the dict that was set on it, or that of the first pair of (dict, slots). */
export function stateOf(value: Value | undefined): PyDict | null {
  if (!is(value, 'call')) return null;
  for (let index = value.states.length - 1; index >= 0; index -= 1) {
    const state = value.states[index];
    if (is(state, 'dict')) return state;
    if (is(state, 'tuple')) for (const part of state.items) if (is(part, 'dict')) return part;
  }
  return null;
}

/** An attribute of an object; `undefined` when its state has none of that name. */
export function attribute(value: Value | undefined, name: string): Value | undefined {
  const state = stateOf(value);
  return state === null ? undefined : getKey(state, name);
}

/** The class that an object would be of; `null` when the value is no object. */
export function classOf(value: Value | undefined): PyGlobal | null {
  if (!is(value, 'call')) return null;
  const { callee } = value;
  if (!is(callee, 'global')) return null;
  const [first] = argsOf(value);
  const rebuilds =
    callee.name === '_reconstructor' || callee.name === '__newobj__' || callee.name === '__newobj_ex__';
  if (rebuilds && is(first, 'global')) return first;
  return callee;
}
