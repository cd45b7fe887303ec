import { entryOf } from '../../model/entry.ts';
import { assumed, derived, stated, type Told, unknown } from '../told.ts';
import { BOOSTED } from './boosted.ts';
import { anyNumber, double, type Said, vectorOf } from './frame.ts';
import { count, isBefore, param, type Stage } from './stage.ts';
import { namesFor, numbersTo, type StageReader, type Work } from './work.ts';

/** Sizes of a predictor: of the vector it takes, and how many classes it knows. */
interface Sizes {
  readonly features: Told<number>;
  readonly classes: Told<number>;
}

type Measure = (stage: Stage, work: Work) => Promise<{ features: number | null; classes?: number | null }>;

const INT: Said = { type: derived('int32', 'a cluster is numbered by an integer'), form: 'scalar' };

async function measured(stage: Stage, work: Work, measure: Measure): Promise<Sizes> {
  const { features, classes = null } = await measure(stage, work);
  const where = stage.folder === '' ? 'data' : `${stage.folder}/data`;
  const told = (value: number | null, what: string): Told<number> =>
    value === null ? unknown(`${stage.name} does not say ${what}`) : derived(value, where);
  return {
    features: told(features, 'how many features it takes'),
    classes: told(classes, 'how many classes there are'),
  };
}

/** `numFeatures` and `numClasses` beside the parameters. */
const inMetadata: Measure = async (stage) => ({
  features: count(stage, 'numFeatures'),
  classes: count(stage, 'numClasses'),
});
const vectorColumn =
  (column: string, classes: number | null = null): Measure =>
  async (stage, work) => ({ features: (await work.footers(stage))?.vector(column) ?? null, classes });

/** Takes the features; makes the columns that are named, in the order in which transform() adds them. */
function classifier(
  columns: readonly ('raw' | 'probability' | 'prediction')[],
  measure: Measure,
): StageReader {
  return async (stage, work) => {
    const { frame } = work;
    const { features, classes } = await measured(stage, work, measure);
    frame.take(param(stage, 'featuresCol') ?? 'features', vectorOf(features), stage.name);
    const names = namesFor(frame.labels.get(param(stage, 'labelCol') ?? ''), classes.value);
    const count = classes.value ?? names?.value?.length ?? null;
    const size =
      classes.value === null && count !== null ? derived(count, 'the labels of the indexer') : classes;
    const values = count === null ? undefined : numbersTo(count, size.evidence.where);
    for (const column of columns) {
      const name = param(stage, `${column === 'raw' ? 'rawPrediction' : column}Col`);
      if (name === null) continue;
      if (column === 'prediction')
        frame.make(
          name,
          { ...double('a class is numbered by a double'), ...(values && { labels: values }) },
          stage.name,
        );
      else {
        // Of Spark 2.4 the Scala side adds it and the Python side does not.
        const optional = stage.name === 'OneVsRestModel' && isBefore(stage, 3, 0);
        frame.make(name, { ...vectorOf(size), labels: names ?? values, optional }, stage.name);
      }
    }
    await leaves(stage, work);
  };
}

/** Trees may say which leaf each of them ends in. */
async function leaves(stage: Stage, { frame }: Work): Promise<void> {
  const name = param(stage, 'leafCol');
  if (name === null) return;
  if (stage.name.startsWith('DecisionTree')) {
    frame.make(name, double('a leaf is numbered by a double'), stage.name);
    return;
  }
  const trees = count(stage, 'numTrees');
  frame.make(
    name,
    vectorOf(trees === null ? unknown('the number of trees') : derived(trees, 'numTrees')),
    stage.name,
  );
}

const predictionFirst = (a: string, b: string): number =>
  Number(b === 'predictionCol') - Number(a === 'predictionCol');

/** `columns` in the order in which transform() adds them. */
function regressor(measure: Measure, columns: readonly string[] = ['predictionCol']): StageReader {
  return async (stage, work) => {
    const { features } = await measured(stage, work, measure);
    work.frame.take(param(stage, 'featuresCol') ?? 'features', vectorOf(features), stage.name);
    const offset = stage.name === 'GeneralizedLinearRegressionModel' ? param(stage, 'offsetCol') : null;
    if (offset !== null) work.frame.take(offset, anyNumber, stage.name);
    // Until Spark 3 every predictor gave its prediction first.
    for (const column of isBefore(stage, 3, 0) ? columns.toSorted(predictionFirst) : columns) {
      const name = param(stage, column);
      if (name !== null) work.frame.make(name, double('a regression gives doubles'), stage.name);
    }
    await leaves(stage, work);
  };
}

