import { Malformed } from '../format.ts';
import { decode, fields, type Message, messageIn, passing, type Schema, textIn } from '../wire/protobuf.ts';
import { child, children, string, strings, type Tree } from '../wire/tree.ts';
import { type Constant, constantInText, readConstant } from './constant.ts';
import { NODE_ATTRIBUTE } from './schema.ts';

/** One node of a GraphDef; its attributes are read when they are asked for. */
export interface GraphNode {
  readonly name: string;
  readonly operator: string;
  /** Where it is: '' in the graph itself, else the function's name. */
  readonly inFunction: string;
  readonly inputs: readonly string[];
  /** Attributes that hold a type or a shape, by name. */
  readonly attributes: () => ReadonlyMap<string, Tree>;
  /** Attribute `value`, where the node has it: what a Const is. */
  readonly constant: () => Constant | null;
  /** The same node, to be kept when the walk goes on. */
  readonly kept: () => GraphNode;
}

/** Visits the nodes of a GraphDef and of its functions; nothing of the graph is kept. */
export function walkGraphDef(graph: Message, visit: (node: GraphNode) => void): void {
  for (const field of fields(graph)) {
    if (field.number === 1) visit(readNode(messageIn(graph, field), ''));
    else if (field.number === 2) {
      const library = messageIn(graph, field);
      for (const part of fields(library))
        if (part.number === 1) walkFunction(messageIn(library, part), visit);
    }
  }
}

const FUNCTION_NAME: Schema = { signature: [1, { name: [1, 'string'] }] };

function walkFunction(definition: Message, visit: (node: GraphNode) => void): void {
  const name = passing(definition, () =>
    string(child(decode(definition, FUNCTION_NAME), 'signature'), 'name'),
  );
  for (const field of fields(definition))
    if (field.number === 3) visit(readNode(messageIn(definition, field), name));
}

/** Far above what TensorFlow writes; they bound what one node can take. */
const MAX_INPUTS = 100_000;
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
    attributes: () => passing(message, () => attributesOf(message)),
    constant: () => passing(message, () => constantOf(message)),
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
    attributes: () => passing(message, () => attributesOf(message)),
    constant: () => passing(message, () => constantOf(message)),
    kept: () => node,
  };
  return node;
}

function constantOf(message: Message): Constant | null {
  for (const field of fields(message)) {
    if (field.number !== 5) continue;
    const entry = messageIn(message, field);
    if (string(decode(entry, KEY), 'key') !== 'value') continue;
    for (const value of fields(entry)) {
      if (value.number !== 2) continue;
      const attribute = messageIn(entry, value);
      for (const part of fields(attribute))
        if (part.number === 8) return readConstant(messageIn(attribute, part));
    }
  }
  return null;
}

const KEY: Schema = { key: [1, 'string'] };

function attributesOf(message: Message): Map<string, Tree> {
  const found = new Map<string, Tree>();
  for (const field of fields(message)) {
    if (field.number !== 5) continue;
    const entry = decode(messageIn(message, field), NODE_ATTRIBUTE);
    const value = child(entry, 'value');
    if (value) found.set(string(entry, 'key'), value);
  }
  return found;
}

/** The same for a graph that was read from text. */
export function walkGraphTree(graph: Tree | undefined, visit: (node: GraphNode) => void): void {
  for (const node of children(graph, 'node')) visit(nodeOfTree(node, ''));
  for (const definition of children(child(graph, 'library'), 'function')) {
    const name = string(child(definition, 'signature'), 'name');
    for (const node of children(definition, 'node_def')) visit(nodeOfTree(node, name));
  }
}

function nodeOfTree(node: Tree, inFunction: string): GraphNode {
  const attributes = () =>
    new Map(
      children(node, 'attr').flatMap((entry): [string, Tree][] => {
        const value = child(entry, 'value');
        return value ? [[string(entry, 'key'), value]] : [];
      }),
    );
  const made: GraphNode = {
    name: string(node, 'name'),
    operator: string(node, 'op'),
    inFunction,
    inputs: strings(node, 'input'),
    attributes,
    constant() {
      const tensor = child(attributes().get('value'), 'tensor');
      return tensor ? constantInText(tensor) : null;
    },
    kept: () => made,
  };
  return made;
}
