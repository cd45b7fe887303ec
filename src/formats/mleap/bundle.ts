import { type Json, object, text } from '../declared/documents.ts';
import { Malformed } from '../format.ts';
import { inFolder, readAll, type Store } from '../store.ts';
import { parseJson } from '../wire/parse-json.ts';
import {
  type BundleModel,
  type BundleNode,
  modelFromJson,
  modelFromProtobuf,
  nodeFromJson,
  nodeFromProtobuf,
} from './attributes.ts';

/** One node that runs on data. */
export interface Node extends BundleModel, BundleNode {
  /** Its folder in the bundle. */
  readonly where: string;
}

export interface Bundle {
  readonly format: string | null;
  /** Of MLeap. */
  readonly version: string | null;
  /** In the order in which they run. */
  readonly nodes: readonly Node[];
}

const MAX_NODES = 2000;
const MAX_DEPTH = 12;
/** Bytes of all files of a bundle that are read: they hold what was trained, too. */
const MAX_BYTES = 32 * 1024 * 1024;
/** A larger model is known by its name only. */
const MAX_MODEL = 8 * 1024 * 1024;

/** Reads a bundle: a tree of nodes, each a model and the columns it is connected to. @throws Malformed | Truncated. */
export function readBundle(store: Store): Bundle {
  const bundle = json(store, 'bundle.json', { bytes: MAX_BYTES });
  if (!bundle) throw new Malformed('there is no bundle.json');
  const nodes: Node[] = [];
  collect(store, 'root', nodes, MAX_DEPTH, { bytes: MAX_BYTES });
  return { format: text(bundle['format']), version: text(bundle['version']), nodes };
}

/** Bytes that may still be read. */
interface Budget {
  bytes: number;
}

function collect(store: Store, folder: string, out: Node[], depth: number, budget: Budget): void {
  if (depth === 0 || out.length > MAX_NODES)
    throw new Malformed(`more than ${MAX_DEPTH} levels or ${MAX_NODES} nodes`);
  const model = modelIn(store, folder, budget);
  const node = nodeIn(store, folder, budget);
  if (!model || !node)
    throw new Malformed(`${folder} has no model and node, neither as JSON nor as protobuf`);
  if (model.op === 'pipeline') {
    const names = model.attributes.get('nodes')?.texts ?? [];
    for (const name of names) collect(store, inFolder(folder, `${name}.node`), out, depth - 1, budget);
  } else out.push({ ...model, ...node, where: folder });
}

function modelIn(store: Store, folder: string, budget: Budget): BundleModel | null {
  const large = ['model.json', 'model.pb'].some(
    (name) => (store.file(inFolder(folder, name))?.size ?? 0) > MAX_MODEL,
  );
  if (large) return { op: opAtStart(store, folder), attributes: new Map() };
  const plain = json(store, inFolder(folder, 'model.json'), budget);
  if (plain) return modelFromJson(plain);
  const bytes = bytesOf(store, inFolder(folder, 'model.pb'), budget);
  return bytes && modelFromProtobuf(bytes);
}

/** Writers put the name of a model before its attributes. */
function opAtStart(store: Store, folder: string): string {
  const file = store.file(inFolder(folder, 'model.json')) ?? store.file(inFolder(folder, 'model.pb'));
  if (!file) return '';
  using bytes = file.open();
  const head = Buffer.from(bytes.read(0, Math.min(200, bytes.size)));
  if (file.name === 'model.json') return /^\s*\{\s*"op"\s*:\s*"(\w+)"/.exec(head.toString('utf8'))?.[1] ?? '';
  const length = head[0] === 0x0a ? (head[1] ?? 0) : 0;
  return head.subarray(2, 2 + length).toString('utf8');
}

function nodeIn(store: Store, folder: string, budget: Budget): BundleNode | null {
  const plain = json(store, inFolder(folder, 'node.json'), budget);
  if (plain) return nodeFromJson(plain);
  const bytes = bytesOf(store, inFolder(folder, 'node.pb'), budget);
  return bytes && nodeFromProtobuf(bytes);
}

function bytesOf(store: Store, path: string, budget: Budget): Uint8Array | null {
  const file = store.file(path);
  if (!file) return null;
  budget.bytes -= file.size;
  if (budget.bytes < 0) throw new Malformed(`the bundle has more than ${MAX_BYTES} bytes of models`);
  return readAll(file, MAX_MODEL);
}

function json(store: Store, path: string, budget: Budget): Json | null {
  const bytes = bytesOf(store, path, budget);
  if (!bytes) return null;
  try {
    return object(parseJson(Buffer.from(bytes).toString('utf8')));
  } catch {
    throw new Malformed(`${path} is no JSON`);
  }
}
