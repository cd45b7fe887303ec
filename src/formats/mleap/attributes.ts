import type { ScalarType } from '../../contract/types.ts';
import { inMemory } from '../../model/bytes.ts';
import { entryOf } from '../../model/entry.ts';
import { type Json, list, object, text } from '../declared/documents.ts';
import {
  fields,
  integersIn,
  type Message,
  messageIn,
  rootMessage,
  signed,
  textIn,
} from '../wire/protobuf.ts';

/** The shape of a value in a bundle; `dimensions` of a tensor, where it says them, with `null` for any size. */
export interface DataShape {
  readonly base: 'scalar' | 'list' | 'tensor';
  readonly dimensions: readonly (number | null)[] | null;
}

/** An attribute of a model, without the numbers that were trained. */
export interface Attribute {
  /** A whole number, or a truth value as 1 or 0. */
  readonly number: number | null;
  readonly text: string | null;
  readonly texts: readonly string[];
  /** Whole numbers of a list. */
  readonly numbers: readonly number[];
  /** How many values a list has. */
  readonly count: number | null;
  /** Sizes of a tensor. */
  readonly sizes: readonly number[] | null;
  /** Sizes of the first tensor in a list. */
  readonly inner: readonly number[] | null;
  readonly types: readonly (ScalarType | null)[];
  readonly shapes: readonly DataShape[];
}

/** What a bundle calls a model, with its attributes by name. */
export interface BundleModel {
  readonly op: string;
  readonly attributes: ReadonlyMap<string, Attribute>;
}

/** Connects a port of a node with a column. */
export interface Socket {
  readonly name: string;
  readonly port: string;
}

export interface BundleNode {
  readonly inputs: readonly Socket[];
  readonly outputs: readonly Socket[];
}

const EMPTY: Attribute = {
  number: null,
  text: null,
  texts: [],
  numbers: [],
  count: null,
  sizes: null,
  inner: null,
  types: [],
  shapes: [],
};

/** `model.json`: attributes by name; before 0.9 a list of `{name, type, value}`. */
export function modelFromJson(json: Json): BundleModel {
  const given = json['attributes'];
  const entries: readonly (readonly [unknown, unknown])[] = Array.isArray(given)
    ? given.map((one) => [object(one)['name'], one] as const)
    : Object.entries(object(given));
  return {
    op: text(json['op']) ?? '',
    attributes: new Map(
      entries.flatMap(([name, value]) =>
        typeof name === 'string' ? [[name, fromJson(object(value))] as const] : [],
      ),
    ),
  };
}

const KEYS = 'value string double float long int boolean data_shape basic_type tensor data'.split(' ');

/** Basic types by their name in JSON, and by their number in protobuf. */
const TYPES: Readonly<Record<string, ScalarType>> = {
  boolean: 'bool',
  byte: 'int8',
  short: 'int16',
  int: 'int32',
  long: 'int64',
  float: 'float32',
  double: 'float64',
  string: 'string',
  byte_string: 'bytes',
};
const TYPE_NUMBERS: Readonly<Record<number, string>> = {
  1: 'boolean',
  2: 'byte',
  3: 'short',
  4: 'int',
  5: 'long',
  6: 'float',
  7: 'double',
  100: 'string',
  101: 'byte_string',
};

function fromJson(json: Json): Attribute {
  const key = KEYS.find((one) => json[one] !== undefined);
  const value = key === undefined ? undefined : json[key];
  if (key === 'data_shape')
    return {
      ...EMPTY,
      shapes: (Array.isArray(value) ? value : [value]).map((one) => shapeFromJson(object(one))),
    };
  if (key === 'basic_type')
    return {
      ...EMPTY,
      types: (Array.isArray(value) ? value : [value]).map((one) => entryOf(TYPES, String(one)) ?? null),
    };
  if (!Array.isArray(value)) {
    const number = typeof value === 'boolean' ? Number(value) : value;
    return { ...EMPTY, number: typeof number === 'number' ? number : null, text: text(value) };
  }
  const tensor = json['type'] === 'tensor' || json['shape'] !== undefined;
  return {
    ...EMPTY,
    texts: value.filter((one): one is string => typeof one === 'string'),
    numbers: value.filter((one): one is number => Number.isSafeInteger(one)),
    count: value.length,
    sizes: tensor ? sizesFromJson(json) : null,
    inner: key === 'tensor' ? sizesFromJson(object(value[0])) : null,
  };
}

function sizesFromJson(tensor: Json): number[] | null {
  const sizes = list(object(tensor['shape'])['dimensions']).map((one) => Number(object(one)['size']));
  return sizes.length > 0 && sizes.every((size) => Number.isSafeInteger(size) && size >= 0) ? sizes : null;
}

function shapeFromJson(json: Json): DataShape {
  const base = json['base'] === 'scalar' || json['base'] === 'list' ? json['base'] : 'tensor';
  const given = object(json['tensorShape'] ?? json['tensor_shape'])['dimensions'];
  const sizes = Array.isArray(given) ? given.map((one) => Number(object(one)['size'])) : null;
  return { base, dimensions: sizes?.map((size) => (size > 0 ? size : null)) ?? null };
}

/** `node.json`. */
export function nodeFromJson(json: Json): BundleNode {
  const shape = object(json['shape']);
  const sockets = (value: unknown): Socket[] =>
    list(value)
      .map(object)
      .flatMap((one) => {
        const name = text(one['name']);
        return name === null ? [] : [{ name, port: text(one['port']) ?? '' }];
      });
  return { inputs: sockets(shape['inputs']), outputs: sockets(shape['outputs']) };
}

