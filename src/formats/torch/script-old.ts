import { entryOf } from '../../model/entry.ts';
import { Malformed } from '../format.ts';
import { argsOf } from '../wire/pickle/numpy.ts';
import { fullName, is, type Value } from '../wire/pickle/values.ts';
import type { Zip } from '../wire/zip.ts';
import { abstractTensor } from './infer/module.ts';
import { type Code, type ObjectView, plain, UNKNOWN } from './infer/values.ts';
import { jsonMember, pickleMember, textMember } from './members.ts';
import { codesIn } from './script.ts';
import type { NamedTensor } from './tensors.ts';

/*
 * What torch 1.0 to 1.2 wrote: `model.json` with the tree of modules and the tensors, a code file for every module, and from 1.1
 * on attributes (buffers among them) in `attributes.pkl`. Source: caffe2/proto/torch.proto.
 */

type Json = Record<string, unknown>;

export interface OldArchive {
  /** The code file of the root module, and what is in it. */
  readonly file: string;
  readonly code: string;
  readonly tensors: readonly NamedTensor[];
  readonly view: ObjectView;
}

const MAX_TENSORS = 200_000;
const MAX_DEPTH = 64;

const OLD_TYPES: Readonly<Record<string, string>> = {
  FLOAT: 'F32',
  DOUBLE: 'F64',
  FLOAT16: 'F16',
  INT32: 'I32',
  INT64: 'I64',
  UINT8: 'U8',
  INT8: 'I8',
  INT16: 'I16',
  BOOL: 'BOOL',
};

/** Reads the tree of modules. @throws Malformed */
export async function oldArchive(zip: Zip, root: string): Promise<OldArchive> {
  const model = jsonMember(zip, `${root}model.json`);
  const main = objectIn(model, 'mainModule');
  if (!model || !main) throw new Malformed('model.json has no mainModule');
  const pickled = (await pickleMember(zip, `${root}attributes.pkl`))?.values[0];
  const attributes = is(pickled, 'tuple') || is(pickled, 'list') ? pickled.items : [];
  const shelf: Shelf = {
    tensors: (Array.isArray(model['tensors']) ? model['tensors'] : []).slice(0, MAX_TENSORS).map(tensorIn),
    attributes,
    text: (module) => {
      const file = objectIn(module, 'torchscriptArena')?.['key'];
      return typeof file === 'string' ? (textMember(zip, `${root}${file}`) ?? '') : '';
    },
  };
  return {
    file: String(objectIn(main, 'torchscriptArena')?.['key'] ?? ''),
    code: shelf.text(main),
    tensors: tensorsOf(main, shelf),
    view: viewOf(main, shelf, 0),
  };
}

/** Where the parts of an archive are found. */
interface Shelf {
  readonly tensors: readonly (Omit<NamedTensor, 'name' | 'buffer'> | null)[];
  readonly attributes: readonly Value[];
  readonly text: (module: Json) => string;
}

function tensorIn(one: unknown, index: number): Omit<NamedTensor, 'name' | 'buffer'> | null {
  if (typeof one !== 'object' || one === null) return null;
  const { dims, dataType } = one as Json;
  const shape = Array.isArray(dims) ? dims.slice(0, 64).map(Number) : [];
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0)) return null;
  return { dtype: entryOf(OLD_TYPES, String(dataType)) ?? '', shape, identity: String(index) };
}

/** Parameters, and the buffers that torch 1.0 kept among them. Those of 1.1 are attributes, and counted nowhere. */
function tensorsOf(main: Json, shelf: Shelf): NamedTensor[] {
  const out: NamedTensor[] = [];
  const visit = (module: Json, prefix: string, depth: number): void => {
    if (depth > MAX_DEPTH || out.length > MAX_TENSORS) return;
    for (const one of objectsIn(module, 'parameters')) {
      const tensor = shelf.tensors[Number(one['tensorId'] ?? 0)];
      if (tensor)
        out.push({ ...tensor, name: `${prefix}${String(one['name'])}`, buffer: one['isBuffer'] === true });
    }
    for (const child of objectsIn(module, 'submodules'))
      visit(child, `${prefix}${String(child['name'])}.`, depth + 1);
  };
  visit(main, '', 0);
  return out;
}

/** A module as the evaluator sees it. */
function viewOf(module: Json, shelf: Shelf, depth: number): ObjectView {
  let text: string | null = null;
  let codes: ((name: string) => Code | null) | null = null;
  const children = new Map<string, ObjectView>();
  const named = (list: string, name: string): Json | undefined =>
    objectsIn(module, list).find((one) => one['name'] === name);
  const tensorAt = (index: number) => {
    const tensor = shelf.tensors[index];
    return tensor ? abstractTensor(tensor) : UNKNOWN;
  };
  return {
    name: '',
    attribute(name) {
      const child = named('submodules', name);
      if (child) {
        const view = children.get(name) ?? viewOf(child, shelf, depth + 1);
        children.set(name, view);
        return depth > MAX_DEPTH ? UNKNOWN : { kind: 'object', of: view };
      }
      const parameter = named('parameters', name);
      if (parameter) return tensorAt(Number(parameter['tensorId'] ?? 0));
      text ??= shelf.text(module);
      const attribute = named('attributes', name);
      // What code sets may be something else by the next call.
      if (!attribute || text.includes(`.${name} = `)) return UNKNOWN;
      const value = shelf.attributes[Number(attribute['id'] ?? 0)];
      if (
        is(value, 'call') &&
        is(value.callee, 'global') &&
        fullName(value.callee) === 'torch.jit._pickle.build_tensor_from_id'
      )
        return tensorAt(Number(argsOf(value)[0]));
      if (typeof value === 'number') return attribute['type'] === 'int' ? plain(value, true) : UNKNOWN;
      return typeof value === 'boolean' || typeof value === 'string' ? plain(value, false) : UNKNOWN;
    },
    method(name) {
      text ??= shelf.text(module);
      codes ??= codesIn(text, true);
      return codes(name);
    },
  };
}

function objectIn(
  value: Record<string, unknown> | null | undefined,
  key: string,
): Record<string, unknown> | null {
  const found = value?.[key];
  return typeof found === 'object' && found !== null && !Array.isArray(found)
    ? (found as Record<string, unknown>)
    : null;
}

function objectsIn(value: Record<string, unknown>, key: string): Record<string, unknown>[] {
  const found = value[key];
  return Array.isArray(found)
    ? found.filter((one): one is Record<string, unknown> => typeof one === 'object' && one !== null)
    : [];
}
