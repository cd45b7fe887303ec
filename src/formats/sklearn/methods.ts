import { assumed, batched, derived, type ToldField, unknown } from '../told.ts';
import { attribute } from '../wire/pickle/numpy.ts';
import { boostedMethods } from './boosted.ts';
import { classesOf } from './classes.ts';
import { single } from './classifiers.ts';
import { METHODS, type Method, plainEstimator } from './estimators.ts';
import { at, child, children, count, MAX_DEPTH, namesOf, type Obj, steps, text } from './object.ts';
import { convention, float64, type Methods, output, SCORES, transformed } from './outputs.ts';
import { plainMethods } from './plain.ts';
import { stacked, stackingMethods, votes } from './stacking.ts';
import { atLeast } from './versions.ts';

const only = (methods: Methods, names: readonly Method[]): Methods =>
  Object.fromEntries(names.flatMap((name) => (methods[name] ? [[name, methods[name]]] : [])));

/** A wrapper of an older version hands on less. */
const without = (methods: Methods | null, names: readonly Method[]): Methods | null =>
  methods &&
  only(
    methods,
    METHODS.filter((name) => !names.includes(name)),
  );

/** The methods of an estimator and what they return; `null` for classes that are not known. */
export function methodsOf(obj: Obj, depth = 0): Methods | null {
  if (depth > MAX_DEPTH) return null;
  const inside = (inner: Obj | null | undefined): Methods | null =>
    inner ? methodsOf(inner, depth + 1) : null;
  const plain = plainEstimator(obj.name);
  // Intel's patched estimators keep names and attributes.
  const isSklearn = /^(sklearn|sklearnex|daal4py|imblearn)(\.|$)/.test(obj.module);
  if (isSklearn && plain) return plainMethods(obj, plain.kind, plain.methods, inside);
  const boosted = boostedMethods(obj);
  if (boosted) return boosted;
  if (/^(category_encoders|feature_engine)\./.test(obj.module)) return { transform: [foreign(obj)] };
  // A class of another name space may have the name, and methods of its own.
  if (!isSklearn && !/^(skopt|dask_ml|sklearn2pmml|sklearn_crfsuite|sktime)(\.|$)/.test(obj.module))
    return null;
  switch (obj.name) {
    case 'Pipeline':
      return without(pipelineMethods(obj, inside), atLeast(obj, 0, 22) ? [] : ['score_samples']);
    case 'GridSearchCV':
    case 'RandomizedSearchCV':
    case 'HalvingGridSearchCV':
    case 'HalvingRandomSearchCV':
    case 'BayesSearchCV':
      return without(
        inside(child(obj, 'best_estimator_')) ?? (child(obj, 'best_estimator_') ? null : {}),
        atLeast(obj, 0, 24) ? [] : ['score_samples'],
      );
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
        transform: [votes(obj)],
      };
    case 'StackingClassifier':
      return stackingMethods(obj, inside(child(obj, 'final_estimator_')), inside);
    case 'VotingRegressor':
    case 'StackingRegressor':
      return {
        predict: [
          output('prediction', float64('the mean or the final estimator gives float64'), [], 'one target'),
        ],
        transform: [stacked(obj)],
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
      // Chances and scores are one column each, with no room for more than two classes; until 1.6 the second
      // class stood for all.
      const two = parts.every((part) => (classesOf(part)?.each[0]?.count ?? 2) <= 2);
      const last = inside(parts[0]) ?? {};
      const chances = last.predict_proba && (two || !atLeast(obj, 1, 6));
      const shape = `len(${at(obj, 'estimators_')})`;
      return {
        predict: [
          output('label', assumed('float64', 'ClassifierChain gives float64'), [parts.length], shape),
        ],
        ...(chances && {
          predict_proba: [output('probabilities', float64(SCORES), [parts.length], shape)],
        }),
        ...(chances &&
          atLeast(obj, 1, 4) && {
            predict_log_proba: [output('log_probabilities', float64(SCORES), [parts.length], shape)],
          }),
        ...(two &&
          last.decision_function && {
            decision_function: [output('scores', float64(SCORES), [parts.length], shape)],
          }),
      };
    }
    default:
      // Other packages' pipelines have the same `steps`.
      return obj.name.endsWith('Pipeline') ? pipelineMethods(obj, inside) : null;
  }
}

/** What a transformer of a package that Lading knows by name only gives: a table, of which the names may be stored. */
function foreign(obj: Obj): ToldField {
  const names = namesOf(attribute(obj.value, 'feature_names_out_'));
  const field = output('transformed', unknown(`${obj.name} does not say`), [null], obj.name);
  return names
    ? { ...field, shape: derived(batched(names.length), `len(${at(obj, 'feature_names_out_')})`) }
    : { ...field, shape: { value: batched(null), evidence: unknown(`${obj.name} does not say`).evidence } };
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

/** What a multi-output classifier made of one estimator an output returns. */
function multiOutput(obj: Obj, parts: readonly Obj[], inside: (inner: Obj) => Methods | null): Methods {
  const each = parts.map((part) => inside(part));
  const where = at(obj, 'estimators_');
  const types = new Set(each.map((one) => one?.predict?.[0]?.type.value ?? null));
  const [type] = types;
  const probabilities = each.map((one) => one?.predict_proba?.[0]);
  // Before 0.19 they came stacked into one array, where that was possible.
  const listed =
    atLeast(obj, 0, 19) && probabilities.every((one) => one !== undefined) ? probabilities : null;
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
  if (dims === 1 && field)
    return {
      predict: [
        output(
          'prediction',
          field.type.value === 'float64' ? field.type : unknown('the transformation decides the type'),
          [],
          at(obj, '_training_dim'),
        ),
      ],
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
