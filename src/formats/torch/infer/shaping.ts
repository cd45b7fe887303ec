import type { ScalarType } from '../../../contract/types.ts';
import { TYPE_BY_NUMBER } from '../scalar-types.ts';
import type { Operator } from './layers.ts';
import {
  any,
  axisOf,
  broadcast,
  isFloat,
  like,
  type Operands,
  productOf,
  promoted,
  several,
  type Tensor,
  typed,
  wholeOf,
} from './operands.ts';
import {
  type Abstract,
  alike,
  cell,
  Impossible,
  known,
  plain,
  type Size,
  tensor,
  UNKNOWN,
} from './values.ts';

/* Operators that compute element by element, reduce, or rearrange. Source: aten/src/ATen/native. */

const same: Operator = (on) => {
  const input = on.tensor(0);
  return input ? tensor(input.type, input.shape) : UNKNOWN;
};

/** Of floats the same; of whole numbers floats. */
const smooth: Operator = (on) => {
  const input = on.tensor(0);
  if (!input) return UNKNOWN;
  return isFloat(known(input.type)) ? tensor(input.type, input.shape) : typed(null, input.shape);
};

const softmax: Operator = (on) => {
  const input = on.tensor(0);
  if (!input) return UNKNOWN;
  if (input.shape) axisOf(on.whole(1), input.shape.length);
  const given = on.get(2, 'dtype');
  if (given === undefined || on.isNone(2, 'dtype')) return tensor(input.type, input.shape);
  return typed(TYPE_BY_NUMBER[wholeOf(given) ?? -1] ?? null, input.shape);
};

const binary: Operator = (on) => {
  const [a, b] = [on.list[0], on.list[1]];
  if (a?.kind !== 'tensor' && b?.kind !== 'tensor') return UNKNOWN;
  const shape =
    a?.kind !== 'tensor'
      ? b?.kind === 'tensor' && isNumber(a)
        ? b.shape
        : null
      : b?.kind === 'tensor'
        ? broadcast(a.shape, b.shape)
        : isNumber(b)
          ? a.shape
          : null;
  return tensor(promoted(a, b), shape);
};
const isNumber = (value: Abstract | undefined): boolean =>
  value?.kind === 'size' || (value?.kind === 'plain' && typeof value.value === 'number');

/** Whole numbers give floats. */
const divided: Operator = (on) => {
  const result = binary(on);
  return result.kind === 'tensor' && !isFloat(known(result.type)) ? typed(null, result.shape) : result;
};

/** `zeros_like(x, dtype=…)` and its like. */
const alikeFilled: Operator = (on) => {
  const input = like(on.tensor(0));
  const given = on.named.get('dtype') ?? on.list[1];
  if (given === undefined || (given.kind === 'plain' && given.value === null))
    return tensor(input.type, input.shape);
  return typed(TYPE_BY_NUMBER[wholeOf(given) ?? -1] ?? null, input.shape);
};

const comparison: Operator = (on) => {
  const [a, b] = [on.list[0], on.list[1]];
  if (a?.kind !== 'tensor' && b?.kind !== 'tensor') return UNKNOWN;
  const shape =
    a?.kind === 'tensor'
      ? b?.kind === 'tensor'
        ? broadcast(a.shape, b.shape)
        : isNumber(b)
          ? a.shape
          : null
      : null;
  return typed('bool', shape);
};

/** Lists of axes, one axis, or all. */
function reduction(type: (on: Operands, input: Tensor) => Tensor, keep = 2): Operator {
  return (on) => {
    const input = on.tensor(0);
    if (!input) return UNKNOWN;
    const result = type(on, input);
    const axes = on.list[1];
    // sum(x, dtype=…) and mean(x) reduce all axes.
    const all = axes === undefined || (axes.kind === 'plain' && axes.value === null);
    if (all) return tensor(result.type, on.list[keep] === undefined ? [] : null);
    const kept =
      on.list[keep] === undefined && on.named.get('keepdim') === undefined ? false : on.bool(keep, 'keepdim');
    return tensor(result.type, reduced(input.shape, on.wholes(1), kept));
  };
}

function reduced(shape: readonly Size[] | null, axes: number[] | null, kept: boolean | null): Size[] | null {
  if (!shape || !axes || kept === null) return null;
  const out = new Set(
    (axes.length === 0 ? shape.map((_, axis) => axis) : axes).map((axis) => axisOf(axis, shape.length)),
  );
  return kept
    ? shape.map((size, axis) => (out.has(axis) ? cell(1) : size))
    : shape.filter((_, axis) => !out.has(axis));
}

