import type { Dimension, Label, TypeName } from '../../contract/types.ts';
import { assumed, batched, derived, stated, type Told, type ToldField, unknown } from '../told.ts';
import { attribute, scalarTypeOf } from '../wire/pickle/numpy.ts';
import { is } from '../wire/pickle/values.ts';
import { boostedMethods } from './boosted.ts';
import { type Classes, classesOf } from './classes.ts';
import { type Kind, METHODS, type Method, plainEstimator } from './estimators.ts';
import {
  array,
  at,
  child,
  children,
  count,
  itemsOf,
  MAX_DEPTH,
  type Obj,
  scalar,
  steps,
  text,
} from './object.ts';
import { widthOf } from './widths.ts';

/** What each method of a fitted estimator returns. */
export type Methods = { readonly [M in Method]?: readonly ToldField[] };

const only = (methods: Methods, names: readonly Method[]): Methods =>
  Object.fromEntries(names.flatMap((name) => (methods[name] ? [[name, methods[name]]] : [])));

const convention = (name: string) => assumed(name, 'convention');

export function output(
  name: string,
  type: Told<TypeName>,
  rest: readonly Dimension[],
  where: string,
  labels?: Told<readonly Label[]>,
): ToldField {
  return { name: convention(name), type, shape: derived(batched(...rest), where), ...(labels && { labels }) };
}

const float64 = (where: string): Told<TypeName> => assumed('float64', where);
const SCORES = 'scikit-learn computes scores in float64';

/** The methods of an estimator and what they return; `null` for classes that are not known. */
export function methodsOf(obj: Obj, depth = 0): Methods | null {
  if (depth > MAX_DEPTH) return null;
  const inside = (inner: Obj | null | undefined): Methods | null =>
    inner ? methodsOf(inner, depth + 1) : null;
  const plain = plainEstimator(obj.name);
  const isSklearn = obj.module.startsWith('sklearn.') || obj.module === 'sklearn';
  if (isSklearn && plain) return plainMethods(obj, plain.kind, plain.methods, inside);
  const boosted = boostedMethods(obj);
  if (boosted) return boosted;
  switch (obj.name) {
    case 'Pipeline':
      return pipelineMethods(obj, inside);
    case 'GridSearchCV':
    case 'RandomizedSearchCV':
    case 'HalvingGridSearchCV':
    case 'HalvingRandomSearchCV':
    case 'BayesSearchCV':
      return inside(child(obj, 'best_estimator_')) ?? (child(obj, 'best_estimator_') ? null : {});
    case 'FrozenEstimator':
      return inside(child(obj, 'estimator'));
    case 'SelfTrainingClassifier':
      return inside(child(obj, 'estimator_') ?? child(obj, 'base_estimator_'));
    case 'FixedThresholdClassifier':
    case 'TunedThresholdClassifierCV':
      return inside(child(obj, 'estimator_'));
    case 'RFE':
    case 'RFECV':
      return {
        ...only(inside(child(obj, 'estimator_')) ?? {}, [
          'predict',
          'predict_proba',
          'predict_log_proba',
          'decision_function',
        ]),
        transform: [transformed(obj)],
      };
    case 'TransformedTargetRegressor':
      return targetTransformed(obj, inside(child(obj, 'regressor_')));
    case 'VotingClassifier':
      return {
        ...single(obj, text(obj, 'voting') === 'soft' ? ['predict', 'predict_proba'] : ['predict'], inside),
        transform: [output('transformed', unknown('depends on the voting'), [null], 'voting')],
      };
    case 'StackingClassifier': {
      const last = inside(child(obj, 'final_estimator_')) ?? {};
      const names = METHODS.filter((name) => name === 'predict' || (name !== 'transform' && last[name]));
      return {
        ...single(
          obj,
          names.filter((name) => name !== 'predict_log_proba' && name !== 'score_samples'),
          inside,
        ),
        transform: [transformed(obj)],
      };
    }
    case 'VotingRegressor':
    case 'StackingRegressor':
      return {
        predict: [
          output('prediction', float64('the mean or the final estimator gives float64'), [], 'one target'),
        ],
        transform: [
          output(
            'transformed',
            float64(SCORES),
            [obj.name === 'VotingRegressor' ? children(obj, 'estimators_').length : null],
            at(obj, 'estimators_'),
          ),
        ],
      };
    case 'OneVsRestClassifier': {
      const first = inside(children(obj, 'estimators_')[0]) ?? {};
      const names: Method[] = ['predict'];
      if (first.predict_proba) names.push('predict_proba');
      if (first.decision_function) names.push('decision_function');
      return single(obj, names, inside);
    }
    case 'MultiOutputClassifier':
      return multiOutput(obj, children(obj, 'estimators_'), inside);
    case 'MultiOutputRegressor':
    case 'RegressorChain': {
      const n = children(obj, 'estimators_').length;
      return {
        predict: [
          output('prediction', float64('regressors give float64'), [n], `len(${at(obj, 'estimators_')})`),
        ],
      };
    }
    case 'ClassifierChain': {
      const parts = children(obj, 'estimators_');
      const last = inside(parts[0]) ?? {};
      const shape = `len(${at(obj, 'estimators_')})`;
      return {
        predict: [
          output(
            'label',
            unknown('ClassifierChain changes the type of labels by version'),
            [parts.length],
            shape,
          ),
        ],
        ...(last.predict_proba && {
          predict_proba: [output('probabilities', float64(SCORES), [parts.length], shape)],
        }),
        ...(last.decision_function && {
          decision_function: [output('scores', float64(SCORES), [parts.length], shape)],
        }),
      };
    }
    default:
      return null;
  }
}

