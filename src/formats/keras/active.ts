import type { Remark, Risk } from '../format.ts';
import { classify } from '../wire/pickle/classify.ts';
import { worst } from '../wire/scan-result.ts';
import { type Json, list, object, text } from './values.ts';

/*
 * What a config makes Keras run, load or fetch when the model is loaded. Configs are read whole, not layer by layer: code
 * hides in losses, in metrics, in what a wrapper wraps and in arguments as well.
 */

export interface Active {
  readonly risk: Risk;
  readonly remarks: readonly Remark[];
}

interface Danger {
  readonly risk: 'review' | 'dangerous';
  readonly message: string;
  readonly help: string;
}

const MAX_VALUES = 3_000_000;
const MAX_DEPTH = 300;
const MAX_REMARKS = 20;

/** Functions of Keras that models have no use for: they fetch, read and write files, load other models or lift protections. */
const MEDDLING =
  /^(get_file|(load|save)_(model|weights|img)|model_from_(json|yaml|config)|\w+_from_directory|enable_unsafe_deserialization|clear_session|(de)?serialize(_keras_object)?|(de)?serialize_object|register_keras_serializable|func_load|func_dump|extract_archive|plot_model|load_data|unpickle_model|array_to_img|load_pickle)$/;
/** Parts of Keras whose functions are no part of models. */
const MEDDLING_MODULES =
  /(^|\.)(utils|saving|config|datasets|legacy|export|callbacks|visualization|trainers|backend|wrappers)(\.|$)/;

const REPLACE = 'Replace it by a layer class, or by standard layers.';
const DISTRUST = 'Get the model from its makers again; a model has no need of this.';

/**
 * Looks for active content in configs of layers, losses and metrics.
 * @param values parsed JSON: the config of the model, and what else of the file describes it.
 */
export function activeContent(file: string, values: readonly unknown[]): Active {
  const found = new Map<string, Danger>();
  const seen = new Set<object>();
  const pending: { value: unknown; depth: number }[] = values.map((value) => ({ value, depth: 0 }));
  let left = MAX_VALUES;
  for (let one = pending.pop(); one !== undefined; one = pending.pop()) {
    const { value, depth } = one;
    if (typeof value !== 'object' || value === null || seen.has(value)) continue;
    seen.add(value);
    if (left-- <= 0 || depth > MAX_DEPTH) {
      found.set('deep', {
        risk: 'review',
        message: 'the config is too large or too deep to be looked through',
        help: DISTRUST,
      });
      break;
    }
    if (!Array.isArray(value))
      for (const danger of dangersOf(value as Json))
        if (found.size < MAX_REMARKS) found.set(danger.message, danger);
    // Weights and vocabularies in a config are lists of numbers and words: nothing is in them.
    for (const child of Object.values(value))
      if (typeof child === 'object' && child !== null) pending.push({ value: child, depth: depth + 1 });
  }
  const dangers = [...found.values()];
  return {
    risk: worst('none', ...dangers.map((danger) => danger.risk)),
    remarks: dangers.map(({ risk, message, help }) => ({
      rule: 'code-active',
      level: risk === 'dangerous' ? 'error' : 'warning',
      file,
      message,
      help,
    })),
  };
}

function* dangersOf(value: Json): Generator<Danger> {
  const className = text(value['class_name']);
  const config = object(value['config']);
  const name = text(config?.['name']) ?? text(value['name']) ?? '';
  if (className === '__lambda__') yield bytecode('a lambda');
  if (holdsCode(value)) yield bytecode(`the layer "${name}"`);
  if (className === null) return;
  const reference = referenceOf(value, className);
  if (reference) yield* judge(reference.module, reference.name, reference.isFunction);
  if (className === 'Lambda' && config) yield* lambdaFunction(config);
  if (className === 'TorchModuleWrapper')
    yield dangerous(
      `the layer "${name}" holds a PyTorch module as a pickle, which runs when the model is loaded (CVE-2025-49655)`,
      REPLACE,
    );
  if (className === 'TFSMLayer' && config) yield savedModel(config, name);
  if (className === 'TFOpLambda') yield* tensorflowFunction(text(config?.['function']) ?? '');
  if (className === 'TensorFlowOpLayer') {
    const written = config?.['node_def'];
    const node = text(written) ?? JSON.stringify({ op: object(written)?.['op'] });
    const operator = /"?op"?:\s*"(\w+)"/.exec(node)?.[1] ?? '';
    if (/^(Eager)?PyFunc|^(Read|Write)File$|^Save|^MatchingFiles$/.test(operator))
      yield dangerous(`the graph holds the operator ${operator}, which reaches files or Python`, DISTRUST);
  }
  const vocabulary = text(config?.['vocabulary']);
  if (vocabulary !== null && /Lookup$|^TextVectorization$/.test(className)) yield file(vocabulary, name);
}

const dangerous = (message: string, help: string): Danger => ({ risk: 'dangerous', message, help });
const bytecode = (what: string): Danger =>
  dangerous(
    `${what} is Python bytecode in the config, which runs when the model is loaded or called (CVE-2024-3660)`,
    REPLACE,
  );

/** Keras 1 and 2 say of a function that it is a lambda, and write its bytecode; some forget to say so. */
function holdsCode(value: Json): boolean {
  for (const key of ['function', 'mode', 'output_shape', 'mask', 'mask_function', 'arguments'])
    if (value[`${key}_type`] === 'lambda') return true;
  const marshalled = list(value['function']);
  return marshalled.length === 3 && typeof marshalled[0] === 'string' && 'function' in value;
}