/** Gives the number of a cluster, and where it is a mixture the probabilities of all. */
function clusterer(measure: Measure): StageReader {
  return async (stage, work) => {
    const { features, classes } = await measured(stage, work, measure);
    work.frame.take(param(stage, 'featuresCol') ?? 'features', vectorOf(features), stage.name);
    const labels = classes.value === null ? undefined : numbersTo(classes.value, classes.evidence.where);
    const cluster: Said = { ...INT, ...(labels && { labels }) };
    const prediction = param(stage, 'predictionCol');
    const probability = stage.name === 'GaussianMixtureModel' ? param(stage, 'probabilityCol') : null;
    const old = isBefore(stage, 3, 0);
    if (prediction !== null && old) work.frame.make(prediction, cluster, stage.name);
    if (probability !== null)
      work.frame.make(probability, { ...vectorOf(classes), ...(labels && { labels }) }, stage.name);
    if (prediction !== null && !old) work.frame.make(prediction, cluster, stage.name);
  };
}

const all = ['raw', 'probability', 'prediction'] as const;
const trees: Measure = inMetadata;
const twoTrees: Measure = async (stage) => ({ features: count(stage, 'numFeatures'), classes: 2 });

const logistic: Measure = async (stage, work) => {
  const data = await work.footers(stage);
  return {
    features: count(stage, 'numFeatures') ?? data?.number('numFeatures') ?? null,
    classes: count(stage, 'numClasses') ?? data?.number('numClasses') ?? null,
  };
};

const bayes: Measure = async (stage, work) => {
  const data = await work.footers(stage);
  return { features: data?.number('theta.numCols') ?? null, classes: data?.vector('pi') ?? null };
};

const perceptron: Measure = async (stage, work) => {
  const own = stage.params['layers'];
  const layers: unknown = Array.isArray(own) ? own : (await work.column(stage, 'layers'))[0];
  const sizes = Array.isArray(layers) ? layers.map(Number) : [];
  const valid = sizes.length > 1 && sizes.every((one) => Number.isSafeInteger(one) && one > 0);
  return { features: valid ? (sizes[0] ?? null) : null, classes: valid ? (sizes.at(-1) ?? null) : null };
};

const oneVsRest: Measure = async (stage, work) => {
  const [first] = stage.stages;
  const measure = first && entryOf(MEASURES, first.name);
  const inner = measure ? await measure(first, work) : null;
  return { features: inner?.features ?? null, classes: count(stage, 'numClasses') };
};

/** Spark 2.4 came to give scores, in Scala only. */
function columnsOfRest(stage: Stage): readonly ('raw' | 'prediction')[] {
  if (isBefore(stage, 2, 4)) return ['prediction'];
  return isBefore(stage, 3, 0) ? ['prediction', 'raw'] : ['raw', 'prediction'];
}

const kmeans: Measure = async (stage, work) => {
  const data = await work.footers(stage);
  const rows = data?.vector('clusterCenter') ?? null;
  return { features: rows, classes: rows === null ? null : (data?.rows ?? null) };
};

/** Its tree is kept as the RDD-based library kept it: a table below the table. Nodes without children are clusters. */
const bisecting: Measure = async (stage, work) => {
  const data = (await work.footers(stage, 'data/data')) ?? (await work.footers(stage));
  const leaves = data?.empty('children') ?? 0;
  return { features: data?.vector('center') ?? null, classes: leaves > 0 ? leaves : null };
};

const mixture: Measure = async (stage, work) => {
  const data = await work.footers(stage);
  const k = count(stage, 'k') ?? data?.entries('weights') ?? null;
  const values = data?.number('mus.type') === 1 ? (data.entries('mus.values') ?? null) : null;
  return {
    features: values !== null && k !== null && k > 0 && values % k === 0 ? values / k : null,
    classes: k,
  };
};

const linear = vectorColumn('coefficients');

const MEASURES: Readonly<Record<string, Measure>> = {
  LogisticRegressionModel: logistic,
  LinearSVCModel: vectorColumn('coefficients', 2),
  DecisionTreeClassificationModel: trees,
  RandomForestClassificationModel: trees,
  GBTClassificationModel: twoTrees,
  NaiveBayesModel: bayes,
  MultilayerPerceptronClassificationModel: perceptron,
  FMClassificationModel: vectorColumn('linear', 2),
};

