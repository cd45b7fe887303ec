import { assumed, batched, derived, type ToldField, unknown } from '../told.ts';
import { attribute } from '../wire/pickle/numpy.ts';
import { boostedMethods } from './boosted.ts';
import { classesOf } from './classes.ts';
import { single } from './classifiers.ts';
import { METHODS, type Method, plainEstimator } from './estimators.ts';
import { at, child, children, count, itemsOf, MAX_DEPTH, type Obj, scalar, steps, text } from './object.ts';
import { convention, float64, type Methods, output, SCORES, transformed } from './outputs.ts';
import { plainMethods } from './plain.ts';

const only = (methods: Methods, names: readonly Method[]): Methods =>
  Object.fromEntries(names.flatMap((name) => (methods[name] ? [[name, methods[name]]] : [])));

/** The methods of an estimator and what they return; `null` for classes that are not known. */
export function methodsOf(obj: Obj, depth = 0): Methods | null {
  if (depth > MAX_DEPTH) return null;
  const inside = (inner: Obj | null | undefined): Methods | null =>
    inner ? methodsOf(inner, depth + 1) : null;
  const plain = plainEstimator(obj.name);
  // Intel's patched estimators keep names and attributes.
  const isSklearn = /^(sklearn|sklearnex|daal4py)(\.|$)/.test(obj.module);
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
        transform: [votes(obj)],
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
        transform: [stacked(obj)],
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
            [children(obj, 'estimators_').length],
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
          output('label', assumed('float64', 'ClassifierChain gives float64'), [parts.length], shape),
        ],
        ...(last.predict_proba && {
          predict_proba: [output('probabilities', float64(SCORES), [parts.length], shape)],
        }),
        ...(last.predict_proba &&
          // Not in 1.3 and before.
          atLeast(obj, 1, 6) && {
            predict_log_proba: [output('log_probabilities', float64(SCORES), [parts.length], shape)],
          }),
        ...(last.decision_function && {
          decision_function: [output('scores', float64(SCORES), [parts.length], shape)],
        }),
      };
    }
    default:
      // Other packages' pipelines have the same `steps`.
      return obj.name.endsWith('Pipeline') ? pipelineMethods(obj, inside) : null;
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

function atLeast(obj: Obj, major: number, minor: number): boolean {
  const match = /^(\d+)\.(\d+)/.exec(text(obj, '_sklearn_version') ?? '');
  if (!match) return false;
  return Number(match[1]) > major || (Number(match[1]) === major && Number(match[2]) >= minor);
}

/** What a VotingClassifier's transform gives: each one's vote, or each one's probabilities side by side. */
function votes(obj: Obj): ToldField {
  const n = children(obj, 'estimators_').length;
  if (text(obj, 'voting') !== 'soft')
    return output(
      'transformed',
      assumed('int64', 'votes are positions'),
      [n],
      `len(${at(obj, 'estimators_')})`,
    );
  const classes = classesOf(obj)?.each[0]?.count ?? null;
  const width = scalar(obj, 'flatten_transform') === true && classes !== null ? n * classes : null;
  const field = output('transformed', float64(SCORES), [width], at(obj, 'estimators_'));
  return width === null ? { ...field, shape: unknown('flatten_transform is not set') } : field;
}

/** What a StackingClassifier's transform gives: the answers that the final estimator is asked with. */
function stacked(obj: Obj): ToldField {
  const classes = classesOf(obj)?.each[0]?.count ?? null;
  const methods = itemsOf(attribute(obj.value, 'stack_method_')) ?? [];
  const wide = classes === null ? null : classes === 2 ? 1 : classes;
  let width: number | null = methods.length > 0 && scalar(obj, 'passthrough') === false ? 0 : null;
  for (const method of methods) {
    const own = method === 'predict' ? 1 : wide;
    width = width === null || own === null ? null : width + own;
  }
  const where = at(obj, 'stack_method_');
  const field = output('transformed', float64(SCORES), [width], where);
  return width === null
    ? { ...field, shape: { value: batched(null), evidence: unknown(where).evidence } }
    : field;
}
