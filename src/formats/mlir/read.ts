import type { Dimension, ScalarType, Shape } from '../../contract/types.ts';
import type { Bytes } from '../../model/bytes.ts';
import { entryOf } from '../../model/entry.ts';
import { type Candidate, emptyReading, type Look, Malformed, type Reading } from '../format.ts';
import { isBytecode } from '../mlir.ts';
import { openCandidate } from '../open.ts';
import { assumed, stated, type Told, type ToldField, tell, unknown } from '../told.ts';
import { ASK_FOR_CONTRACT } from '../weights.ts';

const PIECE = 128 * 1024;
/** From the parameters of `main` on. */
const SIGNATURE = 1024 * 1024;
const MAX_VALUES = 10_000;
/** Element types. Source: MLIR, BuiltinTypes; StableHLO specification, "Types". */
const TYPES: Readonly<Record<string, ScalarType>> = {
  i1: 'bool',
  i4: 'int4',
  i8: 'int8',
  i16: 'int16',
  i32: 'int32',
  i64: 'int64',
  si4: 'int4',
  si8: 'int8',
  si16: 'int16',
  si32: 'int32',
  si64: 'int64',
  ui4: 'uint4',
  ui8: 'uint8',
  ui16: 'uint16',
  ui32: 'uint32',
  ui64: 'uint64',
  f16: 'float16',
  f32: 'float32',
  f64: 'float64',
  bf16: 'bfloat16',
  f4E2M1FN: 'float4_e2m1fn',
  f8E4M3FN: 'float8_e4m3fn',
  f8E4M3FNUZ: 'float8_e4m3fnuz',
  f8E5M2: 'float8_e5m2',
  f8E5M2FNUZ: 'float8_e5m2fnuz',
  f8E8M0FNU: 'float8_e8m0fnu',
  'complex<f32>': 'complex64',
  'complex<f64>': 'complex128',
  '!tf_type.string': 'string',
};

/** Reads a candidate of this format. Loaded where there is one. */
export async function readStablehlo(candidate: Candidate, look: Look): Promise<Reading> {
  using bytes = openCandidate(candidate, look);
  return isBytecode(bytes.read(0, Math.min(4, bytes.size)))
    ? readBytecode(candidate, bytes)
    : readText(candidate, bytes);
}

/** Magic, version, and the name of the writer up to a zero. Source: MLIR, docs/BytecodeFormat.md. */
function readBytecode(candidate: Candidate, bytes: Bytes): Reading {
  const head = bytes.read(0, Math.min(bytes.size, 300));
  const [first = 0] = head.subarray(4);
  if ((first & 1) === 0) throw new Malformed('the version of the bytecode is none');
  const end = head.indexOf(0, 5);
  if (end < 0) throw new Malformed('the name of the writer does not end');
  const producer = Buffer.from(head.subarray(5, end)).toString('utf8');
  const version = /^StableHLO_v(\d+\.\d+\.\d+)$/.exec(producer)?.[1] ?? null;
  return {
    ...emptyReading(candidate),
    framework: { name: version === null ? 'mlir' : 'stablehlo', version },
    properties: { 'bytecode version': String(first >> 1), producer },
    remarks: [
      {
        rule: 'contract-unknown',
        level: 'warning',
        file: candidate.path,
        message: 'MLIR bytecode is not read further than its header, so the file does not tell the contract',
        help: `Commit the module as text, or ${ASK_FOR_CONTRACT.charAt(0).toLowerCase()}${ASK_FOR_CONTRACT.slice(1)}`,
      },
    ],
  };
}

function readText(candidate: Candidate, bytes: Bytes): Reading {
  const text = mainOf(bytes);
  const base = { ...emptyReading(candidate), framework: { name: 'stablehlo', version: null } };
  const signature = text === null ? null : parseSignature(text);
  if (!signature)
    return {
      ...base,
      remarks: [
        {
          rule: 'contract-unknown',
          level: 'warning',
          file: candidate.path,
          message: 'the module has no public function "main" in the usual form of text',
          help: ASK_FOR_CONTRACT,
        },
      ],
    };
  const entry = /tf\.entry_function\s*=\s*\{([^}]*)\}/.exec(signature.attributes)?.[1] ?? '';
  const listed = (key: string) =>
    new RegExp(`\\b${key}\\s*=\\s*"([^"]*)"`).exec(entry)?.[1]?.split(',') ?? [];
  const inputs = listed('inputs');
  const outputs = listed('outputs');
  const told = tell({
    main: {
      inputs: signature.arguments.map((one, index) => {
        const { name, type } = splitArgument(one);
        return fieldOf(
          inputs[index]
            ? stated(inputs[index], 'tf.entry_function')
            : stated(name ?? `arg${index}`, `@main argument ${index}`),
          type,
          `@main argument ${index}`,
        );
      }),
      outputs: signature.results.map((one, index) =>
        fieldOf(
          outputs[index]
            ? stated(outputs[index], 'tf.entry_function')
            : resultName(one, index, signature.results.length),
          one,
          `@main result ${index}`,
        ),
      ),
    },
  });
  return { ...base, contract: told.contract, evidence: told.evidence };
}

