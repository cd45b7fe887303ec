import type { Label, ScalarType, Shape } from '../../contract/types.ts';
import type { Bytes } from '../../model/bytes.ts';
import { type Candidate, emptyReading, type Look, Malformed, type Reading } from '../format.ts';
import { openCandidate } from '../open.ts';
import { derived, stated, type ToldField, type ToldSignature, tell, unknown } from '../told.ts';
import { decode, rootMessage, type Schema } from '../wire/protobuf.ts';
import { child, children, has, number, numbers, string, strings, type Tree } from '../wire/tree.ts';
import { readCompiled } from './compiled.ts';
import { programLabels, programShapes } from './program.ts';

/** Source: coremltools, mlmodel/format/{Model,FeatureTypes,DataStructures}.proto. */
const SIZE_RANGE: Schema = { lower: [1, 'int'], upper: [2, 'int'] };
const TYPE: Schema = {
  int64: [1, {}],
  double: [2, {}],
  string: [3, {}],
  image: [4, { width: [1, 'int'], height: [2, 'int'], colors: [3, 'int'], sizes: [21, {}], range: [31, {}] }],
  array: [
    5,
    {
      shape: [1, 'int'],
      type: [2, 'int'],
      enumerated: [21, { shapes: [1, { shape: [1, 'int'] }] }],
      range: [31, { sizes: [1, SIZE_RANGE] }],
    },
  ],
  dictionary: [6, { int64Keys: [1, {}], stringKeys: [2, {}] }],
  sequence: [7, { int64s: [1, {}], strings: [3, {}] }],
  state: [8, {}],
  optional: [1000, 'int'],
};
const FEATURE: Schema = { name: [1, 'string'], description: [2, 'string'], type: [3, TYPE] };
const LABELS: Schema = { texts: [100, { all: [1, 'string'] }], numbers: [101, { all: [1, 'int'] }] };
const PIPELINE: Schema = { models: [1, () => MODEL] };
const FUNCTION: Schema = {
  name: [1, 'string'],
  inputs: [2, FEATURE],
  outputs: [3, FEATURE],
  predicted: [4, 'string'],
  probabilities: [5, 'string'],
  state: [6, FEATURE],
};
const MODEL: Schema = {
  specification: [1, 'int'],
  description: [
    2,
    {
      inputs: [1, FEATURE],
      outputs: [10, FEATURE],
      predicted: [11, 'string'],
      probabilities: [12, 'string'],
      state: [13, FEATURE],
      functions: [20, FUNCTION],
      default: [21, 'string'],
      metadata: [
        100,
        {
          description: [1, 'string'],
          version: [2, 'string'],
          author: [3, 'string'],
          licence: [4, 'string'],
          user: [100, { key: [1, 'string'], value: [2, 'string'] }],
        },
      ],
    },
  ],
  pipelineClassifier: [200, { pipeline: [1, PIPELINE] }],
  pipelineRegressor: [201, { pipeline: [1, PIPELINE] }],
  pipeline: [202, PIPELINE],
  glm: [400, LABELS],
  svm: [401, LABELS],
  trees: [402, LABELS],
  network: [403, LABELS],
  nearest: [404, LABELS],
};

const ARRAY_TYPES: Readonly<Record<number, ScalarType>> = {
  65568: 'float32',
  65600: 'float64',
  131104: 'int32',
  65552: 'float16',
  131080: 'int8',
};

/** Reads a candidate of this format. Loaded where there is one. */
export async function readCoreml(candidate: Candidate, look: Look): Promise<Reading> {
  if (candidate.path.endsWith('.json')) return readCompiled(candidate, look);
  using bytes = openCandidate(candidate, look);
  const model = decode(rootMessage(bytes), MODEL);
  const labels = fitting(model, labelsOf(model, 0) ?? classesOf(model, bytes));
  return readingOf(candidate, model, labels, shapesOf(model, bytes));
}

