import type { Bytes } from '../../model/bytes.ts';
import { Malformed } from '../format.ts';
import { decode, fields, type Message, messageIn, passing } from '../wire/protobuf.ts';
import { type Place, type Selection, selectionOf, selectPrototext } from '../wire/prototext.ts';
import { children, number, string, strings, type Tree } from '../wire/tree.ts';
import { CONCRETE_FUNCTION, OBJECT, VARIABLE_OBJECT } from './schema.ts';

const MAX_OBJECTS = 500_000;

/**
 * A SavedObjectGraph in the form of a tree, with as much of it as is used: the root and what it names, the variables of
 * all others, and, where they are asked for, the traces of the functions of the root. A Keras model has hundreds of
 * thousands of references between its objects, and the way to call it needs a handful.
 */
export function objectGraph(message: Message, withFunctions: boolean): Tree {
  const nodes: Tree[] = [];
  const named = new Set<number>();
  const traces = new Set<string>();
  for (const field of fields(message)) {
    if (field.number !== 1) continue;
    if (nodes.length === MAX_OBJECTS) throw new Malformed(`the model has more than ${MAX_OBJECTS} objects`);
    const whole = nodes.length === 0 || named.has(nodes.length);
    const object = decode(messageIn(message, field), whole ? OBJECT : VARIABLE_OBJECT);
    if (nodes.length === 0)
      for (const reference of children(object, 'children'))
        if (isUsed(string(reference, 'local_name'))) named.add(number(reference, 'node_id'));
    for (const called of children(object, 'function'))
      for (const key of strings(called, 'concrete_functions')) traces.add(key);
    nodes.push(object);
  }
  const functions: Tree[] = [];
  if (withFunctions && traces.size > 0)
    for (const field of fields(message)) {
      if (field.number !== 2) continue;
      const entry = messageIn(message, field);
      if (traces.has(passing(entry, () => string(decode(entry, KEY), 'key'))))
        functions.push(decode(entry, CONCRETE_FUNCTION));
    }
  return new Map([
    ['nodes', nodes],
    ['concrete_functions', functions],
  ]);
}

const NO_FUNCTIONS: Selection = { nodes: { message: () => selectionOf(OBJECT) } };
const WITH_FUNCTIONS: Selection = {
  ...NO_FUNCTIONS,
  concrete_functions: { message: () => selectionOf(CONCRETE_FUNCTION) },
};

/** The same of a SavedObjectGraph in text. */
export function objectGraphText(
  bytes: Bytes,
  place: Place,
  withFunctions: boolean,
  budget: { left: number },
): Tree {
  return selectPrototext(bytes, withFunctions ? WITH_FUNCTIONS : NO_FUNCTIONS, place, budget);
}

const KEY = { key: [1, 'string'] } as const;

/** What the root calls its functions and, in Keras, the list of its variables. */
function isUsed(name: string): boolean {
  return !name.startsWith('_') || name === '__call__';
}
