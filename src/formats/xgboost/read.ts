import type { Label, ScalarType, Shape } from '../../contract/types.ts';
import { type Bytes, inMemory } from '../../model/bytes.ts';
import { entryOf } from '../../model/entry.ts';
import { open } from '../../model/walk.ts';
import { type Column, tabularInputs, typeOfCategories } from '../columns.ts';
import { type Candidate, emptyReading, type Look, Malformed, type Reading } from '../format.ts';
import {
  assumed,
  derived,
  MAX_FIELDS,
  stated,
  type Told,
  type ToldField,
  tell,
  tooWide,
  unknown,
} from '../told.ts';
import { readUbjson, type Ubjson } from '../wire/ubjson.ts';
import { kindOf } from '../xgboost.ts';
import { readXgboostBinary } from './binary.ts';
import { readLearnerJson } from './json.ts';
import type { Learner } from './learner.ts';

/** Reads a candidate of this format. Loaded where there is one. */
export async function readXgboost(candidate: Candidate, look: Look): Promise<Reading> {
  const file = look.file(candidate.path);
  if (!file) throw new Malformed('the file is gone');
  using bytes = open(file);
  return readBooster(candidate, bytes, look.head(file));
}

/** Names and types of features that stand beside a booster: before 1.4 they were attributes of the Python object. */
export interface Beside {
  readonly names: readonly string[];
  readonly types: readonly string[];
}

/** What of a booster is not its interface, and nearly all of its size. */
const SUBSTANCE: ReadonlySet<string> = new Set([
  'trees',
  'tree_info',
  'iteration_indptr',
  'weights',
  'weight_drop',
]);

/** A booster's bytes in any of the three forms; also used for boosters inside pickles. */
export const readBooster = (candidate: Candidate, bytes: Bytes, head: Uint8Array, beside?: Beside): Reading =>
  readingOf(candidate, withNames(readLearner(bytes, head), beside));

/** What a booster says of itself. @throws Malformed when its bytes are in none of the three forms. */
export function readLearner(bytes: Bytes, head: Uint8Array): Learner {
  const kind = kindOf(head, bytes.size);
  if (kind === null) throw new Malformed('it is in none of the forms that XGBoost saves');
  if (kind === 'binary') return readXgboostBinary(bytes);
  return learnerOf(kind === 'json' ? readLearnerJson(bytes) : readUbjson(bytes, SUBSTANCE));
}

function withNames(learner: Learner, beside: Beside | undefined): Learner {
  // `f0`, `f1` … are made up for columns without names.
  const automatic = beside?.names.every((name, index) => name === `f${index}`) ?? true;
  return automatic || learner.names.length > 0
    ? learner
    : { ...learner, names: beside?.names ?? [], types: beside?.types ?? [] };
}

/** A booster in memory. */
export const boosterInMemory = (candidate: Candidate, bytes: Uint8Array, beside?: Beside): Reading =>
  readBooster(candidate, inMemory(bytes), bytes.subarray(0, 4096), beside);

/** The memory snapshot in pickles since 1.1: the model beside the configuration of training, as JSON until 1.5. */
export function snapshotInMemory(candidate: Candidate, bytes: Uint8Array, beside?: Beside): Reading {
  if (/^\{\s*"/.test(Buffer.from(bytes.subarray(0, 16)).toString('latin1'))) {
    const key = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf('"Model":');
    if (key === -1) throw new Malformed('the snapshot holds no model');
    const model = inMemory(bytes.subarray(key + '"Model":'.length, bytes.lastIndexOf(0x7d)));
    return readingOf(candidate, withNames(learnerOf(readLearnerJson(model)), beside));
  }
  const document = readUbjson(inMemory(bytes), SUBSTANCE);
  const model =
    typeof document === 'object' && document !== null && 'Model' in document ? document['Model'] : document;
  return readingOf(candidate, withNames(learnerOf(model), beside));
}

/** Classes that are listed one by one. */
const MAX_CLASSES = 10_000;

type Tree = Readonly<Record<string, Ubjson>>;

function learnerOf(document: Ubjson): Learner {
  const tree = (value: Ubjson | undefined): Tree =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Tree) : {};
  const strings = (value: Ubjson | undefined): string[] => (Array.isArray(value) ? value.map(String) : []);
  const natural = (value: Ubjson | undefined): number => Math.max(0, Math.trunc(Number(value ?? 0)) || 0);
  const learner = tree(tree(document)['learner']);
  if (Object.keys(learner).length === 0) throw new Malformed('there is no "learner" in it');
  const parameters = tree(learner['learner_model_param']);
  const booster = tree(learner['gradient_booster']);
  // A dart booster holds the tree booster one level deeper.
  const model = tree(booster['model'] ?? tree(booster['gbtree'])['model']);
  const version = tree(document)['version'];
  const count = natural(parameters['num_feature']);
  const text = (value: Ubjson | undefined) => (typeof value === 'string' ? value : null);
  return {
    version: Array.isArray(version) ? version.join('.') : null,
    featureCount: count > 0 ? count : null,
    names: strings(learner['feature_names']),
    types: strings(learner['feature_types']),
    categories: categoriesOf(model['cats']),
    classCount: natural(parameters['num_class']),
    targetCount: Math.max(1, natural(parameters['num_target'])),
    objective: text(tree(learner['objective'])['name']),
    booster: text(booster['name']),
    trees: text(tree(model['gbtree_model_param'])['num_trees']),
  };
}

