import { entryOf } from '../../model/entry.ts';
import { arithmetic, CAST_FUNCTIONS, CASTS, common, FUNCTIONS, type SqlType } from './sql-functions.ts';
import { NotRead, type Reader } from './sql-tokens.ts';

/** How a statement uses a column: as a number, as text, or in a way that tells neither. */
export type Use = 'number' | 'text' | null;

/** The columns that an expression may name. */
export interface Scope {
  use(name: string, as: Use): void;
  /** Type of a column that was made before; `null` where a caller brings it. */
  typeOf(name: string): SqlType;
}

/** A value: a column alone, or what an expression gives. `NULL` has no type and takes any. */
interface Value {
  readonly column: string | null;
  readonly type: SqlType;
  /** Of a list: the type of what is in it. */
  readonly element?: SqlType;
  readonly nothing?: boolean;
}

const MAX_DEPTH = 60;
const KEYWORDS = new Set(
  'SELECT FROM WHERE GROUP ORDER HAVING LIMIT JOIN UNION LATERAL WINDOW OVER THEN ELSE END WHEN AS ON USING EXISTS INTERVAL'.split(
    ' ',
  ),
);
const typed = (type: SqlType): Value => ({ column: null, type });

/** Reads one expression. @throws NotRead when it is beyond what is understood here. */
export function expression(reader: Reader, scope: Scope, depth = 0): Value {
  if (depth > MAX_DEPTH) throw new NotRead('too deep');
  const deeper = () => expression(reader, scope, depth + 1);
  let left = conjunct();
  while (reader.skip('OR', 'AND')) {
    as(left, null);
    as(conjunct(), null);
    left = typed('bool');
  }
  return left;

  /** Notes how a value is used, and gives its type in that use. */
  function as(value: Value, use: Use): SqlType {
    if (value.column === null) return value.type;
    scope.use(value.column, use);
    const known = scope.typeOf(value.column);
    return known ?? (use === 'number' ? 'number' : use === 'text' ? 'string' : null);
  }

  function conjunct(): Value {
    let not = false;
    while (reader.skip('NOT', '!')) not = true;
    const value = comparison();
    if (!not) return value;
    as(value, null);
    return typed('bool');
  }

  function comparison(): Value {
    let left = sum();
    for (;;) {
      if (reader.skip('=', '==', '<>', '!=', '<=>', '<', '>', '<=', '>=')) compare(left, sum());
      else if (reader.skip('IS')) {
        reader.skip('NOT');
        if (!reader.skip('NULL', 'TRUE', 'FALSE')) throw new NotRead('IS');
        as(left, null);
      } else {
        const not = reader.skip('NOT');
        if (reader.skip('IN')) {
          reader.expect('(');
          do compare(left, sum());
          while (reader.skip(','));
          reader.expect(')');
        } else if (reader.skip('LIKE', 'RLIKE', 'ILIKE', 'REGEXP')) {
          as(left, 'text');
          as(sum(), 'text');
        } else if (reader.skip('BETWEEN')) {
          compare(left, sum());
          reader.expect('AND');
          compare(left, sum());
        } else if (not) throw new NotRead('NOT');
        else return left;
      }
      left = typed('bool');
    }
  }

  /** What is compared with text is text, and with a number a number. */
  function compare(a: Value, b: Value): void {
    as(a, useOf(b));
    as(b, useOf(a));
  }

  function useOf({ column, type }: Value): Use {
    const known = column === null ? type : scope.typeOf(column);
    return known === 'string' ? 'text' : known === null || known === 'bool' ? null : 'number';
  }

  function sum(): Value {
    let left = product();
    while (reader.at('+', '-', '||')) {
      if (reader.skip('||')) {
        as(left, null);
        as(product(), null);
        left = typed('string');
      } else {
        reader.next();
        left = typed(arithmetic(as(left, 'number'), as(product(), 'number')));
      }
    }
    return left;
  }

  function product(): Value {
    let left = single();
    while (reader.at('*', '/', '%', 'DIV')) {
      const sign = reader.next().text;
      const [a, b] = [as(left, 'number'), as(single(), 'number')];
      const decimal = a === 'decimal' || b === 'decimal';
      if (sign === '/') left = typed(decimal ? arithmetic(a, b) : 'float64');
      else left = typed(sign === '*' || sign === '%' ? arithmetic(a, b) : 'int64');
    }
    return left;
  }

  function single(): Value {
    let signed = false;
    while (reader.skip('-', '+')) signed = true;
    if (!signed) return whole();
    return typed(as(whole(), 'number'));
  }

  /** A value, with what is taken out of it behind it: `words[0]`, `age::int`. */
  function whole(): Value {
    let value = unsigned();
    while (reader.at('[', '::')) {
      const { element = null } = value;
      as(value, null);
      if (reader.skip('::')) value = typed(CASTS[reader.next().text.toUpperCase()] ?? null);
      else {
        reader.next();
        as(deeper(), null);
        reader.expect(']');
        value = typed(element);
      }
    }
    return value;
  }

  function unsigned(): Value {
    if (reader.skip('(')) {
      const inner = deeper();
      reader.expect(')');
      return inner;
    }
    const token = reader.next();
    if (token.kind === 'text') return typed('string');
    if (token.kind === 'number') return typed(typeOfNumber(token.text));
    if (token.kind === 'sign') throw new NotRead(token.text);
    const word = token.quoted ? '' : token.text.toUpperCase();
    if (word === 'NULL') return { column: null, type: null, nothing: true };
    if (word === 'TRUE' || word === 'FALSE') return typed('bool');
    if (word === 'CASE') return choice();
    if (word === 'CAST' || word === 'TRY_CAST') return cast();
    if (KEYWORDS.has(word)) throw new NotRead(word);
    if (reader.at('(') && !token.quoted) return call(token.text.toLowerCase());
    if (reader.skip('.')) return qualified(word);
    if (reader.at('->')) throw new NotRead('a function');
    return { column: token.text, type: null };
  }

  function qualified(table: string): Value {
    const name = reader.next();
    if (table !== '__THIS__' || name.kind !== 'name' || reader.at('.', '(', '['))
      throw new NotRead('a field of a column');
    return { column: name.text, type: null };
  }

  function choice(): Value {
    const subject = reader.at('WHEN') ? null : deeper();
    const values: Value[] = [];
    while (reader.skip('WHEN')) {
      const when = deeper();
      if (subject) compare(subject, when);
      else as(when, null);
      reader.expect('THEN');
      values.push(deeper());
    }
    if (reader.skip('ELSE')) values.push(deeper());
    reader.expect('END');
    return typed(commonOf(values));
  }

  function commonOf(values: readonly Value[]): SqlType {
    const some = values.filter((value) => !value.nothing);
    const use = some.map(useOf).find((one) => one !== null) ?? null;
    return common(some.map((value) => as(value, use)));
  }

  function cast(): Value {
    reader.expect('(');
    as(deeper(), null);
    reader.expect('AS');
    const name = reader.next().text.toUpperCase();
    if (reader.at('<')) throw new NotRead(name);
    if (reader.skip('(')) while (!reader.skip(')')) reader.next();
    reader.expect(')');
    return typed(entryOf(CASTS, name) ?? null);
  }

  function call(name: string): Value {
    reader.expect('(');
    reader.skip('DISTINCT');
    const values: Value[] = [];
    if (name === 'count' && reader.skip('*')) reader.at(')');
    else while (!reader.at(')') && (values.length === 0 || reader.skip(','))) values.push(deeper());
    reader.expect(')');
    if (reader.at('OVER', 'FILTER', '.')) throw new NotRead(name);
    if (CAST_FUNCTIONS.has(name) && values.length === 1) {
      for (const value of values) as(value, null);
      return typed(entryOf(CASTS, name.toUpperCase()) ?? null);
    }
    const known = FUNCTIONS.get(name);
    if (known?.gives === 'common') return typed(commonOf(values));
    if (known?.gives === 'second') {
      for (const value of values.slice(0, 1)) as(value, null);
      return typed(commonOf(values.slice(1)));
    }
    const types = values.map((value, index) => as(value, index === 0 ? (known?.takes ?? null) : null));
    if (known?.gives === 'first') return typed(types[0] ?? null);
    if (name === 'split') return { ...typed(null), element: 'string' };
    return typed(known?.gives ?? null);
  }
}

/** `1` is an int, `1L` a long, `1D` and `1e3` doubles; `1.5` is a decimal. */
function typeOfNumber(text: string): SqlType {
  if (/BD$/i.test(text)) return 'decimal';
  const suffix = /[LDSFY]$/i.exec(text)?.[0].toUpperCase();
  if (suffix)
    return ({ L: 'int64', D: 'float64', S: 'int16', F: 'float32', Y: 'int8' } as const)[suffix] ?? null;
  if (/e/i.test(text)) return 'float64';
  if (text.includes('.')) return 'decimal';
  return Number(text) > 2147483647 ? 'int64' : 'int32';
}
