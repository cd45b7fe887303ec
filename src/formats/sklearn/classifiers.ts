import type { Label, TypeName } from '../../contract/types.ts';
import { assumed, derived, stated, type Told, type ToldField, unknown } from '../told.ts';
import { attribute } from '../wire/pickle/numpy.ts';
import { type Classes, classesOf } from './classes.ts';
import type { Method } from './estimators.ts';
import { at, child, children, count, type Obj, scalar, text } from './object.ts';
import { float64, type Methods, output, SCORES, transformed } from './outputs.ts';
import { computed } from './precision.ts';
import { atLeast } from './versions.ts';

/** A classifier's methods from its classes. */
export function single(obj: Obj, names: readonly Method[], inside: (inner: Obj) => Methods | null): Methods {
  const found = classesOf(obj);
  const has = (name: Method) => names.includes(name);
  if (found?.multi) return multiClasses(obj, found.each, names);
  const classes = found?.each[0];
  if (isMultilabel(obj)) return multilabel(obj, classes, names);
  const where = classes?.where ?? 'classes_';
  const n = classes?.count ?? null;
  const labels = classes?.labels ? stated(classes.labels, where) : unknown(`${where} was not found`);
  const type: Told<TypeName> = classes?.type ?? unknown('the classes were not found');
  const logs = probabilityType(obj, inside);
  const proba = sampled(obj) ?? logs;
  return {
    ...(has('predict') && { predict: [output('label', type, [], 'one label a row', labels)] }),
    ...(has('predict_proba') && {
      predict_proba: [output('probabilities', proba, [n], `len(${where})`, labels)],
    }),
    ...(has('predict_log_proba') && {
      predict_log_proba: [output('log_probabilities', logs, [n], `len(${where})`, labels)],
    }),
    ...(has('decision_function') && { decision_function: [scores(obj, n, where, labels)] }),
    // Discriminants by least squares have no directions to project on.
    ...(has('transform') && text(obj, 'solver') !== 'lsqr' && { transform: [transformed(obj)] }),
  };
}

/** Until 0.21 a DummyClassifier that draws its answers counted in integers. */
function sampled(obj: Obj): Told<TypeName> | null {
  return obj.name === 'DummyClassifier' && text(obj, 'strategy') === 'stratified' && !atLeast(obj, 0, 21)
    ? derived('int64', at(obj, 'strategy'))
    : null;
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
  return computed(obj, SCORES);
}

function scores(obj: Obj, n: number | null, where: string, labels: Told<readonly Label[]>): ToldField {
  const type = computed(obj, SCORES);
  if (n === null)
    return { ...output('scores', type, [], where), shape: unknown('the classes were not found') };
  // Until 0.19 these two gave one column a class, or a column of its own, for two classes as well.
  const old = !atLeast(obj, 0, 19);
  if (n === 2 && old && obj.name === 'OneVsOneClassifier')
    return output('scores', type, [2], `two classes in ${where}`);
  if (n === 2)
    return output(
      'scores',
      type,
      old && obj.name === 'OneVsRestClassifier' ? [1] : [],
      `two classes in ${where}`,
    );
  // Until 0.19 one against one was what None meant, and the default.
  if ((obj.name === 'SVC' || obj.name === 'NuSVC') && text(obj, 'decision_function_shape') !== 'ovr')
    return output('scores', type, [(n * (n - 1)) / 2], at(obj, 'decision_function_shape'));
  return output('scores', type, [n], `len(${where})`, labels);
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
  // Until 0.21 trees put the classes of several outputs into one array of floats, which takes no words.
  const floats = !atLeast(obj, 0, 21) && /(Tree|Forest|Trees)Classifier$/.test(obj.name);
  const words = each.some((one) => one.type.value === 'string' || one.type.value === 'bytes');
  const type = types.size === 1 && each[0] ? each[0].type : unknown('the outputs differ in type');
  return {
    ...(!(floats && words) && {
      predict: [
        output('label', floats ? derived('float64', `${obj.name} before 0.21`) : type, [each.length], shape),
      ],
    }),
    ...(names.includes('predict_proba') && { predict_proba: probabilities('probabilities') }),
    ...(names.includes('predict_log_proba') && { predict_log_proba: probabilities('log_probabilities') }),
  };
}

function isMultilabel(obj: Obj): boolean {
  // They took several labels to be fitted, and gave one.
  if (obj.name === 'RidgeClassifierCV' && !atLeast(obj, 1, 0)) return false;
  if (obj.name === 'RidgeClassifier' && !atLeast(obj, 0, 18)) return false;
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
      predict: [output('label', assumed('int64', 'label indicators'), [n], where)],
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

export function classifierHas(
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
    case 'RadiusNeighborsClassifier':
      return !probabilistic || atLeast(obj, 0, 22);
    case 'GaussianProcessClassifier':
      return !(probabilistic && text(obj, 'multi_class') === 'one_vs_one' && count(obj, 'n_classes_') !== 2);
    case 'BalancedBaggingClassifier':
    case 'BaggingClassifier':
      return (
        method !== 'decision_function' ||
        inside(children(obj, 'estimators_')[0])?.decision_function !== undefined
      );
    default:
      return true;
  }
}
