/**
 * A protobuf message as plain data, by field name. The binary and the text reader both produce it, so that a format
 * with two encodings (SavedModel `.pb` and `.pbtxt`) is read by one piece of code.
 */
export type Tree = ReadonlyMap<string, readonly TreeValue[]>;
/** Enumerations are numbers in binary and identifiers in text. */
export type TreeValue = number | boolean | string | Tree;

export const EMPTY_TREE: Tree = new Map();

function last(tree: Tree | undefined, name: string): TreeValue | undefined {
  return tree?.get(name)?.at(-1);
}

/** Whether the message has the field at all; text `x {}` and binary length 0 count. */
export function has(tree: Tree | undefined, name: string): boolean {
  return last(tree, name) !== undefined;
}

/** A message field; `undefined` where it is absent or no message. */
export function child(tree: Tree | undefined, name: string): Tree | undefined {
  const value = last(tree, name);
  return value instanceof Map ? value : undefined;
}

/** A repeated message field. */
export function children(tree: Tree | undefined, name: string): Tree[] {
  return (tree?.get(name) ?? []).filter((value) => value instanceof Map);
}

/** A string or identifier; '' where it is absent, as protobuf has it. */
export function string(tree: Tree | undefined, name: string): string {
  const value = last(tree, name);
  return typeof value === 'string' ? value : '';
}

/** A repeated string. */
export function strings(tree: Tree | undefined, name: string): string[] {
  return (tree?.get(name) ?? []).filter((value) => typeof value === 'string');
}

/** A number; 0 where it is absent, as protobuf has it. */
export function number(tree: Tree | undefined, name: string): number {
  const value = last(tree, name);
  return typeof value === 'number' ? value : 0;
}

/** A repeated number. */
export function numbers(tree: Tree | undefined, name: string): number[] {
  return (tree?.get(name) ?? []).filter((value) => typeof value === 'number');
}

/** A bool; `false` where it is absent. */
export function bool(tree: Tree | undefined, name: string): boolean {
  const value = last(tree, name);
  return value === true || value === 1 || value === 'true' || value === 'True' || value === 't';
}

/** An enumeration: its number, or its name where the text encoding was read. */
export function enumeration(tree: Tree | undefined, name: string): number | string {
  const value = last(tree, name);
  return typeof value === 'number' || typeof value === 'string' ? value : 0;
}

/** A `map<string, message>` field, sorted by key because protobuf maps have no order. */
export function entries(tree: Tree | undefined, name: string): [string, Tree][] {
  const byKey = new Map<string, Tree>();
  for (const entry of children(tree, name))
    byKey.set(string(entry, 'key'), child(entry, 'value') ?? EMPTY_TREE);
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}
