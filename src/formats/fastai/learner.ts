import type { Label } from '../../contract/types.ts';
import { derived, stated, type ToldField, type ToldSignature, unknown } from '../told.ts';
import { entriesOf, isModule } from '../torch/tensors.ts';
import { argsOf, arrayOf, attribute, classOf, scalarOf } from '../wire/pickle/numpy.ts';
import { is, isNode, textOf, type Value } from '../wire/pickle/values.ts';

/** What an exported learner says about the model in it. */
export interface LearnerFacts {
  /** The learner's class. */
  readonly name: string | null;
  readonly model: Value | null;
  readonly signature: ToldSignature | null;
  readonly features: readonly string[] | null;
  readonly labels: readonly Label[] | null;
  /** Rows of training data that were pickled with it; `null` where nothing tells. */
  readonly rows: number | null;
  readonly properties: Readonly<Record<string, string>>;
}

/** Finds columns, categories and labels in a learner: fastai 2, and what can be had of fastai 1. */
export function learnerIn(root: Value | undefined): LearnerFacts {
  const entries = entriesOf(root);
  // fastai 1 pickled a dict of the learner's parts.
  const part = (key: string): Value | undefined =>
    attribute(root, key) ?? entries?.find(([name]) => name === key)?.[1];
  const dls = part('dls') ?? part('data');
  const data = new Map(entriesOf(part('data')) ?? []);
  if (data.has('x_proc')) return firstLearner(data, part);
  const loaders = itemsOf(attribute(dls, 'loaders'));
  const datasets = [dls, ...loaders].flatMap((one) => [
    attribute(one, 'dataset'),
    attribute(one, 'train_ds'),
  ]);
  const table = datasets.find((one) => attribute(one, 'cont_names') !== undefined);
  const loss = lossOf(part('loss_func'));
  const model = part('model');
  const name = classOf(root)?.name ?? textOf(part('cls')) ?? null;
  const labels = labelsIn(table, loaders, dls);
  const signature = table === undefined ? visionSignature(labels, loss) : tableSignature(table, labels, loss);
  return {
    name,
    model: model !== undefined && isModule(model) ? model : null,
    signature: signature?.signature ?? null,
    features: signature?.features ?? null,
    labels,
    rows: rowsIn(datasets),
    properties: {
      ...(name !== null && { class: name }),
      ...(loss !== null && { loss }),
      ...(model !== undefined && classOf(model) && { architecture: classOf(model)?.name ?? '' }),
      ...imageSize(loaders),
    },
  };
}

/** fastai 1: what the processors of inputs and targets keep, without the data. */
function firstLearner(
  data: ReadonlyMap<string, Value>,
  part: (key: string) => Value | undefined,
): LearnerFacts {
  const inputs = itemsOf(data.get('x_proc'));
  const table = inputs.find((one) => attribute(one, 'cont_names') !== undefined);
  const categorical = texts(attribute(table, 'cat_names'));
  const continuous = texts(attribute(table, 'cont_names'));
  const targets = itemsOf(data.get('y_proc')).map((one) => attribute(one, 'classes'));
  const labels = categories(targets.find((one) => one !== undefined));
  const loss = lossOf(part('loss_func'));
  const model = part('model');
  const columns = categorical && continuous ? [...categorical, ...continuous] : null;
  const maps = new Map(entriesOf(attribute(table, 'classes')) ?? []);
  const told =
    categorical && continuous
      ? {
          inputs: columnFields(categorical, continuous, maps),
          outputs: outputFields([], labels, loss),
        }
      : (visionSignature(labels, loss)?.signature ?? null);
  const size = scalarOf(entriesOf(data.get('tfmargs'))?.find(([name]) => name === 'size')?.[1]);
  const name = part('cls');
  return {
    name: is(name, 'global') ? name.name : null,
    model: model !== undefined && isModule(model) ? model : null,
    signature: told,
    features: columns,
    labels,
    rows: null,
    properties: {
      ...(is(name, 'global') && { class: name.name }),
      ...(loss !== null && { loss }),
      ...(model !== undefined && classOf(model) && { architecture: classOf(model)?.name ?? '' }),
      ...(typeof size === 'number' && { 'image size': `${size} × ${size}` }),
    },
  };
}

