import type { Bytes } from '../../model/bytes.ts';
import { Malformed } from '../format.ts';
import { byte, type Hdf5File as File, latin1, MAX_LOOKED_AT, number, spend, wide } from './hdf5-bytes.ts';
import { denseObjects } from './hdf5-dense.ts';

/*
 * As much of HDF5 as a model's structure needs: groups, attributes and the shapes of datasets, by offsets in the file. The
 * libraries for it want the whole file in memory or bring 15 MB of WebAssembly, and the file may be gigabytes.
 * Source: "HDF5 File Format Specification Version 3.0".
 */

/** An attribute's value: texts and numbers; `null` for types that are not read. */
export type Attribute = string | number | readonly string[] | readonly number[] | null;

export interface Hdf5Object {
  readonly attributes: ReadonlyMap<string, Attribute>;
  /** Of a group: where its children are. */
  readonly links: ReadonlyMap<string, number>;
  /** Of a dataset. */
  readonly shape: readonly number[] | null;
  /** Of a dataset, as NumPy names it; `null` for compound and other types. */
  readonly dtype: string | null;
  /** What the file keeps in a way that is not read: in a compressed heap. */
  readonly unread: readonly ('links' | 'attributes')[];
  /** Other files that a group links to, or that a dataset keeps its data in. */
  readonly outside: readonly string[];
}

export interface Hdf5 {
  readonly root: number;
  /** Reads the object whose header is at an address that `links` gave. */
  object(address: number): Hdf5Object;
}

const SIGNATURE = '\x89HDF\r\n\x1a\n';
const MAX_MESSAGES = 20_000;
const MAX_LINKS = 200_000;
const MAX_VALUE = 64 * 1024 * 1024;
/** What a link or an entry of a group costs: it is kept, and its name is read. */
const LINK = 5;
const UNDEFINED = 0xffffffffffffffffn;

/** Where the superblock is: at 0, or at 512, 1024, 2048 … behind a user block; `null` when it is not HDF5. */
export function findSuperblock(head: Uint8Array): number | null {
  for (let at = 0; at + 8 <= head.length; at = at === 0 ? 512 : at * 2)
    if (Buffer.from(head.subarray(at, at + 8)).toString('latin1') === SIGNATURE) return at;
  return null;
}

/** Opens a file; objects are read when they are asked for. @throws Malformed | Truncated. */
export function openHdf5(bytes: Bytes): Hdf5 {
  const start = findSuperblock(bytes.read(0, Math.min(4096, bytes.size)));
  if (start === null) throw new Malformed('there is no HDF5 signature');
  const version = byte(bytes, start + 8);
  if (version > 3) throw new Malformed(`HDF5 superblock version ${version} is not known`);
  const old = version < 2;
  const offsetSize = byte(bytes, start + (old ? 13 : 9));
  const lengthSize = byte(bytes, start + (old ? 14 : 10));
  for (const size of [offsetSize, lengthSize])
    if (![2, 4, 8].includes(size)) throw new Malformed(`HDF5 addresses of ${size} bytes are not known`);
  const file: File = { bytes, offsetSize, lengthSize, base: start, budget: { left: MAX_LOOKED_AT } };
  const addresses = start + (old ? (version === 1 ? 28 : 24) : 12);
  const root = old
    ? number(bytes, addresses + 5 * offsetSize, offsetSize)
    : number(bytes, addresses + 3 * offsetSize, offsetSize);
  return { root, object: (address) => readObject(file, address) };
}

interface Message {
  readonly type: number;
  readonly at: number;
  readonly size: number;
}

