import {
  alikeFilled,
  binary,
  cast,
  comparison,
  divided,
  filled,
  masked,
  same,
  smooth,
  softmax,
  where,
} from './elementwise.ts';
import type { Operator } from './layers.ts';
import {
  cat,
  chunk,
  expand,
  flatten,
  permute,
  select,
  slice,
  squeeze,
  stack,
  transpose,
  turned,
  unsqueeze,
  view,
} from './layout.ts';
import { like, typed } from './operands.ts';
import { averaged, extreme, kept, place, sort, summed, topk, truth } from './reductions.ts';
import { plain, UNKNOWN } from './values.ts';

/* Operators by name that compute element by element, reduce or rearrange. Source: aten/src/ATen/native. */

/** Element by element: shape and type stay. */
const STAYS =
  'relu relu6 hardtanh leaky_relu elu selu celu gelu silu mish hardswish hardsigmoid softplus softsign logsigmoid dropout feature_dropout alpha_dropout clamp clamp_min clamp_max neg abs detach contiguous clone cumsum flip roll triu tril round floor ceil sign threshold rrelu prelu instance_norm zero fill alias lift_fresh index_fill masked_fill_ renorm log_softmax_ channel_shuffle _transformer_encoder_layer_fwd copy add sub mul div'.split(
    ' ',
  );
const SMOOTH = 'sigmoid tanh exp log log2 log1p expm1 sqrt rsqrt sin cos erf reciprocal'.split(' ');
const pick = (names: string, operator: Operator): Record<string, Operator> =>
  Object.fromEntries(names.split(' ').map((name) => [name, operator]));

export const SHAPING: Readonly<Record<string, Operator>> = {
  ...Object.fromEntries(STAYS.flatMap((name) => [[name, same], [`${name}_`, same]])),
  ...Object.fromEntries(SMOOTH.flatMap((name) => [[name, smooth], [`${name}_`, same]])),
  ...pick('div true_divide', divided), ...pick('zeros_like ones_like rand_like randn_like empty_like', alikeFilled),
  ...pick('add sub mul rsub pow floor_divide remainder maximum minimum', binary),
  ...pick('eq ne lt le gt ge logical_and logical_or logical_xor', comparison),
  softmax, log_softmax: softmax, sum: summed, mean: averaged, amax: kept, amin: kept, prod: summed, any: truth, all: truth, argmax: place, argmin: place,
  max: extreme, min: extreme, topk, sort, flatten, view, reshape: view, _unsafe_view: view, transpose, swapaxes: transpose, t: turned, numpy_T: turned, permute, unsqueeze, squeeze,
  cat, concat: cat, stack, slice, select, expand, expand_as: expand, view_as: expand, reshape_as: expand, to: cast, type_as: cast,
  ...pick('zeros ones rand randn empty', filled), where, masked_fill: masked, chunk,
  logical_not: (on) => typed('bool', like(on.tensor(0)).shape), bitwise_not: same,
  dim: (on) => (on.tensor(0)?.shape ? plain(on.tensor(0)?.shape?.length ?? null) : UNKNOWN),
}; // biome-ignore format: a table
