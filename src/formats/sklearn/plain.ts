import type { TypeName } from '../../contract/types.ts';
import { assumed, derived, type Told, type ToldField, unknown } from '../told.ts';
import { classifierHas, single } from './classifiers.ts';
import { type Kind, type Method, plainEstimator } from './estimators.ts';
import { array, at, child, children, count, type Obj, scalar, typeOfArray } from './object.ts';
import {
  convention,
  float64,
  type Methods,
  output,
  SCORES,
  transformed,
  transformedType,
} from './outputs.ts';
import { computed } from './precision.ts';
import { atLeast } from './versions.ts';

/** Methods of scikit-learn's own estimators, with the conditions on their parameters. */
export function plainMethods(
  obj: Obj,
  kind: Kind,
  all: readonly Method[],
  inside: (inner: Obj | null | undefined) => Methods | null,
): Methods | null {
  switch (kind) {
    case 'classifier':
      return single(
        obj,
        all.filter((method) => classifierHas(obj, method, inside)),
        inside,
      );
    case 'regressor':
      return {
        predict: [prediction(obj)],
        ...(all.includes('transform') && {
          transform: [
            obj.name === 'IsotonicRegression'
              ? { ...prediction(obj), name: convention('transformed') }
              : transformed(obj),
          ],
        }),
      };
    case 'clusterer': {
      const type: Told<TypeName> = /^(AffinityPropagation|MeanShift|Birch)$/.test(obj.name)
        ? assumed('int64', `${obj.name} gives int64`)
        : assumed('int32', `${obj.name} gives int32`);
      return {
        ...(all.includes('predict') && { predict: [output('cluster', type, [], 'one cluster a row')] }),
        ...(all.includes('transform') && { transform: [transformed(obj)] }),
      };
    }
    case 'density': {
      const n = array(obj, 'means_')?.shape[0] ?? count(obj, 'n_components');
      return {
        predict: [
          output('cluster', assumed('int64', 'the component with the highest probability'), [], 'one a row'),
        ],
        predict_proba: [output('probabilities', float64(SCORES), [n], at(obj, 'means_'))],
        score_samples: [output('scores', float64(SCORES), [], 'one score a row')],
      };
    }
    case 'outlier': {
      if (obj.name === 'LocalOutlierFactor' && scalar(obj, 'novelty') !== true) return {};
      const old = !atLeast(obj, 0, 20);
      // Before 0.20 outliers of that class alone could be told, with one novelty a row.
      if (old && obj.name === 'LocalOutlierFactor') return {};
      const column = old && obj.name === 'OneClassSVM';
      const type = assumed<TypeName>(
        obj.name === 'SGDOneClassSVM' ? 'int32' : column && !atLeast(obj, 0, 19) ? 'float64' : 'int64',
        `${obj.name} gives 1 or -1`,
      );
      return {
        predict: [output('label', type, [], 'one a row', assumed([-1, 1], '-1 is an outlier'))],
        decision_function: [output('scores', float64(SCORES), column ? [1] : [], 'one score a row')],
        ...(!old && { score_samples: [output('scores', float64(SCORES), [], 'one score a row')] }),
      };
    }
    case 'transformer':
      if (obj.name === 'LabelEncoder')
        return { transform: [output('transformed', transformedType(obj), [], 'one a row')] };
      if (obj.name === 'LabelBinarizer' || obj.name === 'MultiLabelBinarizer') {
        const n = array(obj, 'classes_')?.shape[0] ?? null;
        const k = n === 2 && obj.name === 'LabelBinarizer' ? 1 : n;
        return { transform: [output('transformed', transformedType(obj), [k], at(obj, 'classes_'))] };
      }
      if (obj.name === 'PatchExtractor')
        return { transform: [output('transformed', unknown('patches'), [null], 'patches')] };
      return {
        transform: [transformed(obj)],
        ...(all.includes('score_samples') && {
          score_samples: [output('scores', computed(obj, SCORES), [], 'one score a row')],
        }),
      };
    case 'none':
      return {
        ...(all.includes('score_samples') && {
          score_samples: [output('scores', float64(SCORES), [], 'one score a row')],
        }),
        ...(all.includes('kneighbors') && { kneighbors: neighbours(obj) }),
      };
  }
}

/** The nearest of what it was fitted with: how far each is, and which row it was. */
function neighbours(obj: Obj): ToldField[] {
  const n = count(obj, 'n_neighbors');
  const where = at(obj, 'n_neighbors');
  return [
    output('distances', float64(SCORES), [n], where),
    output('indices', assumed('int64', 'positions are int64'), [n], where),
  ];
}

