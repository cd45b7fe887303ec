import { readFileSync } from 'node:fs';
import { dirname } from 'node:path/posix';
import type { Label, ScalarType, Shape } from '../contract/types.ts';
import { type Json, list, object, text } from './declared/documents.ts';
import { type Candidate, emptyReading, type Format, type Look, Malformed, type Reading } from './format.ts';
import { openCandidate } from './open.ts';
import { assumed, derived, stated, type Told, type ToldField, tell, unknown } from './told.ts';
import { ASK_FOR_CONTRACT } from './weights.ts';
import { findEntry, looksLikeZip, openZip, readText } from './wire/zip.ts';

const MAX_TEXT = 16 * 1024 * 1024;
const MAX_NODES = 2000;
const MAX_DEPTH = 12;

/** MLeap bundles: a folder or a zip with `bundle.json` and a tree of nodes. Source: MLeap, "MLeap Bundles". */
export const mleap: Format = {
  id: 'mleap',
  title: 'MLeap',
  detect(look) {
    const folders = look.directory.files
      .filter(
        (file) =>
          /(?:^|\/)bundle\.json$/.test(file.path) &&
          look.file(file.path.replace(/bundle\.json$/, 'root/node.json')) !== undefined,
      )
      .map((file): Candidate => {
        const folder = file.path.replace(/\/?bundle\.json$/, '');
        const covers = look.directory.files
          .map((one) => one.path)
          .filter(
            (path) => path !== file.path && path.startsWith(folder === '' ? 'root/' : `${folder}/root/`),
          );
        return { format: 'mleap', path: file.path, role: 'model', covers };
      });
    const zips = look.directory.files
      .filter(
        (file) =>
          looksLikeZip(look.head(file)) &&
          /bundle\.json|\.node\/(?:model|node)\.json/.test(Buffer.from(look.head(file)).toString('latin1')),
      )
      .map((file): Candidate => ({ format: 'mleap', path: file.path, role: 'model', covers: [] }));
    return [...folders, ...zips];
  },
  async read(candidate, look) {
    if (candidate.path.endsWith('bundle.json'))
      return readBundle(candidate, folderFiles(look, dirname(candidate.path)));
    using bytes = openCandidate(candidate, look);
    const zip = openZip(bytes);
    return readBundle(candidate, (path) => {
      const entry = findEntry(zip, path);
      return entry ? readText(zip, entry, MAX_TEXT) : null;
    });
  },
};

/** The text of a member; `null` when there is none. */
type Files = (path: string) => string | null;

function folderFiles(look: Look, folder: string): Files {
  return (path) => {
    const file = look.file(folder === '.' ? path : `${folder}/${path}`);
    if (!file) return null;
    if (file.size > MAX_TEXT) throw new Malformed(`${path} has more than ${MAX_TEXT} bytes`);
    return readFileSync(file.absolute, 'utf8');
  };
}

function json(files: Files, path: string): Json | null {
  const content = files(path);
  if (content === null) return null;
  try {
    return object(JSON.parse(content));
  } catch {
    throw new Malformed(`${path} is no JSON`);
  }
}

interface Node {
  readonly op: string;
  readonly where: string;
  readonly attributes: Json;
  readonly inputs: readonly Socket[];
  readonly outputs: readonly Socket[];
}
interface Socket {
  readonly name: string;
  readonly port: string;
}

function readBundle(candidate: Candidate, files: Files): Reading {
  const bundle = json(files, 'bundle.json');
  if (!bundle) throw new Malformed('there is no bundle.json');
  const version = text(bundle['version']);
  const base: Reading = {
    ...emptyReading(candidate),
    framework: { name: 'mleap', version },
    properties: { format: text(bundle['format']) ?? 'json' },
    requirements: { mleap: version },
  };
  const nodes: Node[] = [];
  if (!collect(files, 'root', nodes, MAX_DEPTH)) {
    return {
      ...base,
      remarks: [
        {
          rule: 'contract-unknown',
          level: 'warning',
          file: candidate.path,
          message: 'models of the bundle are in protobuf, which is not read',
          help: `Save the bundle with SerializationFormat.Json, or write it yourself. ${ASK_FOR_CONTRACT}`,
        },
      ],
    };
  }
  const { inputs, outputs, labels } = fold(nodes);
  const told = tell({ transform: { inputs, outputs } });
  return {
    ...base,
    contract: told.contract,
    evidence: told.evidence,
    labels,
    properties: { ...base.properties, nodes: nodes.map((node) => node.op).join(', ') },
  };
}