function pipelineMethods(obj: Obj, inside: (inner: Obj | null) => Methods | null): Methods | null {
  const list = steps(obj);
  const real = list.filter((step) => step.obj !== null);
  const last = list.at(-1);
  if (!last) return null;
  if (last.obj === null) {
    const before = real.at(-1);
    const given = before?.obj ? inside(before.obj) : null;
    return given?.transform ? { transform: given.transform } : {};
  }
  return inside(last.obj);
}

function transformed(obj: Obj): ToldField {
  const width = widthOf(obj);
  return {
    name: convention('transformed'),
    type: transformedType(obj),
    shape: { value: batched(width.value), evidence: width.evidence },
  };
}

const NUMERIC_RESULT = 'float64 input gives float64';

/** What the entries that come out of `transform` are. */
function transformedType(obj: Obj): Told<TypeName> {
  const dtype = attribute(obj.value, 'dtype');
  switch (obj.name) {
    case 'CountVectorizer':
    case 'HashingVectorizer':
    case 'TfidfVectorizer':
    case 'OneHotEncoder':
    case 'OrdinalEncoder':
    case 'DictVectorizer': {
      const named = is(dtype, 'global') ? /^(u?int|float)(\d+)$/.exec(dtype.name)?.[0] : undefined;
      if (named === 'int64' || named === 'int32' || named === 'float64' || named === 'float32')
        return derived(named, at(obj, 'dtype'));
      return unknown(at(obj, 'dtype'));
    }
    case 'LabelEncoder':
      return assumed('int64', 'LabelEncoder gives positions');
    case 'LabelBinarizer':
    case 'MultiLabelBinarizer':
      return assumed('int64', 'indicators');
    case 'SimpleImputer': {
      const type = array(obj, 'statistics_')?.dtype;
      const own = type && scalarTypeOf(type);
      return own
        ? derived(own, `${at(obj, 'statistics_')}.dtype`)
        : unknown('the imputer keeps the type that it is given');
    }
    case 'FunctionTransformer':
    case 'MissingIndicator':
      return unknown(`${obj.name} does not say`);
    case 'ColumnTransformer':
    case 'FeatureUnion': {
      const types = partTypes(obj);
      return types;
    }
    case 'Pipeline': {
      const last = steps(obj).at(-1)?.obj;
      return last ? transformedType(last) : unknown('the last step is no transformer');
    }
    default:
      return assumed('float64', NUMERIC_RESULT);
  }
}

function partTypes(obj: Obj): Told<TypeName> {
  const union = obj.name === 'FeatureUnion';
  const parts = union
    ? steps(obj, 'transformer_list')
    : (itemsOf(attribute(obj.value, 'transformers_')) ?? []).map((item, index) => {
        const value = itemsOf(item)?.[1];
        const inner = steps({ ...obj, value: obj.value }, 'transformers_')[index];
        return { name: '', obj: inner?.obj ?? null, dropped: value === 'drop' };
      });
  for (const part of parts) {
    if (part.dropped) continue;
    if (!part.obj) return unknown('columns are passed through as they are');
    const type = transformedType(part.obj);
    if (type.value !== 'float64') return unknown('its parts give different types');
  }
  return derived('float64', 'all parts give float64');
}

