import { SCALAR_TYPES, type ScalarType } from '../../contract/types.ts';
import { entryOf } from '../../model/entry.ts';
import { precisionName } from '../weights.ts';
import { argsOf, attribute } from '../wire/pickle/numpy.ts';
import { fullName, is, textOf, type Value } from '../wire/pickle/values.ts';

/** A tensor as a pickle of torch describes it; its values are elsewhere. */
export interface TorchTensor {
  /** As safetensors writes it: `F32`, `BF16`, `I64` …; '' when it is not known. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Equal for tensors that are the same elements of the same storage. */
  readonly identity: string;
}

export interface NamedTensor extends TorchTensor {
  readonly name: string;
  /** What torch lists as a buffer; `null` when the file does not tell. */
  readonly buffer: boolean | null;
}

const DTYPES: Readonly<Record<string, string>> = {
  Double: 'F64',
  Float: 'F32',
  Half: 'F16',
  BFloat16: 'BF16',
  Long: 'I64',
  Int: 'I32',
  Short: 'I16',
  Char: 'I8',
  Byte: 'U8',
  Bool: 'BOOL',
  ComplexFloat: 'C64',
  ComplexDouble: 'C128',
  QInt8: 'QI8',
  QUInt8: 'QU8',
  QInt32: 'QI32',
  float64: 'F64',
  float32: 'F32',
  float16: 'F16',
  bfloat16: 'BF16',
  int64: 'I64',
  int32: 'I32',
  int16: 'I16',
  int8: 'I8',
  uint8: 'U8',
  uint16: 'U16',
  uint32: 'U32',
  uint64: 'U64',
  bool: 'BOOL',
  complex64: 'C64',
  complex128: 'C128',
  float8_e4m3fn: 'F8_E4M3',
  float8_e5m2: 'F8_E5M2',
  float8_e4m3fnuz: 'F8_E4M3FNUZ',
  float8_e5m2fnuz: 'F8_E5M2FNUZ',
  float8_e8m0fnu: 'F8_E8M0',
};

/** The type of a tensor's elements in the words of contracts; `null` when it is not known. Quantised ones are whole numbers. */
export function scalarType(dtype: string): ScalarType | null {
  const name = precisionName(dtype);
  return SCALAR_TYPES.find((one) => one === name) ?? null;
}

/** The tensor that a value stands for; `null` when it stands for none. */
export function tensorOf(value: Value | undefined, depth = 0): TorchTensor | null {
  if (!is(value, 'call') || !is(value.callee, 'global') || depth > 4) return null;
  const name = fullName(value.callee);
  const args = argsOf(value);
  switch (name) {
    case 'torch._utils._rebuild_tensor':
    case 'torch._utils._rebuild_tensor_v2':
    case 'torch._utils._rebuild_qtensor':
      return view(args[0], args[1], args[2], args[3], null);
    case 'torch._utils._rebuild_tensor_v3':
      return view(args[0], args[1], args[2], args[3], args[6]);
    case 'torch._utils._rebuild_parameter':
    case 'torch._utils._rebuild_parameter_with_state':
      return tensorOf(args[0], depth + 1);
    case 'torch._tensor._rebuild_from_type_v2':
    case 'torch._tensor._rebuild_from_type': {
      // (function, type, arguments, state)
      const [func, , inner] = args;
      if (!is(func, 'global')) return null;
      return tensorOf({ ...value, callee: func, args: inner ?? null }, depth + 1);
    }
    case 'torch._utils._rebuild_meta_tensor_no_storage': {
      const shape = sizes(args[1]);
      return shape ? { dtype: dtypeName(args[0]), shape, identity: '' } : null;
    }
    case 'torch.nn.parameter.Parameter':
    case 'torch.nn.parameter.Buffer': {
      // Before torch 0.4: an object whose state begins with its data.
      const state = value.states.at(-1);
      return tensorOf(is(state, 'tuple') ? state.items[0] : args[0], depth + 1);
    }
    default:
      return null;
  }
}

function view(
  storage: Value | undefined,
  offset: Value | undefined,
  size: Value | undefined,
  stride: Value | undefined,
  dtype: Value | undefined,
): TorchTensor | null {
  const shape = sizes(size);
  if (!is(storage, 'ref') || shape === null) return null;
  const id = is(storage.id, 'tuple') ? storage.id.items : [];
  const key = textOf(id[2]) ?? String(id[2]);
  const stated = dtype === null || dtype === undefined ? dtypeName(id[1]) : dtypeName(dtype);
  const strides = sizes(stride);
  return {
    dtype: stated,
    shape,
    identity: `${key}:${String(offset)}:${shape.join(',')}:${strides?.join(',') ?? ''}`,
  };
}

const WIDTHS: Readonly<Record<string, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
  C64: 8,
  C128: 16,
};

/** Bytes of one element of a storage of that class; `null` for others. Untyped storages count bytes. */
export function bytesOfElement(storage: Value | undefined): number | null {
  if (is(storage, 'global') && storage.name === 'UntypedStorage') return 1;
  return entryOf(WIDTHS, dtypeName(storage)) ?? null;
}

function dtypeName(value: Value | undefined): string {
  if (!is(value, 'global')) return '';
  return entryOf(DTYPES, value.name.replace(/Storage$/, '')) ?? '';
}

function sizes(value: Value | undefined): number[] | null {
  const items = is(value, 'tuple') || is(value, 'list') ? value.items : sizeArgs(value);
  if (items === null || items.length > 64) return null;
  return items.every((one) => typeof one === 'number' && Number.isSafeInteger(one) && one >= 0)
    ? items.map(Number)
    : null;
}