/** The class of the loss; fastai wraps torch's own in a `BaseLoss`, and before in a `FlattenedLoss`. */
function lossOf(value: Value | undefined): string | null {
  const name = classOf(value)?.name ?? null;
  return name === 'BaseLoss' || name === 'FlattenedLoss'
    ? (classOf(attribute(value, 'func'))?.name ?? name)
    : name;
}

interface Told {
  readonly signature: ToldSignature;
  readonly features: readonly string[] | null;
}

const ROWS = ['batch'] as const;

/** Columns of a TabularPandas: categories are texts or numbers, continuous ones are made float32 before the model. */
function tableSignature(
  table: Value | undefined,
  labels: readonly Label[] | null,
  loss: string | null,
): Told | null {
  const categorical = texts(attribute(table, 'cat_names'));
  const continuous = texts(attribute(table, 'cont_names'));
  const targets = texts(attribute(table, 'y_names'));
  if (!categorical || !continuous) return null;
  const categorify = procedure(table, 'Categorify');
  const maps = new Map(entriesOf(attribute(categorify, 'classes')) ?? []);
  return {
    signature: {
      inputs: columnFields(categorical, continuous, maps),
      outputs: outputFields(targets ?? [], labels, loss),
    },
    features: [...categorical, ...continuous],
  };
}

/** Columns by their kinds. */
function columnFields(
  categorical: readonly string[],
  continuous: readonly string[],
  maps: ReadonlyMap<string, Value>,
): ToldField[] {
  return [
    ...categorical.map((name) => {
      const values = categories(maps.get(name));
      const kind = typeof values?.[0];
      return {
        name: stated(name, 'cat_names'),
        type:
          values === null
            ? unknown('the categories are not in the file', `the type of ${name} in contract.yaml`)
            : derived(
                kind === 'number'
                  ? ('int64' as const)
                  : kind === 'boolean'
                    ? ('bool' as const)
                    : ('string' as const),
                'categorify.classes',
              ),
        shape: derived([...ROWS], 'a column of a table'),
        ...(values !== null && { categories: stated(values, `categorify.classes.${name}`) }),
        profile: 'categorical' as const,
      };
    }),
    ...continuous.map((name) => ({
      name: stated(name, 'cont_names'),
      type: derived('float32' as const, 'TabularPandas makes continuous columns float32'),
      shape: derived([...ROWS], 'a column of a table'),
      profile: 'numerical' as const,
    })),
  ];
}

/** Classifiers give the label and the scores of all of them; regressors a number a target. */
function outputFields(
  targets: readonly string[],
  labels: readonly Label[] | null,
  loss: string | null,
): readonly ToldField[] | ReturnType<typeof unknown> {
  const classifies = loss === null ? labels !== null : /CrossEntropy|NLL/.test(loss);
  if (classifies && labels)
    return [
      {
        name:
          targets[0] === undefined
            ? derived('prediction', 'the learner classifies')
            : stated(targets[0], 'y_names'),
        type: derived(labels.every((one) => typeof one === 'number') ? 'int64' : 'string', 'vocab'),
        shape: derived([...ROWS], 'one a row'),
        labels: stated(labels, 'vocab'),
      },
      {
        name: derived('probabilities', 'Learner.predict'),
        type: derived('float32', 'the softmax of the model'),
        shape: derived([...ROWS, labels.length], 'vocab'),
        labels: stated(labels, 'vocab'),
      },
    ];
  if (targets.length > 0 && loss !== null && /MSE|L1|Huber/.test(loss))
    return [
      {
        name: targets.length === 1 ? stated(targets[0] ?? '', 'y_names') : derived('predictions', 'y_names'),
        type: derived('float32', `${loss} compares float32`),
        shape: derived([...ROWS, targets.length], 'y_names'),
      },
    ];
  return unknown('the loss function does not tell what the model returns', 'outputs in contract.yaml');
}

/** Image learners: the labels are known, the rest is code. */
function visionSignature(labels: readonly Label[] | null, loss: string | null): Told | null {
  if (labels === null) return null;
  return {
    signature: {
      inputs: unknown(
        'the learner takes files or images, which its transforms in Python decode',
        'inputs in contract.yaml',
      ),
      outputs: outputFields([], labels, loss),
    },
    features: null,
  };
}

