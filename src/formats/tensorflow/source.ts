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
import { type Place, type Selection, selectionOf, selectPrototext, textBudget } from '../wire/prototext.ts';
import { child, children, string, strings, type Tree } from '../wire/tree.ts';
import { type Enter, type Visit, walkGraphDef } from './graph.ts';
import { objectGraph, objectGraphText } from './objects.ts';
import { META_GRAPH } from './schema.ts';
import { INTERNAL } from './signatures.ts';
import { limitText, walkGraphText } from './text.ts';

/** One meta graph of a SavedModel, whichever encoding it was read from. */
export interface MetaGraph {
  readonly tree: Tree;
  readonly walk: (visit: Visit, enter?: Enter) => void;
  /** Names of the variables that training changed, as TensorFlow 1 lists them. */
  readonly trainable: ReadonlySet<string>;
}

interface Names {
  readonly set: Set<string>;
  characters: number;
}

const MAX_META_GRAPHS = 64;
/** A meta graph has one; as protobuf has it, further ones would be merged into it. */
const MAX_GRAPHS = 64;
const MAX_TRAINABLE = 50_000;
const MAX_NAME = 1024;
/** Of all names of trainable variables together. */
const MAX_CHARACTERS = 5_000_000;

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
  const trainable: Names = { set: new Set(), characters: 0 };
  for (const entry of messagesIn(message, 4)) trainableVariables(entry, trainable);
  const tree = new Map(decode(message, META_GRAPH));
  const wholeGraph = [...messagesIn(message, 7)].at(-1);
  if (wholeGraph) tree.set('object_graph_def', [objectGraph(wholeGraph, !isDeclared(tree))]);
  return {
    tree,
    trainable: trainable.set,
    walk(visit, enter) {
      for (const graph of messagesIn(message, 2)) walkGraphDef(graph, visit, enter);
    },
  };
}

/** Whether it has a signature of its own. */
function isDeclared(metaGraph: Tree): boolean {
  return children(metaGraph, 'signature_def').some((one) => !INTERNAL.has(string(one, 'key')));
}

const COLLECTION: Schema = { key: [1, 'string'] };

/** `collection_def["trainable_variables"].bytes_list`: each a VariableDef. */
function trainableVariables(entry: Message, into: Names): void {
  if (passing(entry, () => string(decode(entry, COLLECTION), 'key')) !== 'trainable_variables') return;
  for (const collection of messagesIn(entry, 2))
    for (const list of messagesIn(collection, 2))
      for (const variable of messagesIn(list, 1)) {
        addTrainable(variableName(variable), into);
      }
}

function addTrainable(name: string, into: Names): void {
  if (name === '' || into.set.has(name)) return;
  into.set.add(name);
  into.characters += name.length;
  if (into.set.size > MAX_TRAINABLE || into.characters > MAX_CHARACTERS)
    throw new Malformed(`the graph lists more than ${MAX_TRAINABLE} trainable variables, or very long names`);
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

const VARIABLE_DEFS: Selection = {
  key: 'value',
  value: { message: { bytes_list: { message: { value: { few: MAX_TRAINABLE + 1 } } } } },
};

/** The meta graphs of a `saved_model.pbtxt`. @throws Malformed. */
export function textMetaGraphs(bytes: Bytes): MetaGraph[] {
  limitText(bytes);
  const found: MetaGraph[] = [];
  const budget = textBudget();
  let graphs: Place[] = [];
  let objects: Place | undefined;
  let trainable: Names = { set: new Set(), characters: 0 };
  const metaGraph: Selection = {
    ...selectionOf(META_GRAPH),
    graph_def: {
      each: {},
      visit(_, at) {
        if (graphs.length === MAX_GRAPHS)
          throw new Malformed(`a meta graph has more than ${MAX_GRAPHS} graphs`);
        graphs.push(at);
        return undefined;
      },
    },
    object_graph_def: {
      each: {},
      visit(_, at) {
        objects = at;
        return undefined;
      },
    },
    collection_def: { each: VARIABLE_DEFS, visit: (entry) => trainableInText(entry, trainable) },
  };
  const keep = (read: Tree): 'kept' => {
    if (found.length === MAX_META_GRAPHS)
      throw new Malformed(`the file has more than ${MAX_META_GRAPHS} meta graphs`);
    const tree = new Map(read);
    const parts = graphs;
    if (objects) tree.set('object_graph_def', [objectGraphText(bytes, objects, !isDeclared(tree), budget)]);
    found.push({
      tree,
      trainable: trainable.set,
      walk(visit, enter) {
        for (const part of parts) walkGraphText(bytes, part, visit, enter);
      },
    });
    graphs = [];
    objects = undefined;
    trainable = { set: new Set(), characters: 0 };
    return 'kept';
  };
  selectPrototext(bytes, { meta_graphs: { each: metaGraph, visit: keep } }, undefined, budget);
  return found;
}

/** In text the VariableDef is an escaped string: field 1 with its length, then the name. */
function trainableInText(entry: Tree, into: Names): undefined {
  if (string(entry, 'key') !== 'trainable_variables') return;
  for (const value of strings(child(child(entry, 'value'), 'bytes_list'), 'value')) {
    const length = value.charCodeAt(1);
    if (value.charCodeAt(0) === 0x0a && length < 0x80)
      addTrainable(value.slice(2, 2 + length).replace(/:0$/, ''), into);
  }
}