const open = (input: Tensor): Tensor => ({ kind: 'tensor', type: input.type, shape: null });

const summed = reduction((on, input) => {
  const given = on.named.get('dtype') ?? on.list[3];
  const stated = wholeOf(given);
  if (stated !== null) return typed(TYPE_BY_NUMBER[stated] ?? null, null);
  const type = known(input.type);
  return type !== null && /^u?int|bool/.test(type)
    ? typed('int64', null)
    : isFloat(type)
      ? open(input)
      : typed(null, null);
});
const averaged = reduction((on, input) => {
  const stated = wholeOf(on.named.get('dtype') ?? on.list[3]);
  return stated === null ? open(input) : typed(TYPE_BY_NUMBER[stated] ?? null, null);
});
const kept = reduction((_, input) => open(input));
const truth = reduction(() => typed('bool', null));
const place = reduction(() => typed('int64', null));

/** max(x), max(x, y), max(x, axis, keep). */
const extreme: Operator = (on) => {
  const input = on.tensor(0);
  if (!input) return UNKNOWN;
  if (on.list.length === 1) return tensor(input.type, []);
  if (on.list[1]?.kind === 'tensor') return binary(on);
  const kept = on.list[2] === undefined ? false : on.bool(2);
  const axis = on.whole(1);
  const shape = axis === null ? null : reduced(input.shape, [axis], kept);
  return several(tensor(input.type, shape), typed('int64', shape));
};

/** topk(x, k, axis) and sort(x, axis). */
const topk: Operator = (on) => {
  const input = on.tensor(0);
  if (!input) return UNKNOWN;
  const axis = input.shape && axisOf(on.list[2] === undefined ? -1 : on.whole(2), input.shape.length);
  const shape =
    input.shape && typeof axis === 'number'
      ? input.shape.map((size, at) => (at === axis ? cell(on.whole(1)) : size))
      : null;
  return several(tensor(input.type, shape), typed('int64', shape));
};
const sort: Operator = (on) => {
  const input = on.tensor(0);
  return input ? several(tensor(input.type, input.shape), typed('int64', input.shape)) : UNKNOWN;
};

const flatten: Operator = (on) => {
  const input = like(on.tensor(0));
  if (!input.shape) return tensor(input.type, null);
  if (input.shape.length === 0) return tensor(input.type, [cell(1)]);
  const start = axisOf(on.list[1] === undefined ? 0 : on.whole(1), input.shape.length);
  const end = axisOf(on.list[2] === undefined ? -1 : on.whole(2), input.shape.length);
  if (start === null || end === null) return tensor(input.type, null);
  if (start > end) throw new Impossible('flatten ends before it starts');
  const flat = input.shape.slice(start, end + 1);
  const [only] = flat;
  const size = flat.length === 1 && only ? only : productSize(flat);
  return tensor(input.type, [...input.shape.slice(0, start), size, ...input.shape.slice(end + 1)]);
};

/** The product, or the one size that is not 1. */
function productSize(sizes: readonly Size[]): Size {
  const others = sizes.filter((size) => known(size) !== 1);
  const [only] = others;
  return others.length === 1 && only ? only : cell(productOf(sizes));
}

const view: Operator = (on) => {
  const input = like(on.tensor(0));
  const asked = on.list[1];
  if (asked?.kind !== 'list' || asked.items === null) return tensor(input.type, null);
  const shape = asked.items.map((one): Size => (one.kind === 'size' ? one.size : cell(wholeOf(one))));
  const open = asked.items.flatMap((one, at) => (wholeOf(one) === -1 ? [at] : []));
  const [rest] = open;
  if (open.length > 1) throw new Impossible('two sizes are left open');
  if (rest === undefined) {
    const [before, after] = [input.shape && productOf(input.shape), productOf(shape)];
    if (typeof before === 'number' && after !== null && before !== after)
      throw new Impossible(`${before} elements viewed as ${after}`);
    return tensor(input.type, shape);
  }
  shape[rest] = cell();
  if (input.shape) {
    // Sizes on both sides cancel each other out; what is left of the input is the open one.
    const left = [...input.shape];
    let over = 1;
    let unsure = false;
    shape.forEach((size, at) => {
      if (at === rest) return;
      const match = left.findIndex((one) => alike(one, size));
      const value = known(size);
      if (match >= 0) left.splice(match, 1);
      else if (value === null) unsure = true;
      else over *= value;
    });
    const numbers = left.map(known);
    const total = numbers.reduce<number>((product, one) => product * (one ?? 1), 1);
    const free = left.filter((one) => known(one) === null);
    const [only] = free;
    if (!unsure && free.length === 0) {
      if (over === 0 || total % over !== 0)
        throw new Impossible(`${total} elements do not divide by ${over}`);
      shape[rest] = cell(total / over);
    } else if (!unsure && free.length === 1 && only && total === over) shape[rest] = only;
  }
  return tensor(input.type, shape);
};

