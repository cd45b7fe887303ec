import type { Label } from '../../contract/types.ts';
import { entryOf } from '../../model/entry.ts';
import { open } from '../../model/walk.ts';
import { type Candidate, emptyReading, type Look, Malformed, type Reading } from '../format.ts';
import { BUNDLE, topOf } from '../mleap.ts';
import { folderStore, type Store, zipStore } from '../store.ts';
import { derived, stated, type ToldField, tell, unknown } from '../told.ts';
import { openZip } from '../wire/zip.ts';
import { type Node, readBundle } from './bundle.ts';
import { OPS, type Port } from './ops.ts';

/** Reads a candidate of this format. Loaded where there is one. */
export async function readMleap(candidate: Candidate, look: Look): Promise<Reading> {
  if (BUNDLE.test(candidate.path)) {
    const folder = candidate.path.replace(/\/?bundle\.json$/, '');
    return readStore(candidate, folderStore(look, folder));
  }
  const file = look.file(candidate.path);
  if (!file) throw new Malformed('the file is gone');
  using bytes = open(file);
  const zip = openZip(bytes);
  return readStore(candidate, zipStore(zip, topOf(zip) ?? ''));
}

function readStore(candidate: Candidate, store: Store): Reading {
  const { format, version, nodes } = readBundle(store);
  const { inputs, outputs, labels } = fold(nodes);
  const told = tell({ transform: { inputs, outputs } });
  return {
    ...emptyReading(candidate),
    framework: { name: 'mleap', version },
    requirements: { mleap: version },
    contract: told.contract,
    evidence: told.evidence,
    labels,
    properties: { format: format ?? 'json', nodes: nodes.map((node) => node.op).join(', ') },
  };
}

/** What goes in and was not made before; what was made and is not used again. */
function fold(nodes: readonly Node[]) {
  const made = new Map<string, ToldField>();
  const given = new Map<string, ToldField>();
  const used = new Set<string>();
  let labels: readonly Label[] | null = null;
  for (const node of nodes) {
    const op = entryOf(OPS, node.op)?.(node);
    node.inputs.forEach(({ name, port }, index) => {
      used.add(name);
      if (made.has(name)) return;
      const field = fieldOf(node, name, op?.input(port, index) ?? null, 'takes');
      const before = given.get(name);
      if (!before) given.set(name, field);
      else given.set(name, better(before, field));
    });
    node.outputs.forEach(({ name, port }, index) => {
      used.delete(name);
      const told = op?.output(port, index) ?? null;
      if (node.op === 'reverse_string_indexer' && told?.labels) labels = told.labels;
      made.set(name, fieldOf(node, name, told, 'gives'));
    });
  }
  const outputs = [...made].filter(([name]) => !used.has(name)).map(([, field]) => field);
  return { inputs: [...given.values()], outputs, labels };
}

/** What a second node says of a column that the first one left open. */
function better(known: ToldField, other: ToldField): ToldField {
  const open = known.shape.value === null || known.shape.value.includes(null);
  const size = other.shape.value?.length === (known.shape.value ?? other.shape.value)?.length;
  return {
    ...known,
    type: known.type.value === null ? other.type : known.type,
    shape: open && size && other.shape.value !== null ? other.shape : known.shape,
  };
}

function fieldOf(node: Node, column: string, port: Port | null, does: string): ToldField {
  const where = `${node.where}/node`;
  const name = stated(column, where);
  const why = `the bundle does not state what ${node.op || 'a node'} ${does}`;
  if (!port) return { name, type: unknown(why, 'the type'), shape: unknown(why, 'the shape') };
  const { type, shape, labels, categories } = port;
  return {
    name,
    type,
    shape,
    ...(labels && { labels: derived(labels, `${node.where}/model`) }),
    ...(categories && { categories: stated(categories, `${node.where}/model`) }),
  };
}
