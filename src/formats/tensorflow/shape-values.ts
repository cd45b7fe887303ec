import type { Dimension, Shape } from '../../contract/types.ts';
import { bool, number } from '../wire/tree.ts';
import type { Operands } from './shape-rules.ts';

/** Integers that a graph computes from shapes; `null` where one is not known. A scalar has one. */
export type Sizes = readonly (number | null)[];

const MAX_SIZES = 64;
const THROUGH = /^(Identity|StopGradient|Cast|ExpandDims|Squeeze|Reshape)$/;

/**
 * What a result is as a list of sizes: constants, shapes, and what is commonly made of them. Like TensorFlow, it
 * computes with lists that are wholly known, and passes those on of which a part is.
 */
export function sizesOf(of: Operands): Sizes | null {
  const { operator } = of;
  if (operator === 'Const') return of.constant()?.values ?? null;
  if (operator === 'Shape') return of.shape(0)?.map(known) ?? null;
  if (operator === 'Rank') return of.shape(0) === null ? null : [of.shape(0)?.length ?? null];
  if (operator === 'Size') return [product(of.shape(0)?.map(known) ?? [null])];
  if (THROUGH.test(operator)) return of.values(0);
  if (operator === 'Pack') return joined(of, 0, of.count);
  if (operator === 'ConcatV2') return joined(of, 0, of.count - 1);
  if (operator === 'Prod') return of.values(0) && [product(of.values(0) ?? [null])];
  if (operator === 'Mul') return both(of, (a, b) => a * b);
  if (operator === 'Add' || operator === 'AddV2') return both(of, (a, b) => a + b);
  if (operator === 'Sub') return both(of, (a, b) => a - b);
  if (operator === 'FloorDiv') return both(of, (a, b) => Math.floor(a / b));
  if (operator === 'Maximum') return both(of, Math.max);
  if (operator === 'GatherV2') return gathered(of);
  if (operator === 'Range') return ranged(of);
  if (operator === 'StridedSlice') return sliced(of);
  return null;
}

/** A size that is a number. */
export function known(size: Dimension | undefined): number | null {
  return typeof size === 'number' ? size : null;
}

function product(sizes: Sizes): number | null {
  return sizes.reduce((all, one) => (all === null || one === null ? null : all * one), 1);
}

function joined(of: Operands, from: number, to: number): Sizes | null {
  const all: (number | null)[] = [];
  for (let index = from; index < to; index++) {
    const part = of.values(index) ?? (of.operator === 'Pack' ? [null] : null);
    if (part === null || all.length + part.length > MAX_SIZES) return null;
    all.push(...part);
  }
  return all;
}

function both(of: Operands, compute: (a: number, b: number) => number): Sizes | null {
  const [a, b] = [of.values(0), of.values(1)];
  if (!a || !b || (a.length !== b.length && a.length !== 1 && b.length !== 1)) return null;
  const open = a.includes(null) || b.includes(null);
  return Array.from({ length: Math.max(a.length, b.length) }, (_, index) => {
    const left = a[a.length === 1 ? 0 : index] ?? null;
    const right = b[b.length === 1 ? 0 : index] ?? null;
    return open || left === null || right === null ? null : compute(left, right);
  });
}

function gathered(of: Operands): Sizes | null {
  const [from, at] = [of.values(0), of.values(1)];
  if (!from || !at) return null;
  const open = from.includes(null) || at.includes(null);
  return at.map((index) => (open || index === null ? null : (from.at(index) ?? null)));
}

/** The numbers of a Range whose ends are known. */
export function ranged(of: Operands): Sizes | null {
  const [[from], [to], [by]] = [of.values(0) ?? [], of.values(1) ?? [], of.values(2) ?? []];
  if (typeof from !== 'number' || typeof to !== 'number' || typeof by !== 'number' || by === 0) return null;
  const length = Math.max(0, Math.ceil((to - from) / by));
  return length <= MAX_SIZES ? Array.from({ length }, (_, index) => from + index * by) : null;
}

/** A slice of a list of sizes, along its one axis. */
function sliced(of: Operands): Sizes | null {
  const all = of.values(0);
  const [[begin], [end], [step]] = [of.values(1) ?? [], of.values(2) ?? [], of.values(3) ?? []];
  if (!all || typeof begin !== 'number' || typeof end !== 'number' || step !== 1) return null;
  if (number(of.attribute('new_axis_mask'), 'i') !== 0 || number(of.attribute('ellipsis_mask'), 'i') !== 0)
    return null;
  if (number(of.attribute('shrink_axis_mask'), 'i') === 1) return [all.at(begin) ?? null];
  const open = (mask: string) => number(of.attribute(mask), 'i') === 1;
  return all.slice(open('begin_mask') ? 0 : begin, open('end_mask') ? all.length : end);
}

/** A shape from computed sizes: what is not known, or -1, is any size. */
export function shapeOfSizes(sizes: Sizes | null): Shape | null {
  return sizes?.map((size) => (size === null || size < 0 ? null : size)) ?? null;
}

/** Whether an attribute is set. */
export function flag(of: Operands, name: string): boolean {
  return bool(of.attribute(name), 'b');
}
