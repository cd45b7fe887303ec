import type { Label, ScalarType, Shape } from '../contract/types.ts';
import { type Bytes, slice } from '../model/bytes.ts';
import { type Column, tabularInputs } from './columns.ts';
import { type Candidate, emptyReading, type Format, Malformed, type Reading } from './format.ts';
import { openCandidate } from './open.ts';
import { assumed, derived, stated, type ToldField, type ToldSignature, tell } from './told.ts';
import { rootTable, type Table } from './wire/flatbuffer.ts';

/** Models in CatBoost's own binary form. Source: CatBoost, flatbuffers/{model,features,ctr_data}.fbs. */
export const catboost: Format = {
  id: 'catboost',
  title: 'CatBoost',
  detect: (look) =>
    look.directory.files
      .filter((file) => Buffer.from(look.head(file).subarray(0, 4)).toString('latin1') === 'CBM1')
      .map((file): Candidate => ({ format: 'catboost', path: file.path, role: 'model', covers: [] })),
  async read(candidate, look) {
    using bytes = openCandidate(candidate, look);
    const size = new DataView(bytes.read(4, 4).slice().buffer).getUint32(0, true);
    return readingOf(candidate, slice(bytes, 8, size));
  },
};

/** The same for a model in memory. */
export function catboostInMemory(candidate: Candidate, bytes: Bytes): Reading {
  return readingOf(candidate, slice(bytes, 8, bytes.size - 8));
}

interface Feature {
  readonly position: number;
  readonly name: string;
  readonly type: ScalarType;
  readonly kind: string;
}

function readingOf(candidate: Candidate, core: Bytes): Reading {
  const model = rootTable(core);
  const trees = model.table(1);
  if (!trees) throw new Malformed('the model has no trees');
  const info = new Map(model.tables(2).map((pair) => [pair.text(0) ?? '', pair.text(1) ?? '']));
  const features = featuresOf(trees);
  const count = features.reduce((most, feature) => Math.max(most, feature.position + 1), 0);
  const named = features.length === count && features.every((feature) => feature.name !== '');
  const automatic = features.every(
    (feature) => feature.name === '' || feature.name === String(feature.position),
  );
  const labels = labelsOf(info.get('class_params'));
  const loss = lossOf(info.get('params'));
  const version = /v(\d+\.\d+(?:\.\d+)*)/.exec(info.get('catboost_version_info') ?? '')?.[1] ?? null;
  const numeric = features.every((feature) => feature.kind === 'float');
  const columns = features.map(
    (feature): Column => ({
      name: feature.name,
      type:
        feature.kind === 'float'
          ? assumed('float64', 'numeric features take any number')
          : derived(feature.type, `a ${feature.kind} feature`),
    }),
  );
  const inputs =
    named && !automatic
      ? tabularInputs(columns, count, assumed('float64', 'numeric'), 'TModelTrees features by FlatIndex')
      : tabularInputs(
          null,
          count,
          numeric ? assumed('float64', 'numeric features take any number') : derived('string', 'categorical'),
          'TModelTrees features by FlatIndex',
        );
  const told = tell(signaturesOf(inputs, labels, loss, Math.max(1, trees.int32(0, 1))), 'predict');
  return {
    ...emptyReading(candidate),
    framework: { name: 'catboost', version },
    contract: told.contract,
    evidence: told.evidence,
    features: named && !automatic ? features.map((feature) => feature.name) : null,
    labels,
    properties: loss === null ? {} : { loss },
    requirements: { catboost: version },
  };
}

/** All features in the order of the columns that the model was trained on. */
function featuresOf(trees: Table): Feature[] {
  const list = (slot: number, kind: string, type: ScalarType, flat: number, id: number): Feature[] =>
    trees.tables(slot).map((feature) => ({
      position: feature.int32(flat, -1),
      name: feature.text(id) ?? '',
      type,
      kind,
    }));
  return [
    ...list(5, 'float', 'float64', 2, 4),
    ...list(4, 'categorical', 'string', 1, 2),
    ...list(12, 'text', 'string', 1, 2),
  ].sort((a, b) => a.position - b.position);
}

function signaturesOf(
  inputs: readonly ToldField[],
  labels: readonly Label[] | null,
  loss: string | null,
  dimension: number,
): Record<string, ToldSignature> {
  if (!labels) {
    const shape: Shape = dimension > 1 ? ['batch', dimension] : ['batch'];
    const prediction: ToldField = {
      name: assumed('prediction', 'a model without classes'),
      type: derived('float64', 'CatBoost.predict returns float64'),
      shape: derived(shape, 'TModelTrees.ApproxDimension'),
    };
    return { predict: { inputs, outputs: [prediction] } };
  }
  // CatBoostClassifier.predict gives a column for several classes and a flat array for two.
  const shape: Shape = loss?.startsWith('Multi') ? ['batch', 1] : ['batch'];
  return {
    predict: {
      inputs,
      outputs: [
        {
          name: assumed('label', 'a classifier'),
          type: derived(labelType(labels), 'class_params'),
          shape: derived(shape, `loss function ${loss}`),
          labels: stated(labels, 'class_params.class_names'),
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
          labels: stated(labels, 'class_params.class_names'),
        },
      ],
    },
  };
}

function labelType(labels: readonly Label[]): ScalarType {
  if (labels.every((label) => typeof label === 'number' && Number.isInteger(label))) return 'int64';
  return labels.every((label) => typeof label === 'number') ? 'float64' : 'string';
}

function labelsOf(text: string | undefined): Label[] | null {
  const names = parse(text)?.['class_names'];
  if (!Array.isArray(names) || names.length === 0) return null;
  return names.filter((name): name is Label => ['string', 'number', 'boolean'].includes(typeof name));
}

function lossOf(text: string | undefined): string | null {
  const loss = parse(text)?.['loss_function'];
  if (typeof loss !== 'object' || loss === null || !('type' in loss)) return null;
  return typeof loss.type === 'string' ? loss.type : null;
}

function parse(text: string | undefined): Record<string, unknown> | null {
  try {
    const parsed: unknown = JSON.parse(text ?? '');
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
