import { readFileSync } from 'node:fs';
import { type Bytes, Truncated } from '../../model/bytes.ts';
import { type ModelFile, open } from '../../model/walk.ts';
import { messageOf } from '../../ports/errors.ts';
import { type Candidate, emptyReading, type Look, Malformed, type Reading } from '../format.ts';
import { openCandidate } from '../open.ts';
import { assumed, derived, stated, type ToldField, tell, unknown } from '../told.ts';
import { ASK_FOR_CONTRACT, weightsOnly } from '../weights.ts';
import { findSuperblock, openHdf5 } from '../wire/hdf5.ts';
import { scanZip } from '../wire/scan.ts';
import { worst } from '../wire/scan-result.ts';
import { entryBytes, findEntry, looksLikeZip, openZip, readText, type Zip } from '../wire/zip.ts';
import { type Active, activeContent } from './active.ts';
import { parseJson, readArchitecture } from './architecture.ts';
import { type Port, portsOf } from './graph.ts';
import { type Weights, weightsIn } from './parameters.ts';
import { innerLayer, type Json, type LayerConfig, object, text } from './values.ts';
import { withVocabularies } from './vocabularies.ts';

/** Configs are tens of kilobytes; with vocabularies in them, a few megabytes. */
const MAX_CONFIG = 16 * 1024 * 1024;
/** Archives hold weights as they are; compressed ones have to be unpacked to be looked into. */
const MAX_UNPACKED = 64 * 1024 * 1024;
const NO_WEIGHTS: Weights = { parameters: null, outside: [] };

/** Reads a candidate of this format. Loaded where there is one. */
export async function readKeras(candidate: Candidate, look: Look): Promise<Reading> {
  const file = look.file(candidate.path);
  if (!file) return readUnpacked(candidate, look);
  const head = look.head(file);
  if (findSuperblock(head) !== null) {
    using bytes = open(file);
    return readHdf5(candidate, bytes);
  }
  if (!looksLikeZip(head)) return readDescribed(candidate, file, look);
  using bytes = openCandidate(candidate, look);
  const zip = openZip(bytes);
  const scan = await scanZip(zip, candidate.path);
  const reading = readArchive(candidate, zip);
  return {
    ...reading,
    risk: worst(reading.risk, scan.risk),
    remarks: [...scan.remarks, ...reading.remarks],
  };
}

function readArchive(candidate: Candidate, zip: Zip): Reading {
  const config = jsonOf(zip, 'config.json');
  if (!config) throw new Malformed('config.json is missing or no JSON object');
  const words = (path: string): string | null => {
    const entry = findEntry(zip, path);
    return entry && entry.size <= MAX_CONFIG ? readText(zip, entry, MAX_CONFIG) : null;
  };
  const whole = withVocabularies(
    config,
    zip.entries.map((entry) => entry.name),
    words,
  );
  return readingOf(candidate, {
    config: whole,
    version: text(jsonOf(zip, 'metadata.json')?.['keras_version']),
    training: config['compile_config'],
    weights: (layers) => {
      const entry = findEntry(zip, 'model.weights.h5');
      if (!entry || (entry.method !== 0 && entry.size > MAX_UNPACKED)) return NO_WEIGHTS;
      const file = openHdf5(entryBytes(zip, entry, MAX_UNPACKED));
      return weightsIn(file, file.root, layers);
    },
  });
}

function readUnpacked(candidate: Candidate, look: Look): Reading {
  const folder = candidate.path === '' ? '' : `${candidate.path}/`;
  const textOf = (path: string): string | null => {
    const file = look.file(`${folder}${path}`);
    return file && file.size <= MAX_CONFIG ? readFileSync(file.absolute, 'utf8') : null;
  };
  const config = parseJson(textOf('config.json'));
  if (!config) throw new Malformed('config.json is missing or no JSON object');
  const names = look.directory.files.flatMap((file) =>
    file.path.startsWith(folder) ? [file.path.slice(folder.length)] : [],
  );
  return readingOf(
    { ...candidate, path: `${folder}config.json` },
    {
      config: withVocabularies(config, names, textOf),
      version: text(parseJson(textOf('metadata.json'))?.['keras_version']),
      training: config['compile_config'],
      weights: (layers) => weightsOf(look.file(`${folder}model.weights.h5`), layers),
    },
  );
}

async function readDescribed(candidate: Candidate, file: ModelFile, look: Look): Promise<Reading> {
  const { config, active } = await readArchitecture(file);
  const stem = file.path.replace(/\.\w+$/, '');
  const beside = candidate.covers.toSorted((a, b) => Number(b.startsWith(stem)) - Number(a.startsWith(stem)));
  const weights = beside[0] === undefined ? undefined : look.file(beside[0]);
  const reading = readingOf(candidate, {
    config,
    version: text(config['keras_version']),
    training: null,
    weights: (layers) => weightsOf(weights, layers),
  });
  return {
    ...reading,
    risk: worst(reading.risk, active.risk),
    remarks: [...active.remarks, ...reading.remarks],
  };
}

/** The weights in a file beside the architecture. */
function weightsOf(file: ModelFile | undefined, layers: readonly LayerConfig[]): Weights {
  if (!file) return NO_WEIGHTS;
  using bytes = open(file);
  const hdf5 = openHdf5(bytes);
  return weightsIn(hdf5, hdf5.object(hdf5.root).links.get('model_weights') ?? hdf5.root, layers);
}

