import type { Label } from '../../contract/types.ts';
import { Malformed } from '../format.ts';
import {
  bytesIn,
  decode,
  fields,
  integersIn,
  type Message,
  messageIn,
  type Schema,
  signed,
  textIn,
  type WireField,
} from '../wire/protobuf.ts';
import { number, string, type Tree } from '../wire/tree.ts';
import { elementType, VALUE_INFO } from './types.ts';

/** A tensor that the file holds or points to; its data is not read. */
export interface TensorHead {
  readonly name: string;
  readonly dimensions: readonly number[];
  readonly elementType: number;
  readonly external: ExternalPart | null;
  readonly message: Message;
}

/** Data in another file, relative to that of the model. `length` null: to its end. */
export interface ExternalPart {
  readonly location: string;
  readonly offset: number;
  readonly length: number | null;
}

/** A node with the attributes left on the wire. */
export interface Node {
  readonly operator: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly message: Message;
  readonly attributes: readonly WireField[];
}

/** What one pass over a graph gives. Nodes and tensors are handed on and not kept. */
export interface GraphVisitor {
  readonly input: (info: Tree) => void;
  readonly output: (info: Tree) => void;
  /** `within`: the operator of whose attributes the tensor is one; absent for initializers. */
  readonly initializer: (tensor: TensorHead, within?: string) => void;
  /** `depth`: 0 for nodes of the graph itself, more for those of graphs within its nodes. */
  readonly node: (node: Node, depth: number) => void;
}

/** Operators have a few dozen attributes at most; each that is noted takes several times its size in the file. */
const MAX_ATTRIBUTES = 10_000;
const MAX_OPERANDS = 20_000;
/** Graphs within nodes (If, Loop, Scan) are rarely deeper than two. */
const MAX_GRAPH_DEPTH = 8;

/**
 * Walks a GraphProto in the order of the file. Initializers and nodes of graphs within its nodes are visited too;
 * their inputs and outputs are not.
 */
export function walkGraph(graph: Message, visitor: GraphVisitor, depth = 0): void {
  for (const field of fields(graph)) {
    if (field.number === 1) {
      const node = readNode(messageIn(graph, field));
      visitor.node(node, depth);
      if (depth < MAX_GRAPH_DEPTH) walkAttributes(node, visitor, depth + 1);
    } else if (field.number === 5) visitor.initializer(readTensor(messageIn(graph, field)));
    else if (field.number === 15) {
      for (const part of fields(messageIn(graph, field)))
        if (part.number === 1) visitor.initializer(readTensor(messageIn(graph, part)));
    } else if (depth === 0 && field.number === 11) visitor.input(decode(messageIn(graph, field), VALUE_INFO));
    else if (depth === 0 && field.number === 12) visitor.output(decode(messageIn(graph, field), VALUE_INFO));
  }
}

function walkAttributes(node: Node, visitor: GraphVisitor, depth: number): void {
  for (const field of node.attributes) {
    const attribute = messageIn(node.message, field);
    for (const part of fields(attribute)) {
      if (part.wire !== 2) continue;
      // 5: t, 10: tensors, 22: sparse_tensor; 6: g, 11: graphs.
      if (part.number === 5 || part.number === 10)
        visitor.initializer(readTensor(messageIn(attribute, part)), node.operator);
      else if (part.number === 6 || part.number === 11) walkGraph(messageIn(attribute, part), visitor, depth);
    }
  }
}

function readNode(message: Message): Node {
  let operator = '';
  let domain = '';
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes: WireField[] = [];
  for (const field of fields(message)) {
    if (inputs.length + outputs.length > MAX_OPERANDS)
      throw new Malformed(`a node has more than ${MAX_OPERANDS} inputs and outputs`);
    if (field.number === 1) inputs.push(textIn(message, field));
    else if (field.number === 2) outputs.push(textIn(message, field));
    else if (field.number === 4) operator = textIn(message, field);
    else if (field.number === 5) {
      if (attributes.length >= MAX_ATTRIBUTES)
        throw new Malformed(`a node has more than ${MAX_ATTRIBUTES} attributes`);
      attributes.push(field);
    } else if (field.number === 7) domain = textIn(message, field);
  }
  return { operator, domain, inputs, outputs, message, attributes };
}