const transpose: Operator = (on) => {
  const input = like(on.tensor(0));
  const rank = input.shape?.length;
  if (!input.shape || rank === undefined) return tensor(input.type, null);
  const [a, b] = [axisOf(on.whole(1), rank), axisOf(on.whole(2), rank)];
  if (a === null || b === null) return tensor(input.type, null);
  const shape = [...input.shape];
  const [x, y] = [shape[a], shape[b]];
  if (x && y) [shape[a], shape[b]] = [y, x];
  return tensor(input.type, shape);
};

const turned: Operator = (on) => {
  const input = like(on.tensor(0));
  if (input.shape && input.shape.length > 2) throw new Impossible('t() of more than two axes');
  return tensor(input.type, input.shape?.toReversed() ?? null);
};

const permute: Operator = (on) => {
  const input = like(on.tensor(0));
  const order = on.wholes(1);
  if (!order) return tensor(input.type, null);
  if (!input.shape) return tensor(input.type, null);
  if (order.length !== input.shape.length) throw new Impossible('permute of another rank');
  const shape = order.map((axis) => input.shape?.[axisOf(axis, order.length) ?? 0] ?? cell<number>());
  return tensor(input.type, shape);
};

const unsqueeze: Operator = (on) => {
  const input = like(on.tensor(0));
  const axis = input.shape && axisOf(on.whole(1), input.shape.length + 1);
  return tensor(
    input.type,
    input.shape && typeof axis === 'number' ? input.shape.toSpliced(axis, 0, cell(1)) : null,
  );
};

const squeeze: Operator = (on) => {
  const input = like(on.tensor(0));
  if (!input.shape) return tensor(input.type, null);
  const rank = input.shape.length;
  const asked = on.list[1] === undefined ? input.shape.map((_, axis) => axis) : on.wholes(1);
  if (!asked) return tensor(input.type, null);
  const axes = new Set(asked.map((axis) => axisOf(axis, rank)));
  if (input.shape.some((size, axis) => axes.has(axis) && known(size) === null))
    return tensor(input.type, null);
  return tensor(
    input.type,
    input.shape.filter((size, axis) => !axes.has(axis) || known(size) !== 1),
  );
};

const cat: Operator = (on) => {
  const list = on.list[0];
  const tensors = list?.kind === 'list' ? (list.items ?? []) : [];
  const [first, ...others] = tensors;
  if (first?.kind !== 'tensor' || tensors.some((one) => one.kind !== 'tensor')) return any();
  const all = tensors as Tensor[];
  const type = all.every((one) => alike(one.type, first.type)) ? first.type : cell<ScalarType>();
  const shape = first.shape;
  if (!shape || all.some((one) => one.shape === null)) return tensor(type, null);
  // An empty list of numbers may be joined to anything.
  if (all.some((one) => one.shape?.length !== shape.length)) {
    if (all.some((one) => one.shape?.length === 1)) return tensor(type, null);
    throw new Impossible('ranks differ');
  }
  const axis = axisOf(on.list[1] === undefined ? 0 : on.whole(1), shape.length);
  if (axis === null) return tensor(type, null);
  if (shape.length > 1)
    for (const one of others)
      if (one.kind === 'tensor')
        one.shape?.forEach((size, at) => {
          const mine = shape[at];
          if (at !== axis && mine) on.facts.unify(mine, size);
        });
  const sizes = all.map((one) => (one.shape?.[axis] ? known(one.shape[axis]) : null));
  const total = sizes.every((size) => size !== null)
    ? sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0)
    : null;
  return tensor(
    type,
    shape.map((size, at) => (at === axis ? (all.length === 1 ? size : cell(total)) : size)),
  );
};

const stack: Operator = (on) => {
  const list = on.list[0];
  const [first] = list?.kind === 'list' ? (list.items ?? []) : [];
  const count = list?.kind === 'list' ? (list.items?.length ?? null) : null;
  if (
    first?.kind !== 'tensor' ||
    list?.kind !== 'list' ||
    !list.items?.every((one) => one.kind === 'tensor' && alike(one.type, first.type))
  )
    return any();
  const axis = first.shape && axisOf(on.list[1] === undefined ? 0 : on.whole(1), first.shape.length + 1);
  return tensor(
    first.type,
    first.shape && typeof axis === 'number' ? first.shape.toSpliced(axis, 0, cell(count)) : null,
  );
};

