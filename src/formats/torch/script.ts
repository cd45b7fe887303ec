import type { ScalarType } from '../../contract/types.ts';
import { entryOf } from '../../model/entry.ts';
import {
  assumed,
  derived,
  stated,
  type Told,
  type ToldField,
  type ToldSignature,
  type ToldValue,
  unknown,
} from '../told.ts';
import type { Argument, Inferred, Seen } from './infer/infer.ts';
import { type Code, NotUnderstood } from './infer/values.ts';

/*
 * TorchScript's code files: Python-like text that torch prints itself, one class after the other. Only what the
 * signatures of methods need is parsed. Source: torch/csrc/jit/serialization/python_print.cpp.
 */

export interface ScriptClass {
  readonly name: string;
  readonly base: string;
  /** The lines of the class. */
  readonly body: string;
}

export interface ScriptMethod {
  readonly name: string;
  readonly arguments: readonly {
    readonly name: string;
    readonly type: string;
    readonly default: string | null;
  }[];
  readonly returns: string;
}

/** The text of a module of code by its dotted name, such as `__torch__.torch.nn.functional`; `null` when there is none. */
export type FindText = (name: string) => string | null;

const MAX_METHODS = 1000;

/** The classes of a code file, by name. */
export function classesIn(code: string): Map<string, ScriptClass> {
  const classes = new Map<string, ScriptClass>();
  const heads = [...code.matchAll(/^class (\w+)\(([\w.]*)\):[ \t]*$/gm)];
  for (const [index, head] of heads.entries()) {
    const end = heads[index + 1]?.index ?? code.length;
    const name = head[1] ?? '';
    classes.set(name, { name, base: head[2] ?? '', body: code.slice(head.index + head[0].length, end) });
  }
  return classes;
}