const ENTRY: Schema = { key: [1, 'string'], value: [2, 'string'] };

function readTensor(message: Message): TensorHead {
  let name = '';
  let type = 0;
  let external = false;
  const dimensions: number[] = [];
  const entries = new Map<string, string>();
  for (const field of fields(message)) {
    if (field.number === 1) dimensions.push(...integersIn(message, field).slice(0, 64));
    else if (field.number === 2) type = signed(field);
    else if (field.number === 8) name = textIn(message, field);
    else if (field.number === 13) {
      const entry = decode(messageIn(message, field), ENTRY);
      entries.set(string(entry, 'key'), string(entry, 'value'));
    } else if (field.number === 14) external = field.low === 1;
  }
  const length = entries.get('length');
  return {
    name,
    dimensions,
    elementType: type,
    message,
    external: external
      ? {
          location: entries.get('location') ?? '',
          offset: Number(entries.get('offset') ?? 0),
          length: length === undefined ? null : Number(length),
        }
      : null,
  };
}

const ATTRIBUTE_NAME: Schema = { name: [1, 'string'] };
const ATTRIBUTE_LISTS: Schema = { i: [3, 'int'], s: [4, 'string'], ints: [8, 'int'], strings: [9, 'string'] };

/** The named attribute of a node, or `undefined`. */
export function attributeOf(node: Node, name: string): Tree | undefined {
  for (const field of node.attributes) {
    const message = messageIn(node.message, field);
    if (string(decode(message, ATTRIBUTE_NAME), 'name') === name) return decode(message, ATTRIBUTE_LISTS);
  }
  return undefined;
}

/** The tensor in the named attribute of a node, or `undefined`. */
export function tensorAttribute(node: Node, name: string): TensorHead | undefined {
  for (const field of node.attributes) {
    const message = messageIn(node.message, field);
    if (string(decode(message, ATTRIBUTE_NAME), 'name') !== name) continue;
    for (const part of fields(message))
      if (part.number === 5 && part.wire === 2) return readTensor(messageIn(message, part));
  }
  return undefined;
}

/** The named attribute as a list of labels: whole numbers or strings. `null` where it is absent or inexact. */
export function labelsOf(node: Node, name: string): readonly Label[] | null {
  const attribute = attributeOf(node, name);
  const list = [...(attribute?.get('strings') ?? []), ...(attribute?.get('ints') ?? [])].filter(
    (value) => typeof value === 'string' || Number.isSafeInteger(value),
  );
  return list.length === 0 ? null : list.filter((value) => typeof value !== 'object');
}

/** A whole number attribute; `fallback` where it is absent. */
export function integerOf(node: Node, name: string, fallback: number): number {
  const attribute = attributeOf(node, name);
  return attribute?.has('i') ? number(attribute, 'i') : fallback;
}

/** More values than this are weights, not labels. */
const MAX_VALUES = 100_000;

/** The values of a small tensor of strings or whole numbers, in order; `null` for any other. */
export function tensorValues(tensor: TensorHead): readonly Label[] | null {
  const count = tensor.dimensions.reduce((product, size) => product * size, 1);
  if (tensor.external || !(count > 0 && count <= MAX_VALUES)) return null;
  const type = elementType(tensor.elementType);
  const wide = type === 'int64';
  if (type !== 'string' && type !== 'int32' && !wide) return null;
  const out: Label[] = [];
  for (const field of fields(tensor.message)) {
    // 6: string_data, 5: int32_data, 7: int64_data, 9: raw_data (little-endian).
    if (type === 'string' && field.number === 6) out.push(textIn(tensor.message, field));
    else if ((type === 'int32' && field.number === 5) || (wide && field.number === 7))
      for (const value of integersIn(tensor.message, field)) out.push(value);
    else if (type !== 'string' && field.number === 9) {
      const raw = bytesIn(tensor.message, field, MAX_VALUES * 8);
      const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
      for (let at = 0; at + (wide ? 8 : 4) <= raw.length; at += wide ? 8 : 4)
        out.push(wide ? Number(view.getBigInt64(at, true)) : view.getInt32(at, true));
    }
    if (out.length > count) return null;
  }
  return out.length === count &&
    out.every((value) => typeof value === 'string' || Number.isSafeInteger(value))
    ? out
    : null;
}
