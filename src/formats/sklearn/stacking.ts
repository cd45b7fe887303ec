import { assumed, derived, type ToldField, unknown } from '../told.ts';
import { attribute, scalarOf } from '../wire/pickle/numpy.ts';
import { classesOf } from './classes.ts';
import { single } from './classifiers.ts';
import { METHODS, type Method } from './estimators.ts';
import { inputOf } from './inputs.ts';
import { at, children, itemsOf, type Obj, scalar, text } from './object.ts';
import { float64, type Methods, output, SCORES } from './outputs.ts';

/** What a VotingClassifier's transform gives: each one's vote, or each one's probabilities side by side. */
export function votes(obj: Obj): ToldField {
  const n = children(obj, 'estimators_').length;
  const where = at(obj, 'estimators_');
  if (text(obj, 'voting') !== 'soft')
    return output('transformed', assumed('int64', 'votes are positions'), [n], `len(${where})`);
  const classes = classesOf(obj)?.each[0]?.count ?? null;
  if (scalar(obj, 'flatten_transform') === true)
    return output('transformed', float64(SCORES), [classes === null ? null : n * classes], where);
  // One block of probabilities an estimator. Before 0.21 that was what None meant, too.
  const field = output('transformed', float64(SCORES), [null], where);
  return { ...field, shape: derived([n, 'batch', classes], at(obj, 'flatten_transform')) };
}

/** What a StackingClassifier can be asked: what its final estimator can. */
export function stackingMethods(
  obj: Obj,
  last: Methods | null,
  inside: (inner: Obj) => Methods | null,
): Methods {
  const found = classesOf(obj);
  const where = at(obj, 'classes_');
  if (found?.multi) {
    // Several labels a row: the probability of each.
    const n = found.each.length;
    return {
      predict: [output('label', found.each[0]?.type ?? unknown(where), [n], `len(${where})`)],
      ...(last?.predict_proba && {
        predict_proba: [output('probabilities', float64(SCORES), [n], `len(${where})`)],
      }),
      transform: [stacked(obj)],
    };
  }
  const known: readonly Method[] = ['predict', 'predict_proba', 'decision_function'];
  const names = METHODS.filter((name) => name === 'predict' || (known.includes(name) && last?.[name]));
  return { ...single(obj, names, inside), transform: [stacked(obj)] };
}

/** What `transform` of a stack gives: the answers that the final estimator is asked with. */
export function stacked(obj: Obj): ToldField {
  const width = widthOfAnswers(obj);
  const where = at(obj, obj.name === 'StackingClassifier' ? 'stack_method_' : 'estimators_');
  const passes = scalar(obj, 'passthrough') === true;
  const field = output('transformed', float64(SCORES), [null], where);
  if (width === null) return { ...field, shape: { ...field.shape, evidence: unknown(where).evidence } };
  if (!passes) return output('transformed', float64(SCORES), [width], where);
  const input = inputOf(obj);
  const own = input.kind === 'matrix' ? input.width.value : null;
  return own === null
    ? { ...field, shape: { ...field.shape, evidence: unknown(where).evidence } }
    : output('transformed', float64(SCORES), [width + own], `${where} and the features`);
}

function widthOfAnswers(obj: Obj): number | null {
  const outs = itemsOf(attribute(obj.value, '_n_feature_outs'))?.map((one) => scalarOf(one));
  if (outs?.every((one) => typeof one === 'number'))
    return outs.reduce((sum: number, one) => sum + Number(one), 0);
  if (obj.name !== 'StackingClassifier') return children(obj, 'estimators_').length;
  const classes = classesOf(obj)?.each[0]?.count ?? null;
  const methods = itemsOf(attribute(obj.value, 'stack_method_')) ?? [];
  const wide = classes === null ? null : classes === 2 ? 1 : classes;
  let width: number | null = methods.length > 0 ? 0 : null;
  for (const method of methods) {
    const own = method === 'predict' ? 1 : wide;
    width = width === null || own === null ? null : width + own;
  }
  return width;
}