/** What the program says of outputs whose shape the description leaves out. Functions may give the same name to others. */
function shapesOf(model: Tree, bytes: Bytes): ReadonlyMap<string, Shape> {
  const description = child(model, 'description');
  if (children(description, 'functions').length > 1) return new Map();
  const open = children(description, 'outputs').filter((output) => {
    const array = child(child(output, 'type'), 'array');
    return array !== undefined && arrayOf(array, '').shape.value === null;
  });
  return programShapes(rootMessage(bytes), new Set(open.map((output) => string(output, 'name'))));
}

/** Converters have written numbers for classes that the model gives as text: those are no labels. */
function fitting(model: Tree, labels: Label[] | null): Label[] | null {
  const description = child(model, 'description');
  const predicted = children(description, 'outputs').find(
    (feature) => string(feature, 'name') === string(description, 'predicted'),
  );
  const texts = has(child(predicted, 'type'), 'string');
  return texts && labels?.some((label) => typeof label === 'number') ? null : labels;
}

/** Of several functions it would have to be told which of them classifies. */
const classesOf = (model: Tree, bytes: Bytes): Label[] | null =>
  children(child(model, 'description'), 'functions').length > 1 ? null : programLabels(rootMessage(bytes));

function readingOf(
  candidate: Candidate,
  model: Tree,
  labels: Label[] | null,
  shapes: ReadonlyMap<string, Shape>,
): Reading {
  const description = child(model, 'description');
  if (!description) throw new Malformed('the model does not describe itself');
  // A package may hold several functions, each with an interface of its own.
  const functions = children(description, 'functions');
  const signatures = functions.length > 0 ? functions : [description];
  if (signatures.some((one) => children(one, 'outputs').length === 0))
    throw new Malformed('the model describes no outputs');
  const told = tell(
    Object.fromEntries(
      signatures.map((one) => [string(one, 'name') || 'predict', signatureOf(one, labels, shapes)]),
    ),
    functions.length > 0 ? string(description, 'default') || string(functions[0], 'name') : undefined,
  );
  const state = signatures.flatMap((one) => children(one, 'state')).map((one) => string(one, 'name'));
  const metadata = child(description, 'metadata');
  const user = new Map(
    children(metadata, 'user').map((pair) => [string(pair, 'key'), string(pair, 'value')]),
  );
  const properties: Record<string, string> = { specification: String(number(model, 'specification')) };
  for (const key of ['version', 'author', 'licence'] as const) {
    const value = string(metadata, key);
    if (value !== '') properties[key] = value;
  }
  if (state.length > 0) properties['state'] = [...new Set(state)].join(', ');
  const source = user.get('com.github.apple.coremltools.source');
  if (source !== undefined) properties['source'] = source;
  return {
    ...emptyReading(candidate),
    framework: { name: 'coreml', version: user.get('com.github.apple.coremltools.version') ?? null },
    contract: told.contract,
    evidence: told.evidence,
    labels,
    properties,
  };
}

function signatureOf(
  description: Tree,
  labels: readonly Label[] | null,
  shapes: ReadonlyMap<string, Shape>,
): ToldSignature {
  const labelled = [string(description, 'predicted'), string(description, 'probabilities')];
  return {
    inputs: children(description, 'inputs').map((feature, index) =>
      fieldOf(feature, `description.input[${index}]`),
    ),
    outputs: children(description, 'outputs').map((feature, index) => {
      const described = fieldOf(feature, `description.output[${index}]`);
      const shape = shapes.get(string(feature, 'name'));
      const field = shape ? { ...described, shape: stated(shape, 'mlProgram') } : described;
      return labels !== null && labelled.includes(string(feature, 'name'))
        ? { ...field, labels: stated(labels, 'class labels of the classifier') }
        : field;
    }),
  };
}

