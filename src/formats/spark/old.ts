import type { Label, ScalarType, Shape } from '../../contract/types.ts';
import { entryOf } from '../../model/entry.ts';
import { assumed, derived, type Told, type ToldField, type ToldSignature, unknown } from '../told.ts';
import type { Footers } from './parquet.ts';
import { count, type Stage } from './stage.ts';
import type { Tables } from './tables.ts';

/** How a model of the RDD-based library is called: by which method, and with what. */
export interface OldCall {
  readonly method: string;
  readonly signature: ToldSignature;
}

const field = (name: string, type: ScalarType, shape: Told<Shape>, labels?: number | null): ToldField => ({
  name: assumed(name, 'arguments and results of a method have no names'),
  type: derived(type, 'what the method takes and returns'),
  shape,
  ...(labels &&
    labels <= 10_000 && { labels: derived<readonly Label[]>([...Array(labels).keys()], 'metadata k') }),
});
const one = derived<Shape>(['batch'], 'one value a row');
const vector = (size: number | null): Told<Shape> =>
  size === null
    ? {
        value: ['batch', null],
        evidence: { kind: 'derived', where: 'a vector; the files do not give its size' },
      }
    : derived<Shape>(['batch', size], 'metadata, or the table beside it');
const predict = (input: ToldField, output: ToldField): OldCall => ({
  method: 'predict',
  signature: { inputs: [input], outputs: [output] },
});

type Call = (stage: Stage, data: Footers | null) => OldCall;

const predictor: Call = (stage) =>
  predict(
    field('features', 'float64', vector(count(stage, 'numFeatures'))),
    field('prediction', 'float64', one),
  );
const clusterer =
  (column: string): Call =>
  (stage, data) =>
    predict(
      field('features', 'float64', vector(data?.vector(column) ?? null)),
      field('prediction', 'int32', one, count(stage, 'k')),
    );

/** Models of org.apache.spark.mllib that answer requests, by class. Source: Spark, mllib, the writers of each. */
const CALLS: Readonly<Record<string, Call>> = {
  LogisticRegressionModel: predictor,
  SVMModel: predictor,
  NaiveBayesModel: predictor,
  LinearRegressionModel: predictor,
  RidgeRegressionModel: predictor,
  LassoModel: predictor,
  DecisionTreeModel: predictor,
  RandomForestModel: predictor,
  GradientBoostedTreesModel: predictor,
  KMeansModel: clusterer('point'),
  BisectingKMeansModel: clusterer('center'),
  GaussianMixtureModel: clusterer('mu'),
  IsotonicRegressionModel: () =>
    predict(field('features', 'float64', one), field('prediction', 'float64', one)),
  MatrixFactorizationModel: () => ({
    method: 'predict',
    signature: {
      inputs: [field('user', 'int32', one), field('product', 'int32', one)],
      outputs: [field('rating', 'float64', one)],
    },
  }),
  Word2VecModel: (stage) => ({
    method: 'transform',
    signature: {
      inputs: [field('word', 'string', one)],
      outputs: [field('vector', 'float64', vector(count(stage, 'vectorSize')))],
    },
  }),
  ChiSqSelectorModel: (_, data) => ({
    method: 'transform',
    signature: {
      inputs: [field('features', 'float64', vector(null))],
      outputs: [field('selected', 'float64', vector(data?.rows ?? null))],
    },
  }),
  LocalLDAModel: topics,
  DistributedLDAModel: topics,
};

function topics(stage: Stage): OldCall {
  return {
    method: 'topicDistribution',
    signature: {
      inputs: [field('documents', 'float64', vector(count(stage, 'vocabSize')))],
      outputs: [field('topics', 'float64', vector(count(stage, 'k')))],
    },
  };
}

/** How an old model is called; `null` of one that answers no requests, such as sets of frequent items. */
export async function callOf(stage: Stage, tables: Tables): Promise<OldCall | null> {
  const call = entryOf(CALLS, stage.name);
  if (call) return call(stage, await tables.footers(stage));
  if (count(stage, 'numFeatures') === null) return null;
  const { signature } = predictor(stage, null);
  const result = {
    ...field('prediction', 'float64', one),
    type: unknown('its class is not known here', 'the type'),
  };
  return { method: 'predict', signature: { ...signature, outputs: [result] } };
}
