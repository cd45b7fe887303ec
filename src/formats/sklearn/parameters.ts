import { argsOf, arrayOf, attribute } from '../wire/pickle/numpy.ts';
import { is, type Value } from '../wire/pickle/values.ts';
import { child, itemsOf, MAX_DEPTH, type Obj, steps } from './object.ts';

/**
 * How many numbers the estimator that answers has learned, where that is plain: the elements of `coef_` and
 * `intercept_` of a linear model, or of `coefs_` and `intercepts_` of a neural network. Of a pipeline it is the last
 * step, of a search the best one; `null` for all else (trees grow, neighbours keep their data).
 */
export function parametersOf(obj: Obj, depth = 0): number | null {
  if (depth > MAX_DEPTH) return null;
  const inner = obj.name === 'Pipeline' ? steps(obj).at(-1)?.obj : child(obj, 'best_estimator_');
  if (inner) return parametersOf(inner, depth + 1);
  if (/^sklearn\.neural_network\./.test(obj.module) && /^MLP(Classifier|Regressor)$/.test(obj.name))
    return sum([...layers(obj, 'coefs_'), ...layers(obj, 'intercepts_')]);
  const linear = /^sklearn\.linear_model\./.test(obj.module) || /^Linear(SVC|SVR)$/.test(obj.name);
  return linear
    ? sum([sizeOf(attribute(obj.value, 'coef_')), sizeOf(attribute(obj.value, 'intercept_'))])
    : null;
}

const layers = (obj: Obj, name: string): (number | null)[] =>
  itemsOf(attribute(obj.value, name))?.map(sizeOf) ?? [null];

/** The elements of an array, 1 for one of NumPy's numbers; `null` for what is none (an intercept of 0.0 was not learned). */
function sizeOf(value: Value | undefined): number | null {
  const array = arrayOf(value);
  if (array) return array.shape.reduce((product, size) => product * size, 1);
  const scalar = is(value, 'call') && is(value.callee, 'global') && value.callee.name === 'scalar';
  return scalar && argsOf(value).length === 2 ? 1 : null;
}

const sum = (parts: readonly (number | null)[]): number | null =>
  parts.reduce((total, part) => (total === null || part === null ? null : total + part), 0);
