import type { Bytes } from '../../model/bytes.ts';
import { Malformed } from '../format.ts';
import type { Schema } from '../wire/protobuf.ts';
import { type Place, type Selection, selectionOf, selectPrototext } from '../wire/prototext.ts';
import { child, children, string, strings, type Tree } from '../wire/tree.ts';
import { constantInText, TENSOR, textsInText } from './constant.ts';
import { type Enter, type GraphNode, MAX_ARGUMENTS, type Visit } from './graph.ts';
import { NODE_ATTRIBUTE } from './schema.ts';

/*
 * Graphs in text. As with binary ones nothing of a graph is kept: what is asked of a node is read again from its place.
 */

/** Text is read from its first to its last byte, twice: this bounds the time. */
const MAX_TEXT = 64 * 1024 * 1024;

/** @throws Malformed when the text is larger than what is read. */
export function limitText(bytes: Bytes): void {
  if (bytes.size > MAX_TEXT)
    throw new Malformed(`the text has ${bytes.size} bytes; at most ${MAX_TEXT} are read`);
}

const NODE: Selection = { name: 'value', op: 'value', input: 'value' };
const SIGNATURE: Selection = { name: 'value', input_arg: { message: { name: 'value' } } };
const VALUE: Selection = {
  attr: { message: { key: 'value', value: { message: { tensor: { message: TENSOR } } } } },
};

/** Visits the nodes of a GraphDef in text and of its functions. */
export function walkGraphText(bytes: Bytes, place: Place | undefined, visit: Visit, enter?: Enter): void {
  let inFunction = '';
  const node = (tree: Tree, at: Place): undefined => {
    visit(nodeInText(bytes, tree, at, inFunction));
  };
  const definition: Selection = {
    signature: {
      each: SIGNATURE,
      visit(tree) {
        inFunction = string(tree, 'name');
        const args = children(tree, 'input_arg').slice(0, MAX_ARGUMENTS);
        enter?.(
          inFunction,
          args.map((one) => string(one, 'name')),
        );
        return undefined;
      },
    },
    node_def: { each: NODE, visit: node },
  };
  const leave = (): undefined => {
    inFunction = '';
  };
  const library: Selection = { function: { each: definition, visit: leave } };
  const selection: Selection = {
    node: { each: NODE, visit: node },
    library: { each: library, visit: leave },
  };
  selectPrototext(bytes, selection, place);
}

function nodeInText(bytes: Bytes, tree: Tree, place: Place, inFunction: string): GraphNode {
  const attributes = (entry: Schema = NODE_ATTRIBUTE) => {
    const read = selectPrototext(bytes, { attr: { message: selectionOf(entry) } }, place);
    return new Map(
      children(read, 'attr').flatMap((one): [string, Tree][] => {
        const value = child(one, 'value');
        return value ? [[string(one, 'key'), value]] : [];
      }),
    );
  };
  const tensor = (): Tree | undefined => {
    const read = selectPrototext(bytes, VALUE, place);
    const entry = children(read, 'attr').find((one) => string(one, 'key') === 'value');
    return child(child(entry, 'value'), 'tensor');
  };
  const node: GraphNode = {
    name: string(tree, 'name'),
    operator: string(tree, 'op'),
    inFunction,
    inputs: strings(tree, 'input'),
    attributes,
    constant() {
      const value = tensor();
      return value ? constantInText(value) : null;
    },
    texts() {
      const value = tensor();
      return value ? textsInText(value) : null;
    },
    kept: () => node,
  };
  return node;
}