/** The text from the parameters of `main` on; constants before it are passed over piece by piece. */
function mainOf(bytes: Bytes): string | null {
  const overlap = 100;
  for (let at = 0; at < bytes.size; at += PIECE - overlap) {
    const piece = Buffer.from(bytes.read(at, Math.min(PIECE, bytes.size - at))).toString('latin1');
    const match = /\bfunc(?:\.func)?\s+(?:public\s+)?@main\s*\(/.exec(piece);
    if (!match) continue;
    const start = at + match.index + match[0].length - 1;
    return Buffer.from(bytes.read(start, Math.min(SIGNATURE, bytes.size - start))).toString('utf8');
  }
  return null;
}

interface Signature {
  readonly arguments: readonly string[];
  readonly results: readonly string[];
  readonly attributes: string;
}

/** `(%arg0: T {…}, …) -> (T {…}, …) attributes {…} {`, with `-> T` for one plain result. */
function parseSignature(text: string): Signature | null {
  const inside = bracketed(text, 0);
  if (inside === null) return null;
  let rest = text.slice(inside.length + 2).trimStart();
  const results: string[] = [];
  if (rest.startsWith('->')) {
    rest = rest.slice(2).trimStart();
    if (rest.startsWith('(')) {
      const list = bracketed(rest, 0);
      if (list === null) return null;
      results.push(...splitList(list));
      rest = rest.slice(list.length + 2);
    } else {
      const type = /^[\w.!]+(?:<[^\n{]*>)?/.exec(rest)?.[0] ?? '';
      results.push(type);
      rest = rest.slice(type.length);
    }
  }
  return { arguments: splitList(inside), results, attributes: rest.slice(0, 4096) };
}

/** What stands between the bracket at `start` and its partner; strings are passed over. */
function bracketed(text: string, start: number): string | null {
  let depth = 0;
  let quoted = false;
  for (let at = start; at < text.length; at += 1) {
    const sign = text[at];
    if (quoted) {
      if (sign === '\\') at += 1;
      else if (sign === '"') quoted = false;
    } else if (sign === '"') quoted = true;
    else if (sign === '(' || sign === '{' || sign === '[') depth += 1;
    else if (sign === ')' || sign === '}' || sign === ']') {
      depth -= 1;
      if (depth === 0) return text.slice(start + 1, at);
    }
  }
  return null;
}

/** Parts between commas that stand in no bracket and no string. */
function splitList(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let quoted = false;
  let start = 0;
  for (let at = 0; at < text.length && parts.length < MAX_VALUES; at += 1) {
    const sign = text[at] ?? '';
    if (quoted) {
      if (sign === '\\') at += 1;
      else if (sign === '"') quoted = false;
    } else if (sign === '"') quoted = true;
    else if ('({[<'.includes(sign)) depth += 1;
    else if (')}]'.includes(sign) || (sign === '>' && text[at - 1] !== '-')) depth -= 1;
    else if (sign === ',' && depth === 0) {
      parts.push(text.slice(start, at).trim());
      start = at + 1;
    }
  }
  const last = text.slice(start).trim();
  return last === '' ? parts : [...parts, last];
}

function splitArgument(text: string): { name: string | null; type: string } {
  const [, name, type] = /^%([\w.$-]+)\s*:\s*([\s\S]*)$/.exec(text) ?? [];
  return { name: name ?? null, type: type ?? text };
}

/** JAX writes where in the result a value stands: `result['probabilities']`. */
function resultName(text: string, index: number, count: number): Told<string> {
  const info = /jax\.result_info\s*=\s*"((?:[^"\\]|\\.)*)"/.exec(text)?.[1];
  const keys = [...(info ?? '').matchAll(/\['([^']+)'\]/g)].map((match) => match[1] ?? '');
  if (keys.length > 0) return stated(keys.join('.'), `@main result ${index} jax.result_info`);
  return assumed(count === 1 ? 'output' : `output_${index}`, 'results have no names');
}

function fieldOf(name: Told<string>, text: string, where: string): ToldField {
  const inside = /^tensor<([^\n]*?)>\s*(?:\{|loc\(|$)/.exec(text)?.[1]?.split(',')[0];
  if (inside === undefined) {
    const type = entryOf(TYPES, text.trim());
    return {
      name,
      type: type ? stated(type, where) : unknown(`${where} is no tensor`),
      shape: type ? stated<Shape>([], where) : unknown(`${where} is no tensor`),
    };
  }
  const { sizes, element } = /^(?<sizes>(?:(?:\d+|\?)x)*)(?<element>.*)$/.exec(inside)?.groups ?? {};
  const type = entryOf(TYPES, element?.replace(/^\*x/, '').trim() ?? '');
  const shape = (sizes ?? '')
    .split('x')
    .slice(0, -1)
    .map((size): Dimension => (size === '?' ? null : Number(size)));
  return {
    name,
    type: type ? stated(type, where) : unknown(`the element type ${element} has no type of ours`),
    shape: element?.startsWith('*x')
      ? unknown(`${where} is a tensor of any rank`)
      : stated<Shape>(shape, where),
  };
}
