import type { ScalarType } from '../../../contract/types.ts';
import type { Operator } from './layers.ts';
import { any, axisOf, like, productOf, type Tensor, wholeOf } from './operands.ts';
import { alike, cell, Impossible, known, type Size, tensor, UNKNOWN } from './values.ts';

/* Operators that rearrange, join and take parts. Source: aten/src/ATen/native. */

export const flatten: Operator = (on) => {
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

export const view: Operator = (on) => {
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

export const transpose: Operator = (on) => {
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

export const turned: Operator = (on) => {
  const input = like(on.tensor(0));
  if (input.shape && input.shape.length > 2) throw new Impossible('t() of more than two axes');
  return tensor(input.type, input.shape?.toReversed() ?? null);
};

export const permute: Operator = (on) => {
  const input = like(on.tensor(0));
  const order = on.wholes(1);
  if (!order) return tensor(input.type, null);
  if (!input.shape) return tensor(input.type, null);
  if (order.length !== input.shape.length) throw new Impossible('permute of another rank');
  const shape = order.map((axis) => input.shape?.[axisOf(axis, order.length) ?? 0] ?? cell<number>());
  return tensor(input.type, shape);
};

export const unsqueeze: Operator = (on) => {
  const input = like(on.tensor(0));
  const axis = input.shape && axisOf(on.whole(1), input.shape.length + 1);
  return tensor(
    input.type,
    input.shape && typeof axis === 'number' ? input.shape.toSpliced(axis, 0, cell(1)) : null,
  );
};

export const squeeze: Operator = (on) => {
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

export const cat: Operator = (on) => {
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

export const stack: Operator = (on) => {
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

export const slice: Operator = (on) => {
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

export const select: Operator = (on) => {
  const input = on.tensor(0);
  if (!input) return UNKNOWN;
  if (input.shape?.length === 0) throw new Impossible('no axes');
  const axis = input.shape && axisOf(on.whole(1), input.shape.length);
  return tensor(input.type, input.shape && typeof axis === 'number' ? input.shape.toSpliced(axis, 1) : null);
};

export const expand: Operator = (on) => {
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

export const chunk: Operator = (on) => {
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
