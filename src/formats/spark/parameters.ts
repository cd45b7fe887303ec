import { entryOf } from '../../model/entry.ts';
import type { Footers } from './parquet.ts';
import { count, type Stage } from './stage.ts';
import type { Tables } from './tables.ts';

type Counter = (stage: Stage, tables: Pick<Tables, 'footers'>) => Promise<number | null>;

/** Coefficients, and intercepts where they are fitted. */
const linear =
  (coefficients: string, more = 0): Counter =>
  async (stage, tables) =>
    sum(
      (await tables.footers(stage))?.vector(coefficients),
      (stage.params['fitIntercept'] === false ? 0 : 1) + more,
    );

const logistic: Counter = async (stage, tables) => {
  const data = await tables.footers(stage);
  const weights = matrix(data, 'coefficientMatrix');
  // Until Spark 2.0 there was one row and one intercept.
  if (weights === null) return linear('coefficients')(stage, tables);
  return sum(weights, stage.params['fitIntercept'] === false ? 0 : data?.vector('interceptVector'));
};

const factorization: Counter = async (stage, tables) => {
  const data = await tables.footers(stage);
  return sum(
    matrix(data, 'factors'),
    stage.params['fitLinear'] === false ? 0 : data?.vector('linear'),
    stage.params['fitIntercept'] === false ? 0 : 1,
  );
};

const perceptron: Counter = async (stage, tables) => (await tables.footers(stage))?.vector('weights') ?? null;

const oneVsRest: Counter = async (stage, tables) => {
  const [first] = stage.stages;
  const classes = count(stage, 'numClasses');
  const each = first ? await parametersOf(first, tables) : null;
  return each === null || classes === null ? null : each * classes;
};

const factors: Counter = async (stage, tables) => {
  const users = await tables.footers(stage, 'userFactors');
  const items = await tables.footers(stage, 'itemFactors');
  return sum(users?.entries('features'), items?.entries('features'));
};

/** Models whose parameters are the numbers that fit() minimises over, by class. */
const COUNTERS: Readonly<Record<string, Counter>> = {
  LogisticRegressionModel: logistic,
  LinearSVCModel: linear('coefficients'),
  LinearRegressionModel: linear('coefficients'),
  GeneralizedLinearRegressionModel: linear('coefficients'),
  // Beside the intercept it fits the scale of the survival times.
  AFTSurvivalRegressionModel: linear('coefficients', 1),
  FMClassificationModel: factorization,
  FMRegressionModel: factorization,
  MultilayerPerceptronClassificationModel: perceptron,
  OneVsRestModel: oneVsRest,
  ALSModel: factors,
};

/** Count of trained parameters; `null` of models that have none to count, such as trees, and where it does not follow. */
export async function parametersOf(stage: Stage, tables: Pick<Tables, 'footers'>): Promise<number | null> {
  return (await entryOf(COUNTERS, stage.name)?.(stage, tables)) ?? null;
}

/** Dense or sparse, a matrix says its sides. */
function matrix(data: Footers | null, column: string): number | null {
  const rows = data?.number(`${column}.numRows`) ?? null;
  const columns = data?.number(`${column}.numCols`) ?? null;
  return rows === null || columns === null ? null : rows * columns;
}

function sum(...parts: readonly (number | null | undefined)[]): number | null {
  let all = 0;
  for (const part of parts) {
    if (part === null || part === undefined) return null;
    all += part;
  }
  return Number.isSafeInteger(all) ? all : null;
}
