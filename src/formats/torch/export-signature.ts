import type { Dimension, Label, ScalarType } from '../../contract/types.ts';
import { entryOf } from '../../model/entry.ts';
import { Malformed } from '../format.ts';
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
import { type Spec, specOf } from './pytree.ts';

/*
 * The JSON of an exported program. Source: torch/_export/serde/schema.py, versions 5 to 8: unions are objects with
 * one key; the same in both archive layouts.
 */

type Json = Readonly<Record<string, unknown>>;

export interface ProgramSignature {
  readonly signature: ToldSignature;
  readonly parameters: number | null;
  readonly properties: Readonly<Record<string, string>>;
}

/** torch's ScalarType by number, and by name as older versions wrote it. */
const TYPES: Readonly<Record<number, ScalarType>> = {
  1: 'uint8',
  2: 'int8',
  3: 'int16',
  4: 'int32',
  5: 'int64',
  6: 'float16',
  7: 'float32',
  8: 'float64',
  10: 'complex64',
  11: 'complex128',
  12: 'bool',
  13: 'bfloat16',
  28: 'uint16',
  29: 'float8_e4m3fn',
  30: 'float8_e5m2',
  31: 'float8_e4m3fnuz',
  32: 'float8_e5m2fnuz',
};
const TYPE_NAMES: Readonly<Record<string, ScalarType>> = {
  BYTE: 'uint8',
  CHAR: 'int8',
  SHORT: 'int16',
  INT: 'int32',
  LONG: 'int64',
  HALF: 'float16',
  FLOAT: 'float32',
  DOUBLE: 'float64',
  COMPLEXFLOAT: 'complex64',
  COMPLEXDOUBLE: 'complex128',
  BOOL: 'bool',
  BFLOAT16: 'bfloat16',
  UINT16: 'uint16',
};

/**
 * Reads what a program takes from its caller and gives back; buffers that it changes are no outputs.
 * @param weights what each weight is stored as: equal for those that are one.
 */
export function signatureIn(
  program: Json,
  weights: ReadonlyMap<string, string> = new Map(),
): ProgramSignature {
  const module = object(program['graph_module']);
  const graph = object(module?.['graph']);
  const signature = object(module?.['signature']);
  if (!graph || !signature) throw new Malformed('the program has no graph with a signature');
  const values: Json = object(graph['tensor_values']) ?? {};
  const inputs = list(signature['input_specs']).flatMap((spec) => [
    ...argOf(spec, 'user_input'),
    ...constantOf(spec),
  ]);
  const outputs = list(signature['output_specs']).flatMap((spec) => [
    ...argOf(spec, 'user_output'),
    ...argOf(spec, 'loss_output'),
  ]);
  const call = object(object(list(module?.['module_call_graph'])[0])?.['signature']);
  return {
    signature: {
      inputs: inputFields(inputs, values, call),
      outputs: outputFields(outputs, values, call),
    },
    parameters: parametersIn(signature, values, weights),
    properties: properties(program),
  };
}

/** The argument of a spec such as `{user_input: {arg: {as_tensor: {name}}}}`. */
function argOf(spec: unknown, kind: string): Json[] {
  const found = object(object(spec)?.[kind]);
  const arg = object(found?.['arg']);
  return arg ? [arg] : [];
}

/** An argument that was no tensor: the program was made for its value alone. */
function constantOf(spec: unknown): Json[] {
  const value = object(object(object(spec)?.['constant_input'])?.['value']);
  return value ? [{ ...value, fixed: true }] : [];
}

function inputFields(args: readonly Json[], values: Json, call: Json | null): ToldField[] {
  const spec = specOf(call?.['in_spec']);
  const names = list(call?.['forward_arg_names']).filter((name): name is string => typeof name === 'string');
  const [positional, keywords] = spec?.children ?? [];
  const given = spec && positional && keywords ? [...positional.children, ...keywords.children] : null;
  const leaves = given?.reduce((sum, child) => sum + child.leaves, 0);
  if (!given || leaves !== args.length)
    return args.map((arg) => {
      const name = placeholder(arg);
      return { name: derived(name, 'the placeholder of the graph'), ...leaf(arg, values, name) };
    });
  const taken = args[Symbol.iterator]();
  return given.map((child, index) => {
    const keyword = index - (positional?.children.length ?? 0);
    const key = keyword >= 0 ? keywords?.keys?.[keyword] : undefined;
    const name = key ?? names[index];
    const told: Told<string> =
      name === undefined
        ? assumed(`args_${index}`, 'no argument name is stated')
        : stated(name, key === undefined ? 'forward_arg_names' : 'in_spec');
    return { name: told, ...nested(child, taken, values, told.value ?? '') };
  });
}

function outputFields(args: readonly Json[], values: Json, call: Json | null): ToldField[] {
  const spec = specOf(call?.['out_spec']);
  const children = spec && spec.leaves === args.length && spec.kind !== 'leaf' ? spec.children : null;
  if (!spec || !children) {
    return args.map((arg, index) => {
      const name = args.length === 1 ? 'output' : `output_${index}`;
      return { name: assumed(name, 'the program names no outputs'), ...leaf(arg, values, name) };
    });
  }
  const taken = args[Symbol.iterator]();
  return children.map((child, index) => {
    const key = spec.keys?.[index];
    const name = key ?? (children.length === 1 ? 'output' : `output_${index}`);
    return {
      name: key === undefined ? assumed(name, 'the program names no outputs') : stated(key, 'out_spec'),
      ...nested(child, taken, values, name),
    };
  });
}

