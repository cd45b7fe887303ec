import { Malformed } from '../format.ts';
import { byte, type Hdf5File, latin1, number, spend, wide } from './hdf5-bytes.ts';

/*
 * Dense storage: attributes and links of an object that has many of them, or large ones, are objects of a fractal heap, found
 * by a B-tree of version 2. Source: "HDF5 File Format Specification Version 3.0", III.A.2 and III.G.
 */

const MAX_RECORDS = 200_000;
const MAX_DEPTH = 16;

/**
 * Where the objects of a heap begin in the file, by the index of their names.
 * @returns `null` where the heap is compressed or holds objects in a way that is not read.
 */
export function denseObjects(file: Hdf5File, heapAddress: number, indexAddress: number): number[] | null {
  const heap = openHeap(file, file.base + heapAddress);
  if (!heap) return null;
  const places: number[] = [];
  for (const { at, type } of records(file, file.base + indexAddress)) {
    // Names of links: a hash, then the identifier. Names of attributes: the identifier first.
    if (type !== 5 && type !== 8) return null;
    const place = placeOf(file, heap, at + (type === 5 ? 4 : 0));
    if (place === null) return null;
    places.push(place);
  }
  return places;
}

interface Heap {
  readonly idLength: number;
  readonly offsetWidth: number;
  readonly lengthWidth: number;
  readonly hugeIndex: bigint;
  readonly width: number;
  readonly start: number;
  readonly largest: number;
  readonly root: number;
  readonly rows: number;
}

function openHeap(file: Hdf5File, at: number): Heap | null {
  const { bytes, offsetSize: O, lengthSize: L } = file;
  if (latin1(bytes, at, 4) !== 'FRHP') throw new Malformed(`there is no HDF5 heap at byte ${at}`);
  if (number(bytes, at + 7, 2) !== 0) return null;
  const hugeAt = at + 14 + L;
  // Free space, sizes and counts of the objects lie between.
  const table = hugeAt + O + L + O + 8 * L;
  const start = number(bytes, table + 2, L);
  const largest = number(bytes, table + 2 + L, L);
  const maxBits = number(bytes, table + 2 + 2 * L, 2);
  const root = table + 2 + 2 * L + 4;
  const managed = number(bytes, at + 10, 4);
  if (start === 0 || largest < start) throw new Malformed('an HDF5 heap has blocks of no size');
  return {
    idLength: number(bytes, at + 5, 2),
    offsetWidth: Math.ceil(maxBits / 8),
    lengthWidth: Math.min(Math.ceil(Math.log2(largest) / 8), widthOf(managed)),
    hugeIndex: wide(bytes, hugeAt, O),
    width: number(bytes, table, 2),
    start,
    largest,
    root: number(bytes, root, O),
    rows: number(bytes, root + O, 2),
  };
}

/** Bytes that hold numbers up to a limit. */
const widthOf = (limit: number): number => Math.floor(Math.log2(Math.max(1, limit)) / 8) + 1;

/** Where the object of an identifier is; `null` when it is in the identifier itself, or cannot be followed. */
function placeOf(file: Hdf5File, heap: Heap, id: number): number | null {
  const { bytes, offsetSize: O, lengthSize: L } = file;
  const kind = (byte(bytes, id) >> 4) & 3;
  if (kind === 0) return managedAt(file, heap, number(bytes, id + 1, heap.offsetWidth));
  // Small objects stand in the identifier.
  if (kind === 2) return id + (heap.idLength > 17 ? 2 : 1);
  if (kind !== 1) return null;
  if (O + L <= heap.idLength - 1) return file.base + number(bytes, id + 1, O);
  const wanted = wide(bytes, id + 1, Math.min(L, heap.idLength - 1));
  for (const { at, type } of records(file, file.base + Number(heap.hugeIndex)))
    if (type === 1 && wide(bytes, at + O + L, L) === wanted) return file.base + number(bytes, at, O);
  return null;
}

/** Blocks double in size from row to row; those that are too large hold rows of their own. */
function managedAt(file: Hdf5File, heap: Heap, offset: number): number {
  const { bytes, offsetSize: O } = file;
  let block = file.base + heap.root;
  let within = offset;
  if (heap.rows === 0) return block + within;
  const directRows = Math.log2(heap.largest) - Math.log2(heap.start) + 2;
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    if (latin1(bytes, block, 4) !== 'FHIB')
      throw new Malformed(`there is no HDF5 heap block at byte ${block}`);
    const first = heap.width * heap.start;
    if (first === 0) break;
    const row = within < first ? 0 : Math.floor(Math.log2(within / first)) + 1;
    const size = row === 0 ? heap.start : heap.start * 2 ** (row - 1);
    const rowStart = row === 0 ? 0 : first * 2 ** (row - 1);
    const column = Math.floor((within - rowStart) / size);
    const entries = block + 5 + O + heap.offsetWidth;
    const child = number(bytes, entries + (row * heap.width + column) * O, O);
    block = file.base + child;
    within -= rowStart + column * size;
    if (row < directRows) return block + within;
  }
  throw new Malformed('an HDF5 heap is nested too deep');
}

/** The records of a B-tree, in order. */
function* records(file: Hdf5File, header: number): Generator<{ at: number; type: number }> {
  const { bytes, offsetSize: O } = file;
  if (latin1(bytes, header, 4) !== 'BTHD') throw new Malformed(`there is no HDF5 index at byte ${header}`);
  const type = byte(bytes, header + 5);
  const nodeSize = number(bytes, header + 6, 4);
  const size = number(bytes, header + 10, 2);
  const depth = number(bytes, header + 12, 2);
  if (size === 0 || depth > MAX_DEPTH) throw new Malformed('an HDF5 index is nested too deep');
  // Widths of the counts beside each pointer: they hold what a node, and all nodes below it, can have at most.
  const counts: number[] = [0];
  const leaf = Math.floor((nodeSize - 10) / size);
  let below = leaf;
  for (let level = 1; level <= depth; level++) {
    const pointer = O + widthOf(leaf) + (counts[level - 1] ?? 0);
    const most = Math.floor((nodeSize - 10 - pointer) / (size + pointer));
    below = (most + 1) * below + most;
    counts.push(widthOf(below));
  }
  let left = MAX_RECORDS;
  const root = number(bytes, header + 16, O);
  const pending = [{ node: root, count: number(bytes, header + 16 + O, 2), level: depth }];
  for (let one = pending.pop(); one; one = pending.pop()) {
    const node = file.base + one.node;
    const wanted = one.level === 0 ? 'BTLF' : 'BTIN';
    if (latin1(bytes, node, 4) !== wanted) throw new Malformed(`there is no HDF5 index node at byte ${node}`);
    for (let index = 0; index < one.count; index++) {
      spend(file, 1);
      if (left-- <= 0) throw new Malformed('an HDF5 group is too large, or its index has a cycle');
      yield { at: node + 6 + index * size, type };
    }
    if (one.level === 0) continue;
    const countWidth = widthOf(leaf);
    const pointer = O + countWidth + (counts[one.level - 1] ?? 0);
    for (let index = 0; index <= one.count; index++) {
      if (left-- <= 0) throw new Malformed('an HDF5 group is too large, or its index has a cycle');
      const at = node + 6 + one.count * size + index * pointer;
      pending.push({
        node: number(bytes, at, O),
        count: number(bytes, at + O, countWidth),
        level: one.level - 1,
      });
    }
  }
}