function labelsIn(
  table: Value | undefined,
  loaders: readonly Value[],
  dls: Value | undefined,
): readonly Label[] | null {
  const own = categories(attribute(procedure(table, 'Categorize'), 'vocab'));
  if (own) return own;
  // Data blocks keep the vocabulary in the Categorize of the last pipeline of the datasets.
  for (const one of [dls, ...loaders]) {
    const dataset = attribute(one, 'dataset');
    for (const list of itemsOf(attribute(dataset, 'tls')).toReversed())
      for (const transform of transforms(attribute(list, 'tfms'))) {
        const found = categories(attribute(transform, 'vocab'));
        if (found) return found;
      }
    const classes = categories(attribute(one, 'classes')) ?? categories(attribute(dataset, 'classes'));
    if (classes) return classes;
  }
  return null;
}

function imageSize(loaders: readonly Value[]): Record<string, string> {
  for (const loader of loaders)
    for (const transform of transforms(attribute(loader, 'after_item'))) {
      const of = classOf(transform)?.name ?? '';
      const size = /Resize|Crop/.test(of) ? attribute(transform, 'size') : undefined;
      const sides = is(size, 'tuple') || is(size, 'list') ? size.items.map(scalarOf) : [];
      if (sides.length === 2 && sides.every((side) => typeof side === 'number'))
        return { 'image size': sides.join(' × ') };
    }
  return {};
}

function procedure(table: Value | undefined, name: string): Value | undefined {
  return transforms(attribute(table, 'procs')).find((one) => classOf(one)?.name === name);
}

/** Transforms of a Pipeline. */
const transforms = (pipeline: Value | undefined): readonly Value[] =>
  itemsOf(attribute(pipeline, 'fs')).slice(0, 1000);

/** Items of a list, a tuple, or fastcore's `L` and fastai's CategoryMap, which hold one in `items`. */
function itemsOf(value: Value | undefined, depth = 0): readonly Value[] {
  if (is(value, 'list') || is(value, 'tuple')) return value.items;
  if (!is(value, 'call') || depth > 4) return [];
  if (value.items.length > 0) return value.items;
  const inner = attribute(value, 'items');
  if (inner !== undefined) return itemsOf(inner, depth + 1);
  const array = arrayOf(value);
  if (array?.objects) return array.objects;
  // pandas' arrays of texts hold a NumPy one.
  for (const state of value.states)
    for (const part of is(state, 'tuple') ? state.items : is(state, 'dict') ? state.values : []) {
      const objects = isNode(part) ? arrayOf(part)?.objects : null;
      if (objects) return objects;
    }
  const [first] = argsOf(value);
  return is(first, 'list') || is(first, 'tuple') ? first.items : [];
}

function texts(value: Value | undefined): string[] | null {
  if (value === undefined) return null;
  const items = itemsOf(value).map(textOf);
  return items.every((one) => one !== null) ? items.map(String) : null;
}

/** Categories without fastai's own entry for missing ones; `null` when they are no plain values. */
function categories(value: Value | undefined): readonly Label[] | null {
  if (value === undefined) return null;
  const items = itemsOf(value).map(scalarOf);
  const known = items.filter((one) => one !== '#na#');
  if (known.length === 0 || known.length > 100_000) return null;
  const kind = typeof known[0];
  const plain = known.filter(
    (one): one is Label =>
      typeof one === kind && (kind === 'string' || kind === 'number' || kind === 'boolean'),
  );
  return plain.length === known.length ? plain : null;
}

/** Rows of the DataFrames that the datasets keep: `Learner.export` empties them, other ways of saving do not. */
function rowsIn(datasets: readonly (Value | undefined)[]): number | null {
  let most: number | null = null;
  for (const dataset of datasets) {
    const frame = attribute(dataset, 'items');
    const manager = attribute(frame, '_mgr') ?? attribute(frame, '_data');
    const [blocks] = is(manager, 'call') ? argsOf(manager) : [];
    for (const block of is(blocks, 'tuple') ? blocks.items : []) {
      const values = is(block, 'call') ? argsOf(block)[0] : undefined;
      const shape = arrayOf(values)?.shape;
      const rows = shape?.at(-1);
      if (rows !== undefined) most = Math.max(most ?? 0, rows);
    }
  }
  return most;
}
