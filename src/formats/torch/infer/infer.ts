import type { ScalarType, Shape } from '../../../contract/types.ts';
import { Evaluator, type Library } from './evaluate.ts';
import {
  type Abstract,
  type Cell,
  type Code,
  cell,
  Facts,
  Impossible,
  known,
  NotUnderstood,
  type ObjectView,
  root,
  type Size,
  tensor,
  UNKNOWN,
} from './values.ts';

/** What was found out about a value. `items`: of a tuple one each, of a list or dict one for all or one each. */
export interface Seen {
  readonly type: ScalarType | null;
  readonly shape: Shape | null;
  readonly items: readonly Seen[] | null;
  readonly entries: ReadonlyMap<string, Seen> | null;
}

/** An argument as its schema and, where a trace was stored, its example say. */
export interface Argument {
  /** A tensor, a tuple of arguments, or something that is not followed. */
  readonly kind: 'tensor' | 'other' | readonly Argument[];
  readonly example?: { readonly type: ScalarType | null; readonly rank: number } | null;
}

export interface Inferred {
  readonly inputs: readonly Seen[];
  readonly output: Seen;
}

const MAX_RANK = 7;
/** Steps for all hypotheses about one file together. */
export const BUDGET = 250_000;

/**
 * Follows a method from its arguments to its result. Types and sizes that weights fix are facts; a rank is one when the code
 * cannot run for any other. `null` when the code contradicts itself as it is read here.
 */
export function infer(
  method: string,
  self: ObjectView,
  schema: readonly Argument[],
  library: Library,
  budget: { left: number },
): Inferred | null {
  const code = codeOf(self, method);
  if (!code) return null;
  const places = schema.flatMap((one, index) => (one.kind === 'tensor' ? [index] : []));
  const ranks = new Map<number, number>();
  for (const place of places) {
    const stated = schema[place]?.example?.rank;
    if (stated !== undefined) ranks.set(place, stated);
  }
  const sure = new Map(ranks);
  for (const place of places) {
    if (sure.has(place)) continue;
    const possible: number[] = [];
    for (let rank = 0; rank <= MAX_RANK; rank += 1)
      if (follow(code, self, schema, new Map([...sure, [place, rank]]), library, budget)) possible.push(rank);
    const [only] = possible;
    if (possible.length === 0) return null;
    if (possible.length === 1 && only !== undefined && only < MAX_RANK) ranks.set(place, only);
  }
  return follow(code, self, schema, ranks, library, budget);
}

function codeOf(self: ObjectView, method: string): Code | null {
  try {
    return self.method(method);
  } catch (thrown) {
    if (thrown instanceof NotUnderstood) return null;
    throw thrown;
  }
}

/** `null` when the code cannot run with those ranks. */
function follow(
  code: Code,
  self: ObjectView,
  schema: readonly Argument[],
  ranks: ReadonlyMap<number, number>,
  library: Library,
  budget: { left: number },
): Inferred | null {
  const facts = new Facts();
  const given = schema.map((one, index): Abstract => argument(one, ranks.get(index)));
  try {
    const result = new Evaluator(facts, library, budget).call(code, self, given);
    return told(given, result);
  } catch (thrown) {
    if (thrown instanceof Impossible) return null;
    // What was learned on the way to code that is not understood holds all the same.
    if (thrown instanceof NotUnderstood) return toldSoFar(given);
    throw thrown;
  } finally {
    // Cells of weights are shared by all hypotheses.
    facts.undo(0);
  }
}

function toldSoFar(given: readonly Abstract[]): Inferred {
  try {
    return told(given, UNKNOWN);
  } catch (thrown) {
    if (thrown instanceof NotUnderstood) return told([], UNKNOWN);
    throw thrown;
  }
}

function argument(one: Argument, rank: number | undefined): Abstract {
  if (one.kind === 'other') return UNKNOWN;
  if (one.kind !== 'tensor')
    return { kind: 'tuple', items: one.kind.map((item) => argument(item, undefined)) };
  return tensor(
    cell(one.example?.type ?? null),
    rank === undefined ? null : Array.from({ length: rank }, () => cell<number>()),
  );
}

function told(given: readonly Abstract[], result: Abstract): Inferred {
  const first = given.find((one) => one.kind === 'tensor' && one.shape !== null && one.shape.length > 0);
  const batch = first?.kind === 'tensor' ? first.shape?.[0] : undefined;
  const counts = batch && known(batch) === null ? uses([...given, result], root(batch)) : 0;
  const rows = counts > 1 && batch ? root(batch) : null;
  const seen = (one: Abstract, depth: number): Seen => {
    const nothing = { type: null, shape: null, items: null, entries: null };
    if (depth > 16) return nothing;
    if (one.kind === 'tensor')
      return {
        ...nothing,
        type: known(one.type),
        shape:
          one.shape?.map((size) => known(size) ?? (rows !== null && root(size) === rows ? 'batch' : null)) ??
          null,
      };
    if (one.kind === 'tuple' || one.kind === 'list')
      return {
        ...nothing,
        items: one.items?.slice(0, 1000).map((item) => seen(item, depth + 1)) ?? null,
      };
    if (one.kind === 'dict')
      return {
        ...nothing,
        entries:
          one.entries && new Map([...one.entries].map(([key, value]) => [key, seen(value, depth + 1)])),
      };
    return nothing;
  };
  return { inputs: given.map((one) => seen(one, 0)), output: seen(result, 0) };
}

/** How often a size is among those values. */
function uses(values: readonly Abstract[], size: Cell<number>, depth = 0): number {
  if (depth > 16) return 0;
  const here = (one: Abstract): number => {
    if (one.kind === 'tensor') return (one.shape ?? []).filter((other: Size) => root(other) === size).length;
    if (one.kind === 'tuple' || one.kind === 'list') return uses(one.items ?? [], size, depth + 1);
    return one.kind === 'dict' ? uses([...(one.entries?.values() ?? [])], size, depth + 1) : 0;
  };
  return values.reduce((sum, one) => sum + here(one), 0);
}
