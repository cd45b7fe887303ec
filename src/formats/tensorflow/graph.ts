import { Malformed } from '../format.ts';
import { decode, fields, type Message, messageIn, passing, type Schema, textIn } from '../wire/protobuf.ts';
import { child, string, type Tree } from '../wire/tree.ts';
import { type Constant, readConstant, readTexts } from './constant.ts';
import { NODE_ATTRIBUTE } from './schema.ts';

/** One node of a GraphDef; its attributes are read when they are asked for. */
export interface GraphNode {
  readonly name: string;
  readonly operator: string;
  /** Where it is: '' in the graph itself, else the function's name. */
  readonly inFunction: string;
  readonly inputs: readonly string[];
  /** Attributes by name; of a binary graph with what the schema of an entry names, else types and shapes. */
  readonly attributes: (entry?: Schema) => ReadonlyMap<string, Tree>;
  /** Attribute `value`, where the node has it: what a Const is. */
  readonly constant: () => Constant | null;
  /** The strings of that Const. */
  readonly texts: () => readonly string[] | null;
  /** The same node, to be kept when the walk goes on. */
  readonly kept: () => GraphNode;
}

/** What is told of a graph on the way. */
export type Visit = (node: GraphNode) => void;
/** A function of a graph, before its nodes, with the names of its arguments. */
export type Enter = (name: string, args: readonly string[]) => void;

/** Visits the nodes of a GraphDef and of its functions; nothing of the graph is kept. */
export function walkGraphDef(graph: Message, visit: Visit, enter?: Enter): void {
  for (const field of fields(graph)) {
    if (field.number === 1) visit(readNode(messageIn(graph, field), ''));
    else if (field.number === 2) {
      const library = messageIn(graph, field);
      for (const part of fields(library))
        if (part.number === 1) walkFunction(messageIn(library, part), visit, enter);
    }
  }
}

const FUNCTION_NAME: Schema = { signature: [1, { name: [1, 'string'] }] };
const ARGUMENT: Schema = { name: [1, 'string'] };
/** More than any function has. */
export const MAX_ARGUMENTS = 10_000;

function walkFunction(definition: Message, visit: Visit, enter: Enter | undefined): void {
  const name = passing(definition, () =>
    string(child(decode(definition, FUNCTION_NAME), 'signature'), 'name'),
  );
  enter?.(name, argumentsOf(definition));
  for (const field of fields(definition))
    if (field.number === 3) visit(readNode(messageIn(definition, field), name));
}

/** Names of `signature.input_arg`. */
function argumentsOf(definition: Message): string[] {
  const names: string[] = [];
  for (const field of fields(definition)) {
    if (field.number !== 1) continue;
    const signature = messageIn(definition, field);
    for (const part of fields(signature))
      if (part.number === 2 && names.length < MAX_ARGUMENTS)
        names.push(passing(signature, () => string(decode(messageIn(signature, part), ARGUMENT), 'name')));
  }
  return names;
}

/** Far above what TensorFlow writes; they bound what one node can take. */
const MAX_INPUTS = 50_000;
const MAX_NAME = 64 * 1024;

function readNode(message: Message, inFunction: string): GraphNode {
  let name = '';
  let operator = '';
  const inputs: string[] = [];
  for (const field of fields(message)) {
    if (field.number === 1) name = textIn(message, field, MAX_NAME);
    else if (field.number === 2) operator = textIn(message, field, MAX_NAME);
    else if (field.number === 3) {
      if (inputs.length === MAX_INPUTS) throw new Malformed(`a node has more than ${MAX_INPUTS} inputs`);
      inputs.push(textIn(message, field, MAX_NAME));
    }
  }
  return {
    name,
    operator,
    inFunction,
    inputs,
    attributes: (entry) => passing(message, () => attributesOf(message, entry)),
    constant: () => passing(message, () => constantOf(message, readConstant)),
    texts: () => passing(message, () => constantOf(message, readTexts)),
    kept: () => keptNode({ name, operator, inFunction, inputs, message }),
  };
}

/**
 * A copy that is made of objects of its own. V8 looks at what becomes of the objects that a place in the code makes: if
 * those that the walk throws away were kept at first, it makes all of the later ones as if they were to stay, and a file
 * of a million nodes takes three times the memory.
 */
function keptNode(from: {
  readonly name: string;
  readonly operator: string;
  readonly inFunction: string;
  readonly inputs: readonly string[];
  readonly message: Message;
}): GraphNode {
  const { source, start, end, depth, budget } = from.message;
  const message: Message = { source, start, end, depth, budget };
  const node: GraphNode = {
    name: from.name,
    operator: from.operator,
    inFunction: from.inFunction,
    inputs: from.inputs.slice(),
    attributes: (entry) => passing(message, () => attributesOf(message, entry)),
    constant: () => passing(message, () => constantOf(message, readConstant)),
    texts: () => passing(message, () => constantOf(message, readTexts)),
    kept: () => node,
  };
  return node;
}

function constantOf<T>(message: Message, read: (tensor: Message) => T): T | null {
  for (const field of fields(message)) {
    if (field.number !== 5) continue;
    const entry = messageIn(message, field);
    if (string(decode(entry, KEY), 'key') !== 'value') continue;
    for (const value of fields(entry)) {
      if (value.number !== 2) continue;
      const attribute = messageIn(entry, value);
      for (const part of fields(attribute)) if (part.number === 8) return read(messageIn(attribute, part));
    }
  }
  return null;
}

const KEY: Schema = { key: [1, 'string'] };

function attributesOf(message: Message, schema: Schema = NODE_ATTRIBUTE): Map<string, Tree> {
  const found = new Map<string, Tree>();
  for (const field of fields(message)) {
    if (field.number !== 5) continue;
    const entry = decode(messageIn(message, field), schema);
    const value = child(entry, 'value');
    if (value) found.set(string(entry, 'key'), value);
  }
  return found;
}
