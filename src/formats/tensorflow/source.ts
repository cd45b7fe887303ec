import type { Bytes } from '../../model/bytes.ts';
import { Malformed } from '../format.ts';
import {
  decode,
  fields,
  type Message,
  messageIn,
  passing,
  rootMessage,
  type Schema,
  textIn,
} from '../wire/protobuf.ts';
import { parsePrototext } from '../wire/prototext.ts';
import { child, children, string, strings, type Tree } from '../wire/tree.ts';
import { type Enter, type Visit, walkGraphDef, walkGraphTree } from './graph.ts';
import { objectGraph } from './objects.ts';
import { META_GRAPH } from './schema.ts';
import { INTERNAL } from './signatures.ts';

/** One meta graph of a SavedModel, whichever encoding it was read from. */
export interface MetaGraph {
  readonly tree: Tree;
  readonly walk: (visit: Visit, enter?: Enter) => void;
  /** Names of the variables that training changed, as TensorFlow 1 lists them. */
  readonly trainable: ReadonlySet<string>;
}

/** Text is held as a whole, with what it says. */
const MAX_TEXT = 32 * 1024 * 1024;
const MAX_META_GRAPHS = 64;
const MAX_TRAINABLE = 50_000;
const MAX_NAME = 1024;

/** The meta graphs of a `saved_model.pb`. @throws Truncated, Malformed. */
export function binaryMetaGraphs(bytes: Bytes): MetaGraph[] {
  const model = rootMessage(bytes);
  const found: MetaGraph[] = [];
  for (const field of fields(model))
    if (field.number === 2) {
      if (found.length === MAX_META_GRAPHS)
        throw new Malformed(`the file has more than ${MAX_META_GRAPHS} meta graphs`);
      found.push(binaryMetaGraph(messageIn(model, field)));
    }
  return found;
}

/** A MetaGraphDef: within a SavedModel, or a `.meta` file of its own. */
export function binaryMetaGraph(message: Message): MetaGraph {
  const trainable = new Set<string>();
  for (const entry of messagesIn(message, 4)) trainableVariables(entry, trainable);
  const tree = new Map(decode(message, META_GRAPH));
  const wholeGraph = [...messagesIn(message, 7)].at(-1);
  const declared = children(tree, 'signature_def').some((one) => !INTERNAL.has(string(one, 'key')));
  if (wholeGraph) tree.set('object_graph_def', [objectGraph(wholeGraph, !declared)]);
  return {
    tree,
    trainable,
    walk(visit, enter) {
      for (const graph of messagesIn(message, 2)) walkGraphDef(graph, visit, enter);
    },
  };
}

const COLLECTION: Schema = { key: [1, 'string'] };

/** `collection_def["trainable_variables"].bytes_list`: each a VariableDef. */
function trainableVariables(entry: Message, into: Set<string>): void {
  if (passing(entry, () => string(decode(entry, COLLECTION), 'key')) !== 'trainable_variables') return;
  for (const collection of messagesIn(entry, 2))
    for (const list of messagesIn(collection, 2))
      for (const variable of messagesIn(list, 1)) {
        const name = variableName(variable);
        if (name !== '') into.add(name);
        if (into.size > MAX_TRAINABLE)
          throw new Malformed(`the graph lists more than ${MAX_TRAINABLE} trainable variables`);
      }
}

function* messagesIn(message: Message, number: number): Generator<Message, void, undefined> {
  for (const field of fields(message)) if (field.number === number) yield messageIn(message, field);
}

/** `variable_name` of a VariableDef. */
function variableName(variable: Message): string {
  for (const field of fields(variable))
    if (field.number === 1) return textIn(variable, field, MAX_NAME).replace(/:0$/, '');
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
    walk: (visit, enter) => walkGraphTree(child(tree, 'graph_def'), visit, enter),
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