/**
 * `model.pb`. Source of the field numbers: MLeap, bundle.proto. The bytes of tensors are not read.
 * @throws Malformed | Truncated when it is damaged.
 */
export function modelFromProtobuf(bytes: Uint8Array): BundleModel {
  const message = rootMessage(inMemory(bytes));
  let op = '';
  const attributes = new Map<string, Attribute>();
  for (const field of fields(message)) {
    if (field.number === 1) op = textIn(message, field);
    if (field.number !== 2) continue;
    const all = messageIn(message, field);
    for (const entry of fields(all)) if (entry.number === 1) addEntry(messageIn(all, entry), attributes);
  }
  return { op, attributes };
}

function addEntry(entry: Message, attributes: Map<string, Attribute>): void {
  let name = '';
  let value = EMPTY;
  for (const field of fields(entry)) {
    if (field.number === 1) name = textIn(entry, field);
    if (field.number === 2) value = valueFrom(messageIn(entry, field));
  }
  attributes.set(name, value);
}

function valueFrom(message: Message): Attribute {
  let out = EMPTY;
  for (const field of fields(message)) {
    const inner = messageIn(message, field);
    if (field.number === 1) out = scalarFrom(inner);
    else if (field.number === 2) out = listFrom(inner);
    else if (field.number === 3) out = tensorFrom(inner);
  }
  return out;
}

/** Zero, the empty text and `false` are not written: what is not there is 0. */
function scalarFrom(message: Message): Attribute {
  let out: Attribute = { ...EMPTY, number: 0, text: '' };
  for (const field of fields(message)) {
    if (field.number === 2) out = { ...EMPTY, text: textIn(message, field) };
    else if (field.wire === 0) out = { ...EMPTY, number: signed(field) };
    else if (field.number === 8) out = tensorFrom(messageIn(message, field));
    else if (field.number === 10) out = { ...EMPTY, shapes: [shapeFrom(messageIn(message, field))] };
    else out = EMPTY;
  }
  return out;
}

const MAX_NUMBERS = 1_000_000;
/** Bytes of one value, of those that have a fixed size: floats and doubles. */
const WIDTHS: Readonly<Record<number, number>> = { 5: 4, 6: 8 };

function listFrom(message: Message): Attribute {
  const texts: string[] = [];
  const shapes: DataShape[] = [];
  const numbers: number[] = [];
  const types: (ScalarType | null)[] = [];
  let inner: readonly number[] | null = null;
  let count = 0;
  for (const field of fields(message)) {
    const width = WIDTHS[field.number];
    if (field.number === 2) texts.push(textIn(message, field));
    else if (field.number === 10) shapes.push(shapeFrom(messageIn(message, field)));
    else if (width !== undefined) count += (field.end - field.start || width) / width;
    else if (field.number === 1 || field.number === 3 || field.number === 4) {
      if (field.end - field.start > MAX_NUMBERS) continue;
      for (const number of integersIn(message, field)) numbers.push(number);
    } else if (field.number === 9)
      for (const one of integersIn(message, field)) types.push(TYPES[TYPE_NUMBERS[one] ?? ''] ?? null);
    else {
      if (field.number === 8) inner ??= tensorFrom(messageIn(message, field)).sizes;
      count += 1;
    }
  }
  const listed = texts.length + shapes.length + numbers.length + types.length;
  return { ...EMPTY, texts, shapes, numbers, types, inner, count: count + listed };
}

function tensorFrom(message: Message): Attribute {
  let sizes: number[] | null = null;
  for (const field of fields(message))
    if (field.number === 2) sizes = dimensionsFrom(messageIn(message, field));
  return { ...EMPTY, sizes };
}

const BASES = ['scalar', 'list', 'tensor'] as const;

function shapeFrom(message: Message): DataShape {
  let base: DataShape['base'] = 'scalar';
  let dimensions: (number | null)[] | null = null;
  for (const field of fields(message)) {
    if (field.number === 1) base = BASES[signed(field)] ?? 'tensor';
    if (field.number === 3)
      dimensions = dimensionsFrom(messageIn(message, field)).map((size) => (size > 0 ? size : null));
  }
  return { base, dimensions };
}

function dimensionsFrom(message: Message): number[] {
  const sizes: number[] = [];
  for (const field of fields(message)) {
    if (field.number !== 1) continue;
    const dimension = messageIn(message, field);
    let size = 0;
    for (const part of fields(dimension)) if (part.number === 1) size = signed(part);
    sizes.push(size);
  }
  return sizes;
}

/** `node.pb`. @throws Malformed | Truncated when it is damaged. */
export function nodeFromProtobuf(bytes: Uint8Array): BundleNode {
  const message = rootMessage(inMemory(bytes));
  const inputs: Socket[] = [];
  const outputs: Socket[] = [];
  for (const field of fields(message)) {
    if (field.number !== 2) continue;
    const shape = messageIn(message, field);
    for (const side of fields(shape)) {
      const socket = socketFrom(messageIn(shape, side));
      if (side.number === 1) inputs.push(socket);
      if (side.number === 2) outputs.push(socket);
    }
  }
  return { inputs, outputs };
}

function socketFrom(message: Message): Socket {
  let port = '';
  let name = '';
  for (const field of fields(message)) {
    if (field.number === 1) port = textIn(message, field);
    if (field.number === 2) name = textIn(message, field);
  }
  return { name, port };
}
