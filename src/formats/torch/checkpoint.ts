import type { Label } from '../../contract/types.ts';
import { entryOf } from '../../model/entry.ts';
import { attribute, classOf, scalarOf } from '../wire/pickle/numpy.ts';
import { is, textOf, type Value } from '../wire/pickle/values.ts';
import {
  countTied,
  entriesOf,
  isModule,
  moduleTensors,
  type NamedTensor,
  tensorOf,
  tensorsBelow,
  weightHints,
} from './tensors.ts';

/** What a checkpoint says about the model in it. */
export interface CheckpointFacts {
  /** The class of the module, where the file holds one with its code's name. */
  readonly module: string | null;
  readonly tensors: readonly NamedTensor[];
  readonly parameters: number | null;
  readonly labels: readonly Label[] | null;
  readonly version: string | null;
  readonly properties: Readonly<Record<string, string>>;
  readonly requirements: Readonly<Record<string, string | null>>;
}

/** Where trainers put the weights, most telling first. */
const WEIGHT_KEYS = [
  'state_dict', 'model_state_dict', 'model_state', 'model', 'ema', 'ema_state_dict', 'module', 'network', 'net', 'params_ema', 'params',
  'weights', 'generator', 'student', 'teacher', 'encoder',
]; // biome-ignore format: a list of words

/** Finds the model among what the file holds. `tensors` are given where the container describes them itself. */
export function factsOf(root: Value | undefined, tensors: readonly NamedTensor[] | null): CheckpointFacts {
  const entries = entriesOf(root) ?? [];
  const get = (key: string): Value | undefined => entries.findLast(([name]) => name === key)?.[1];
  const module = moduleIn(root, entries);
  const found = tensors ?? (module === null ? weightsIn(root, entries) : moduleTensors(module));
  const of = module === null ? null : classOf(module);
  const trainer = [...lightning(entries, get), ...ultralytics(module, entries, get)];
  return {
    module: of ? `${of.module}.${of.name}` : null,
    tensors: found,
    parameters: found.length > 0 ? countTied(found) : null,
    labels:
      module === null
        ? labelsOf(get('names') ?? get('class_names') ?? get('classes'))
        : labelsOf(attribute(module, 'names')),
    version: null,
    properties: { ...Object.fromEntries(trainer), ...weightHints(found) },
    requirements: requirementsOf(of?.module ?? null, get),
  };
}

function moduleIn(root: Value | undefined, entries: readonly [string, Value][]): Value | null {
  if (root !== undefined && isModule(root)) return root;
  for (const key of WEIGHT_KEYS) {
    const found = entries.find(([name, value]) => name === key && isModule(value));
    if (found) return found[1];
  }
  return entries.find(([, value]) => isModule(value))?.[1] ?? null;
}

function weightsIn(root: Value | undefined, entries: readonly [string, Value][]): NamedTensor[] {
  const keys = new Set(entries.map(([name]) => name));
  // An optimizer's own state has a tensor or two for every parameter, and none that is one.
  if (keys.has('state') && keys.has('param_groups')) return [];
  const own = entries.filter(([, value]) => tensorOf(value) !== null).length;
  if (own * 2 > entries.length) return tensorsBelow(root);
  for (const key of WEIGHT_KEYS) {
    const found = entries.find(([name]) => name === key);
    const below = found ? tensorsBelow(found[1]) : [];
    if (below.length > 0) return below;
  }
  // Several things side by side: the first that holds weights, and no optimizer's state.
  const parts =
    is(root, 'tuple') || is(root, 'list') ? root.items.filter((item) => entriesOf(item) !== null) : [];
  for (const part of parts) {
    const below = weightsIn(part, entriesOf(part) ?? []);
    if (below.length > 0) return below;
  }
  return tensorsBelow(root);
}

const simple = (value: Value | undefined): string | null => {
  const one = scalarOf(value);
  return one === null ? null : String(one).slice(0, 200);
};

function lightning(
  entries: readonly [string, Value][],
  get: (key: string) => Value | undefined,
): [string, string][] {
  const out: [string, string][] = [];
  for (const [key, label] of [
    ['epoch', 'epoch'],
    ['global_step', 'step'],
  ] as const) {
    const text = simple(get(key));
    if (text !== null) out.push([label, text]);
  }
  const version = entries.find(([name]) => /^(pytorch-)?lightning_version$/.test(name));
  if (version) out.push(['lightning version', simple(version[1]) ?? '']);
  for (const [name, value] of (entriesOf(get('hyper_parameters')) ?? []).slice(0, 20)) {
    const text = simple(value);
    if (text !== null) out.push([`hyper-parameter ${name}`, text]);
  }
  return out;
}

/** ultralytics keeps its module with `names`, `nc`, `task` and `stride`, and its version beside it. */
function ultralytics(
  module: Value | null,
  entries: readonly [string, Value][],
  get: (key: string) => Value | undefined,
): [string, string][] {
  const of = module === null ? null : classOf(module);
  if (module === null || !of || !/^(ultralytics|models\.yolo|yolov)/.test(of.module)) return [];
  const out: [string, string][] = [];
  const classes =
    simple(attribute(module, 'nc')) ??
    simple(entriesOf(attribute(module, 'yaml'))?.find(([name]) => name === 'nc')?.[1]);
  if (classes !== null) out.push(['classes', classes]);
  const task = simple(attribute(module, 'task')) ?? entryOf(TASKS, of.name) ?? null;
  if (task !== null) out.push(['task', task]);
  const version = simple(get('version'));
  if (version !== null && entries.some(([name]) => name === 'train_args'))
    out.push(['ultralytics version', version]);
  const size = simple(entriesOf(get('train_args'))?.find(([name]) => name === 'imgsz')?.[1]);
  if (size !== null) out.push(['image size', size]);
  return out;
}

const TASKS: Readonly<Record<string, string>> = {
  DetectionModel: 'detect',
  SegmentationModel: 'segment',
  ClassificationModel: 'classify',
  PoseModel: 'pose',
  OBBModel: 'obb',
};

/** Labels as a list, or as a dict from 0 on. */
function labelsOf(value: Value | undefined): Label[] | null {
  const items = is(value, 'list') || is(value, 'tuple') ? value.items : null;
  if (items) {
    const texts = items.map(textOf);
    return texts.length > 0 && texts.every((text) => text !== null) ? texts.map(String) : null;
  }
  if (!is(value, 'dict') || value.keys.length === 0) return null;
  const dict = value;
  const pairs = dict.keys.map((key, index) => ({
    at: Number(simple(key)),
    label: textOf(dict.values[index]),
  }));
  pairs.sort((a, b) => a.at - b.at);
  return pairs.every((pair, index) => pair.at === index && pair.label !== null)
    ? pairs.map((pair) => String(pair.label))
    : null;
}

function requirementsOf(
  module: string | null,
  get: (key: string) => Value | undefined,
): Record<string, string | null> {
  const out: Record<string, string | null> = {};
  const first = module?.split('.')[0];
  if (first === 'ultralytics' || first === 'torchvision' || first === 'transformers' || first === 'timm')
    out[first] = first === 'ultralytics' ? simple(get('version')) : null;
  const version = simple(get('pytorch-lightning_version'));
  if (version !== null) out['lightning'] = version;
  return out;
}