function readObject(file: File, address: number): Hdf5Object {
  const attributes = new Map<string, Attribute>();
  const links = new Map<string, number>();
  const unread: ('links' | 'attributes')[] = [];
  const outside: string[] = [];
  let shape: readonly number[] | null = null;
  let type: Datatype | null = null;
  for (const message of messages(file, file.base + address)) {
    if (message.type === 0x01) shape = readDataspace(file, message.at);
    if (message.type === 0x03) type = readDatatype(file, message.at);
    if (message.type === 0x06) readLink(file, message.at, links, outside);
    if (message.type === 0x07) outside.push(...externalFiles(file, message.at));
    if (message.type === 0x08) outside.push(...virtualFile(file, message.at));
    if (message.type === 0x0c) readAttribute(file, message.at, attributes);
    if (message.type === 0x11) readSymbolTable(file, message.at, links);
    if (message.type === 0x02) {
      const places = dense(file, message, 8);
      for (const place of places ?? []) readLink(file, place, links, outside);
      if (!places) unread.push('links');
    }
    if (message.type === 0x15) {
      const places = dense(file, message, 2);
      for (const place of places ?? []) readAttribute(file, place, attributes);
      if (!places) unread.push('attributes');
    }
  }
  const dataset = type !== null;
  return { attributes, links, shape: dataset ? shape : null, dtype: type?.name ?? null, unread, outside };
}

/** Link info and attribute info messages: where the heap behind them has links or attributes, if there is one. */
function dense(file: File, message: Message, orderSize: number): number[] | null {
  const flags = byte(file.bytes, message.at + 1);
  const at = message.at + 2 + ((flags & 1) !== 0 ? orderSize : 0);
  if (wide(file.bytes, at, file.offsetSize) === UNDEFINED >> BigInt(64 - 8 * file.offsetSize)) return [];
  const heap = number(file.bytes, at, file.offsetSize);
  return denseObjects(file, heap, number(file.bytes, at + file.offsetSize, file.offsetSize));
}

/** All messages of an object header, continuation blocks included. */
function messages(file: File, start: number): Message[] {
  const out: Message[] = [];
  const { bytes, offsetSize, lengthSize } = file;
  const modern = latin1(bytes, start, 4) === 'OHDR';
  const flags = modern ? byte(bytes, start + 5) : 0;
  const ordered = modern && (flags & 4) !== 0;
  const head = modern ? (ordered ? 6 : 4) : 8;
  const blocks: { at: number; end: number }[] = [];
  if (modern) {
    const sizeAt = start + 6 + ((flags & 0x20) !== 0 ? 16 : 0) + ((flags & 0x10) !== 0 ? 4 : 0);
    const sizeWidth = 1 << (flags & 3);
    const at = sizeAt + sizeWidth;
    blocks.push({ at, end: at + number(bytes, sizeAt, sizeWidth) });
  } else {
    if (byte(bytes, start) !== 1) throw new Malformed(`there is no HDF5 object at byte ${start}`);
    blocks.push({ at: start + 16, end: start + 16 + number(bytes, start + 8, 4) });
  }
  for (let block = blocks.shift(); block; block = blocks.shift()) {
    let { at } = block;
    while (at + head <= block.end) {
      const type = modern ? byte(bytes, at) : number(bytes, at, 2);
      const size = number(bytes, at + (modern ? 1 : 2), 2);
      const data = at + head;
      spend(file, 1);
      if (out.length >= MAX_MESSAGES) throw new Malformed('an HDF5 object has too many messages');
      out.push({ type, at: data, size });
      if (type === 0x10) {
        const target = file.base + number(bytes, data, offsetSize);
        const length = number(bytes, data + offsetSize, lengthSize);
        // "OCHK" before and a checksum behind, in the newer form.
        blocks.push(
          modern ? { at: target + 4, end: target + length - 4 } : { at: target, end: target + length },
        );
      }
      at = data + size;
    }
  }
  return out;
}

function readDataspace(file: File, at: number): number[] {
  const version = byte(file.bytes, at);
  const rank = byte(file.bytes, at + 1);
  const start = at + (version === 1 ? 8 : 4);
  return Array.from({ length: rank }, (_, axis) =>
    number(file.bytes, start + axis * file.lengthSize, file.lengthSize),
  );
}

interface Datatype {
  readonly kind: 'integer' | 'float' | 'text' | 'varying-text' | 'other';
  readonly size: number;
  readonly signed: boolean;
  readonly name: string | null;
}

function readDatatype(file: File, at: number): Datatype {
  const kind = byte(file.bytes, at) & 0x0f;
  const bits = byte(file.bytes, at + 1);
  const size = number(file.bytes, at + 4, 4);
  const signed = (bits & 8) !== 0;
  if (kind === 0) return { kind: 'integer', size, signed, name: `${signed ? '' : 'u'}int${size * 8}` };
  if (kind === 1) return { kind: 'float', size, signed: true, name: `float${size * 8}` };
  if (kind === 3) return { kind: 'text', size, signed: false, name: 'string' };
  if (kind === 9 && (bits & 0x0f) === 1) return { kind: 'varying-text', size, signed: false, name: 'string' };
  return { kind: 'other', size, signed: false, name: null };
}