/** What a multi-output classifier made of one estimator an output returns. */
function multiOutput(obj: Obj, parts: readonly Obj[], inside: (inner: Obj) => Methods | null): Methods {
  const each = parts.map((part) => inside(part));
  const where = at(obj, 'estimators_');
  const types = new Set(each.map((one) => one?.predict?.[0]?.type.value ?? null));
  const [type] = types;
  const probabilities = each.map((one) => one?.predict_proba?.[0]);
  const listed = probabilities.every((one) => one !== undefined) ? probabilities : null;
  return {
    predict: [
      output(
        'label',
        types.size === 1 && type
          ? derived(type, `${where}[…].classes_`)
          : unknown('the outputs differ in type'),
        [parts.length],
        `len(${where})`,
      ),
    ],
    ...(listed && {
      predict_proba: listed.flatMap((one, index) =>
        one ? [{ ...one, name: convention(`probabilities_${index}`) }] : [],
      ),
    }),
  };
}

function targetTransformed(obj: Obj, inner: Methods | null): Methods {
  const dims = count(obj, '_training_dim');
  const field = inner?.predict?.[0];
  if (dims === 1)
    return {
      predict: [output('prediction', float64('regressors give float64'), [], at(obj, '_training_dim'))],
    };
  if (!field)
    return {
      predict: [output('prediction', unknown('the regressor inside is not known'), [null], 'unknown')],
    };
  return {
    predict: [
      {
        ...field,
        shape: field.shape.value?.length === 1 ? derived(batched(1), 'two-dimensional target') : field.shape,
      },
    ],
  };
}

/** Methods of scikit-learn's own estimators, with the conditions on their parameters. */
function plainMethods(
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
        ...(all.includes('transform') &&
          obj.name !== 'IsotonicRegression' && { transform: [transformed(obj)] }),
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
      const type = assumed<TypeName>(
        obj.name === 'SGDOneClassSVM' ? 'int32' : 'int64',
        `${obj.name} gives 1 or -1`,
      );
      return {
        predict: [output('label', type, [], 'one a row', assumed([-1, 1], '-1 is an outlier'))],
        decision_function: [output('scores', float64(SCORES), [], 'one score a row')],
        score_samples: [output('scores', float64(SCORES), [], 'one score a row')],
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
          score_samples: [output('scores', float64(SCORES), [], 'one score a row')],
        }),
      };
    case 'none':
      return all.includes('score_samples')
        ? { score_samples: [output('scores', float64(SCORES), [], 'one score a row')] }
        : {};
  }
}

function classifierHas(
  obj: Obj,
  method: Method,
  inside: (inner: Obj | undefined) => Methods | null,
): boolean {
  const probabilistic = method === 'predict_proba' || method === 'predict_log_proba';
  switch (obj.name) {
    case 'SVC':
    case 'NuSVC':
      return !probabilistic || scalar(obj, 'probability') === true;
    case 'SGDClassifier':
      return !probabilistic || ['log', 'log_loss', 'modified_huber'].includes(text(obj, 'loss') ?? '');
    case 'NearestCentroid':
      // Since 1.6 it has probabilities; they came together with `class_prior_`.
      return method === 'predict' || attribute(obj.value, 'class_prior_') !== undefined;
    case 'BaggingClassifier':
      return (
        method !== 'decision_function' ||
        inside(children(obj, 'estimators_')[0])?.decision_function !== undefined
      );
    default:
      return true;
  }
}

/** A classifier's methods from its classes. */
function single(obj: Obj, names: readonly Method[], inside: (inner: Obj) => Methods | null): Methods {
  const found = classesOf(obj);
  const has = (name: Method) => names.includes(name);
  if (found?.multi) return multiClasses(obj, found.each, names);
  const classes = found?.each[0];
  if (isMultilabel(obj)) return multilabel(obj, classes, names);
  const where = classes?.where ?? 'classes_';
  const n = classes?.count ?? null;
  const labels = classes?.labels ? stated(classes.labels, where) : unknown(`${where} was not found`);
  const type: Told<TypeName> = classes?.type ?? unknown('the classes were not found');
  const proba = probabilityType(obj, inside);
  return {
    ...(has('predict') && { predict: [output('label', type, [], 'one label a row', labels)] }),
    ...(has('predict_proba') && {
      predict_proba: [output('probabilities', proba, [n], `len(${where})`, labels)],
    }),
    ...(has('predict_log_proba') && {
      predict_log_proba: [output('log_probabilities', proba, [n], `len(${where})`, labels)],
    }),
    ...(has('decision_function') && { decision_function: [scores(obj, n, where, labels)] }),
    ...(has('transform') && { transform: [transformed(obj)] }),
  };
}

