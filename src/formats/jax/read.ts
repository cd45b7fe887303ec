import type { Dimension, ScalarType, Shape } from '../../contract/types.ts';
import { type Candidate, emptyReading, type Look, Malformed, type Reading } from '../format.ts';
import { SLOT } from '../jax.ts';
import { openCandidate } from '../open.ts';
import { assumed, stated, type Told, type ToldField, tell, unknown } from '../told.ts';
import { rootTable, type Table } from '../wire/flatbuffer.ts';

/** `DType` in its order; key types of random number generators have no type of ours. */
const TYPES: readonly (ScalarType | null)[] = [
  'bool',
  'int8',
  'int16',
  'int32',
  'int64',
  'uint8',
  'uint16',
  'uint32',
  'uint64',
  'float16',
  'float32',
  'float64',
  'complex64',
  'complex128',
  'bfloat16',
  'int4',
  'uint4',
  null,
  'float8_e4m3fn',
  'float8_e4m3fnuz',
  'float8_e5m2',
  'float8_e5m2fnuz',
  null,
  null,
  null,
  'float8_e8m0fnu',
  'float4_e2m1fn',
];
const LEAF = 0;
const MAX_LEAVES = 10_000;

/** Reads a candidate of this format. Loaded where there is one. */
export async function readJax(candidate: Candidate, look: Look): Promise<Reading> {
  using bytes = openCandidate(candidate, look);
  return readingOf(candidate, rootTable(bytes));
}

function readingOf(candidate: Candidate, root: Table): Reading {
  const inNames = leafNames(root.table(SLOT.inTree), 'arg');
  const outNames = leafNames(root.table(SLOT.outTree), 'output');
  const told = tell({
    call: {
      inputs: valuesOf(root, SLOT.inValues, SLOT.inIndices).map((value, index) =>
        fieldOf(value, inNames[index], `in_avals[${index}]`, `arg${index}`),
      ),
      outputs: valuesOf(root, SLOT.outValues, SLOT.outIndices).map((value, index) =>
        fieldOf(value, outNames[index], `out_avals[${index}]`, `output_${index}`),
      ),
    },
  });
  const properties: Record<string, string> = { platforms: root.texts(SLOT.platforms).join(', ') };
  const name = root.text(SLOT.name);
  if (name !== null) properties['function'] = name;
  return {
    ...emptyReading(candidate),
    framework: { name: 'jax', version: root.text(SLOT.jax) },
    contract: told.contract,
    evidence: told.evidence,
    properties,
    requirements: { jax: root.text(SLOT.jax) },
  };
}

/** Values in order: a list of their own, or (newer files) indices into the list of the ones that differ. */
function valuesOf(root: Table, slot: number, indices: number): Table[] {
  const unique = root.tables(SLOT.unique);
  const order = root.int32s(indices);
  if (unique.length === 0 || !order) return root.tables(slot);
  return order.map((index) => unique[index] ?? malformed('a value refers to one that is not there'));
}

function malformed(message: string): never {
  throw new Malformed(message);
}

/** Names of the leaves of a tree of arguments or results: keys where there are keys, else positions. */
function leafNames(tree: Table | null, word: string): Told<string>[] {
  const out: Told<string>[] = [];
  const positional = (name: string) =>
    name === '' ? word : word === 'arg' ? `arg${name}` : `${word}_${name}`;
  const visit = (node: Table, path: readonly string[], keyed: boolean, depth: number): void => {
    if (depth > 50 || out.length > MAX_LEAVES) throw new Malformed('the tree of values is too large');
    if (node.int8(0) === LEAF) {
      const name = path.join('.');
      out.push(keyed ? stated(name, 'children_names') : assumed(positional(name), 'values by position'));
      return;
    }
    const names = node.texts(2);
    node.tables(1).forEach((child, index) => {
      const key = names[index];
      visit(child, [...path, key ?? String(index)], keyed || key !== undefined, depth + 1);
    });
  };
  // Arguments are a pair of positional ones and named ones.
  const parts = word === 'arg' && tree ? tree.tables(1) : tree ? [tree] : [];
  for (const part of parts) visit(part, [], false, 0);
  return out;
}

function fieldOf(value: Table, name: Told<string> | undefined, where: string, fallback: string): ToldField {
  const type = TYPES[value.int8(2)] ?? null;
  const sizes: Shape = value.texts(1).map((size): Dimension => (/^\d+$/.test(size) ? Number(size) : size));
  return {
    name: name ?? assumed(fallback, 'values by position'),
    type: type === null ? unknown(`${where}.dtype is none of ours`) : stated(type, `${where}.dtype`),
    shape: stated(sizes, `${where}.shape`),
  };
}