function readAttribute(file: File, at: number, into: Map<string, Attribute>): void {
  const { bytes } = file;
  const version = byte(bytes, at);
  const nameSize = number(bytes, at + 2, 2);
  const typeSize = number(bytes, at + 4, 2);
  const spaceSize = number(bytes, at + 6, 2);
  // Version 1 pads each part to eight bytes; version 3 has a byte for the encoding of the name.
  const padded = (size: number) => (version === 1 ? (size + 7) & ~7 : size);
  const nameAt = at + (version === 3 ? 9 : 8);
  const typeAt = nameAt + padded(nameSize);
  const spaceAt = typeAt + padded(typeSize);
  const name = latin1(bytes, nameAt, nameSize).replace(/\0.*$/s, '');
  const count = readDataspace(file, spaceAt).reduce((product, size) => product * size, 1);
  const scalar = byte(bytes, spaceAt + 1) === 0;
  spend(file, nameSize / 16);
  into.set(
    name,
    readValue(file, spaceAt + padded(spaceSize), readDatatype(file, typeAt), scalar ? null : count),
  );
}

function readValue(file: File, at: number, type: Datatype, count: number | null): Attribute {
  const total = (count ?? 1) * type.size;
  if (!(total <= MAX_VALUE)) throw new Malformed(`an attribute of ${total} bytes`);
  spend(file, (count ?? 1) + total / 8);
  const each = <T>(read: (place: number) => T): T | T[] =>
    count === null ? read(at) : Array.from({ length: count }, (_, index) => read(at + index * type.size));
  if (type.kind === 'text') return each((place) => cut(file.bytes.read(place, type.size)));
  if (type.kind === 'varying-text') return each((place) => readHeapText(file, place));
  if (type.kind === 'integer' && type.size <= 8)
    return each((place) => integer(file.bytes, place, type.size, type.signed));
  if (type.kind === 'float' && (type.size === 4 || type.size === 8))
    return each((place) => {
      const data = view(file.bytes, place, type.size);
      return type.size === 4 ? data.getFloat32(0, true) : data.getFloat64(0, true);
    });
  return null;
}

/** A text of varying length: its length, then the address of a global heap collection and an index within. */
function readHeapText(file: File, at: number): string {
  const length = number(file.bytes, at, 4);
  return length === 0 ? '' : cut(heapObject(file, at + 4, length));
}

/** What the address of a global heap collection and an index within lead to; `length` bytes of it at most. */
function heapObject(file: File, at: number, length: number): Uint8Array {
  const { bytes, offsetSize, lengthSize } = file;
  const index = number(bytes, at + offsetSize, 4);
  if (index === 0) return new Uint8Array(0);
  const heap = file.base + number(bytes, at, offsetSize);
  if (latin1(bytes, heap, 4) !== 'GCOL') throw new Malformed(`there is no HDF5 heap at byte ${heap}`);
  const end = heap + number(bytes, heap + 8, lengthSize);
  const head = 8 + lengthSize;
  for (let place = heap + 8 + lengthSize; place + head <= end; ) {
    const id = number(bytes, place, 2);
    const size = number(bytes, place + 8, lengthSize);
    spend(file, 1);
    if (id === index) {
      if (size > MAX_VALUE) throw new Malformed(`an attribute of ${size} bytes`);
      spend(file, Math.min(size, length) / 8);
      return bytes.read(place + head, Math.min(size, length));
    }
    if (id === 0) break;
    place += head + ((size + 7) & ~7);
  }
  throw new Malformed(`an HDF5 heap has no object ${index}`);
}