/** A value of the pytree: a tensor, or a record of what is in the dict, list or tuple. */
function nested(spec: Spec, args: Iterator<Json>, values: Json, name: string): ToldValue {
  if (spec.kind === 'leaf') {
    const next = args.next();
    return leaf(next.done ? {} : next.value, values, name);
  }
  return {
    type: stated('record', 'in_spec'),
    shape: unknown('a record has no shape'),
    fields: spec.children.map((child, index) => {
      const key = spec.keys?.[index] ?? String(index);
      return { name: stated(key, 'in_spec'), ...nested(child, args, values, `${name}.${key}`) };
    }),
  };
}

const SCALAR_ARGS: Readonly<Record<string, ScalarType>> = {
  as_int: 'int64',
  as_sym_int: 'int64',
  as_float: 'float64',
  as_sym_float: 'float64',
  as_bool: 'bool',
  as_sym_bool: 'bool',
  as_string: 'string',
};

function leaf(arg: Json, values: Json, name: string): ToldValue {
  const graphName = placeholder(arg);
  const where = `tensor_values.${graphName}`;
  const open = (what: string) =>
    unknown(`the program states no ${what}`, `the ${what} of ${name} in contract.yaml`);
  const kind = Object.keys(arg)[0] ?? '';
  const scalar = entryOf(SCALAR_ARGS, kind);
  if (scalar !== undefined) {
    const value = arg[kind];
    const fixed = arg['fixed'] === true && /^(string|number|boolean)$/.test(typeof value);
    return {
      type: stated(scalar, kind),
      shape: stated([], kind),
      ...(fixed && { categories: stated([value as Label], 'constant_input') }),
    };
  }
  if (kind === 'as_none') return { type: open('type'), shape: open('shape'), optional: true };
  const meta = object(Object.hasOwn(values, graphName) ? values[graphName] : null);
  if (!meta) return { type: open('type'), shape: open('shape') };
  const type = typeOf(meta['dtype']);
  const sizes = Array.isArray(meta['sizes']) ? meta['sizes'].slice(0, 64).map(dimension) : null;
  return {
    type: type === null ? open('type') : stated(type, where),
    shape: sizes === null ? open('shape') : stated(sizes, where),
  };
}

const placeholder = (arg: Json): string => {
  for (const value of Object.values(arg)) {
    const name = object(value)?.['name'] ?? object(object(value)?.['arg'])?.['name'];
    if (typeof name === 'string') return name;
  }
  const name = arg['name'];
  return typeof name === 'string' ? name : '';
};

function typeOf(dtype: unknown): ScalarType | null {
  if (typeof dtype === 'number') return TYPES[dtype] ?? null;
  return typeof dtype === 'string'
    ? (TYPE_NAMES[dtype.replace(/^ScalarType\./, '').toUpperCase()] ?? null)
    : null;
}

/** A size: a number, a symbol by its name, or `null` for an expression such as `2*s0`. */
function dimension(size: unknown): Dimension {
  const value = object(size);
  if (typeof value?.['as_int'] === 'number' && value['as_int'] >= 0) return value['as_int'];
  return symbolOf(object(value?.['as_expr'])?.['expr_str']);
}

/** `s0` in `s0` and in `Symbol('s0', positive=True, integer=True)`. */
function symbolOf(expression: unknown): string | null {
  if (typeof expression !== 'string') return null;
  const name = /^(?:Symbol\('([A-Za-z_]\w*)'[^()]*\)|([A-Za-z_]\w*))$/.exec(expression);
  return name?.[1] ?? name?.[2] ?? null;
}

/** Elements of the parameters among the inputs; `null` when a size is open. */
function parametersIn(signature: Json, values: Json, weights: ReadonlyMap<string, string>): number | null {
  let total = 0;
  const seen = new Set<string>();
  for (const spec of list(signature['input_specs'])) {
    const parameter = object(object(spec)?.['parameter']);
    const name = object(parameter?.['arg'])?.['name'];
    const stored = weights.get(String(parameter?.['parameter_name'])) ?? name;
    if (typeof name !== 'string' || typeof stored !== 'string' || seen.has(stored)) continue;
    seen.add(stored);
    const sizes = object(Object.hasOwn(values, name) ? values[name] : null)?.['sizes'];
    if (!Array.isArray(sizes)) return null;
    const shape = sizes.map(dimension);
    if (!shape.every((size): size is number => typeof size === 'number')) return null;
    total += shape.reduce((product, size) => product * size, 1);
  }
  return total;
}

function properties(program: Json): Record<string, string> {
  const schema = object(program['schema_version']);
  const opset = object(program['opset_version'])?.['aten'];
  return {
    ...(typeof opset === 'number' && { opset: `aten ${opset}` }),
    ...(typeof schema?.['major'] === 'number' && {
      schema: `${schema['major']}.${String(schema['minor'] ?? 0)}`,
    }),
  };
}

/** The ranges that symbolic dimensions were exported for: `dimension s0: 2 to 64`. */
export function namedDimensions(program: Json): Record<string, string> {
  const ranges = object(program['range_constraints']) ?? {};
  const bound = (value: unknown): string | null =>
    typeof value === 'number' && Math.abs(value) < 2 ** 53 ? String(value) : null;
  return Object.fromEntries(
    Object.entries(ranges)
      .slice(0, 100)
      .flatMap(([key, range]): [string, string][] => {
        const name = symbolOf(key);
        const { min_val: min, max_val: max } = (object(range) ?? {}) as Record<string, unknown>;
        const low = bound(min);
        const high = bound(max);
        if (name === null || (low === null && high === null)) return [];
        return [[`dimension ${name}`, high === null ? `${low} or more` : `${low ?? 'any'} to ${high}`]];
      }),
  );
}

function object(value: unknown): Json | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : null;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value.slice(0, 200_000) : [];
}
