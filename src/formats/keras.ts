import type { Bytes } from '../model/bytes.ts';
import { open } from '../model/walk.ts';
import {
  type Candidate,
  emptyReading,
  type Format,
  type Look,
  Malformed,
  type Reading,
  type Remark,
} from './format.ts';
import { type ModelPorts, type Port, portsOf } from './keras/graph.ts';
import { innerLayer } from './keras/layers.ts';
import { assumed, derived, stated, type ToldField, tell, unknown } from './told.ts';
import { ASK_FOR_CONTRACT, weightsOnly } from './weights.ts';
import { findSuperblock, type Hdf5, openHdf5 } from './wire/hdf5.ts';
import { scanZip } from './wire/scan.ts';
import { worst } from './wire/scan-pickle.ts';
import { entryBytes, findEntry, looksLikeZip, openZip, readText, type Zip } from './wire/zip.ts';

const MAX_CONFIG = 64 * 1024 * 1024;
const MAX_WEIGHTS_IN_ZIP = 256 * 1024 * 1024;

/** Models that Keras saved: `.keras` archives (Keras 3) and HDF5 files (all versions). */
export const keras: Format = {
  id: 'keras',
  title: 'Keras',
  detect: (look) =>
    look.directory.files.flatMap((file): Candidate[] => {
      const head = look.head(file);
      if (findSuperblock(head) !== null)
        return [{ format: 'keras', path: file.path, role: hdf5Role(look, file.path), covers: [] }];
      const archive = looksLikeZip(head) && isKerasArchive(look, file.path);
      return archive ? [{ format: 'keras', path: file.path, role: 'model', covers: [] }] : [];
    }),
  async read(candidate, look) {
    const file = look.file(candidate.path);
    if (!file) throw new Malformed('the file is gone');
    using bytes = open(file);
    if (!looksLikeZip(look.head(file))) return readHdf5(candidate, bytes);
    const zip = openZip(bytes);
    const scan = await scanZip(zip, candidate.path);
    const reading = readArchive(candidate, zip);
    return {
      ...reading,
      risk: worst(reading.risk, scan.risk),
      remarks: [...scan.remarks, ...reading.remarks],
    };
  },
};

function isKerasArchive(look: Look, path: string): boolean {
  const file = look.file(path);
  if (!file) return false;
  // Member names stand in the local headers too: the first of the archive is enough to rule most others out.
  const head = Buffer.from(look.head(file)).toString('latin1');
  if (!/metadata\.json|config\.json|model\.weights/.test(head)) return false;
  try {
    using bytes = open(file);
    const zip = openZip(bytes);
    return (
      findEntry(zip, 'config.json') !== undefined &&
      zip.entries.some((entry) => entry.name === 'metadata.json')
    );
  } catch {
    return file.path.endsWith('.keras');
  }
}

/** An HDF5 file with a `model_config` is a model; others hold weights, or are no business of Keras. */
function hdf5Role(look: Look, path: string): Candidate['role'] {
  const file = look.file(path);
  if (!file) return 'weights';
  try {
    using bytes = open(file);
    const hdf5 = openHdf5(bytes);
    return hdf5.object(hdf5.root).attributes.has('model_config') ? 'model' : 'weights';
  } catch {
    return 'model';
  }
}

function readArchive(candidate: Candidate, zip: Zip): Reading {
  const config = jsonOf(zip, 'config.json');
  if (!config) throw new Malformed('config.json is missing or no JSON object');
  const metadata = jsonOf(zip, 'metadata.json');
  const version = metadata?.['keras_version'];
  return readingOf(candidate, {
    config,
    version: typeof version === 'string' ? version : null,
    loss: lossOf(config['compile_config']),
    parameters: parametersInZip(zip),
  });
}

function readHdf5(candidate: Candidate, bytes: Bytes): Reading {
  const file = openHdf5(bytes);
  const root = file.object(file.root);
  const version = root.attributes.get('keras_version') ?? null;
  const config = parse(root.attributes.get('model_config'));
  const weights = root.links.get('model_weights');
  const parameters = countElements(file, weights ?? file.root);
  if (!config) {
    const isKeras = version !== null || root.attributes.has('layer_names') || root.links.has('layers');
    const reading = weightsOnly(candidate, {
      framework: { name: isKeras ? 'keras' : 'hdf5', version: typeof version === 'string' ? version : null },
      tensors: [{ dtype: '', shape: [parameters] }],
    });
    return { ...reading, properties: {} };
  }
  return readingOf(candidate, {
    config,
    version: typeof version === 'string' ? version : null,
    loss: lossOf(parse(root.attributes.get('training_config'))),
    parameters,
  });
}

interface Source {
  readonly config: Readonly<Record<string, unknown>>;
  readonly version: string | null;
  readonly loss: string | null;
  readonly parameters: number | null;
}

