import { Malformed } from '../format.ts';

/** One token of a statement. */
export interface Token {
  readonly kind: 'name' | 'text' | 'number' | 'sign';
  /** Of a quoted name, without its quotes. */
  readonly text: string;
  /** Whether a name is in backquotes: it is then no keyword. */
  readonly quoted: boolean;
}

const TOKEN =
  /(\s+|--[^\n]*|\/\*[\s\S]*?\*\/)|`((?:[^`]|``)+)`|('(?:[^'\\]|\\[\s\S])*'|"(?:[^"\\]|\\[\s\S])*")|((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?:BD|[LDSFY])?(?![\p{L}\d_]))|([\p{L}_][\p{L}\d_]*)|(<=>|<>|!=|==|>=|<=|\|\||->|=>|::|[\s\S])/giuy;

/** @throws Malformed when there are more than `most` tokens; NotRead when a quote is not closed. */
export function tokensOf(statement: string, most: number): Token[] {
  const out: Token[] = [];
  for (const match of statement.matchAll(TOKEN)) {
    const { index } = match;
    const [all, space, quoted, text, number, name] = match;
    if (space !== undefined) continue;
    // What is not closed would be sought for again from each place in it.
    if (/^['"`]$/.test(all) || (all === '/' && statement[index + 1] === '*'))
      throw new NotRead('a quote or comment is not closed');
    if (out.length >= most) throw new Malformed(`an SQL statement has more than ${most} tokens`);
    if (quoted !== undefined) out.push({ kind: 'name', text: quoted.replaceAll('``', '`'), quoted: true });
    else if (name !== undefined) out.push({ kind: 'name', text: name, quoted: false });
    else out.push({ kind: text ? 'text' : number ? 'number' : 'sign', text: all, quoted: false });
  }
  return out;
}

/** A place in the tokens, going forward. */
export interface Reader {
  /** The token ahead, and those behind it. */
  peek(ahead?: number): Token | undefined;
  next(): Token;
  /** Whether a keyword or a sign is next. */
  at(...words: readonly string[]): boolean;
  /** Passes over a keyword or a sign, where it is next. */
  skip(...words: readonly string[]): boolean;
  /** @throws NotRead when something else is next. */
  expect(word: string): void;
}

/** The statement is beyond what is read of SQL here. */
export class NotRead extends Error {
  override readonly name = 'NotRead';
}

export function readerOf(tokens: readonly Token[]): Reader {
  let place = 0;
  const is = (token: Token | undefined, word: string): boolean =>
    token !== undefined && !token.quoted && token.kind !== 'text' && token.text.toUpperCase() === word;
  const reader: Reader = {
    peek: (ahead = 0) => tokens[place + ahead],
    next() {
      const token = tokens[place];
      if (!token) throw new NotRead('the statement ends');
      place += 1;
      return token;
    },
    at: (...words) => words.some((word) => is(tokens[place], word)),
    skip(...words) {
      const found = reader.at(...words);
      if (found) place += 1;
      return found;
    },
    expect(word) {
      if (!reader.skip(word)) throw new NotRead(`${word} is not where it should be`);
    },
  };
  return reader;
}
