import type { Label } from '../contract/types.ts';
import { open } from '../model/walk.ts';
import { type Candidate, emptyReading, type Format, Malformed, type Reading } from './format.ts';
import { type Node, readBundle } from './mleap/bundle.ts';
import { OPS, type Port } from './mleap/ops.ts';
import { folderStore, type Store, zipStore } from './store.ts';
import { derived, stated, type ToldField, tell, unknown } from './told.ts';
import { looksLikeZip, openZip, type Zip } from './wire/zip.ts';

const BUNDLE = /(?:^|\/)bundle\.json$/;

/**
 * MLeap bundles: a folder or a zip with `bundle.json` and a tree of nodes, in JSON or protobuf. Source: MLeap, "MLeap
 * Bundles".
 */
export const mleap: Format = {
  id: 'mleap',
  title: 'MLeap',
  detect(look) {
    const folders = look.directory.files
      .filter((file) => BUNDLE.test(file.path))
      .map((file) => ({ path: file.path, root: file.path.replace(/bundle\.json$/, 'root/') }))
      .filter(({ root }) => look.file(`${root}node.json`) ?? look.file(`${root}node.pb`))
      .map(({ path, root }): Candidate => {
        const covers = look.directory.files.map((one) => one.path).filter((one) => one.startsWith(root));
        return { format: 'mleap', path, role: 'model', covers };
      });
    const zips = look.directory.files
      .filter(
        (file) =>
          looksLikeZip(look.head(file)) &&
          /bundle\.json|(?:\.node|root)\/(?:(?:model|node)\.(?:json|pb))?/.test(
            Buffer.from(look.head(file)).toString('latin1'),
          ) &&
          holdsBundle(file),
      )
      .map((file): Candidate => ({ format: 'mleap', path: file.path, role: 'model', covers: [] }));
    return [...folders, ...zips];
  },
  async read(candidate, look) {
    if (BUNDLE.test(candidate.path)) {
      const folder = candidate.path.replace(/\/?bundle\.json$/, '');
      return readStore(candidate, folderStore(look, folder));
    }
    const file = look.file(candidate.path);
    if (!file) throw new Malformed('the file is gone');
    using bytes = open(file);
    const zip = openZip(bytes);
    return readStore(candidate, zipStore(zip, topOf(zip) ?? ''));
  },
};

/** The folder of the bundle in an archive; `null` where there is none. */
function topOf(zip: Zip): string | null {
  const names = zip.entries.map((entry) => entry.name).filter((name) => BUNDLE.test(name));
  const [first] = names.toSorted((a, b) => a.length - b.length);
  return first === undefined ? null : first.replace(/\/?bundle\.json$/, '');
}

function holdsBundle(file: Parameters<typeof open>[0]): boolean {
  try {
    using bytes = open(file);
    return topOf(openZip(bytes)) !== null;
  } catch {
    // A damaged one is told when it is read.
    return file.path.endsWith('.zip');
  }
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
    const op = OPS[node.op]?.(node);
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
