import { TYPE_BY_NUMBER } from '../scalar-types.ts';
import type { Operator } from './layers.ts';
import { axisOf, broadcast, isFloat, like, promoted, typed, wholeOf } from './operands.ts';
import { type Abstract, cell, known, type Size, tensor, UNKNOWN } from './values.ts';

/* Operators that compute element by element. Source: aten/src/ATen/native. */

export const same: Operator = (on) => {
  const input = on.tensor(0);
  return input ? tensor(input.type, input.shape) : UNKNOWN;
};

/** Of floats the same; of whole numbers floats. */
export const smooth: Operator = (on) => {
  const input = on.tensor(0);
  if (!input) return UNKNOWN;
  return isFloat(known(input.type)) ? tensor(input.type, input.shape) : typed(null, input.shape);
};

export const softmax: Operator = (on) => {
  const input = on.tensor(0);
  if (!input) return UNKNOWN;
  if (input.shape) axisOf(on.whole(1), input.shape.length);
  const given = on.get(2, 'dtype');
  if (given === undefined || on.isNone(2, 'dtype')) return tensor(input.type, input.shape);
  return typed(TYPE_BY_NUMBER[wholeOf(given) ?? -1] ?? null, input.shape);
};

export const binary: Operator = (on) => {
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
export const divided: Operator = (on) => {
  const result = binary(on);
  return result.kind === 'tensor' && !isFloat(known(result.type)) ? typed(null, result.shape) : result;
};

/** `zeros_like(x, dtype=…)` and its like. */
export const alikeFilled: Operator = (on) => {
  const input = like(on.tensor(0));
  const given = on.named.get('dtype') ?? on.list[1];
  if (given === undefined || (given.kind === 'plain' && given.value === null))
    return tensor(input.type, input.shape);
  return typed(TYPE_BY_NUMBER[wholeOf(given) ?? -1] ?? null, input.shape);
};

export const comparison: Operator = (on) => {
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

export const cast: Operator = (on) => {
  const input = on.tensor(0);
  if (!input) return UNKNOWN;
  const like = on.tensor(1);
  if (like) return tensor(like.type, input.shape);
  const given = on.named.get('dtype') ?? on.list.slice(1, 3).find((one) => wholeOf(one) !== null);
  const type = wholeOf(given);
  return type === null ? typed(null, input.shape) : typed(TYPE_BY_NUMBER[type] ?? null, input.shape);
};

/** zeros(sizes, dtype, …) and its like. */
export const filled: Operator = (on) => {
  const asked = on.list[0];
  const shape =
    asked?.kind === 'list' && asked.items
      ? asked.items.map((one): Size => (one.kind === 'size' ? one.size : cell(wholeOf(one))))
      : null;
  const given = wholeOf(on.named.get('dtype') ?? on.list[1]);
  return typed(given === null ? null : (TYPE_BY_NUMBER[given] ?? null), shape);
};

export const where: Operator = (on) => {
  const [test, a, b] = [on.tensor(0), on.list[1], on.list[2]];
  if (!test) return UNKNOWN;
  const [x, y] = [a, b].map((one) => (one?.kind === 'tensor' ? one.shape : isNumber(one) ? [] : null));
  return tensor(promoted(a, b), broadcast(test.shape, broadcast(x ?? null, y ?? null)));
};

export const masked: Operator = (on) => {
  const [input, mask] = [on.tensor(0), on.tensor(1)];
  if (!input) return UNKNOWN;
  if (mask && known(mask.type) === null) on.facts.set(mask.type, 'bool');
  return tensor(input.type, mask ? broadcast(input.shape, mask.shape) : null);
};