/** All nodes that run on data, in order; `false` when some are not JSON. */
function collect(files: Files, folder: string, out: Node[], depth: number): boolean {
  if (depth === 0 || out.length > MAX_NODES)
    throw new Malformed(`more than ${MAX_DEPTH} levels or ${MAX_NODES} nodes`);
  const model = json(files, `${folder}/model.json`);
  const node = json(files, `${folder}/node.json`);
  if (!model || !node) {
    if (files(`${folder}/model.pb`) !== null || files(`${folder}/node.pb`) !== null) return false;
    throw new Malformed(`${folder} has no model.json and node.json`);
  }
  const op = text(model['op']) ?? '';
  const attributes = attributesOf(model['attributes']);
  if (op === 'pipeline') {
    const names = strings(attributes['nodes']);
    return names.every((name) => collect(files, `${folder}/${name}.node`, out, depth - 1));
  }
  const shape = object(node['shape']);
  const sockets = (value: unknown): Socket[] =>
    list(value)
      .map(object)
      .flatMap((one) => {
        const name = text(one['name']);
        return name === null ? [] : [{ name, port: text(one['port']) ?? '' }];
      });
  out.push({
    op,
    where: folder,
    attributes,
    inputs: sockets(shape['inputs']),
    outputs: sockets(shape['outputs']),
  });
  return true;
}

/** A map by name; before 0.9 a list of `{name, type, value}`. */
function attributesOf(value: unknown): Json {
  if (!Array.isArray(value)) return object(value);
  return Object.fromEntries(
    value.map(object).flatMap((one) => {
      const name = text(one['name']);
      return name === null ? [] : [[name, one]];
    }),
  );
}

/** The values of an attribute, under whichever key its version puts them. */
function values(attribute: unknown): readonly unknown[] {
  const one = object(attribute);
  return (
    ['value', 'string', 'double', 'long', 'int', 'data'].map((key) => one[key]).find(Array.isArray) ?? []
  );
}

const strings = (attribute: unknown): string[] =>
  values(attribute).filter((one): one is string => typeof one === 'string');

function number(attribute: unknown): number | null {
  const one = object(attribute);
  const found = ['value', 'long', 'int', 'double']
    .map((key) => one[key])
    .find((value) => typeof value === 'number');
  return typeof found === 'number' && Number.isSafeInteger(found) && found >= 0 ? found : null;
}

/** What goes in and was not made before; what was made and is not used again. */
function fold(nodes: readonly Node[]) {
  const made = new Map<string, ToldField>();
  const given = new Map<string, ToldField>();
  const used = new Set<string>();
  let labels: readonly Label[] | null = null;
  for (const node of nodes) {
    for (const socket of node.inputs) {
      used.add(socket.name);
      if (!made.has(socket.name) && !given.has(socket.name)) given.set(socket.name, inputOf(node, socket));
    }
    const names = node.op === 'reverse_string_indexer' ? strings(node.attributes['labels']) : [];
    for (const socket of node.outputs) {
      used.delete(socket.name);
      const field = outputOf(node, socket);
      const named = names.length > 0;
      if (named) labels = names;
      made.set(
        socket.name,
        named
          ? { ...field, labels: stated<readonly Label[]>(names, `${node.where}/model.json labels`) }
          : field,
      );
    }
  }
  const outputs = [...made].filter(([name]) => !used.has(name)).map(([, field]) => field);
  return { inputs: [...given.values()], outputs, labels };
}

