/*
 * The statements of TorchScript's code files. torch prints them itself, in a small part of Python's grammar: one statement a line
 * (lines go on within brackets), `if`, `for` and `while` by indentation. Source: torch/csrc/jit/serialization/python_print.cpp.
 */

import { NotUnderstood } from './values.ts';

export type Expression =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'number'; readonly value: number; readonly whole: boolean }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'list' | 'tuple'; readonly items: readonly Expression[] }
  | { readonly kind: 'dict'; readonly keys: readonly Expression[]; readonly values: readonly Expression[] }
  | { readonly kind: 'attribute'; readonly of: Expression; readonly name: string }
  | { readonly kind: 'index'; readonly of: Expression; readonly at: Expression }
  | {
      readonly kind: 'call';
      readonly callee: Expression;
      readonly args: readonly Expression[];
      readonly named: ReadonlyMap<string, Expression>;
    };

export type Statement =
  | {
      readonly kind: 'assign';
      readonly targets: readonly Expression[];
      readonly several: boolean;
      readonly value: Expression;
    }
  | { readonly kind: 'do' | 'return'; readonly value: Expression | null }
  | {
      readonly kind: 'if';
      readonly test: Expression;
      readonly yes: readonly Statement[];
      readonly no: readonly Statement[];
    }
  | {
      readonly kind: 'loop';
      readonly variable: string | null;
      readonly over: Expression;
      readonly body: readonly Statement[];
    }
  | { readonly kind: 'pass' };

