import type { Bytes } from '../../model/bytes.ts';
import { Malformed } from '../format.ts';
import { parseJson } from '../wire/parse-json.ts';
import { callOf, dtypeValue, npyArray } from '../wire/pickle/npy.ts';
import { is, newDict, type PyDict, type PyGlobal, type Value } from '../wire/pickle/values.ts';

/*
 * skops keeps objects as a tree of JSON nodes and arrays as .npy members. This turns the tree into the values that
 * the pickle machine gives, so that one reader of estimators serves both. Source: skops 0.16, skops/io/_*.py;
 * protocols 0 to 2 differ in nothing that is read here.
 */

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type Tree = { readonly [key: string]: Json };

/** A type that loading would import, and by which kind of node. */
export interface SkopsType {
  readonly global: PyGlobal;
  readonly loader: string;
}

export interface SkopsValues {
  readonly root: Value;
  readonly types: readonly SkopsType[];
  readonly skopsVersion: string | null;
}

const MAX_DEPTH = 200;
const MAX_NODES = 2_000_000;

const isTree = (value: Json | undefined): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const text = (value: Json | undefined): string => (typeof value === 'string' ? value : '');

/** Reads `schema.json`. `member` gives the bytes of another member, or `null`. @throws Malformed. */
export function readSkops(schema: string, member: (name: string) => Bytes | null): SkopsValues {
  let parsed: Json;
  try {
    parsed = parseJson(schema) as Json;
  } catch {
    throw new Malformed('schema.json is not JSON');
  }
  if (!isTree(parsed) || parsed['__loader__'] === undefined)
    throw new Malformed('schema.json describes no object');
  const types = new Map<string, SkopsType>();
  const byId = new Map<number, Value>();
  const sources = new Map<number, Tree>();
  let nodes = 0;

  const index = (value: Json, depth: number): void => {
    if (depth > MAX_DEPTH) throw new Malformed('schema.json is nested too deeply');
    if (Array.isArray(value)) for (const one of value) index(one, depth + 1);
    if (!isTree(value)) return;
    const id = value['__id__'];
    if (typeof id === 'number' && value['__loader__'] !== 'CachedNode' && !sources.has(id))
      sources.set(id, value);
    for (const one of Object.values(value)) index(one, depth + 1);
  };
  index(parsed, 0);

  const note = (node: Tree): PyGlobal => {
    const module = text(node['__module__']);
    const name = text(node['__class__']);
    const loader = text(node['__loader__']);
    const key = `${module}\n${name}\n${loader}`;
    const known = types.get(key);
    if (known) return known.global;
    const global: PyGlobal = { kind: 'global', module, name };
    types.set(key, { global, loader });
    return global;
  };

  const convert = (node: Json | undefined, depth: number): Value => {
    nodes += 1;
    if (depth > MAX_DEPTH || nodes > MAX_NODES) throw new Malformed('schema.json describes too much');
    if (node === undefined || node === null) return null;
    if (typeof node !== 'object') return node;
    if (Array.isArray(node)) return { kind: 'list', items: node.map((one) => convert(one, depth + 1)) };
    if (!isTree(node)) return null;
    const id = node['__id__'];
    if (node['__loader__'] === 'CachedNode' && typeof id === 'number') {
      const known = byId.get(id);
      if (known !== undefined) return known;
      const source = sources.get(id);
      return source ? convert(source, depth + 1) : null;
    }
    return build(node, typeof id === 'number' ? id : null, depth);
  };

  const build = (node: Tree, id: number | null, depth: number): Value => {
    const content = node['content'];
    const keep = <T extends Value>(value: T): T => {
      if (id !== null) byId.set(id, value);
      return value;
    };
    switch (node['__loader__']) {
      case 'JsonNode':
        return keep(jsonValue(text(content)));
      case 'TypeNode':
      case 'FunctionNode':
        return keep(note(node));
      case 'ListNode':
      case 'SetNode': {
        const list = keep({ kind: 'list' as const, items: [] as Value[] });
        note(node);
        if (Array.isArray(content)) for (const one of content) list.items.push(convert(one, depth + 1));
        return list;
      }
      case 'TupleNode':
        note(node);
        return keep({
          kind: 'tuple',
          items: Array.isArray(content) ? content.map((one: Json) => convert(one, depth + 1)) : [],
        });
      case 'DictNode':
      case 'DefaultDictNode':
      case '_DictWithDeprecatedKeysNode':
        note(node);
        return dict(keep(newDict()), content, depth);
      case 'SliceNode':
        if (!isTree(content)) return null;
        return callOf(
          note(node),
          [content['start'], content['stop'], content['step']].map((one) => convert(one, depth + 1)),
        );
      case 'NdArrayNode':
        return keep(arrayValue(node, note(node), depth));
      case 'SparseMatrixNode':
      case 'BytesNode':
      case 'BytearrayNode':
        return keep(callOf(note(node), []));
      default: {
        // Objects, and all that are rebuilt as one: their state is the content.
        const object = keep(callOf(note(node), []));
        if (isTree(node['attrs'])) convert(node['attrs'], depth + 1);
        const state = isTree(content)
          ? convert(content['__loader__'] === undefined ? null : content, depth + 1)
          : null;
        if (isTree(content) && content['__loader__'] === undefined)
          for (const one of Object.values(content)) convert(one, depth + 1);
        object.states.push(state);
        return object;
      }
    }
  };

  const dict = (target: PyDict, content: Json | undefined, depth: number): PyDict => {
    if (isTree(content))
      for (const [key, value] of Object.entries(content)) {
        target.keys.push(key);
        target.values.push(convert(value, depth + 1));
      }
    return target;
  };

  const arrayValue = (node: Tree, of: PyGlobal, depth: number): Value => {
    if (node['type'] === 'json') {
      const items = convert(node['content'], depth + 1);
      const list = is(items, 'list') ? items : { kind: 'list' as const, items: [] as Value[] };
      const shape = convert(node['shape'], depth + 1);
      const known = is(shape, 'tuple') || is(shape, 'list') ? shape.items : [list.items.length];
      const array = callOf({ kind: 'global', module: 'numpy.core.multiarray', name: '_reconstruct' }, []);
      array.states.push({
        kind: 'tuple',
        items: [1, { kind: 'tuple', items: known }, dtypeValue('|O'), false, list],
      });
      return array;
    }
    const bytes = member(text(node['file']));
    if (!bytes) return callOf(of, []);
    const array = npyArray(bytes);
    // NumPy's scalars are arrays of rank 0 here as well.
    return array ?? callOf(of, []);
  };

  const root = convert(parsed, 0);
  return { root, types: [...types.values()], skopsVersion: text(parsed['_skops_version']) || null };
}

function jsonValue(content: string): Value {
  try {
    const value = parseJson(content) as Json;
    return typeof value === 'object' && value !== null ? null : value;
  } catch {
    // NaN and Infinity are Python's additions to JSON.
    return content === 'NaN'
      ? Number.NaN
      : content === 'Infinity'
        ? Infinity
        : content === '-Infinity'
          ? -Infinity
          : null;
  }
}