const VECTOR_INPUT =
  /^(?:logistic_regression|linear_regression|random_forest\w*|decision_tree\w*|gbt_\w+|k_means|standard_scaler|min_max_scaler|max_abs_scaler|pca|normalizer|naive_bayes\w*|multi_layer_perceptron\w*|linear_svc|support_vector_machine|one_vs_rest|bisecting_k_means|gaussian_mixture|generalized_linear_regression|polynomial_expansion|vector_indexer|vector_slicer|chi_sq_selector|dct|elementwise_product)$/;
const TEXT_INPUT = /^(?:tokenizer|regex_tokenizer|string_indexer)$/;

/** Width of the vector that a node takes, from the arrays that it keeps; only where their layout is one a feature. */
function widthOf(node: Node): number | null {
  const stated = number(node.attributes['num_features']);
  if (stated !== null) return stated;
  const arrays = ['coefficients', 'mean', 'std', 'idf'].map((name) => values(node.attributes[name]));
  const binary = node.op !== 'logistic_regression' || (number(node.attributes['num_classes']) ?? 2) === 2;
  const found = binary
    ? arrays.find((one) => one.length > 0 && one.every((value) => typeof value === 'number'))
    : undefined;
  return found?.length ?? null;
}

function inputOf(node: Node, socket: Socket): ToldField {
  const where = `${node.where}/node.json`;
  const name = stated(socket.name, where);
  if (TEXT_INPUT.test(node.op))
    return {
      name,
      type: assumed('string', `${node.op} takes text`),
      shape: derived<Shape>(['batch'], `${node.op} takes one value a row`),
    };
  if (VECTOR_INPUT.test(node.op))
    return {
      name,
      type: derived('float64', 'vectors are of doubles'),
      shape: derived<Shape>(['batch', widthOf(node)], `${node.where}/model.json`),
    };
  if (node.op === 'vector_assembler') {
    const position = node.inputs.indexOf(socket);
    const shape = object(list(object(node.attributes['input_shapes'])['data_shape'])[position]);
    const told: Told<Shape> =
      shape['base'] === 'scalar'
        ? stated<Shape>(['batch'], `${node.where}/model.json input_shapes`)
        : unknown('the bundle does not say what is put together', 'the shape');
    return { name, type: assumed('float64', 'any number is taken'), shape: told };
  }
  return {
    name,
    type: unknown(`the bundle does not state what ${node.op} takes`, 'the type'),
    shape: unknown('it is not stated', 'the shape'),
  };
}

/** What predictors give at their ports. */
function outputOf(node: Node, socket: Socket): ToldField {
  const where = `${node.where}/node.json`;
  const name = stated(socket.name, where);
  const scalar = (type: ScalarType): ToldField => ({
    name,
    type: derived(type, `port ${socket.port} of ${node.op}`),
    shape: derived<Shape>(['batch'], 'one value a row'),
  });
  if (node.op === 'reverse_string_indexer') return scalar('string');
  if (node.op === 'string_indexer') return scalar('float64');
  if (socket.port === 'prediction' && VECTOR_INPUT.test(node.op) && !/k_means|gaussian/.test(node.op))
    return scalar('float64');
  if (socket.port === 'raw_prediction' || socket.port === 'probability')
    return {
      name,
      type: derived('float64', 'vectors are of doubles'),
      shape: derived<Shape>(
        ['batch', number(node.attributes['num_classes'])],
        `${node.where}/model.json num_classes`,
      ),
    };
  if (/_scaler$|^normalizer$/.test(node.op))
    return {
      name,
      type: derived('float64', 'vectors are of doubles'),
      shape: derived<Shape>(['batch', widthOf(node)], `${node.where}/model.json`),
    };
  return {
    name,
    type: unknown(`the bundle does not state what ${node.op} gives`, 'the type'),
    shape: unknown('it is not stated', 'the shape'),
  };
}
