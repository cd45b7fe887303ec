import type { ScalarType } from '../../../contract/types.ts';
import {
  type Abstract,
  alike,
  cell,
  type Facts,
  Impossible,
  known,
  type Size,
  type Type,
  tensor,
} from './values.ts';

/*
 * What operators' models are made of. Every one says nothing rather than something that a call could contradict.
 */

export type Tensor = Extract<Abstract, { kind: 'tensor' }>;

/** Arguments of a call, by position and by name. */
export class Operands {
  readonly facts: Facts;
  readonly list: readonly Abstract[];
  readonly named: ReadonlyMap<string, Abstract>;

  constructor(facts: Facts, list: readonly Abstract[], named: ReadonlyMap<string, Abstract>) {
    this.facts = facts;
    this.list = list;
    this.named = named;
  }

  get(at: number, name?: string): Abstract | undefined {
    return (name === undefined ? undefined : this.named.get(name)) ?? this.list[at];
  }

  tensor(at: number): Tensor | null {
    const one = this.list[at];
    return one?.kind === 'tensor' ? one : null;
  }

  whole(at: number, name?: string): number | null {
    return wholeOf(this.get(at, name));
  }

  bool(at: number, name?: string): boolean | null {
    const one = this.get(at, name);
    return one?.kind === 'plain' && typeof one.value === 'boolean' ? one.value : null;
  }

  isNone(at: number, name?: string): boolean {
    const one = this.get(at, name);
    return one?.kind === 'plain' && one.value === null;
  }

  /** Numbers of a list, or of a number that stands for `count` of them. */
  wholes(at: number, count?: number): number[] | null {
    const one = this.list[at];
    const single = wholeOf(one);
    if (single !== null) return Array.from({ length: count ?? 1 }, () => single);
    if ((one?.kind !== 'list' && one?.kind !== 'tuple') || one.items === null) return null;
    const numbers = one.items.map(wholeOf);
    if (!numbers.every((number) => number !== null)) return null;
    return numbers.length === 1 && count !== undefined
      ? Array.from({ length: count }, () => numbers[0] ?? 0)
      : numbers;
  }
}

export function wholeOf(value: Abstract | undefined): number | null {
  if (value?.kind === 'size') return known(value.size);
  return value?.kind === 'plain' && typeof value.value === 'number' && value.whole ? value.value : null;
}

export const FLOATS: ReadonlySet<string> = new Set(['float16', 'bfloat16', 'float32', 'float64']);
export const isFloat = (type: ScalarType | null): boolean => type !== null && FLOATS.has(type);

export const any = (): Tensor => tensor(cell(), null) as Tensor;
export const like = (one: Tensor | null): Tensor => one ?? any();
export const typed = (type: ScalarType | null, shape: readonly Size[] | null): Tensor =>
  tensor(cell(type), shape) as Tensor;
export const sized = (...sizes: (number | null)[]): Size[] => sizes.map((size) => cell(size));

/** Requires a rank. */
export function rankIn(one: Tensor, ...ranks: number[]): void {
  if (one.shape !== null && !ranks.includes(one.shape.length))
    throw new Impossible(`rank ${one.shape.length}`);
}

/** The place of an axis that may count from the end; `null` when it is not known. */
export function axisOf(axis: number | null, rank: number): number | null {
  if (axis === null) return null;
  const least = Math.max(rank, 1);
  if (axis < -least || axis >= least) throw new Impossible(`axis ${axis} of rank ${rank}`);
  return axis < 0 ? axis + least : axis;
}

/** The product of sizes; `null` when one is open. */
export function productOf(sizes: readonly Size[]): number | null {
  let total = 1;
  for (const size of sizes) {
    const value = known(size);
    if (value === null) return null;
    total *= value;
  }
  return total;
}

/** Shapes as NumPy broadcasts them; `null` when a rank is not known. */
export function broadcast(a: readonly Size[] | null, b: readonly Size[] | null): readonly Size[] | null {
  if (a === null || b === null) return null;
  const [long, short] = a.length >= b.length ? [a, b] : [b, a];
  const ahead = long.length - short.length;
  return long.map((size, axis) => {
    const other = short[axis - ahead];
    if (axis < ahead || other === undefined || alike(size, other)) return size;
    const [x, y] = [known(size), known(other)];
    if (x === 1) return other;
    if (y === 1) return size;
    if (x !== null && y !== null) throw new Impossible(`sizes ${x} and ${y} do not broadcast`);
    if (x !== null) return size;
    return y === null ? cell() : other;
  });
}

const ORDER: readonly ScalarType[] = [
  'bool',
  'uint8',
  'int8',
  'int16',
  'int32',
  'int64',
  'float16',
  'bfloat16',
  'float32',
  'float64',
];

/** The type of what two operands give together. Source: torch's type promotion. */
export function promoted(a: Abstract | undefined, b: Abstract | undefined): Type {
  if (a?.kind === 'tensor' && b?.kind === 'tensor') {
    if (alike(a.type, b.type)) return a.type;
    const [x, y] = [known(a.type), known(b.type)];
    // Tensors of no axes count as numbers.
    if (x === null || y === null || [a, b].some((one) => one.shape === null || one.shape.length === 0))
      return cell();
    const [i, j] = [ORDER.indexOf(x), ORDER.indexOf(y)];
    if (
      i < 0 ||
      j < 0 ||
      (x === 'float16' && y === 'bfloat16') ||
      (x === 'bfloat16' && y === 'float16') ||
      (isFloat(x) === isFloat(y) && (x === 'uint8' || y === 'uint8'))
    )
      return cell();
    return cell(ORDER[Math.max(i, j)] ?? null);
  }
  const [tensorOne, other] = a?.kind === 'tensor' ? [a, b] : [b, a];
  if (tensorOne?.kind !== 'tensor') return cell();
  const type = known(tensorOne.type);
  if (type !== null && isFloat(type)) return tensorOne.type;
  if (other?.kind === 'size' || (other?.kind === 'plain' && typeof other.value === 'number' && other.whole))
    return type !== null && /^u?int/.test(type) ? tensorOne.type : cell();
  return cell();
}

/** Results of several tensors. */
export const several = (...items: Abstract[]): Abstract => ({ kind: 'tuple', items });

/** What a size becomes by a window that slides over it; the same cell where it stays as it is. */
export function slid(
  size: Size,
  kernel: number | null,
  stride: number | null,
  padding: number | null,
  dilation: number | null,
  ceil = false,
): Size {
  if (kernel === null || stride === null || padding === null || dilation === null || stride <= 0)
    return cell();
  const reach = dilation * (kernel - 1);
  if (stride === 1 && 2 * padding === reach) return size;
  const value = known(size);
  if (value === null) return cell();
  const steps = (value + 2 * padding - reach - 1) / stride;
  if (steps < 0) throw new Impossible('a window larger than its input');
  let count = (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1;
  if (ceil && (count - 1) * stride >= value + padding) count -= 1;
  return cell(count);
}
