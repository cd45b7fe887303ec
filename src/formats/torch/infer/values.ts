import type { ScalarType } from '../../../contract/types.ts';

/*
 * What is known of values while code is followed without being run. Sizes and element types are cells: two tensors that must have
 * the same one share it, so that a weight that fixes it for one fixes it for both.
 */

/** Something that is one value throughout a call, known or not. */
export interface Cell<T> {
  value: T | null;
  /** Another cell that stands for this one from now on. */
  same: Cell<T> | null;
}

export type Size = Cell<number>;
export type Type = Cell<ScalarType>;

export type Abstract =
  | { readonly kind: 'tensor'; readonly type: Type; readonly shape: readonly Size[] | null }
  | { readonly kind: 'plain'; readonly value: number | boolean | string | null; readonly whole: boolean }
  /** A whole number that is the size of an axis. */
  | { readonly kind: 'size'; readonly size: Size }
  /** `items` is `null` once nobody knows what it holds. */
  | { readonly kind: 'list' | 'tuple'; items: Abstract[] | null }
  | { readonly kind: 'dict'; readonly entries: Map<string, Abstract> | null }
  /** A module or another object; whose attributes are found by its maker. */
  | { readonly kind: 'object'; readonly of: ObjectView }
  | { readonly kind: 'function'; readonly name: string }
  | { readonly kind: 'method'; readonly of: ObjectView; readonly name: string }
  | { readonly kind: 'unknown' };

export interface ObjectView {
  /** Full name of its class; '' in archives that name none. */
  readonly name: string;
  attribute(name: string): Abstract;
  /** `null` when it has no such method. */
  method(name: string): Code | null;
}

/** Where a function's text is. */
export interface Code {
  readonly text: string;
  /** Behind the colon of the head. */
  readonly body: number;
  readonly arguments: readonly { readonly name: string; readonly default: string | null }[];
}

export const UNKNOWN: Abstract = { kind: 'unknown' };
export const plain = (
  value: number | boolean | string | null,
  whole = Number.isInteger(value),
): Abstract => ({ kind: 'plain', value, whole });
export const tensor = (type: Type, shape: readonly Size[] | null): Abstract => ({
  kind: 'tensor',
  type,
  shape,
});
export const cell = <T>(value: T | null = null): Cell<T> => ({ value, same: null });

/** The call cannot have happened so: a size or type would have to be two things at once, or the code raises. */
export class Impossible extends Error {
  override readonly name = 'Impossible';
}

/** The code is not as torch writes it, or more than is followed: nothing more is inferred from it. */
export class NotUnderstood extends Error {
  override readonly name = 'NotUnderstood';
}

const MAX_CHAIN = 1000;

/** The cell that stands for this one. @throws NotUnderstood when too many stand for each other */
export function root<T>(of: Cell<T>): Cell<T> {
  let at = of;
  for (let count = 0; at.same !== null; at = at.same) {
    count += 1;
    if (count > MAX_CHAIN) throw new NotUnderstood('too many sizes that are one');
  }
  return at;
}

export const known = <T>(of: Cell<T>): T | null => root(of).value;
export const alike = <T>(a: Cell<T>, b: Cell<T>): boolean =>
  root(a) === root(b) || (known(a) !== null && known(a) === known(b));

/** Facts that are learned, and can be unlearned where they held for one branch only. */
export class Facts {
  /** Cells that were open before. */
  private readonly trail: Cell<unknown>[] = [];
  /** Depth of branches that may not be taken. */
  doubt = 0;

  set<T>(of: Cell<T>, value: T): void {
    const at = root(of);
    if (at.value === null) {
      this.trail.push(at);
      at.value = value;
    } else if (at.value !== value) throw new Impossible(`${String(at.value)} and ${String(value)} at once`);
  }

  unify<T>(a: Cell<T>, b: Cell<T>): void {
    const [x, y] = [root(a), root(b)];
    if (x === y) return;
    if (x.value !== null) this.set(y, x.value);
    else if (y.value !== null) this.set(x, y.value);
    else {
      this.trail.push(x);
      x.same = y;
    }
  }

  mark(): number {
    return this.trail.length;
  }

  /** What was learned since the mark. */
  since(mark: number): Map<Cell<unknown>, unknown> {
    const out = new Map<Cell<unknown>, unknown>();
    for (const one of this.trail.slice(mark)) if (one.same === null) out.set(one, one.value);
    return out;
  }

  undo(mark: number): void {
    while (this.trail.length > mark) {
      const last = this.trail.pop();
      if (!last) break;
      last.value = null;
      last.same = null;
    }
  }
}