/** Categories by feature (since 3.1): `enc` has texts as offsets and bytes, or numbers as values. */
function categoriesOf(cats: Ubjson | undefined): (readonly Label[] | null)[] {
  const encodings = (cats as Tree | null | undefined)?.['enc'];
  if (!Array.isArray(encodings)) return [];
  return encodings.map((encoded: Ubjson) => {
    if (typeof encoded !== 'object' || encoded === null || !('values' in encoded)) return null;
    const { values, offsets } = encoded as { values?: Ubjson; offsets?: Ubjson };
    if (!Array.isArray(values) || !values.every((one): one is number => typeof one === 'number')) return null;
    if (!Array.isArray(offsets)) return values.length > 0 ? values : null;
    if (offsets.length < 2) return null;
    const bytes = Buffer.from(values.map((code) => code & 0xff));
    return offsets.slice(1).map((end, index) => bytes.toString('utf8', Number(offsets[index]), Number(end)));
  });
}

const TYPES: Readonly<Record<string, ScalarType>> = {
  float: 'float32',
  q: 'float32',
  int: 'int64',
  i: 'bool',
};

function readingOf(candidate: Candidate, learner: Learner): Reading {
  const named =
    learner.names.length > 0 && learner.names.length === (learner.featureCount ?? learner.names.length);
  const columns = (): Column[] =>
    learner.names.map((name, index) => {
      const categories = learner.categories[index] ?? null;
      return {
        name,
        type: columnType(learner.types[index], categories),
        ...(categories && { categories }),
      };
    });
  const wide = named && learner.names.length > MAX_FIELDS;
  const told = tell({
    predict: {
      inputs: wide
        ? tooWide(learner.names.length)
        : tabularInputs(
            named ? columns() : null,
            learner.featureCount,
            assumed('float32', 'XGBoost computes in float32'),
            named ? 'learner.feature_names' : 'learner.learner_model_param.num_feature',
          ),
      outputs: [outputOf(learner)],
    },
  });
  const properties: Record<string, string> = {};
  if (learner.objective !== null) properties['objective'] = learner.objective;
  if (learner.booster !== null) properties['booster'] = learner.booster;
  if (learner.trees !== null) properties['trees'] = learner.trees;
  if (learner.classCount > 0) properties['classes'] = String(learner.classCount);
  return {
    ...emptyReading(candidate),
    framework: { name: 'xgboost', version: learner.version },
    contract: told.contract,
    evidence: told.evidence,
    features: named && !wide ? learner.names : null,
    properties,
    requirements: { xgboost: learner.version },
  };
}

function columnType(type: string | undefined, categories: readonly Label[] | null): Told<ScalarType> {
  if (categories) return derived(typeOfCategories(categories), 'gradient_booster.model.cats');
  if (type === 'c')
    return unknown(
      'a categorical feature, and before 3.1 the model keeps no categories',
      'the type of its categories, such as string',
    );
  if (type === undefined) return assumed('float32', 'XGBoost computes in float32');
  // `i` is a column of booleans; the other types are of any width, which XGBoost converts to its own.
  const known = entryOf(TYPES, type) ?? 'float32';
  return type === 'i'
    ? stated(known, 'learner.feature_types')
    : assumed(known, 'XGBoost computes in float32');
}

/**
 * What `Booster.predict` returns. Source: XGBoost, "Prediction"; multi:softmax gives class numbers as floats, and an
 * objective of one's own leaves the raw scores of all classes.
 */
function outputOf(learner: Learner): ToldField {
  const objective = learner.objective ?? '';
  const probabilities = /^multi:softprob$|^(?:binary|reg):logistic$/.test(objective);
  const columns = objective === 'multi:softmax' ? 1 : Math.max(learner.classCount, learner.targetCount);
  const where = `learner.objective.name = ${learner.objective}`;
  const classes = objective.startsWith('multi:') ? learner.classCount : 0;
  const [several, single] = probabilities ? ['probabilities', 'probability'] : ['prediction', 'prediction'];
  const name = objective === 'multi:softmax' ? 'label' : columns > 1 ? several : single;
  const shape: Shape = columns > 1 || objective === 'multi:softprob' ? ['batch', columns] : ['batch'];
  return {
    name: assumed(name, where),
    type: derived('float32' as const, 'Booster.predict returns float32'),
    shape: derived(shape, where),
    ...(classes > 0 &&
      classes <= MAX_CLASSES && {
        labels: derived(
          Array.from({ length: classes }, (_, index) => index),
          'XGBoost numbers its classes from 0',
        ),
      }),
  };
}
