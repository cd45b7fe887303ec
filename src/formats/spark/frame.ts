import type { Label, Shape, TypeName } from '../../contract/types.ts';
import { assumed, derived, stated, type Told, type ToldField, unknown } from '../told.ts';

/** What one row of a column is: a value, a vector, a list, rows of vectors of one number, or not known. */
export type Form = 'scalar' | 'vector' | 'list' | 'vectors' | null;

/** What a stage says about a column. */
export interface Said {
  readonly type: Told<TypeName>;
  readonly form: Form;
  /** Of a vector: its size. */
  readonly size?: Told<number>;
  /** How many categories its numbers stand for; of a vector, of all its numbers together, 1 for plain ones. */
  readonly levels?: number | null;
  readonly labels?: Told<readonly Label[]> | undefined;
  readonly categories?: Told<readonly Label[]> | undefined;
  /** It may be missing. */
  readonly optional?: boolean;
}

/** A column as far as the stages so far tell. What is not known yet may be filled in by later ones. */
export interface Column {
  readonly name: string;
  readonly where: string;
  type: Told<TypeName>;
  form: Form;
  formWhere: string;
  size: Told<number>;
  levels: number | null;
  labels: Told<readonly Label[]> | undefined;
  categories: Told<readonly Label[]> | undefined;
  readonly optional: boolean;
  /** A later stage reads it. */
  taken: boolean;
  /** A later stage removes it. */
  hidden: boolean;
}

const NO_SIZE = 'nothing in the files gives the size of this vector';

/** Columns while a row goes through the stages. */
export interface Frame {
  /** Columns that a caller has to bring, in the order of first use. */
  readonly given: Column[];
  /** Columns that stages add, in order. */
  readonly made: Column[];
  /** Class names behind the numbers of a label column. */
  readonly labels: Map<string, Told<readonly Label[]>>;
  /** The column of that name; a caller has to bring it when no stage made it. */
  take(name: string, said: Said, where: string): Column;
  make(name: string, said: Said, where: string): Column;
  find(name: string): Column | undefined;
  /** All columns that there are now. */
  names(): Iterable<string>;
  /** Both are of one form, and vectors of one size. */
  same(a: Column, b: Column): void;
  /** From vectors of one size the others are made, of a size that grows with it: `sizeOf` gives it. */
  expanded(from: Column, made: Column, sizeOf: (size: number) => number | null): void;
  /** The parts behind one another are the whole. */
  joined(parts: readonly Column[], whole: Column): void;
  /** Fills in sizes that follow from one another. */
  settle(): void;
  /** A stage makes so many columns that have no name which the files state. */
  unnamed(count: number): void;
  /** How many of them no later stage takes. */
  readonly nameless: number;
  /** From here on nobody knows which columns there are. */
  lose(why: string): void;
  readonly lost: string | null;
}

export function newFrame(): Frame {
  const current = new Map<string, Column>();
  const given: Column[] = [];
  const made: Column[] = [];
  const equal: [Column, Column][] = [];
  const expansions: { from: Column; made: Column; sizeOf: (size: number) => number | null }[] = [];
  const sums: { parts: readonly Column[]; whole: Column }[] = [];
  let nameless = 0;
  let lost: string | null = null;
  const put = (name: string, said: Said, where: string, list: Column[]): Column => {
    const column: Column = {
      name,
      where,
      type: said.type,
      form: said.form,
      formWhere: where,
      size: said.size ?? unknown(NO_SIZE),
      levels: said.levels ?? null,
      labels: said.labels,
      categories: said.categories,
      optional: said.optional ?? false,
      taken: false,
      hidden: false,
    };
    current.set(name, column);
    list.push(column);
    return column;
  };
  return {
    given,
    made,
    labels: new Map(),
    find: (name) => current.get(name),
    names: () => current.keys(),
    take(name, said, where) {
      const known = current.get(name);
      // Spark calls a nameless column by its expression, such as `(a + 1)`: no caller's column is called that.
      const expression = !known && nameless > 0 && /[()]/.test(name);
      if (expression) nameless -= 1;
      const column = known ?? put(name, said, where, expression ? made : given);
      if (known) refine(known, said, where);
      column.taken = true;
      return column;
    },
    make: (name, said, where) => put(name, said, where, made),
    same: (a, b) => void equal.push([a, b]),
    expanded: (from, made, sizeOf) => void expansions.push({ from, made, sizeOf }),
    joined: (parts, whole) => void sums.push({ parts, whole }),
    get nameless() {
      return nameless;
    },
    get lost() {
      return lost;
    },
    unnamed(count) {
      nameless += count;
    },
    lose(why) {
      lost ??= why;
    },
    settle() {
      for (let round = 0; round < 20; round += 1) {
        let changed = false;
        for (const [a, b] of equal) changed = share(a, b) || share(b, a) || changed;
        for (const { from, made, sizeOf } of expansions) changed = expand(from, made, sizeOf) || changed;
        for (const sum of sums) changed = solve(sum.parts, sum.whole) || changed;
        if (!changed) break;
      }
    },
  };
}