const MAX_DEPTH = 100;
const TOKEN =
  /[ \t\n]*(?:("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?j?)|([A-Za-z_]\w*)|(->|[()[\]{}.,:=*-]))/y;

/**
 * Parses the body of a function, from the line after its head on; it ends where a line is indented less.
 * @param spend is told how much text there is, before it is parsed.
 * @throws NotUnderstood
 */
export function bodyAt(text: string, start: number, spend: (length: number) => void): Statement[] {
  const lines = logicalLines(text, start, spend);
  const [first] = lines;
  if (!first) return [];
  const taken = { at: 0 };
  return block(lines, taken, first.indent, 0);
}

interface Line {
  readonly indent: number;
  readonly text: string;
}

/** Lines with those that go on within brackets joined. Ends before a line that is indented less than the first. */
function logicalLines(text: string, start: number, spend: (length: number) => void): Line[] {
  const lines: Line[] = [];
  let least = -1;
  for (let at = start; at < text.length; ) {
    let end = at;
    let depth = 0;
    for (; end < text.length; end += 1) {
      const char = text[end];
      if (char === '"' || char === "'") {
        for (end += 1; end < text.length && text[end] !== char && text[end] !== '\n'; end += 1)
          if (text[end] === '\\') end += 1;
      } else if (char === '(' || char === '[' || char === '{') depth += 1;
      else if (char === ')' || char === ']' || char === '}') depth -= 1;
      else if (char === '\n' && depth <= 0) break;
    }
    spend(end - at);
    const raw = text.slice(at, end);
    at = end + 1;
    const content = raw.trim();
    if (content === '' || content.startsWith('#')) continue;
    const indent = raw.length - raw.trimStart().length;
    if (least < 0) least = indent;
    if (indent < least || least === 0) break;
    lines.push({ indent, text: content });
  }
  return lines;
}

function block(lines: readonly Line[], taken: { at: number }, indent: number, depth: number): Statement[] {
  if (depth > MAX_DEPTH) throw new NotUnderstood('blocks nest too deeply');
  const out: Statement[] = [];
  const below = (): Statement[] => {
    const next = lines[taken.at];
    return next && next.indent > indent ? block(lines, taken, next.indent, depth + 1) : [];
  };
  for (let line = lines[taken.at]; line !== undefined && line.indent === indent; line = lines[taken.at]) {
    taken.at += 1;
    const head = /^(if|for|while|with)\b\s*(.*):$/s.exec(line.text);
    if (head?.[1] === 'if') {
      const test = expressionOf(head[2] ?? '');
      const yes = below();
      const other = lines[taken.at];
      let no: Statement[] = [];
      if (other?.indent === indent && other.text === 'else:') {
        taken.at += 1;
        no = below();
      }
      out.push({ kind: 'if', test, yes, no });
    } else if (head?.[1] === 'for') {
      const parts = /^(\w+) in (.*)$/s.exec(head[2] ?? '');
      if (!parts) throw new NotUnderstood('a loop of another kind');
      out.push({ kind: 'loop', variable: parts[1] ?? '', over: expressionOf(parts[2] ?? ''), body: below() });
    } else if (head?.[1] === 'while')
      out.push({ kind: 'loop', variable: null, over: expressionOf(head[2] ?? ''), body: below() });
    else if (head?.[1] === 'with') {
      // Within it, operators choose their types by themselves.
      if (/autocast/.test(line.text)) throw new NotUnderstood('autocast');
      out.push(...below());
    } else out.push(simple(line.text));
  }
  return out;
}

function simple(text: string): Statement {
  if (text === 'pass') return { kind: 'pass' };
  const returned = /^return\b(.*)$/s.exec(text);
  if (returned)
    return {
      kind: 'return',
      value: (returned[1] ?? '').trim() === '' ? null : expressionOf(returned[1] ?? ''),
    };
  const parser = new Parser(text);
  const targets = [parser.expression(0)];
  let several = false;
  // `a: Tensor = …` states a type, which is not needed.
  if (parser.take(':')) parser.type();
  while (parser.take(',')) {
    several = true;
    if (parser.sees('=')) break;
    targets.push(parser.expression(0));
  }
  if (!parser.take('=')) {
    parser.end();
    return { kind: 'do', value: targets[0] ?? null };
  }
  const values = [parser.expression(0)];
  let open = false;
  while (parser.take(',')) {
    open = true;
    if (!parser.ended()) values.push(parser.expression(0));
  }
  parser.end();
  const [value] = values;
  if (!value) throw new NotUnderstood('no value');
  return { kind: 'assign', targets, several, value: open ? { kind: 'tuple', items: values } : value };
}

/** Parses a whole text as one expression. @throws NotUnderstood */
export function expressionOf(text: string): Expression {
  const parser = new Parser(text);
  const value = parser.expression(0);
  parser.end();
  return value;
}

class Parser {
  private at = 0;
  private token: { readonly kind: 'text' | 'number' | 'name' | 'sign' | 'end'; readonly text: string };

  private readonly source: string;

  constructor(source: string) {
    this.source = source;
    this.token = this.next();
  }

  private next(): Parser['token'] {
    TOKEN.lastIndex = this.at;
    const match = TOKEN.exec(this.source);
    if (!match) {
      if (this.source.slice(this.at).trim() !== '') throw new NotUnderstood('a sign that is not known');
      return { kind: 'end', text: '' };
    }
    this.at = TOKEN.lastIndex;
    if (match[1] !== undefined) return { kind: 'text', text: match[1] };
    if (match[2] !== undefined) return { kind: 'number', text: match[2] };
    if (match[3] !== undefined) return { kind: 'name', text: match[3] };
    return { kind: 'sign', text: match[4] ?? '' };
  }

  sees(sign: string): boolean {
    return this.token.kind === 'sign' && this.token.text === sign;
  }

  take(sign: string): boolean {
    if (!this.sees(sign)) return false;
    this.token = this.next();
    return true;
  }

  ended(): boolean {
    return this.token.kind === 'end';
  }

  end(): void {
    if (!this.ended()) throw new NotUnderstood('more than an expression');
  }

  private need(sign: string): void {
    if (!this.take(sign)) throw new NotUnderstood(`no "${sign}"`);
  }

  /** `List[Tensor]`: passed over. */
  type(): void {
    this.expression(0);
  }

  expression(depth: number): Expression {
    if (depth > MAX_DEPTH) throw new NotUnderstood('expressions nest too deeply');
    let value = this.atom(depth);
    for (;;) {
      if (this.take('.')) {
        const { kind, text } = this.token;
        if (kind !== 'name') throw new NotUnderstood('no name behind a dot');
        this.token = this.next();
        value = { kind: 'attribute', of: value, name: text };
      } else if (this.take('[')) {
        const items = this.items(']', depth);
        const [first] = items;
        if (!first) throw new NotUnderstood('an empty index');
        value = { kind: 'index', of: value, at: items.length === 1 ? first : { kind: 'tuple', items } };
      } else if (this.take('(')) value = this.call(value, depth);
      else return value;
    }
  }

  private call(callee: Expression, depth: number): Expression {
    const args: Expression[] = [];
    const named = new Map<string, Expression>();
    while (!this.take(')')) {
      const one = this.expression(depth + 1);
      if (this.take('=')) {
        if (one.kind !== 'name') throw new NotUnderstood('an argument without a name');
        named.set(one.name, this.expression(depth + 1));
      } else args.push(one);
      if (!this.take(',') && !this.sees(')')) throw new NotUnderstood('arguments without a comma');
    }
    return { kind: 'call', callee, args, named };
  }

  private items(close: string, depth: number): Expression[] {
    const items: Expression[] = [];
    while (!this.take(close)) {
      items.push(this.expression(depth + 1));
      if (!this.take(',') && !this.sees(close)) throw new NotUnderstood('items without a comma');
    }
    return items;
  }

  private atom(depth: number): Expression {
    const { kind, text } = this.token;
    if (kind === 'end') throw new NotUnderstood('the text ends');
    this.token = this.next();
    if (kind === 'name') return { kind: 'name', name: text };
    if (kind === 'text') return { kind: 'text', value: text.slice(1, -1) };
    if (kind === 'number') return { kind: 'number', value: Number(text), whole: /^\d+$/.test(text) };
    if (text === '-') {
      const value = this.expression(depth + 1);
      return value.kind === 'number' ? { ...value, value: -value.value } : { kind: 'name', name: '?' };
    }
    if (text === '[') return { kind: 'list', items: this.items(']', depth) };
    if (text === '{') return this.dict(depth);
    if (text !== '(') throw new NotUnderstood(`"${text}" where a value is due`);
    const items: Expression[] = [];
    let tuple = false;
    while (!this.take(')')) {
      items.push(this.expression(depth + 1));
      if (this.take(',')) tuple = true;
      else if (!this.sees(')')) throw new NotUnderstood('items without a comma');
    }
    const [first] = items;
    return first && !tuple ? first : { kind: 'tuple', items };
  }

  private dict(depth: number): Expression {
    const keys: Expression[] = [];
    const values: Expression[] = [];
    while (!this.take('}')) {
      keys.push(this.expression(depth + 1));
      this.need(':');
      values.push(this.expression(depth + 1));
      if (!this.take(',') && !this.sees('}')) throw new NotUnderstood('entries without a comma');
    }
    return { kind: 'dict', keys, values };
  }
}
