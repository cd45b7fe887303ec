import type { TypeName } from '../../contract/types.ts';
import { Malformed } from '../format.ts';
import { assumed, derived, type Told, unknown } from '../told.ts';
import { anyNumber, type Column, type Frame, type Said } from './frame.ts';
import { expression, type Scope, type Use } from './sql-expression.ts';
import type { SqlType } from './sql-functions.ts';
import { NotRead, type Reader, readerOf, tokensOf } from './sql-tokens.ts';
import type { StageReader } from './work.ts';

const MAX_STATEMENT = 100_000;
const MAX_TOKENS = 20_000;

/** A part of the select list: all columns, a column under its own name or another, or a value with a name or none. */
type Item =
  | { readonly kind: 'all' }
  | { readonly kind: 'column'; readonly from: string; readonly name: string }
  | { readonly kind: 'value'; readonly name: string | null; readonly type: SqlType };

interface Statement {
  readonly items: readonly Item[];
  /** Columns that are read, in order, and what the statement asks of them. */
  readonly reads: ReadonlyMap<string, Use>;
  /** Those that an item reckons with. */
  readonly consumed: ReadonlySet<string>;
}

/**
 * A SELECT over the table that comes in. Names in it are columns that have to be there; what AS names is made. Without
 * a `*` the columns that it does not name are gone. Joins, subqueries and windows are not read: which columns there are
 * is not known behind them.
 */
export const sqlTransformer: StageReader = (stage, { frame }) => {
  const statement = String(stage.params['statement'] ?? '');
  let parsed: Statement;
  try {
    if (statement.length > MAX_STATEMENT) throw new NotRead('it is too long');
    parsed = statementOf(readerOf(tokensOf(statement, MAX_TOKENS)), frame);
  } catch (error) {
    if (!(error instanceof NotRead || error instanceof Malformed)) throw error;
    frame.lose('the SQL of a stage is more than a plain SELECT, which is all that Lading reads');
    return;
  }
  const { items, reads, consumed } = parsed;
  const kept = new Set(items.flatMap((item) => (item.kind === 'column' ? [item.from] : [])));
  for (const [name, use] of reads) {
    const was = frame.find(name)?.taken ?? false;
    const column = frame.take(name, takenAs(use), stage.name);
    // What is selected goes on, whatever else it is used for.
    if (frame.made.includes(column) && (kept.has(name) || !consumed.has(name))) column.taken = was;
  }
  if (!items.some((item) => item.kind === 'all'))
    for (const column of frame.made) {
      if (!kept.has(column.name)) column.hidden = true;
      else if (frame.find(column.name) === column) column.taken = false;
    }
  for (const item of items) {
    if (item.kind === 'all') continue;
    if (item.name === null) frame.unnamed(1);
    else if (item.kind === 'value')
      frame.make(item.name, { type: toldOf(item.type), form: formOf(item.type) }, stage.name);
    else if (item.name !== item.from) rename(frame, item.from, item.name, stage.name);
  }
};

function rename(frame: Frame, from: string, name: string, where: string): void {
  const column = frame.find(from);
  if (!column) return;
  column.hidden = column.hidden || frame.made.includes(column);
  frame.same(column, frame.make(name, column, where));
  const labels = frame.labels.get(from);
  if (labels) frame.labels.set(name, labels);
}

function takenAs(use: Use): Said {
  if (use === 'number') return anyNumber;
  if (use === 'text')
    return { type: assumed('string', 'an SQL expression takes it for text'), form: 'scalar' };
  return { type: unknown('used in an SQL expression', 'the type'), form: null };
}

function toldOf(type: SqlType): Told<TypeName> {
  if (type === 'number') return assumed('float64', 'reckoned from columns that are taken for doubles');
  if (type === null || type === 'decimal')
    return unknown('the type of the SQL expression is not worked out', 'the type');
  return derived(type, 'what the SQL expression gives');
}

const formOf = (type: SqlType) => (type === null ? null : 'scalar');

/** @throws NotRead when it is more than a plain SELECT. */
function statementOf(reader: Reader, frame: Frame): Statement {
  const reads = new Map<string, Use>();
  const aliases = new Map<string, SqlType>();
  // Spark's SQL does not tell capitals from small letters.
  const names = new Map([...frame.names()].map((name) => [name.toLowerCase(), name]));
  const nameOf = (name: string): string => {
    if (frame.find(name)) return name;
    const low = name.toLowerCase();
    const known = names.get(low) ?? name;
    names.set(low, known);
    return known;
  };
  const scope: Scope = {
    use(given, use) {
      const name = nameOf(given);
      if (frame.find(name) || !aliases.has(name)) reads.set(name, reads.get(name) ?? use);
    },
    typeOf(given) {
      const name = nameOf(given);
      const column = frame.find(name);
      return column ? typeOfColumn(column) : (aliases.get(name) ?? null);
    },
  };
  reader.expect('SELECT');
  reader.skip('DISTINCT', 'ALL');
  const items: Item[] = [];
  do {
    const item = itemOf(reader, scope, nameOf);
    items.push(item);
    // Later items and clauses may name what the list has just made.
    if (item.kind === 'value' && item.name !== null) aliases.set(item.name, item.type);
  } while (reader.skip(','));
  reader.expect('FROM');
  reader.expect('__THIS__');
  const consumed = new Set(reads.keys());
  tailOf(reader, scope);
  return { items, reads, consumed };
}

function itemOf(reader: Reader, scope: Scope, nameOf: (name: string) => string): Item {
  if (reader.skip('*')) return { kind: 'all' };
  if (reader.at('__THIS__') && reader.peek(1)?.text === '.' && reader.peek(2)?.text === '*') {
    for (let step = 0; step < 3; step += 1) reader.next();
    return { kind: 'all' };
  }
  const value = expression(reader, scope);
  const named = reader.skip('AS');
  const alias = named || (reader.peek()?.kind === 'name' && !reader.at('FROM')) ? reader.next() : null;
  if (alias && alias.kind !== 'name') throw new NotRead('AS');
  if (value.column === null) return { kind: 'value', name: alias?.text ?? null, type: value.type };
  scope.use(value.column, null);
  const from = nameOf(value.column);
  return { kind: 'column', from, name: alias?.text ?? from };
}

/** WHERE, GROUP BY, HAVING, ORDER BY, LIMIT: they read columns, and make none. */
function tailOf(reader: Reader, scope: Scope): void {
  const use = () => {
    const { column } = expression(reader, scope);
    if (column !== null) scope.use(column, null);
    reader.skip('ASC', 'DESC');
  };
  while (reader.peek() && !reader.at(';')) {
    if (reader.skip('WHERE', 'HAVING')) use();
    else if (reader.skip('GROUP', 'ORDER', 'SORT', 'DISTRIBUTE', 'CLUSTER')) {
      reader.expect('BY');
      do use();
      while (reader.skip(','));
    } else if (reader.skip('LIMIT')) reader.next();
    else throw new NotRead(reader.next().text);
  }
}

function typeOfColumn({ form, type }: Column): SqlType {
  const known = form === 'scalar' ? type.value : null;
  return known === 'sequence' || known === 'map' || known === 'record' ? null : known;
}