const lda: StageReader = async (stage, work) => {
  const data = await work.footers(stage);
  const [inner] = stage.stages;
  const words =
    data?.number('topicsMatrix.numRows') ??
    data?.number('vocabSize') ??
    (inner ? count(inner, 'vocabSize') : null);
  const topics =
    data?.number('topicsMatrix.numCols') ?? (inner ? count(inner, 'k') : null) ?? count(stage, 'k');
  work.frame.take(
    param(stage, 'featuresCol') ?? 'features',
    vectorOf(words === null ? unknown('the size of the vocabulary') : derived(words, 'vocabSize')),
    stage.name,
  );
  const output = param(stage, 'topicDistributionCol');
  if (output !== null)
    work.frame.make(
      output,
      vectorOf(topics === null ? unknown('k') : derived(topics, 'the topics of the model')),
      stage.name,
    );
};

const survival: StageReader = async (stage, work) => {
  await regressor(linear)(stage, work);
  const quantiles = param(stage, 'quantilesCol');
  const list = stage.params['quantileProbabilities'];
  if (quantiles === null) return;
  const size: Told<number> = Array.isArray(list)
    ? derived(list.length, 'quantileProbabilities')
    : unknown('quantileProbabilities');
  work.frame.make(quantiles, vectorOf(size), stage.name);
};

/** Takes numbers and vectors alike, unless it says which number of a vector it means. */
const isotonic: StageReader = (stage, { frame }) => {
  const form = (count(stage, 'featureIndex') ?? 0) > 0 ? 'vector' : null;
  frame.take(param(stage, 'featuresCol') ?? 'features', { ...double('a feature'), form }, stage.name);
  const name = param(stage, 'predictionCol');
  if (name !== null) frame.make(name, double('a regression gives doubles'), stage.name);
};

const als: StageReader = (stage, { frame }) => {
  const id: Said = {
    type: assumed('int32', 'any number is taken that fits an integer'),
    form: 'scalar',
  };
  for (const column of ['userCol', 'itemCol']) frame.take(param(stage, column) ?? '', id, stage.name);
  const name = param(stage, 'predictionCol');
  if (name !== null)
    frame.make(name, { type: derived('float32', 'ALS predicts floats'), form: 'scalar' }, stage.name);
};

const frequent: StageReader = async (stage, { frame, footers }) => {
  const data = await footers(stage);
  const type = data?.type('items') ?? null;
  const open: Said = {
    type: type ? stated(type, 'data items') : unknown('items may be of any type', 'the type'),
    form: 'list',
  };
  frame.take(param(stage, 'itemsCol') ?? 'items', open, stage.name);
  const name = param(stage, 'predictionCol');
  if (name !== null) frame.make(name, open, stage.name);
};

/** Stages that predict, by class. Source: Spark, ml/{classification,regression,clustering,recommendation,fpm}. */
export const PREDICTORS: Readonly<Record<string, StageReader>> = {
  LogisticRegressionModel: classifier(all, logistic),
  LinearSVCModel: classifier(['raw', 'prediction'], vectorColumn('coefficients', 2)),
  DecisionTreeClassificationModel: classifier(all, trees),
  RandomForestClassificationModel: classifier(all, trees),
  GBTClassificationModel: classifier(all, twoTrees),
  NaiveBayesModel: classifier(all, bayes),
  MultilayerPerceptronClassificationModel: classifier(all, perceptron),
  FMClassificationModel: classifier(all, vectorColumn('linear', 2)),
  OneVsRestModel: (stage, work) => classifier(columnsOfRest(stage), oneVsRest)(stage, work),
  LinearRegressionModel: regressor(linear),
  GeneralizedLinearRegressionModel: regressor(linear, ['linkPredictionCol', 'predictionCol']),
  DecisionTreeRegressionModel: regressor(inMetadata, ['predictionCol', 'varianceCol']),
  RandomForestRegressionModel: regressor(inMetadata),
  GBTRegressionModel: regressor(inMetadata),
  FMRegressionModel: regressor(vectorColumn('linear')),
  AFTSurvivalRegressionModel: survival,
  IsotonicRegressionModel: isotonic,
  KMeansModel: clusterer(kmeans),
  BisectingKMeansModel: clusterer(bisecting),
  GaussianMixtureModel: clusterer(mixture),
  LocalLDAModel: lda,
  DistributedLDAModel: lda,
  ALSModel: als,
  FPGrowthModel: frequent,
  ...BOOSTED,
};
