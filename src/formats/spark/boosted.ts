import { derived, type Told, unknown } from '../told.ts';
import type { Booster } from './booster.ts';
import { anyNumber, double, type Said, vectorOf } from './frame.ts';
import { param, params, type Stage } from './stage.ts';
import { namesFor, numbersTo, type StageReader, type Work } from './work.ts';

/** A column that a model gives: its parameter, and what is in it. */
type Column = 'rawPredictionCol' | 'probabilityCol' | 'predictionCol';
/** A column that is given where it is asked for. */
type Asked = (booster: Booster | null, classes: number) => Said;

/** `columns` in the order in which transform() adds them, and behind them what is asked for. */
const boosted =
  (columns: readonly Column[], asked: Readonly<Record<string, Asked>>): StageReader =>
  async (stage, work) => {
    const { frame } = work;
    const booster = await work.booster(stage);
    take(stage, work, booster);
    const margin = param(stage, 'base_margin_col') ?? param(stage, 'baseMarginCol');
    if (margin !== null) frame.take(margin, anyNumber, stage.name);
    const classifies = columns.length > 1;
    // Of two classes a booster tells one probability.
    const classes = booster === null ? null : Math.max(classifies ? 2 : 1, booster.classes);
    const values = !classifies || classes === null ? undefined : numbersTo(classes, 'the booster');
    const names = namesFor(frame.labels.get(param(stage, 'labelCol') ?? ''), classes);
    const scores: Said = {
      ...vectorOf(told(classes, 'how many classes there are')),
      labels: names ?? values,
    };
    const answer: Said = { ...double('predictions are doubles'), labels: values };
    for (const column of columns) {
      const name = param(stage, column);
      if (name !== null) frame.make(name, column === 'predictionCol' ? answer : scores, stage.name);
    }
    for (const [column, said] of Object.entries(asked)) {
      const name = param(stage, column);
      if (name !== null) frame.make(name, said(booster, classes ?? 0), stage.name);
    }
  };

function take(stage: Stage, { frame }: Work, booster: Booster | null): void {
  const columns = params(stage, 'features_cols');
  for (const column of columns) frame.take(column, anyNumber, stage.name);
  if (columns.length > 0) return;
  const size = told(booster?.features ?? null, 'how many features it takes');
  frame.take(param(stage, 'featuresCol') ?? 'features', vectorOf(size), stage.name);
}

const told = (value: number | null, what: string): Told<number> =>
  value === null ? unknown(`the booster does not say ${what}`) : derived(value, 'the booster');

const lists = (type: 'float32' | 'float64'): Said => ({
  type: derived(type, 'what is asked for comes as a list'),
  form: 'list',
});
const ofPython = {
  pred_contrib_col: (_, classes) => (classes > 2 ? { ...lists('float64'), form: null } : lists('float64')),
} satisfies Record<string, Asked>;
const ofJvm = {
  leafPredictionCol: () => lists('float32'),
  contribPredictionCol: () => lists('float32'),
} satisfies Record<string, Asked>;
const ofLight = {
  leafPredictionCol: () => vectorOf(),
  featuresShapCol: (booster, classes) => {
    const features = booster?.features ?? null;
    const each = features === null ? null : (features + 1) * (classes > 2 ? classes : 1);
    return vectorOf(told(each, 'how many features it takes'));
  },
} satisfies Record<string, Asked>;

const fromScores = ['rawPredictionCol', 'probabilityCol', 'predictionCol'] as const;

/**
 * What XGBoost and LightGBM fit on Spark, by class. Source: XGBoost, python-package/xgboost/spark/core.py and
 * jvm-packages/xgboost4j-spark; SynapseML, lightgbm.
 */
export const BOOSTED: Readonly<Record<string, StageReader>> = {
  SparkXGBClassifierModel: boosted(['rawPredictionCol', 'predictionCol', 'probabilityCol'], ofPython),
  SparkXGBRegressorModel: boosted(['predictionCol'], ofPython),
  SparkXGBRankerModel: boosted(['predictionCol'], ofPython),
  XGBoostClassificationModel: boosted(fromScores, ofJvm),
  XGBoostRegressionModel: boosted(['predictionCol'], ofJvm),
  XGBoostRankerModel: boosted(['predictionCol'], ofJvm),
  LightGBMClassificationModel: boosted(fromScores, ofLight),
  LightGBMRegressionModel: boosted(['predictionCol'], ofLight),
  LightGBMRankerModel: boosted(['predictionCol'], ofLight),
};