/** What a later stage knows better than the one that named the column first. */
function refine(column: Column, said: Said, where: string): void {
  if (column.type.value === null) column.type = said.type;
  if (column.form === null && said.form !== null) {
    column.form = said.form;
    column.formWhere = where;
  }
  if (column.size.value === null && said.size) column.size = said.size;
  column.categories ??= said.categories;
}

function share(from: Column, to: Column): boolean {
  if (from.form !== null && to.form === null) {
    to.form = from.form;
    to.formWhere = `${to.where}, of one form with ${from.name}`;
    return true;
  }
  if (from.size.value === null || to.size.value !== null || to.form !== 'vector') return false;
  to.size = derived(from.size.value, `as wide as ${from.name}`);
  return true;
}

function expand(from: Column, made: Column, sizeOf: (size: number) => number | null): boolean {
  const [before, after] = [from.size.value, made.size.value];
  if (before !== null && after === null) {
    const size = sizeOf(before);
    if (size !== null) made.size = derived(size, `${made.where} of ${from.name}`);
    return size !== null;
  }
  if (before !== null || after === null || from.form !== 'vector') return false;
  let [low, high] = [1, after];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if ((sizeOf(middle) ?? Number.POSITIVE_INFINITY) < after) low = middle + 1;
    else high = middle;
  }
  if (sizeOf(low) !== after) return false;
  from.size = derived(low, `${made.name} has ${after} numbers, made of these`);
  return true;
}

function widthOf(column: Column): number | null {
  return column.form === 'scalar' ? 1 : column.form === 'vector' ? column.size.value : null;
}

/** Parts of known width add up to the whole; a whole of known width tells what its other parts are. */
function solve(parts: readonly Column[], whole: Column): boolean {
  const open = parts.filter((part) => widthOf(part) === null);
  const known = parts.reduce((sum, part) => sum + (widthOf(part) ?? 0), 0);
  if (open.length === 0) {
    if (whole.size.value !== null) return false;
    whole.size = derived(known, `the columns that ${whole.where} puts together`);
    return true;
  }
  if (whole.size.value === null) return false;
  const rest = whole.size.value - known;
  const [first, ...others] = open;
  const where = `${whole.name} has ${whole.size.value} numbers in all`;
  if (rest === open.length && open.every((part) => part.form === null)) {
    for (const part of open) {
      part.form = 'scalar';
      part.formWhere = where;
    }
    return true;
  }
  if (first && others.length === 0 && rest > 1) {
    first.form = 'vector';
    first.formWhere = where;
    first.size = derived(rest, where);
    return true;
  }
  return false;
}

/** The field of a column, with what is known by now. */
export function fieldOf(column: Column): ToldField {
  return {
    name: stated(column.name, column.where),
    type: column.type,
    shape: shapeOf(column),
    ...(column.labels && { labels: column.labels }),
    ...(column.categories && { categories: column.categories }),
    ...(column.optional && { optional: true }),
  };
}

function shapeOf(column: Column): Told<Shape> {
  switch (column.form) {
    case 'scalar':
      return derived(['batch'], column.formWhere);
    case 'vector':
      return {
        value: ['batch', column.size.value],
        evidence:
          column.size.value === null
            ? { kind: 'derived', where: `${column.formWhere}; ${NO_SIZE}` }
            : column.size.evidence,
      };
    case 'list':
      return derived(['batch', null], column.formWhere);
    case 'vectors':
      return derived(['batch', column.size.value, 1], column.formWhere);
    case null:
      return unknown(
        `${column.formWhere} takes numbers and vectors alike`,
        'the shape, such as [batch] for one number a row',
      );
  }
}

/** The types that stages ask for and give. */
export const vectorOf = (size?: Told<number>): Said => ({
  type: stated('float64', 'vectors are of doubles'),
  form: 'vector',
  ...(size && { size }),
});
export const double = (where: string): Said => ({ type: derived('float64', where), form: 'scalar' });
export const string: Said = { type: derived('string', 'the stage takes text'), form: 'scalar' };
export const strings: Said = { type: derived('string', 'the stage takes lists of words'), form: 'list' };
/** Any numeric type is taken; doubles hold them all. */
export const anyNumber: Said = {
  type: assumed('float64', 'any number is taken'),
  form: 'scalar',
};
