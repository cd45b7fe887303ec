import type { Label } from '../../contract/types.ts';
import { entryOf } from '../../model/entry.ts';
import { FEATURES } from './features.ts';
import { type Frame, newFrame } from './frame.ts';
import { parametersOf } from './parameters.ts';
import { PREDICTORS } from './predictors.ts';
import { isBefore, pairs, param, type Stage } from './stage.ts';
import type { Tables } from './tables.ts';
import { unknownStage } from './unknown.ts';
import type { Work } from './work.ts';

export interface Folded {
  readonly frame: Frame;
  /** The predictor that classifies, with the names of its classes where an indexer of the pipeline has them. */
  readonly labels: readonly Label[] | null;
  /** Trained parameters of all predictors together. */
  readonly parameters: number | null;
}

/** Classes of Spark itself, and those that XGBoost and LightGBM bring for it. */
const OWN =
  /^(?:(?:org\.apache\.spark|pyspark)\.ml|xgboost\.spark|ml\.dmlc\.xgboost4j|com\.microsoft\.(?:azure\.synapse\.ml|ml\.spark))\./;

/** All stages that run on data, in order, without what only groups them. */
export function flatten(stage: Stage): Stage[] {
  const grouped = ['PipelineModel', 'Pipeline', 'CrossValidatorModel', 'TrainValidationSplitModel'];
  return grouped.includes(stage.name) ? stage.stages.flatMap(flatten) : [stage];
}

/** Sends columns through the stages, and sees which have to be there before and which are there after. */
export async function fold(root: Stage, tables: Tables): Promise<Folded> {
  const stages = flatten(root);
  const work = (training: ReadonlySet<string>): Work => ({
    frame: newFrame(),
    training,
    footers: tables.footers,
    column: tables.column,
    booster: tables.booster,
  });
  // What a stage takes as data is no label, whatever the next one calls it: that shows in a first pass.
  const targets = new Set(stages.flatMap(targetsOf));
  const trial = work(new Set());
  await runAll(stages, trial);
  const taken = new Set(
    [...trial.frame.made, ...trial.frame.given].flatMap((one) => (one.taken ? one.name : [])),
  );
  const training = new Set([...targets, ...indicesOf(stages, targets)].filter((name) => !taken.has(name)));
  const final = work(training);
  await runAll(stages, final);
  final.frame.settle();
  const predictors = stages.filter((stage) => stage.name in PREDICTORS);
  const predictor = predictors.findLast(isSupervised);
  const labels =
    predictor &&
    (final.frame.labels.get(param(predictor, 'labelCol') ?? '') ??
      final.frame.labels.get(param(predictor, 'predictionCol') ?? ''));
  const counts = await Promise.all(predictors.map((stage) => parametersOf(stage, tables)));
  return { frame: final.frame, labels: labels?.value ?? null, parameters: total(counts) };
}

/** Indices that a stage makes of a target. */
function indicesOf(stages: readonly Stage[], targets: ReadonlySet<string>): string[] {
  return stages
    .filter((stage) => stage.name === 'StringIndexerModel')
    .flatMap((stage) => pairs(stage).flatMap(({ input, output }) => (targets.has(input) ? [output] : [])));
}

/** All of them together; `null` when one is not known. */
function total(counts: readonly (number | null)[]): number | null {
  if (counts.length === 0) return null;
  return counts.reduce((sum, one) => (sum === null || one === null ? null : sum + one), 0);
}

async function runAll(stages: readonly Stage[], work: Work): Promise<void> {
  for (const stage of stages) await runStage(stage, work);
}

/** Reads one stage by its class. Stages of other packages are read by their parameters alone. */
async function runStage(stage: Stage, work: Work): Promise<void> {
  if (stage.name === 'RFormulaModel') return runFormula(stage, work);
  const own = OWN.test(stage.class);
  const reader = own ? (entryOf(FEATURES, stage.name) ?? entryOf(PREDICTORS, stage.name)) : undefined;
  await (reader ?? unknownStage)(stage, work);
}

const ESTIMATORS = new Set(
  'Pipeline CrossValidator TrainValidationSplit QuantileDiscretizer LDA FPGrowth PrefixSpan PowerIterationClustering'.split(
    ' ',
  ),
);

/** Whether it is of Spark's own and fit() was not called: of an estimator, the model is named after it. */
export function isUnfitted(stage: Stage): boolean {
  if (!OWN.test(stage.class)) return false;
  // The encoder of Spark 2 that is not fitted has the name of an estimator of Spark 3.
  if (stage.name === 'OneHotEncoder') return !isBefore(stage, 3, 0);
  if (stage.name in FEATURES || stage.name in PREDICTORS) return false;
  const model = stage.name.replace(/(?:Classifier|Regressor)$/, (end) =>
    end === 'Classifier' ? 'Classification' : 'Regression',
  );
  return (
    ESTIMATORS.has(stage.name) ||
    [`${stage.name}Model`, `${model}Model`].some((name) => name in FEATURES || name in PREDICTORS) ||
    stage.name === 'RFormula'
  );
}

/** A formula runs as a pipeline of its own; of its columns only the result stays. */
async function runFormula(stage: Stage, work: Work): Promise<void> {
  const { frame } = work;
  const before = new Set(frame.made);
  const label = param(stage, 'labelCol');
  const inner = stage.stages.flatMap(flatten);
  const training = new Set([...work.training, ...(label === null ? [] : [label])]);
  // Since Spark 2.4 a formula notes the size of each term that is a vector: the others are numbers.
  const numbers = !isBefore(stage, 2, 4);
  for (const one of inner) await runStage(one, { ...work, training, numbers });
  const result = param(stage, 'featuresCol');
  for (const column of frame.made) if (!before.has(column) && column.name !== result) column.hidden = true;
  // The label goes on under the formula's name for it.
  const names = frame.labels.get(targetOf(stage) ?? '');
  if (label !== null && names && !frame.labels.has(label)) frame.labels.set(label, names);
}

/** What stands to the left in `y ~ a + b`. */
function targetOf(stage: Stage): string | null {
  const [left = '', right] = (param(stage, 'formula') ?? '').split('~', 2);
  const name = left.trim();
  return right !== undefined && name !== '' ? name : null;
}

const isSupervised = (stage: Stage): boolean => 'labelCol' in stage.params || stage.name in PREDICTORS;

/** Columns that a stage needs in training only. */
function targetsOf(stage: Stage): string[] {
  const label = isSupervised(stage) ? param(stage, 'labelCol') : null;
  const target = stage.name === 'RFormulaModel' ? targetOf(stage) : null;
  return [label, target].filter((one) => one !== null);
}