function readingOf(candidate: Candidate, source: Source): Reading {
  const model = innerLayer(source.config);
  if (!model) throw new Malformed('the config has no class_name');
  const ports = portsOf(model, source.config['build_config']);
  const active = activeContent(candidate, ports, source.config);
  const remarks = [...active];
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
  const activation = ports.layers.findLast((layer) => layer.config['activation'] !== undefined)?.config[
    'activation'
  ];
  return {
    ...emptyReading(candidate),
    framework: { name: 'keras', version: source.version },
    contract: callable ? told.contract : null,
    evidence: callable ? told.evidence : {},
    parameters: source.parameters,
    properties: {
      architecture: model.className,
      layers: String(ports.layers.length),
      ...(source.loss !== null && { loss: source.loss }),
      ...(typeof activation === 'string' && { 'last activation': activation }),
    },
    requirements: { keras: source.version, tensorflow: null },
    risk: active.length > 0 ? 'dangerous' : 'none',
    remarks,
  };
}

function fieldOf(port: Port, side: 'input' | 'output'): ToldField {
  const type =
    port.type === null
      ? unknown('the layer states no type', `the type of ${port.name} in contract.yaml`)
      : side === 'input'
        ? stated(port.type, port.where)
        : derived(port.type, port.where);
  return {
    name:
      port.where === 'build_config.input_shape'
        ? assumed(port.name, port.where)
        : stated(port.name, port.where),
    type,
    shape:
      'unknown' in port.shape
        ? unknown(port.shape.unknown, `the shape of ${port.name} in contract.yaml`)
        : side === 'input'
          ? stated(port.shape, port.where)
          : derived(port.shape, port.where),
  };
}

/** Layers that run code of the file or reach outside Keras when the model is loaded. */
function activeContent(candidate: Candidate, ports: ModelPorts, config: Source['config']): Remark[] {
  const remarks: Remark[] = [];
  const tell = (message: string, help: string) =>
    remarks.push({ rule: 'code-active', level: 'error', file: candidate.path, message, help });
  const lambda = ports.layers.find((layer) => layer.className === 'Lambda');
  if (lambda)
    tell(
      `the Lambda layer "${String(lambda.config['name'] ?? '')}" holds Python bytecode that runs when the model is loaded (CVE-2024-3660)`,
      'Replace the Lambda layer by a layer class, or by standard layers.',
    );
  const outside = outsideModule(config, 0);
  if (outside)
    tell(
      `the config loads "${outside}", which is not part of Keras (CVE-2025-1550)`,
      'Use registered custom objects; a config that names other modules can run anything.',
    );
  return remarks;
}

/** A `module` + `class_name` reference to something outside of Keras that loading would import. */
function outsideModule(value: unknown, depth: number): string | null {
  if (depth > 100 || typeof value !== 'object' || value === null) return null;
  const { module, class_name: name, registered_name: registered } = value as Record<string, unknown>;
  if (
    typeof module === 'string' &&
    typeof name === 'string' &&
    (registered === null || registered === undefined)
  ) {
    const dangerous =
      /^(os|sys|subprocess|builtins|posix|nt|shutil|importlib|runpy|socket|ctypes|pickle|marshal)(\.|$)/;
    if (dangerous.test(module) || (module.startsWith('keras') && name === 'get_file')) {
      if (!(module === 'builtins' && ['function', 'slice', 'complex', 'ellipsis'].includes(name)))
        return `${module}.${name}`;
    }
  }
  for (const child of Object.values(value)) {
    const found = outsideModule(child, depth + 1);
    if (found !== null) return found;
  }
  return null;
}

function lossOf(config: unknown): string | null {
  const loss =
    typeof config === 'object' && config !== null ? (config as Record<string, unknown>)['loss'] : null;
  if (typeof loss === 'string') return loss;
  const name =
    typeof loss === 'object' && loss !== null ? (loss as Record<string, unknown>)['class_name'] : null;
  return typeof name === 'string' ? name : null;
}

function parametersInZip(zip: Zip): number | null {
  const entry = findEntry(zip, 'model.weights.h5');
  if (!entry) return null;
  const file = openHdf5(entryBytes(zip, entry, MAX_WEIGHTS_IN_ZIP));
  return countElements(file, file.root);
}

/** Elements of all datasets below a group, without the optimizer's and those of random number generators. */
function countElements(file: Hdf5, start: number): number {
  let total = 0;
  const seen = new Set<number>();
  const pending = [start];
  for (let address = pending.pop(); address !== undefined; address = pending.pop()) {
    if (seen.has(address)) continue;
    seen.add(address);
    if (seen.size > 500_000) throw new Malformed('the file has more than 500,000 objects');
    const object = file.object(address);
    if (object.shape) total += object.shape.reduce((product, size) => product * size, 1);
    for (const [name, child] of object.links)
      if (!/^(optimizer|optimizer_weights|seed_generator)$/.test(name)) pending.push(child);
  }
  return total;
}

function jsonOf(zip: Zip, name: string): Record<string, unknown> | null {
  const entry = findEntry(zip, name);
  return entry ? parse(readText(zip, entry, MAX_CONFIG)) : null;
}

function parse(text: unknown): Record<string, unknown> | null {
  if (typeof text !== 'string') return null;
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
      ? (parsed as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