/** Bagging gives the mean of what its regressors give. */
function bagged(obj: Obj): ToldField | null {
  const [first] = children(obj, 'estimators_');
  if (!first) return null;
  const shape = plainEstimator(first.name) && prediction(first).shape;
  return shape?.value ? { ...output('prediction', float64('a mean'), [], ''), shape } : null;
}

/** What a regressor of scikit-learn predicts. */
export function prediction(obj: Obj): ToldField {
  const type = computed(obj, 'regressors give float64');
  const one = (where: string) => output('prediction', type, [], where);
  const several = (n: number | null, where: string) => output('prediction', type, [n], where);
  const byRank = (name: string): ToldField | null => {
    const found = array(obj, name);
    if (!found) return null;
    return found.shape.length === 2
      ? several(found.shape[1] ?? null, `${at(obj, name)}.shape`)
      : one(`${at(obj, name)}.shape`);
  };
  const open = (reason: string): ToldField => ({ ...one(reason), shape: unknown(reason) });
  if (/^(KNeighbors|RadiusNeighbors)Regressor$/.test(obj.name)) {
    const targets = array(obj, '_y');
    const field = byRank('_y') ?? open('the targets were not found');
    const kind = targets && typeOfArray(targets.dtype);
    return kind === 'float64' || kind === 'int64'
      ? field
      : { ...field, type: unknown(`${at(obj, '_y')}.dtype`) };
  }
  if (obj.name === 'GaussianProcessRegressor') {
    // Since 1.1 one target is one target, also where it was given as a column.
    if (array(obj, 'y_train_')?.shape[1] === 1 && atLeast(obj, 1, 1))
      return one(`${at(obj, 'y_train_')}.shape`);
    return byRank('y_train_') ?? open('the targets were not found');
  }
  if (obj.name === 'GaussianProcess') {
    const n = array(obj, 'y')?.shape[1] ?? null;
    return count(obj, 'y_ndim_') === 1 ? one(at(obj, 'y_ndim_')) : several(n, `${at(obj, 'y')}.shape`);
  }
  if (obj.name === 'KernelRidge') return byRank('dual_coef_') ?? open('dual_coef_ was not found');
  if (/^(PLSRegression|PLSCanonical|CCA)$/.test(obj.name)) {
    const flat = scalar(obj, '_predict_1d');
    if (flat === true) return one(at(obj, '_predict_1d'));
    const n = array(obj, 'y_loadings_')?.shape[0] ?? null;
    return several(n, `${at(obj, 'y_loadings_')}.shape[0]`);
  }
  if (obj.name === 'DummyRegressor') {
    const n = count(obj, 'n_outputs_');
    const constant = array(obj, 'constant_');
    const kind = constant && typeOfArray(constant.dtype);
    // Until 0.21 a target that was given as a column came back as one.
    const flat = n === 1 && scalar(obj, 'output_2d_') !== true;
    const field =
      n === null
        ? open('n_outputs_ was not found')
        : flat
          ? one(at(obj, 'n_outputs_'))
          : several(n, at(obj, 'n_outputs_'));
    const own = kind && !atLeast(obj, 0, 20) ? 'float64' : kind;
    return { ...field, type: own ? derived(own, `${at(obj, 'constant_')}.dtype`) : unknown('constant_') };
  }
  const outputs = count(obj, 'n_outputs_');
  if (outputs !== null)
    return outputs === 1 ? one(at(obj, 'n_outputs_')) : several(outputs, at(obj, 'n_outputs_'));
  if (obj.name === 'RANSACRegressor') {
    const inner = child(obj, 'estimator_');
    return inner && plainEstimator(inner.name)
      ? prediction(inner)
      : open('the regressor inside is not known');
  }
  if (
    /^(SVR|NuSVR|LinearSVR|IsotonicRegression|HuberRegressor|SGDRegressor|PassiveAggressiveRegressor)$/.test(
      obj.name,
    )
  )
    return one(`${obj.name} has one target`);
  const coefficients = array(obj, 'coef_');
  if (coefficients)
    return coefficients.shape.length === 2
      ? several(coefficients.shape[0] ?? null, `${at(obj, 'coef_')}.shape[0]`)
      : one(`${at(obj, 'coef_')}.shape`);
  if (/^(GradientBoosting|HistGradientBoosting|AdaBoost)Regressor$/.test(obj.name))
    return one(`${obj.name} has one target`);
  if (obj.name === 'BaggingRegressor') return bagged(obj) ?? open('the regressors inside are not known');
  return open(`the number of targets of ${obj.name} was not found`);
}
