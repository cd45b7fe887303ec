import type { Shape } from '../../contract/types.ts';
import { assumed, derived, stated, type Told, type ToldField, type ToldSignature, unknown } from '../told.ts';
import { bool, child, children, entries, has, number, string, strings, type Tree } from '../wire/tree.ts';
import { objectsOf } from './signatures.ts';
import { specValue } from './specs.ts';

/**
 * Models that were saved without a signature still hold their functions: what `tf.saved_model.load` gives as
 * `model(x)` and `model.name(x)`. Each traced function of the root object is read as a signature.
 */
export function functionSignatures(metaGraph: Tree): Record<string, ToldSignature> {
  const objects = objectsOf(metaGraph);
  const concrete = new Map(entries(child(metaGraph, 'object_graph_def'), 'concrete_functions'));
  const signatures: Record<string, ToldSignature> = Object.create(null);
  for (const reference of children(objects[0], 'children')) {
    const name = string(reference, 'local_name');
    const saved = child(objects[number(reference, 'node_id')], 'function');
    // Private names are the bookkeeping of frameworks; `__call__` is the model itself.
    if (!saved || (name.startsWith('_') && name !== '__call__')) continue;
    if (Object.keys(signatures).length >= MAX_FUNCTIONS) break;
    const keys = strings(saved, 'concrete_functions').slice(0, MAX_TRACES);
    const traces = keys.flatMap((key) => concrete.get(key) ?? []);
    const signature = signatureOf(saved, inferenceTraces(traces), `function ${name}`);
    if (signature) signatures[name] = signature;
  }
  return signatures;
}

/** Of the traces of one function those for inference: the fewest Python arguments are true. */
function inferenceTraces(traces: readonly Tree[]): Tree[] {
  const switches = (trace: Tree): number => {
    const all = leaves(child(trace, 'canonicalized_input_signature'));
    return all.filter(({ value }) => has(value, 'bool_value') && bool(value, 'bool_value')).length;
  };
  const least = Math.min(...traces.map(switches));
  return traces.filter((trace) => switches(trace) === least);
}

function signatureOf(saved: Tree, traces: readonly Tree[], where: string): ToldSignature | null {
  const [first] = traces;
  if (!first) return null;
  const names = argumentNames(saved);
  const all = traces.map((trace) => ({
    inputs: inputsOf(trace, names, `${where} inputs`),
    outputs: outputsOf(trace, `${where} outputs`),
  }));
  const merge = (side: 'inputs' | 'outputs') =>
    all
      .map((one) => one[side])
      .reduce<ToldSignature['inputs']>(
        (merged, next) =>
          'evidence' in merged || 'evidence' in next ? merged : mergeFields(merged, next, where),
        all[0]?.[side] ?? [],
      );
  return { inputs: merge('inputs'), outputs: merge('outputs') };
}

/** The names of the arguments of the Python function, without `self`. */
function argumentNames(saved: Tree): string[] {
  const spec = child(saved, 'function_spec');
  const tuple = child(child(spec, 'fullargspec'), 'named_tuple_value');
  const args = children(tuple, 'values').find((entry) => string(entry, 'key') === 'args');
  const list = child(child(args, 'value'), 'list_value') ?? child(child(args, 'value'), 'tuple_value');
  const names = children(list, 'values').map((value) => string(value, 'string_value'));
  return bool(spec, 'is_method') || names[0] === 'self' ? names.slice(1) : names;
}

interface Leaf {
  /** Keys and positions from the outside in. */
  readonly path: readonly string[];
  readonly value: Tree;
}

/** Arguments of one function, functions, and traces of one that are looked at: bounds the time. */
const MAX_LEAVES = 2000;
const MAX_FUNCTIONS = 200;
const MAX_TRACES = 64;

/** The leaves of a StructuredValue in order. Nesting is bounded by the reader of the bytes. */
function leaves(structure: Tree | undefined): Leaf[] {
  const out: Leaf[] = [];
  const visit = (value: Tree, path: readonly string[]): void => {
    if (out.length >= MAX_LEAVES) return;
    const sequence = child(value, 'list_value') ?? child(value, 'tuple_value');
    const dictionary = child(value, 'dict_value');
    const named = child(value, 'named_tuple_value');
    if (sequence)
      for (const [index, item] of children(sequence, 'values').entries())
        visit(item, [...path, String(index)]);
    else if (dictionary) for (const [key, item] of entries(dictionary, 'fields')) visit(item, [...path, key]);
    else if (named)
      for (const item of children(named, 'values'))
        visit(child(item, 'value') ?? new Map(), [...path, string(item, 'key')]);
    else out.push({ path, value });
  };
  if (structure) visit(structure, []);
  return out;
}

function inputsOf(trace: Tree, names: readonly string[], where: string): ToldField[] {
  const fields: ToldField[] = [];
  for (const { path, value } of leaves(child(trace, 'canonicalized_input_signature'))) {
    // The signature is the pair (positional, by keyword).
    const [side = '', position = '', ...inner] = path;
    const argument = side === '0' ? names[Number(position)] : position;
    const outer = argument || string(child(value, 'tensor_spec_value'), 'name') || `arg_${position}`;
    const name = [outer, ...inner].join('/');
    const spec = specValue(value, `${where}["${name}"]`);
    if (spec) fields.push({ name: stated(name, where), ...spec });
  }
  return fields;
}

function outputsOf(trace: Tree, where: string): ToldField[] {
  let position = 0;
  const fields: ToldField[] = [];
  for (const { path, value } of leaves(child(trace, 'output_signature'))) {
    const spec = specValue(value, `${where}[${position}]`);
    if (!spec) continue;
    const keyed = path.some((part) => !/^\d+$/.test(part));
    // TensorFlow calls results that have no key output_0, output_1 … when it makes a signature of them.
    const name = keyed
      ? stated(path.join('/'), where)
      : assumed(`output_${position}`, `${where} have no names`);
    fields.push({ name, ...spec });
    position++;
  }
  return fields;
}

/**
 * What two traces have in common: a function that was traced for 2 and for 3 columns takes no fixed number, and a value that
 * one of them takes and the other does not may be left out.
 */
function mergeFields(
  a: readonly ToldField[],
  b: readonly ToldField[],
  where: string,
): readonly ToldField[] | Told<never> {
  const [more, fewer] = a.length >= b.length ? [a, b] : [b, a];
  const byName = new Map(fewer.map((field) => [field.name.value, field]));
  if (more.filter((field) => byName.has(field.name.value)).length < fewer.length)
    return unknown(`${where} was traced for different arguments`);
  return more.map((field) => {
    const other = byName.get(field.name.value);
    if (!other) return { ...field, optional: true };
    const type =
      field.type.value === other.type.value ? field.type : unknown(`${where} was traced for different types`);
    return {
      ...field,
      type,
      shape: mergeShapes(field.shape, other.shape, where),
      ...((field.optional || other.optional) && { optional: true }),
    };
  });
}

function mergeShapes(a: Told<Shape>, b: Told<Shape>, where: string): Told<Shape> {
  if (JSON.stringify(a.value) === JSON.stringify(b.value)) return a;
  const other = b.value;
  if (a.value === null || other === null || a.value.length !== other.length)
    return unknown(`${where} was traced for different ranks`);
  return derived(
    a.value.map((size, index) => (size === other[index] ? size : null)),
    `${where} was traced for different sizes`,
  );
}