function probabilityType(obj: Obj, inside: (inner: Obj) => Methods | null): Told<TypeName> {
  if (
    obj.name === 'VotingClassifier' ||
    obj.name === 'CalibratedClassifierCV' ||
    obj.name === 'BaggingClassifier'
  ) {
    const strange = children(obj, 'estimators_').some((one) => {
      const type = inside(one)?.predict_proba?.[0]?.type.value;
      return type !== 'float64';
    });
    if (strange && obj.name === 'VotingClassifier')
      return unknown('the estimators inside give different types');
  }
  return float64(SCORES);
}

function scores(obj: Obj, n: number | null, where: string, labels: Told<readonly Label[]>): ToldField {
  if (n === null)
    return { ...output('scores', float64(SCORES), [], where), shape: unknown('the classes were not found') };
  if (n === 2) return output('scores', float64(SCORES), [], `two classes in ${where}`);
  const shape = text(obj, 'decision_function_shape');
  if ((obj.name === 'SVC' || obj.name === 'NuSVC') && shape === 'ovo')
    return output('scores', float64(SCORES), [(n * (n - 1)) / 2], at(obj, 'decision_function_shape'));
  return output('scores', float64(SCORES), [n], `len(${where})`, labels);
}

/** One `classes_` an output: trees, forests and neighbours fitted on several targets. */
function multiClasses(obj: Obj, each: readonly Classes[], names: readonly Method[]): Methods {
  const shape = `len(${at(obj, 'classes_')})`;
  const types = new Set(each.map((one) => one.type.value));
  const probabilities = (prefix: string) =>
    each.map((one, index) =>
      output(
        `${prefix}_${index}`,
        float64(SCORES),
        [one.count],
        one.where,
        one.labels ? stated(one.labels, one.where) : undefined,
      ),
    );
  return {
    predict: [
      output(
        'label',
        types.size === 1 && each[0] ? each[0].type : unknown('the outputs differ in type'),
        [each.length],
        shape,
      ),
    ],
    ...(names.includes('predict_proba') && { predict_proba: probabilities('probabilities') }),
    ...(names.includes('predict_log_proba') && { predict_log_proba: probabilities('log_probabilities') }),
  };
}

function isMultilabel(obj: Obj): boolean {
  for (const name of ['_label_binarizer', 'label_binarizer_']) {
    const binarizer = child(obj, name);
    if (binarizer && (text(binarizer, 'y_type_') ?? '').startsWith('multilabel')) return true;
  }
  return scalar(obj, 'multilabel_') === true;
}

function multilabel(obj: Obj, classes: Classes | undefined, names: readonly Method[]): Methods {
  const n = classes?.count ?? null;
  const where = classes?.where ?? at(obj, 'classes_');
  const labels = classes?.labels ? stated(classes.labels, where) : undefined;
  const has = (name: Method) => names.includes(name);
  return {
    ...(has('predict') && {
      predict: [
        output('label', unknown('the type of label indicators depends on the classifier'), [n], where),
      ],
    }),
    ...(has('predict_proba') && {
      predict_proba: [output('probabilities', float64(SCORES), [n], where, labels)],
    }),
    ...(has('predict_log_proba') && {
      predict_log_proba: [output('log_probabilities', float64(SCORES), [n], where, labels)],
    }),
    ...(has('decision_function') && {
      decision_function: [output('scores', float64(SCORES), [n], where, labels)],
    }),
  };
}

/** What a regressor of scikit-learn predicts. */
function prediction(obj: Obj): ToldField {
  const one = (where: string) => output('prediction', float64('regressors give float64'), [], where);
  const several = (n: number | null, where: string) =>
    output('prediction', float64('regressors give float64'), [n], where);
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
    const type = targets && scalarTypeOf(targets.dtype);
    return type === 'float64' || type === 'int64'
      ? field
      : { ...field, type: unknown(`${at(obj, '_y')}.dtype`) };
  }
  if (obj.name === 'GaussianProcessRegressor')
    return byRank('y_train_') ?? open('the targets were not found');
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
    const type = constant && scalarTypeOf(constant.dtype);
    const field =
      n === null
        ? open('n_outputs_ was not found')
        : n === 1
          ? one(at(obj, 'n_outputs_'))
          : several(n, at(obj, 'n_outputs_'));
    return { ...field, type: type ? derived(type, `${at(obj, 'constant_')}.dtype`) : unknown('constant_') };
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
  if (obj.name === 'BaggingRegressor') return one('BaggingRegressor has one target');
  return open(`the number of targets of ${obj.name} was not found`);
}