function readHdf5(candidate: Candidate, bytes: Bytes): Reading {
  const file = openHdf5(bytes);
  const root = file.object(file.root);
  const version = textOf(root.attributes.get('keras_version'));
  const start = root.links.get('model_weights') ?? file.root;
  const config = parseJson(textOf(root.attributes.get('model_config')));
  if (config)
    return readingOf(candidate, {
      config,
      version,
      training: parseJson(textOf(root.attributes.get('training_config'))),
      weights: (layers) => weightsIn(file, start, layers),
    });
  const isKeras =
    version !== null ||
    root.attributes.has('layer_names') ||
    root.links.has('layers') ||
    root.links.has('_layer_checkpoint_dependencies');
  const { parameters, outside } = weightsIn(file, start);
  const inside =
    version === null && start === file.root ? weightsVersion(file.object(start).attributes) : version;
  const reading = weightsOnly(candidate, {
    framework: { name: isKeras ? 'keras' : 'hdf5', version: inside },
    tensors: [{ dtype: '', shape: [parameters ?? 0] }],
  });
  const active = outsideData(candidate.path, outside);
  return {
    ...reading,
    parameters,
    properties: {},
    risk: active.risk,
    remarks: [...active.remarks, ...reading.remarks],
  };
}

/** A text, or a list of one, as some versions of NumPy write it. */
const textOf = (value: unknown): string | null =>
  text(Array.isArray(value) && value.length === 1 ? value[0] : value);

const weightsVersion = (attributes: ReadonlyMap<string, unknown>): string | null =>
  textOf(attributes.get('keras_version'));

/** Data of a dataset may lie in another file of the machine, which Keras then reads (CVE-2026-1669). */
function outsideData(file: string, outside: readonly string[]): Active {
  return {
    risk: outside.length > 0 ? 'dangerous' : 'none',
    remarks: outside.map((path) => ({
      rule: 'code-active',
      level: 'error',
      file,
      message: `the weights are taken from "${path}", a file outside of the model`,
      help: 'Save the model again; Keras itself writes all weights into the file.',
    })),
  };
}

interface Source {
  readonly config: Json;
  readonly version: string | null;
  /** How the model was compiled: its loss says what it is for. */
  readonly training: unknown;
  readonly weights: (layers: readonly LayerConfig[]) => Weights;
}

function readingOf(candidate: Candidate, source: Source): Reading {
  const model = innerLayer(source.config);
  if (!model) throw new Malformed('the config has no class_name');
  const ports = portsOf(model, source.version);
  const { parameters, outside, damage } = tryWeights(source, ports.layers);
  const code = activeContent(candidate.path, [source.config, source.training]);
  const data = outsideData(candidate.path, outside);
  const remarks = [...code.remarks, ...data.remarks];
  if (damage !== null)
    remarks.push({
      rule: 'file-malformed',
      level: 'error',
      file: candidate.path,
      message: `Keras: the weights cannot be read: ${damage}`,
      help: 'Save the model again with its framework; if it loads there, report this file to Lading.',
    });
  const callable = ports.inputs !== null || ports.outputs !== null;
  if (!callable)
    remarks.push({
      rule: 'contract-unknown',
      level: 'notice',
      file: candidate.path,
      message: `${model.className} is a class of your own: only its code knows what it takes and returns`,
      help: ASK_FOR_CONTRACT,
    });
  const why = `only the code of ${model.className} knows`;
  const told = tell({
    predict: {
      inputs: ports.inputs?.map((port) => fieldOf(port, 'input')) ?? unknown(why, 'inputs in contract.yaml'),
      outputs:
        ports.outputs?.map((port) => fieldOf(port, 'output')) ?? unknown(why, 'outputs in contract.yaml'),
    },
  });
  const labels = ports.outputs?.find((port) => port.labels)?.labels ?? null;
  const activation = ports.layers.findLast((layer) => layer.config['activation'] !== undefined)?.config[
    'activation'
  ];
  const loss = lossOf(source.training);
  return {
    ...emptyReading(candidate),
    framework: { name: 'keras', version: source.version },
    contract: callable ? told.contract : null,
    evidence: callable ? told.evidence : {},
    labels,
    parameters,
    properties: {
      architecture: model.className,
      layers: String(ports.layers.length),
      ...(loss !== null && { loss }),
      ...(typeof activation === 'string' && { 'last activation': activation }),
    },
    requirements: { keras: source.version, tensorflow: null },
    risk: worst(code.risk, data.risk, damage === null ? 'none' : 'review'),
    remarks,
  };
}

/** Damaged weights take nothing from what the architecture says. */
function tryWeights(source: Source, layers: readonly LayerConfig[]): Weights & { damage: string | null } {
  try {
    return { ...source.weights(layers), damage: null };
  } catch (error) {
    if (!(error instanceof Malformed || error instanceof Truncated)) throw error;
    return { ...NO_WEIGHTS, damage: messageOf(error) };
  }
}

function fieldOf(port: Port, side: 'input' | 'output'): ToldField {
  const told = side === 'input' ? stated : derived;
  return {
    name:
      port.where === 'build_config.input_shape'
        ? assumed(port.name, port.where)
        : stated(port.name, port.where),
    type:
      port.type === null
        ? unknown(port.why, `the type of ${port.name} in contract.yaml`)
        : told(port.type, port.where),
    shape:
      port.shape === null
        ? unknown(port.why, `the shape of ${port.name} in contract.yaml`)
        : told(port.shape, port.where),
    ...(port.labels && { labels: stated(port.labels, port.where) }),
    ...(port.optional === true && { optional: true }),
  };
}

function lossOf(config: unknown): string | null {
  const loss = object(config)?.['loss'];
  return text(loss) ?? text(object(loss)?.['class_name']);
}

function jsonOf(zip: Zip, name: string): Record<string, unknown> | null {
  const entry = findEntry(zip, name);
  return entry ? parseJson(readText(zip, entry, MAX_CONFIG)) : null;
}