function fieldOf(feature: Tree, where: string): ToldField {
  const type = child(feature, 'type');
  const description = string(feature, 'description');
  const base = {
    name: stated(string(feature, 'name'), `${where}.name`),
    ...(description !== '' && { description }),
    ...(number(type, 'optional') === 1 && { optional: true }),
  };
  const scalar = (name: ScalarType) => ({
    ...base,
    type: stated(name, where),
    shape: stated<Shape>([], where),
  });
  if (has(type, 'int64')) return scalar('int64');
  if (has(type, 'double')) return scalar('float64');
  if (has(type, 'string')) return scalar('string');
  const image = child(type, 'image');
  if (image) {
    const flexible = has(image, 'sizes') || has(image, 'range');
    const channels = number(image, 'colors') === 10 || number(image, 'colors') === 40 ? 1 : 3;
    const size = (name: string) => (flexible ? null : number(image, name));
    return {
      ...base,
      // Grey in half precision is the one kind of image that does not hold bytes.
      type: derived(number(image, 'colors') === 40 ? 'float16' : 'uint8', `${where}: an image`),
      shape: derived([size('height'), size('width'), channels], `${where}.imageType`),
      profile: 'image',
    };
  }
  const array = child(type, 'array');
  if (array) return { ...base, ...arrayOf(array, where) };
  const dictionary = child(type, 'dictionary');
  if (dictionary)
    return {
      ...base,
      type: stated('map', where),
      shape: stated([], where),
      keys: stated(has(dictionary, 'int64Keys') ? 'int64' : 'string', where),
      values: { type: stated('float64', where), shape: stated([], where) },
    };
  const sequence = child(type, 'sequence');
  if (sequence)
    return {
      ...base,
      type: stated('sequence', where),
      shape: stated([], where),
      items: { type: stated(has(sequence, 'int64s') ? 'int64' : 'string', where), shape: stated([], where) },
    };
  return { ...base, type: unknown('the type is not stated'), shape: unknown('the type is not stated') };
}

function arrayOf(array: Tree, where: string): Pick<ToldField, 'type' | 'shape'> {
  const type = ARRAY_TYPES[number(array, 'type')];
  const fixed = numbers(array, 'shape');
  const ranges = children(child(array, 'range'), 'sizes');
  const enumerated = children(child(array, 'enumerated'), 'shapes').map((one) => numbers(one, 'shape'));
  const rank = Math.max(fixed.length, ranges.length, enumerated[0]?.length ?? 0);
  const shape = Array.from({ length: rank }, (_, axis) => {
    const range = ranges[axis];
    if (range) return number(range, 'lower') === number(range, 'upper') ? number(range, 'lower') : null;
    if (enumerated.some((one) => one[axis] !== enumerated[0]?.[axis])) return null;
    return fixed[axis] ?? enumerated[0]?.[axis] ?? null;
  });
  return {
    type: type ? stated(type, `${where}.multiArrayType.dataType`) : unknown('the type is not stated'),
    shape: rank > 0 ? stated(shape, `${where}.multiArrayType`) : unknown('the shape is not stated'),
  };
}

/** Class labels of a classifier; of the last one in a pipeline. */
function labelsOf(model: Tree, depth: number): Label[] | null {
  if (depth > 8) return null;
  for (const kind of ['glm', 'svm', 'trees', 'network', 'nearest']) {
    const classifier = child(model, kind);
    const texts = classesAmong(kind, strings(child(classifier, 'texts'), 'all'));
    const wholes = classesAmong(kind, numbers(child(classifier, 'numbers'), 'all'));
    if (texts.length > 0) return texts;
    if (wholes.length > 0) return wholes;
  }
  const pipeline =
    child(child(model, 'pipelineClassifier'), 'pipeline') ??
    child(child(model, 'pipelineRegressor'), 'pipeline') ??
    child(model, 'pipeline');
  return children(pipeline, 'models').reduceRight<Label[] | null>(
    (found, one) => found ?? labelsOf(one, depth + 1),
    null,
  );
}

/** Nearest neighbours keep the class of each sample that they know. */
const classesAmong = <T extends string | number>(kind: string, all: readonly T[]): T[] =>
  kind === 'nearest' ? [...new Set(all)].sort((a, b) => (a < b ? -1 : 1)) : [...all];