/** The name that Keras looks up, and the module that it imports it from. */
function referenceOf(
  value: Json,
  className: string,
): { module: string; name: string; isFunction: boolean } | null {
  const module = text(value['module']);
  if (module === null) return null;
  if (className === 'function') return { module, name: text(value['config']) ?? '', isFunction: true };
  if (className === '__typespec__')
    return { module, name: text(value['spec_name']) ?? '', isFunction: false };
  return { module, name: className, isFunction: false };
}

function* judge(module: string, name: string, isFunction: boolean): Generator<Danger> {
  const full = `${module}.${name}`;
  const ofKeras = /^((tensorflow|tensorflow\.python|tf)\.)?(tf_)?keras(_core)?(\.|$)/.test(module);
  const known = `Use registered custom objects; a config that names other modules can run anything.`;
  if (ofKeras && MEDDLING.test(name))
    yield dangerous(
      `the config calls "${full}", which reaches outside of the model (CVE-2025-8747, CVE-2025-9906)`,
      DISTRUST,
    );
  else if (
    ofKeras &&
    isFunction &&
    MEDDLING_MODULES.test(module.replace(/\.(numerical|np|image|sequence|activity)_utils$/, ''))
  )
    yield {
      risk: 'review',
      message: `the config calls "${full}", which is no function of models`,
      help: known,
    };
  else if (!ofKeras && !isPlain(module, name) && classify({ kind: 'global', module, name }) === 'dangerous')
    yield dangerous(`the config loads "${full}", which is not part of Keras (CVE-2025-1550)`, known);
  else if (
    !ofKeras &&
    isFunction &&
    !/^(builtins|__main__)$/.test(module) &&
    !/^tensorflow\.python\.ops\.(math|nn|gen_nn|gen_math|array|clip)_ops$/.test(module)
  )
    yield { risk: 'review', message: `the config calls "${full}", which is not part of Keras`, help: known };
}

/** What Keras writes of Python's own objects, and functions without a module, which it looks for in its own. */
function isPlain(module: string, name: string): boolean {
  return (
    module === 'builtins' &&
    !/^(eval|exec|compile|open|getattr|setattr|__\w+__|input|breakpoint|globals|vars|delattr|execfile|file|apply|map|filter|help)$/.test(
      name,
    )
  );
}

/** A Lambda layer whose function has a name: it is looked up among custom objects, or in the module that the config names. */
function* lambdaFunction(config: Json): Generator<Danger> {
  const module = text(config['module']);
  const name = text(config['function']);
  if (name !== null && !/^[\w.<>]*$/.test(name)) yield bytecode('the function of a Lambda layer');
  else if (name !== null && module !== null) yield* judge(module, name, false);
}

function savedModel(config: Json, name: string): Danger {
  const path = text(config['filepath']) ?? '';
  const message = `the layer "${name}" loads the SavedModel "${path}", with whatever is in its graph`;
  const outside = /^(\/|~|[a-z]:\\|\w+:\/\/)|(^|[\\/])\.\.([\\/]|$)/i.test(path);
  return {
    risk: outside ? 'dangerous' : 'review',
    message,
    help: 'Check that model as well, or save the layers themselves.',
  };
}

function* tensorflowFunction(name: string): Generator<Danger> {
  const plain = name.replace(/^(tf\.|tensorflow\.)?(compat\.v[12]\.)?/, '');
  if (
    /^(raw_ops|io|saved_model|data|train|summary|distribute|profiler|tpu|debugging\.experimental|keras\.(utils|models|saving))\.|^(py_function|numpy_function|load_|gfile\.|read_file|write_file|print$|eval)/.test(
      plain,
    ) &&
    !/^io\.(decode|encode)_|^data\.\w+_spec/.test(plain)
  )
    yield dangerous(`the graph calls TensorFlow's "${plain}", which reaches files or Python`, DISTRUST);
}

function file(path: string, name: string): Danger {
  const remote = /^\w+:\/\//.test(path);
  return {
    risk: remote ? 'dangerous' : 'review',
    message: `the layer "${name}" reads its vocabulary from "${path}" when the model is loaded (CVE-2025-12058)`,
    help: 'Save the model with its vocabulary inside.',
  };
}

/** Python objects that the tags of a YAML file build: what `yaml.load` does for them is up to the file (CVE-2021-37678). */
export function yamlTags(source: string, filePath: string): Active {
  const names = new Set<string>();
  for (const match of source.matchAll(/!!python\/(?:object(?:\/(?:apply|new))?|name|module):([\w.]+)/g))
    if (names.size < 100) names.add(match[1] ?? '');
  const remarks: Remark[] = [];
  let risk: Risk = 'none';
  for (const full of names) {
    const at = full.lastIndexOf('.');
    const [module, name] = at === -1 ? ['builtins', full] : [full.slice(0, at), full.slice(at + 1)];
    const kind = classify({ kind: 'global', module, name });
    if (kind === 'inert' || kind === 'framework') continue;
    risk = worst(risk, kind === 'dangerous' ? 'dangerous' : 'review');
    remarks.push({
      rule: 'code-active',
      level: kind === 'dangerous' ? 'error' : 'warning',
      file: filePath,
      message: `the file has Python call "${full}" when it is loaded (CVE-2021-37678)`,
      help: 'Save the architecture as JSON instead.',
    });
  }
  return { risk, remarks: remarks.slice(0, MAX_REMARKS) };
}