function readLink(file: File, at: number, into: Map<string, number>, outside: string[]): void {
  const { bytes } = file;
  const flags = byte(bytes, at + 1);
  let place = at + 2;
  const type = (flags & 8) !== 0 ? byte(bytes, place++) : 0;
  if ((flags & 4) !== 0) place += 8;
  if ((flags & 0x10) !== 0) place += 1;
  const width = 1 << (flags & 3);
  const length = number(bytes, place, width);
  if (length > 64 * 1024) return;
  spend(file, LINK + length / 8);
  // An external link: two bytes of length, a byte of flags, the name of the file and that of the object in it.
  if (type === 64)
    outside.push(cut(bytes.read(place + width + length + 3, number(bytes, place + width + length, 2) - 1)));
  if (type !== 0) return;
  const name = Buffer.from(bytes.read(place + width, length)).toString('utf8');
  into.set(name, number(bytes, place + width + length, file.offsetSize));
}

/** The files that a dataset keeps its data in: their names are in a local heap. */
function externalFiles(file: File, at: number): string[] {
  const { bytes, offsetSize, lengthSize } = file;
  const used = Math.min(number(bytes, at + 6, 2), 20);
  const heap = file.base + number(bytes, at + 8, offsetSize);
  const names = file.base + number(bytes, heap + 8 + 2 * lengthSize, offsetSize);
  return Array.from({ length: used }, (_, index) =>
    textAt(bytes, names + number(bytes, at + 8 + offsetSize + index * 3 * lengthSize, lengthSize)),
  );
}

/**
 * The file that a virtual dataset takes its first part from, as no framework writes one. Version 4 of the layout alone has
 * them; the list of parts begins with its version and a count.
 */
function virtualFile(file: File, at: number): string[] {
  if (byte(file.bytes, at) < 4 || byte(file.bytes, at + 1) !== 3) return [];
  const parts = heapObject(file, at + 2, 1024);
  const name = cut(parts.subarray(1 + file.lengthSize));
  return [name === '' || name === '.' ? 'what a virtual dataset names' : name];
}

/** Groups of the older form: a B-tree of symbol nodes, with names in a local heap. */
function readSymbolTable(file: File, at: number, into: Map<string, number>): void {
  const { bytes, offsetSize, lengthSize } = file;
  const heap = file.base + number(bytes, at + offsetSize, offsetSize);
  const names = file.base + number(bytes, heap + 8 + 2 * lengthSize, offsetSize);
  const nodes = [file.base + number(bytes, at, offsetSize)];
  for (let node = nodes.pop(), visited = 0; node !== undefined; node = nodes.pop(), visited++) {
    if (visited > MAX_LINKS) throw new Malformed('an HDF5 group is too large, or its tree has a cycle');
    const kind = latin1(bytes, node, 4);
    if (kind === 'TREE') {
      const used = number(bytes, node + 6, 2);
      spend(file, LINK * used);
      const first = node + 8 + 2 * offsetSize + lengthSize;
      for (let child = used - 1; child >= 0; child--)
        nodes.push(file.base + number(bytes, first + child * (offsetSize + lengthSize), offsetSize));
    } else if (kind === 'SNOD') {
      const count = number(bytes, node + 6, 2);
      spend(file, LINK * count);
      const size = 2 * offsetSize + 24;
      for (let index = 0; index < count; index++) {
        const entry = node + 8 + index * size;
        // Soft links have a path in place of an address.
        if (number(bytes, entry + 2 * offsetSize, 4) === 2) continue;
        const name = textAt(bytes, names + number(bytes, entry, offsetSize));
        into.set(name, number(bytes, entry + offsetSize, offsetSize));
      }
    } else throw new Malformed(`there is no HDF5 group node at byte ${node}`);
  }
}

function textAt(bytes: Bytes, at: number): string {
  const part = bytes.read(at, Math.min(1024, bytes.size - at));
  const end = part.indexOf(0);
  if (end === -1) throw new Malformed(`a name at byte ${at} does not end`);
  return Buffer.from(part.subarray(0, end)).toString('utf8');
}

function cut(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(bytes.buffer, bytes.byteOffset, end === -1 ? bytes.length : end).toString('utf8');
}

function view(bytes: Bytes, at: number, length: number): DataView {
  const part = bytes.read(at, length);
  return new DataView(part.buffer, part.byteOffset, length);
}

function integer(bytes: Bytes, at: number, width: number, signed: boolean): number {
  const value = wide(bytes, at, width);
  return Number(signed ? BigInt.asIntN(width * 8, value) : value);
}
