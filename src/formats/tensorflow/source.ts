import type { Bytes } from '../../model/bytes.ts';
import { Malformed } from '../format.ts';
import {
  decode,
  fields,
  type Message,
  messageIn,
  rootMessage,
  type Schema,
  textIn,
} from '../wire/protobuf.ts';
import { parsePrototext } from '../wire/prototext.ts';
import { child, children, string, strings, type Tree } from '../wire/tree.ts';
import { type GraphNode, walkGraphDef, walkGraphTree } from './graph.ts';
import { META_GRAPH } from './schema.ts';

/** One meta graph of a SavedModel, whichever encoding it was read from. */
export interface MetaGraph {
  readonly tree: Tree;
  readonly walk: (visit: (node: GraphNode) => void) => void;
  /** Names of the variables that training changed, as TensorFlow 1 lists them. */
  readonly trainable: ReadonlySet<string>;
}

const MAX_TEXT = 256 * 1024 * 1024;

/** The meta graphs of a `saved_model.pb`. @throws Truncated, Malformed. */
export function binaryMetaGraphs(bytes: Bytes): MetaGraph[] {
  const model = rootMessage(bytes);
  const found: MetaGraph[] = [];
  for (const field of fields(model))
    if (field.number === 2) found.push(binaryMetaGraph(messageIn(model, field)));
  return found;
}

/** A MetaGraphDef: within a SavedModel, or a `.meta` file of its own. */
export function binaryMetaGraph(message: Message): MetaGraph {
  const graphs: Message[] = [];
  const trainable = new Set<string>();
  for (const field of fields(message)) {
    if (field.number === 2) graphs.push(messageIn(message, field));
    else if (field.number === 4) trainableVariables(messageIn(message, field), trainable);
  }
  return {
    tree: decode(message, META_GRAPH),
    trainable,
    walk(visit) {
      for (const graph of graphs) walkGraphDef(graph, visit);
    },
  };
}

const COLLECTION: Schema = { key: [1, 'string'] };

/** `collection_def["trainable_variables"].bytes_list`: each a VariableDef. */
function trainableVariables(entry: Message, into: Set<string>): void {
  if (string(decode(entry, COLLECTION), 'key') !== 'trainable_variables') return;
  for (const collection of messagesIn(entry, 2))
    for (const list of messagesIn(collection, 2))
      for (const variable of messagesIn(list, 1)) {
        const name = variableName(variable);
        if (name !== '') into.add(name);
      }
}

function* messagesIn(message: Message, number: number): Generator<Message, void, undefined> {
  for (const field of fields(message)) if (field.number === number) yield messageIn(message, field);
}

/** `variable_name` of a VariableDef. */
function variableName(variable: Message): string {
  for (const field of fields(variable))
    if (field.number === 1) return textIn(variable, field).replace(/:0$/, '');
  return '';
}

/** The meta graphs of a `saved_model.pbtxt`. @throws Malformed. */
export function textMetaGraphs(bytes: Bytes): MetaGraph[] {
  if (bytes.size > MAX_TEXT)
    throw new Malformed(`the text has ${bytes.size} bytes; at most ${MAX_TEXT} are read`);
  const text = new TextDecoder('utf-8').decode(bytes.read(0, bytes.size));
  return children(parsePrototext(text), 'meta_graphs').map((tree) => ({
    tree,
    trainable: trainableInText(tree),
    walk: (visit) => walkGraphTree(child(tree, 'graph_def'), visit),
  }));
}

/** In text the VariableDef is an escaped string: field 1 with its length, then the name. */
function trainableInText(tree: Tree): Set<string> {
  const found = new Set<string>();
  for (const entry of children(tree, 'collection_def')) {
    if (string(entry, 'key') !== 'trainable_variables') continue;
    for (const value of strings(child(child(entry, 'value'), 'bytes_list'), 'value')) {
      const length = value.charCodeAt(1);
      if (value.charCodeAt(0) === 0x0a && length < 0x80)
        found.add(value.slice(2, 2 + length).replace(/:0$/, ''));
    }
  }
  return found;
}