/** Methods of a class (or, in old archives, of a file), in order. */
export function methodsIn(body: string): ScriptMethod[] {
  const methods: ScriptMethod[] = [];
  for (const head of body.matchAll(/^[ \t]*def (\w+)\(/gm)) {
    if (methods.length >= MAX_METHODS) break;
    const parsed = argumentsAt(body, head.index + head[0].length);
    if (!parsed) continue;
    const [, ...rest] = parsed.list;
    const returns =
      /^\s*->\s*([^\n]*):[ \t]*(?:\n|$)/.exec(body.slice(parsed.end, parsed.end + 10_000))?.[1] ?? 'Any';
    methods.push({ name: head[1] ?? '', arguments: rest, returns });
  }
  return methods;
}

/**
 * Methods of a class, or with `top` functions of a file, by name: where they are is found once, and their heads are parsed when
 * one is asked for. @throws NotUnderstood
 */
export function codesIn(text: string, top = false): (name: string) => Code | null {
  let places: Map<string, number> | null = null;
  const codes = new Map<string, Code | null>();
  return (name) => {
    const before = codes.get(name);
    if (before !== undefined) return before;
    places ??= new Map(
      [...text.matchAll(top ? /^def (\w+)\(/gm : /^[ \t]*def (\w+)\(/gm)].map((head) => [
        head[1] ?? '',
        head.index + head[0].length,
      ]),
    );
    const at = places.get(name);
    const found = at === undefined ? null : codeAt(text, at);
    codes.set(name, found);
    return found;
  };
}

function codeAt(text: string, at: number): Code {
  const parsed = argumentsAt(text, at);
  const line = parsed && /^\s*->[^\n]*:[ \t]*\n/.exec(text.slice(parsed.end, parsed.end + 10_000));
  if (!line) throw new NotUnderstood('a head of another form');
  return { text, body: parsed.end + line[0].length, arguments: parsed.list };
}

/** The arguments of a method as inference needs them; `examples` are those that a trace was stored with. */
export function argumentsOf(
  method: ScriptMethod,
  find: FindClass,
  examples: readonly Argument['example'][],
): Argument[] {
  const kindOf = (node: TypeNode, depth: number): Argument['kind'] => {
    if (node.name === 'Tensor') return 'tensor';
    if (depth > 8) return 'other';
    if (node.name === 'Tuple') return node.of.map((item): Argument => ({ kind: kindOf(item, depth + 1) }));
    const fields = namedTuple(node.name, find);
    return fields
      ? fields.map(([, type]): Argument => ({ kind: kindOf(typeNode(type), depth + 1) }))
      : 'other';
  };
  return method.arguments.map(
    (one, index): Argument => ({ kind: kindOf(typeNode(one.type), 0), example: examples[index] ?? null }),
  );
}

/** Splits `self: T,\n x: Tensor, mode: str="a, b") …` at its commas, minding brackets and strings. */
function argumentsAt(
  text: string,
  start: number,
): { list: ScriptMethod['arguments'][number][]; end: number } | null {
  const parts: string[] = [];
  let from = start;
  let depth = 0;
  const limit = Math.min(text.length, start + 200_000);
  for (let at = start; at < limit; at += 1) {
    const char = text[at];
    if (char === '"' || char === "'") {
      for (at += 1; at < limit && text[at] !== char; at += 1) if (text[at] === '\\') at += 1;
    } else if (char === '(' || char === '[' || char === '{') depth += 1;
    else if (char === ']' || char === '}') depth -= 1;
    else if (char === ')' && depth > 0) depth -= 1;
    else if ((char === ',' || char === ')') && depth === 0) {
      parts.push(text.slice(from, at));
      from = at + 1;
      if (char === ')') return { list: parts.map(argument), end: at + 1 };
    }
  }
  return null;
}

function argument(text: string): ScriptMethod['arguments'][number] {
  const match = /^\s*(\w+)\s*(?::\s*([^=]*?))?\s*(?:=\s*([\s\S]*))?$/.exec(text.slice(0, 20_000));
  return {
    name: match?.[1] ?? text.trim(),
    type: match?.[2] ?? 'Tensor',
    default: match?.[3]?.trim() ?? null,
  };
}

/** `List[Dict[str, Tensor]]` as a tree. */
interface TypeNode {
  readonly name: string;
  readonly of: readonly TypeNode[];
}

/** Parses a type; what does not parse is `Any`. */
function typeNode(text: string): TypeNode {
  let at = 0;
  const any: TypeNode = { name: 'Any', of: [] };
  const parse = (depth: number): TypeNode => {
    if (depth > 32) return any;
    const name = /^[\s]*([\w.]*)/.exec(text.slice(at, at + 1000));
    at += name?.[0].length ?? 0;
    const of: TypeNode[] = [];
    if (text[at] === '[') {
      at += 1;
      while (at < text.length && text[at] !== ']') {
        const before = at;
        of.push(parse(depth + 1));
        while (text[at] === ' ' || text[at] === ',' || text[at] === '\n') at += 1;
        if (at === before || of.length > 1000) return any;
      }
      at += 1;
    }
    return { name: name?.[1] ?? 'Any', of };
  };
  return parse(0);
}

const SCALARS: Readonly<Record<string, ScalarType>> = {
  int: 'int64',
  float: 'float64',
  bool: 'bool',
  str: 'string',
  complex: 'complex128',
  Device: 'string',
};

/** Finds the class of a dotted name such as `__torch__.models.Output`. */
export type FindClass = (name: string) => ScriptClass | null;

interface Named {
  /** How a person would name the value, for what can be added. */
  readonly name: string;
  readonly where: string;
  /** What following the code showed. */
  readonly seen?: Seen | null | undefined;
  /** A trace was stored with an example. */
  readonly traced?: boolean;
}

function typedValue(node: TypeNode, named: Named, find: FindClass, depth = 0): ToldValue {
  const { seen } = named;
  const evidence = (what: 'type' | 'shape'): string =>
    named.traced
      ? `traced_inputs.pkl and the weights it meets`
      : `${named.where}, by the ${what} of the weights it meets`;
  const open: ToldValue = {
    type:
      typeof seen?.type === 'string' && node.name === 'Tensor'
        ? derived(seen.type, evidence('type'))
        : unknown('TorchScript states no element type', `the type of ${named.name} in contract.yaml`),
    shape:
      seen?.shape && node.name === 'Tensor'
        ? derived(seen.shape, evidence('shape'))
        : unknown('TorchScript states no shape', `the shape of ${named.name} in contract.yaml`),
  };
  const within = (name: string, inner: Seen | null | undefined): Named => ({ ...named, name, seen: inner });
  const shapeless = { shape: unknown('a container has no shape') };
  const scalar = entryOf(SCALARS, node.name);
  if (scalar !== undefined) return { type: stated(scalar, named.where), shape: stated([], named.where) };
  const [first, second] = node.of;
  if (depth > 16) return open;
  switch (node.name) {
    case 'Optional':
    case 'Future':
      return first ? typedValue(first, named, find, depth + 1) : open;
    case 'List':
      return {
        type: stated('sequence', named.where),
        ...shapeless,
        items: first ? typedValue(first, within(named.name, common(seen?.items)), find, depth + 1) : open,
      };
    case 'Dict':
      return {
        type: stated('map', named.where),
        ...shapeless,
        keys: stated(entryOf(SCALARS, first?.name ?? '') ?? 'string', named.where),
        values: second
          ? typedValue(
              second,
              within(named.name, common(seen?.entries && [...seen.entries.values()])),
              find,
              depth + 1,
            )
          : open,
      };
    case 'Tuple':
      return {
        type: stated('record', named.where),
        ...shapeless,
        fields: node.of.map((item, index) => ({
          name: stated(String(index), named.where),
          ...typedValue(item, within(`${named.name}.${index}`, seen?.items?.[index]), find, depth + 1),
        })),
      };
    default: {
      const fields = namedTuple(node.name, find);
      if (!fields) return open;
      return {
        type: stated('record', named.where),
        ...shapeless,
        fields: fields.map(([name, type], index) => ({
          name: stated(name, named.where),
          ...typedValue(
            typeNode(type),
            within(`${named.name}.${name}`, seen?.items?.[index]),
            find,
            depth + 1,
          ),
        })),
      };
    }
  }
}

/** What all items of a list are, in as far as they are alike. */
function common(items: readonly Seen[] | null | undefined): Seen | null {
  const [first, ...others] = items ?? [];
  if (!first) return null;
  return others.reduce<Seen>(
    (all, one) => ({
      type: all.type === one.type ? all.type : null,
      shape:
        all.shape && one.shape && all.shape.length === one.shape.length
          ? all.shape.map((size, axis) => (size === one.shape?.[axis] ? size : null))
          : null,
      items: null,
      entries: null,
    }),
    first,
  );
}

/** Fields of a NamedTuple class: names and types. */
function namedTuple(name: string, find: FindClass): [string, string][] | null {
  const found = name.startsWith('__torch__') ? find(name) : null;
  if (found?.base !== 'NamedTuple') return null;
  return [...found.body.matchAll(/^\s+(\w+)\s*:\s*([^\n=]+)/gm)]
    .slice(0, 1000)
    .map((match): [string, string] => [match[1] ?? '', (match[2] ?? 'Any').trim()]);
}

/** A method as a signature. Tuples that are returned are several outputs. */
export function signatureOf(
  method: ScriptMethod,
  file: string,
  find: FindClass,
  inferred: Inferred | null = null,
  traced = false,
): ToldSignature {
  const where = `${file}: ${method.name}`;
  const field = (name: Told<string>, type: string, seen: Seen | null | undefined): ToldField => ({
    name,
    ...typedValue(typeNode(type), { name: name.value ?? '', where, seen, traced }, find),
  });
  const inputs = method.arguments.map((one, index): ToldField => {
    const optional = one.default !== null || /^Optional\[/.test(one.type);
    const told = field(stated(one.name, where), one.type, inferred?.inputs[index]);
    return { ...told, ...(optional && { optional: true }) };
  });
  const output = inferred?.output;
  const returned = typeNode(method.returns);
  const several = namedTuple(returned.name, find);
  const outputs = several
    ? several.map(([name, type], index) => field(stated(name, where), type, output?.items?.[index]))
    : returned.name === 'Tuple'
      ? splitTypes(method.returns).map((type, index) =>
          field(assumed(`output_${index}`, 'TorchScript names no outputs'), type, output?.items?.[index]),
        )
      : returned.name === 'None' || returned.name === 'NoneType'
        ? []
        : [field(assumed('output', 'TorchScript names no outputs'), method.returns, output)];
  return { inputs, outputs };
}

/** The texts within the outermost brackets of `Tuple[A, B[C, D]]`. */
function splitTypes(text: string): string[] {
  const inner = text
    .trim()
    .replace(/^\w+\[/, '')
    .replace(/\]$/, '');
  const out: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < inner.length; at += 1) {
    if (inner[at] === '[') depth += 1;
    else if (inner[at] === ']') depth -= 1;
    else if (inner[at] === ',' && depth === 0) {
      out.push(inner.slice(from, at).trim());
      from = at + 1;
    }
  }
  const last = inner.slice(from).trim();
  return last === '' || last === '()' ? out : [...out, last];
}

/** Names in a list such as `__parameters__ = ["weight", "bias", ]`; `null` when the class has none. */
export function namesIn(body: string, list: '__parameters__' | '__buffers__'): string[] | null {
  const match = new RegExp(`^\\s+${list} = \\[([^\\]]*)\\]`, 'm').exec(body);
  return match ? [...(match[1] ?? '').matchAll(/"((?:[^"\\]|\\.)*)"/g)].map((one) => one[1] ?? '') : null;
}
