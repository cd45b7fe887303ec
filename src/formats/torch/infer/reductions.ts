import { TYPE_BY_NUMBER } from '../scalar-types.ts';
import { binary } from './elementwise.ts';
import type { Operator } from './layers.ts';
import { axisOf, isFloat, type Operands, several, type Tensor, typed, wholeOf } from './operands.ts';
import { cell, known, type Size, tensor, UNKNOWN } from './values.ts';

/* Operators that reduce along axes, or order along one. Source: aten/src/ATen/native. */

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

export const summed = reduction((on, input) => {
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
export const averaged = reduction((on, input) => {
  const stated = wholeOf(on.named.get('dtype') ?? on.list[3]);
  return stated === null ? open(input) : typed(TYPE_BY_NUMBER[stated] ?? null, null);
});
export const kept = reduction((_, input) => open(input));
export const truth = reduction(() => typed('bool', null));
export const place = reduction(() => typed('int64', null));

/** max(x), max(x, y), max(x, axis, keep). */
export const extreme: Operator = (on) => {
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
export const topk: Operator = (on) => {
  const input = on.tensor(0);
  if (!input) return UNKNOWN;
  const axis = input.shape && axisOf(on.list[2] === undefined ? -1 : on.whole(2), input.shape.length);
  const shape =
    input.shape && typeof axis === 'number'
      ? input.shape.map((size, at) => (at === axis ? cell(on.whole(1)) : size))
      : null;
  return several(tensor(input.type, shape), typed('int64', shape));
};
export const sort: Operator = (on) => {
  const input = on.tensor(0);
  return input ? several(tensor(input.type, input.shape), typed('int64', input.shape)) : UNKNOWN;
};
