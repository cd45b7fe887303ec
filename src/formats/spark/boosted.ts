import { derived, type Told, unknown } from '../told.ts';
import type { Booster } from './booster.ts';
import { anyNumber, double, type Said, vectorOf } from './frame.ts';
import { param, params, type Stage } from './stage.ts';
import { namesFor, numbersTo, type StageReader, type Work } from './work.ts';

/** A column that a model gives: its parameter, and what is in it. */
type Column = 'rawPredictionCol' | 'probabilityCol' | 'predictionCol';
/** Columns that are given where they are asked for. */
type Asked = Readonly<Record<string, (booster: Booster | null, classes: number, stage: Stage) => Said>>;

/** `columns` in the order in which transform() adds them; before and behind them, what is asked for. */
const boosted =
  (columns: readonly Column[], before: Asked, behind: Asked): StageReader =>
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
    const make = (column: string, said: Said) => {
      const name = param(stage, column);
      if (name !== null) frame.make(name, said, stage.name);
    };
    const makeAll = (asked: Asked) => {
      for (const [column, said] of Object.entries(asked)) make(column, said(booster, classes ?? 0, stage));
    };
    makeAll(before);
    for (const column of columns) make(column, column === 'predictionCol' ? answer : scores);
    makeAll(behind);
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
/** What each feature adds, and what they start from, for each class. */
const contributions = (booster: Booster | null, classes: number): Said => {
  const features = booster?.features ?? null;
  const each = features === null ? null : (features + 1) * (classes > 2 ? classes : 1);
  return vectorOf(told(each, 'how many features it takes'));
};
/** Until 3.0 metadata told the version of XGBoost, and what was asked for came as lists. */
const isOld = (stage: Stage): boolean => 'xgboostVersion' in stage.extras;

const NOTHING: Asked = {};
const ofPython: Asked = {
  pred_contrib_col: (_, classes) => (classes > 2 ? { ...lists('float64'), form: null } : lists('float64')),
};
const ofJvm: Asked = {
  leafPredictionCol: (_, __, stage) => (isOld(stage) ? lists('float32') : vectorOf()),
  contribPredictionCol: (booster, classes, stage) =>
    isOld(stage) ? lists('float32') : contributions(booster, classes),
};
const ofLight: Asked = { leafPredictionCol: () => vectorOf(), featuresShapCol: contributions };

const fromScores = ['rawPredictionCol', 'probabilityCol', 'predictionCol'] as const;

/**
 * What XGBoost and LightGBM fit on Spark, by class. Source: XGBoost, python-package/xgboost/spark/core.py and
 * jvm-packages/xgboost4j-spark; SynapseML, lightgbm.
 */
export const BOOSTED: Readonly<Record<string, StageReader>> = {
  SparkXGBClassifierModel: boosted(
    ['rawPredictionCol', 'predictionCol', 'probabilityCol'],
    NOTHING,
    ofPython,
  ),
  SparkXGBRegressorModel: boosted(['predictionCol'], NOTHING, ofPython),
  SparkXGBRankerModel: boosted(['predictionCol'], NOTHING, ofPython),
  XGBoostClassificationModel: boosted(fromScores, ofJvm, NOTHING),
  XGBoostRegressionModel: boosted(['predictionCol'], ofJvm, NOTHING),
  XGBoostRankerModel: boosted(['predictionCol'], ofJvm, NOTHING),
  LightGBMClassificationModel: boosted(fromScores, NOTHING, ofLight),
  LightGBMRegressionModel: boosted(['predictionCol'], NOTHING, ofLight),
  LightGBMRankerModel: boosted(['predictionCol'], NOTHING, ofLight),
};
