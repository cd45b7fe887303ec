import { derived, type Told, unknown } from '../told.ts';
import { anyNumber, double, type Said, vectorOf } from './frame.ts';
import { param, params, type Stage } from './stage.ts';
import { namesFor, numbersTo, type StageReader, type Work } from './work.ts';

/**
 * What the estimators that XGBoost brings for PySpark fit: they take a vector, or columns one by one. Source: XGBoost,
 * python-package/xgboost/spark/core.py.
 */
const boosted =
  (classifies: boolean): StageReader =>
  async (stage, work) => {
    const { frame } = work;
    const booster = await work.booster(stage);
    const features = numberOf(booster?.['num_feature']);
    take(stage, work, features);
    const margin = param(stage, 'base_margin_col');
    if (margin !== null) frame.take(margin, anyNumber, stage.name);
    // Of two classes the model gives one probability.
    const classes = booster === null ? null : Math.max(2, numberOf(booster['num_class']) ?? 0);
    const values = classes === null ? undefined : numbersTo(classes, `${stage.name} num_class`);
    const names = namesFor(frame.labels.get(param(stage, 'labelCol') ?? ''), classes);
    const scores: Said = {
      ...vectorOf(told(classes, 'how many classes there are')),
      labels: names ?? values,
    };
    const make = (column: string, said: Said) => {
      const name = param(stage, column);
      if (name !== null) frame.make(name, said, stage.name);
    };
    if (classifies) make('rawPredictionCol', scores);
    make('predictionCol', { ...double('predictions are doubles'), labels: classifies ? values : undefined });
    if (classifies) make('probabilityCol', scores);
    const byClass = classifies && classes !== 2;
    make('pred_contrib_col', {
      type: derived('float64', 'contributions are lists of doubles'),
      form: byClass ? null : 'list',
    });
  };

function take(stage: Stage, { frame }: Work, features: number | null): void {
  const columns = params(stage, 'features_cols');
  for (const column of columns) frame.take(column, anyNumber, stage.name);
  if (columns.length > 0) return;
  const size = told(features, 'how many features it takes');
  frame.take(param(stage, 'featuresCol') ?? 'features', vectorOf(size), stage.name);
}

/** XGBoost writes numbers as text. */
function numberOf(value: unknown): number | null {
  const number = Number(value);
  return typeof value === 'string' && Number.isSafeInteger(number) && number > 0 ? number : null;
}

const told = (value: number | null, what: string): Told<number> =>
  value === null ? unknown(`the model beside the metadata does not say ${what}`) : derived(value, 'model');

/** The models by class. */
export const XGBOOST: Readonly<Record<string, StageReader>> = {
  SparkXGBClassifierModel: boosted(true),
  SparkXGBRegressorModel: boosted(false),
  SparkXGBRankerModel: boosted(false),
};
