import type { Label, ScalarType, Shape } from '../../contract/types.ts';
import { type Bytes, slice } from '../../model/bytes.ts';
import { entryOf } from '../../model/entry.ts';
import { MAGIC, startOf } from '../catboost.ts';
import { type Column, tabularInputs } from '../columns.ts';
import { type Candidate, emptyReading, type Look, Malformed, type Reading } from '../format.ts';
import { openCandidate } from '../open.ts';
import {
  assumed,
  derived,
  MAX_FIELDS,
  stated,
  type Told,
  type ToldField,
  type ToldSignature,
  tell,
  tooWide,
  unknown,
} from '../told.ts';
import { rootTable, type Table } from '../wire/flatbuffer.ts';
import { readCatboostJson } from './json.ts';
import { describeParts, type Feature, type Model, type Parts } from './model.ts';

/** Reads a candidate of this format. Loaded where there is one. */
export async function readCatboost(candidate: Candidate, look: Look): Promise<Reading> {
  using bytes = openCandidate(candidate, look);
  if (startOf(bytes.read(0, 4)) !== MAGIC)
    return readingOf(candidate, describeParts(readCatboostJson(bytes)));
  const size = new DataView(bytes.read(4, 4).slice().buffer).getUint32(0, true);
  return readingOf(candidate, describeParts(binaryParts(slice(bytes, 8, size))));
}

/** The same for a model in memory. */
export function catboostInMemory(candidate: Candidate, bytes: Bytes): Reading {
  return readingOf(candidate, describeParts(binaryParts(slice(bytes, 8, bytes.size - 8))));
}

function binaryParts(core: Bytes): Parts {
  const model = rootTable(core);
  const trees = model.table(1);
  if (!trees) throw new Malformed('the model has no trees');
  const info = new Map(model.tables(2).map((pair) => [pair.text(0) ?? '', pair.text(1) ?? '']));
  return {
    features: featuresOf(trees),
    info: (key) => info.get(key),
    dimension: Math.max(1, trees.int32(0, 1)),
  };
}

/** All features, by the columns that the model was trained on. */
function featuresOf(trees: Table): Feature[] {
  const list = (slot: number, kind: Feature['kind'], flat: number, id: number): Feature[] =>
    trees.tables(slot).map((feature) => ({
      position: feature.int32(flat, -1),
      name: feature.text(id) ?? '',
      kind,
    }));
  return [
    ...list(5, 'float', 2, 4),
    ...list(4, 'categorical', 1, 2),
    ...list(12, 'text', 1, 2),
    ...list(18, 'embedding', 1, 2),
  ];
}

const NUMERIC = assumed('float64' as const, 'numeric features take any number');

function columnOf(feature: Feature): Column {
  const { name, kind } = feature;
  if (kind === 'float') return { name, type: NUMERIC };
  if (kind === 'embedding')
    return {
      name,
      type: NUMERIC,
      shape: derived(['batch', null], 'an embedding feature; the model does not state its length'),
    };
  return { name, type: derived('string', `a ${kind} feature`) };
}

function readingOf(candidate: Candidate, model: Model): Reading {
  const { features, labels, loss, version } = model;
  const count = features.reduce((most, feature) => Math.max(most, feature.position + 1), 0);
  const automatic = features.every(
    (feature) => feature.name === '' || feature.name === String(feature.position),
  );
  const named = !automatic && features.length === count && features.every((feature) => feature.name !== '');
  const plain = features.every((feature) => feature.kind === 'float');
  const wide = named && features.length > MAX_FIELDS;
  const inputs = wide
    ? tooWide(features.length)
    : tabularInputs(
        named ? features.map(columnOf) : null,
        count,
        plain ? NUMERIC : derived('string', 'categorical'),
        'TModelTrees features by FlatIndex',
      );
  const told = tell(signaturesOf(inputs, model), 'predict');
  return {
    ...emptyReading(candidate),
    framework: { name: 'catboost', version },
    contract: told.contract,
    evidence: told.evidence,
    features: named && !wide ? features.map((feature) => feature.name) : null,
    labels,
    properties: { ...(loss !== null && { loss }), dimension: String(model.dimension) },
    requirements: { catboost: version },
  };
}

function signaturesOf(inputs: ToldSignature['inputs'], model: Model): Record<string, ToldSignature> {
  const { labels, loss, dimension } = model;
  if (!labels) {
    const shape: Shape = dimension > 1 ? ['batch', dimension] : ['batch'];
    const prediction: ToldField = {
      name: assumed('prediction', 'a model without classes'),
      type: derived('float64', 'CatBoost.predict returns float64'),
      shape: derived(shape, 'TModelTrees.ApproxDimension'),
    };
    return { predict: { inputs, outputs: [prediction] } };
  }
  const told = stated(labels, 'class_params.class_names');
  // A row may have several of the classes: a truth value for each of them.
  const many = /^Multi(?:Logloss|CrossEntropy)/.test(loss ?? '');
  // CatBoostClassifier.predict gives a column for several classes and a flat array for two.
  const shape: Shape = many ? ['batch', labels.length] : loss?.startsWith('Multi') ? ['batch', 1] : ['batch'];
  return {
    predict: {
      inputs,
      outputs: [
        {
          name: assumed('label', 'a classifier'),
          type: many ? derived('int64', `loss function ${loss}`) : labelType(model, labels),
          shape: derived(shape, `loss function ${loss}`),
          ...(!many && { labels: told }),
        },
      ],
    },
    predict_proba: {
      inputs,
      outputs: [
        {
          name: assumed('probabilities', 'a classifier'),
          type: derived('float64', 'predict_proba returns float64'),
          shape: derived(['batch', labels.length], 'class_params.class_names'),
          labels: told,
        },
      ],
    },
  };
}

const LABEL_TYPES: Readonly<Record<string, ScalarType>> = {
  Integer: 'int64',
  Float: 'float64',
  String: 'string',
};

function labelType(model: Model, labels: readonly Label[]): Told<ScalarType> {
  const stated_ = entryOf(LABEL_TYPES, model.labelType ?? '');
  if (stated_) return derived(stated_, 'class_params.class_label_type');
  if (model.labelType === 'Boolean' || labels.every((label) => typeof label === 'boolean'))
    return returnsBooleans(model.version)
      ? derived('bool', 'class_params.class_label_type')
      : unknown('older versions give truth values as text, and the version is not stated');
  if (labels.every((label) => typeof label === 'number'))
    return derived(labels.every((label) => Number.isInteger(label)) ? 'int64' : 'float64', 'class_params');
  return derived('string', 'class_params');
}

/** Since 1.2.10 for certain. */
function returnsBooleans(version: string | null): boolean {
  const [major = 0, minor = 0, patch = 0] = version?.split('.').map(Number) ?? [];
  return major > 1 || (major === 1 && (minor > 2 || (minor === 2 && patch >= 10)));
}