/** `torch.Size((2, 3))` */
function sizeArgs(value: Value | undefined): readonly Value[] | null {
  if (!is(value, 'call')) return null;
  const [first] = argsOf(value);
  return is(first, 'tuple') || is(first, 'list') ? first.items : null;
}

/** Keys and values of a dict, an OrderedDict, or another mapping class; `null` when the value is none. */
export function entriesOf(value: Value | undefined): [string, Value][] | null {
  const dict = is(value, 'dict') ? value : is(value, 'call') ? value.entries : null;
  if (dict === null) return null;
  if (is(value, 'call') && dict.keys.length === 0) {
    const mapping =
      is(value.callee, 'global') &&
      /(^|\.)(OrderedDict|defaultdict|Counter|\w*Dict)$/.test(value.callee.name);
    if (!mapping) return null;
    // Python 2 gave the items as a list of pairs.
    const [given] = argsOf(value);
    const pairs = is(given, 'list') ? given.items : [];
    return pairs.flatMap((pair): [string, Value][] => {
      const items = is(pair, 'list') || is(pair, 'tuple') ? pair.items : [];
      const key = textOf(items[0]);
      return key === null ? [] : [[key, items[1] ?? null]];
    });
  }
  return dict.keys.flatMap((key, index): [string, Value][] => {
    const name = textOf(key) ?? (typeof key === 'number' ? String(key) : null);
    return name === null ? [] : [[name, dict.values[index] ?? null]];
  });
}

/** Buffers that torch's own layers keep; a state_dict does not tell them from parameters. */
const BUFFER_NAME =
  /(^|\.)(running_mean|running_var|num_batches_tracked|position_ids|anchor_grid|anchors|relative_position_index|inv_freq|masked_bias|pixel_mean|pixel_std|total_ops|total_params)$/;

/** All tensors below a mapping, with dotted names. Optimizers' state is no part of a model. */
export function tensorsBelow(root: Value | undefined, limit = 200_000): NamedTensor[] {
  const out: NamedTensor[] = [];
  const seen = new Set<Value>();
  const pending: { value: Value; name: string; depth: number }[] = [
    { value: root ?? null, name: '', depth: 0 },
  ];
  for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
    const { value, name, depth } = next;
    const tensor = tensorOf(value);
    if (tensor) {
      const whole = /^(I|U|BOOL|Q)/.test(tensor.dtype);
      out.push({
        ...tensor,
        name,
        buffer: BUFFER_NAME.test(name) || (whole && !tensor.dtype.startsWith('Q')),
      });
      if (out.length >= limit) break;
      continue;
    }
    if (depth > 16 || value === null || typeof value !== 'object' || seen.has(value)) continue;
    seen.add(value);
    const children = entriesOf(value) ?? listed(value);
    for (const [key, child] of children.slice(0, limit))
      if (!/^(optimizer|optim|lr_scheduler|scheduler|scaler|callbacks|loops)/.test(key))
        pending.push({ value: child, name: name === '' ? key : `${name}.${key}`, depth: depth + 1 });
  }
  return out;
}

function listed(value: Value): [string, Value][] {
  const items = is(value, 'list') || is(value, 'tuple') ? value.items : [];
  return items.map((item, index): [string, Value] => [String(index), item]);
}

/** A module of a whole-module pickle: it has the attributes that `torch.nn.Module` gives to every instance. */
export const isModule = (value: Value | undefined): boolean =>
  is(value, 'call') &&
  attribute(value, '_modules') !== undefined &&
  attribute(value, '_parameters') !== undefined;

/** Parameters and buffers of a pickled module and its children. */
export function moduleTensors(root: Value, limit = 200_000): NamedTensor[] {
  const out: NamedTensor[] = [];
  const seen = new Set<Value>();
  const visit = (module: Value, prefix: string, depth: number): void => {
    if (depth > 64 || seen.has(module) || out.length > limit) return;
    seen.add(module);
    const each = (key: string, buffer: boolean) => {
      for (const [name, value] of entriesOf(attribute(module, key)) ?? []) {
        const tensor = tensorOf(value);
        if (tensor) out.push({ ...tensor, name: `${prefix}${name}`, buffer });
      }
    };
    each('_parameters', false);
    each('_buffers', true);
    for (const [name, child] of entriesOf(attribute(module, '_modules')) ?? [])
      visit(child, `${prefix}${name}.`, depth + 1);
  };
  visit(root, '', 0);
  return out;
}

/** Elements of the parameters; tensors that are the same elements of one storage count once. */
export function countTied(tensors: readonly NamedTensor[]): number {
  const seen = new Set<string>();
  let total = 0;
  for (const tensor of tensors) {
    if (tensor.buffer === true) continue;
    if (tensor.identity !== '' && seen.has(tensor.identity)) continue;
    seen.add(tensor.identity);
    total += tensor.shape.reduce((product, size) => product * size, 1);
  }
  return total;
}

/** What the first and last weights suggest about inputs and outputs. Suggestions for a person, never facts of a contract. */
export function weightHints(tensors: readonly NamedTensor[]): Record<string, string> {
  const weights = tensors.filter((one) => one.buffer !== true && one.shape.length >= 2);
  const [first] = weights;
  const last = weights.findLast((one) => one.shape.length === 2);
  if (!first) return {};
  const sizes = `[${first.shape.join(', ')}]`;
  const [rows, columns] = first.shape;
  const embedding = first.shape.length === 2 && /emb|wte|word|token/i.test(first.name);
  const takes = embedding
    ? `token ids below ${rows}`
    : first.shape.length === 2
      ? `${columns} features`
      : `${columns} channels`;
  return {
    'input hint': `${takes}, by the shape ${sizes} of ${first.name}`,
    ...(last && {
      'output hint': `${last.shape[0]} values, by the shape [${last.shape.join(', ')}] of ${last.name}`,
    }),
  };
}