const slice: Operator = (on) => {
  const input = on.tensor(0);
  if (!input) return UNKNOWN;
  const axis = input.shape && axisOf(on.list[1] === undefined ? 0 : on.whole(1), input.shape.length);
  if (!input.shape || typeof axis !== 'number') return tensor(input.type, null);
  const [from, to, step] = [
    on.list[2] === undefined || on.isNone(2) ? 0 : on.whole(2),
    on.list[3] === undefined || on.isNone(3) ? 2 ** 53 : on.whole(3),
    on.list[4] === undefined ? 1 : on.whole(4),
  ];
  const shape = input.shape.map((size, at): Size => {
    if (at !== axis) return size;
    if (from === 0 && to !== null && to >= 2 ** 53 - 1 && step === 1) return size;
    const value = known(size);
    if (value === null || from === null || to === null || step === null || step < 1) return cell();
    const clamp = (one: number): number => Math.max(0, Math.min(value, one < 0 ? one + value : one));
    return cell(Math.max(0, Math.ceil((clamp(to) - clamp(from)) / step)));
  });
  return tensor(input.type, shape);
};

const select: Operator = (on) => {
  const input = on.tensor(0);
  if (!input) return UNKNOWN;
  if (input.shape?.length === 0) throw new Impossible('no axes');
  const axis = input.shape && axisOf(on.whole(1), input.shape.length);
  return tensor(input.type, input.shape && typeof axis === 'number' ? input.shape.toSpliced(axis, 1) : null);
};

const expand: Operator = (on) => {
  const input = like(on.tensor(0));
  const asked = on.list[1];
  if (asked?.kind === 'tensor') return tensor(input.type, asked.shape);
  if (asked?.kind !== 'list' || !asked.items || !input.shape) return tensor(input.type, null);
  const ahead = asked.items.length - input.shape.length;
  if (ahead < 0) throw new Impossible('expanded to fewer axes');
  return tensor(
    input.type,
    asked.items.map(
      (one, axis): Size =>
        wholeOf(one) === -1
          ? (input.shape?.[axis - ahead] ?? cell())
          : one.kind === 'size'
            ? one.size
            : cell(wholeOf(one)),
    ),
  );
};

const cast: Operator = (on) => {
  const input = on.tensor(0);
  if (!input) return UNKNOWN;
  const like = on.tensor(1);
  if (like) return tensor(like.type, input.shape);
  const given = on.named.get('dtype') ?? on.list.slice(1, 3).find((one) => wholeOf(one) !== null);
  const type = wholeOf(given);
  return type === null ? typed(null, input.shape) : typed(TYPE_BY_NUMBER[type] ?? null, input.shape);
};

/** zeros(sizes, dtype, …) and its like. */
const filled: Operator = (on) => {
  const asked = on.list[0];
  const shape =
    asked?.kind === 'list' && asked.items
      ? asked.items.map((one): Size => (one.kind === 'size' ? one.size : cell(wholeOf(one))))
      : null;
  const given = wholeOf(on.named.get('dtype') ?? on.list[1]);
  return typed(given === null ? null : (TYPE_BY_NUMBER[given] ?? null), shape);
};

const where: Operator = (on) => {
  const [test, a, b] = [on.tensor(0), on.list[1], on.list[2]];
  if (!test) return UNKNOWN;
  const [x, y] = [a, b].map((one) => (one?.kind === 'tensor' ? one.shape : isNumber(one) ? [] : null));
  return tensor(promoted(a, b), broadcast(test.shape, broadcast(x ?? null, y ?? null)));
};

const masked: Operator = (on) => {
  const [input, mask] = [on.tensor(0), on.tensor(1)];
  if (!input) return UNKNOWN;
  if (mask && known(mask.type) === null) on.facts.set(mask.type, 'bool');
  return tensor(input.type, mask ? broadcast(input.shape, mask.shape) : null);
};

const chunk: Operator = (on) => {
  const input = on.tensor(0);
  const count = on.whole(1);
  const axis = input?.shape ? axisOf(on.list[2] === undefined ? 0 : on.whole(2), input.shape.length) : null;
  const size = input?.shape && axis !== null && input.shape[axis] ? known(input.shape[axis]) : null;
  if (
    !input?.shape ||
    count === null ||
    count < 1 ||
    count > 1000 ||
    axis === null ||
    size === null ||
    size % count !== 0
  )
    return { kind: 'list', items: null };
  const shape = input.shape.map((one, at) => (at === axis ? cell(size / count) : one));
  return { kind: 'list', items: Array.from({ length: count }, () => tensor(input.type, shape)) };
};

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
