import type { TypeName } from '../../contract/types.ts';
import { assumed, derived, type Told } from '../told.ts';
import { argsOf, arrayOf, attribute, dtypeOf, scalarOf } from '../wire/pickle/numpy.ts';
import { is, type Value } from '../wire/pickle/values.ts';
import { at, child, itemsOf, MAX_DEPTH, type Obj, steps } from './object.ts';
import { SELECTORS } from './selectors.ts';

/** What scikit-learn learns in float32 where it was trained on float32, and nowhere else. */
const LEARNED: readonly (readonly [string, string])[] = [
  ['coef_', 'intercept_'],
  ['coefs_', 'intercepts_'],
  ['components_', 'mean_'],
  ['cluster_centers_', 'cluster_centers_'],
];

/** Steps that give float32 for float32. */
const KEEPS = new Set(
  `StandardScaler MinMaxScaler MaxAbsScaler RobustScaler Normalizer PCA IncrementalPCA TruncatedSVD PolynomialFeatures
  SimpleImputer PowerTransformer`.split(/\s+/),
);

/** The attribute that shows that an estimator was trained on float32, and answers in it; `null` where none does. */
function learnedInFloat32(obj: Obj): string | null {
  for (const [weights, offset] of LEARNED)
    if (isFloat32(attribute(obj.value, weights)) && isFloat32(attribute(obj.value, offset)))
      return `${at(obj, weights)}.dtype`;
  const fitted = dtypeOf(attribute(obj.value, '_fit_dtype') ?? null);
  return fitted?.kind === 'f' && fitted.itemsize === 4 ? at(obj, '_fit_dtype') : null;
}

function isFloat32(value: Value | undefined): boolean {
  // An offset of 0.0 stands for none.
  if (typeof value === 'number') return value === 0;
  const first = itemsOf(value)?.[0] ?? value;
  const array = arrayOf(first);
  if (array) return array.dtype.kind === 'f' && array.dtype.itemsize === 4;
  if (!is(first, 'call') || scalarOf(first) === null) return false;
  const dtype = dtypeOf(argsOf(first)[0] ?? null);
  return dtype?.kind === 'f' && dtype.itemsize === 4;
}

/** The type of numbers that an estimator computes with: float64, unless what it learned is float32. */
export function computed(obj: Obj, where: string): Told<TypeName> {
  const learned = learnedInFloat32(obj);
  return learned === null ? assumed('float64', where) : derived('float32', learned);
}

/** Where it shows that a model was trained on float32, which it then is best asked in; `null` if nowhere. */
export function trainedInFloat32(obj: Obj, depth = 0): string | null {
  if (depth > MAX_DEPTH) return null;
  if (obj.name === 'Pipeline') {
    const real = steps(obj).flatMap((step) => step.obj ?? []);
    const last = real.at(-1);
    const kept = real.slice(0, -1).every((step) => KEEPS.has(step.name) || SELECTORS.has(step.name));
    return last && kept ? trainedInFloat32(last, depth + 1) : null;
  }
  const inner = child(obj, 'best_estimator_') ?? (obj.name === 'RFE' ? child(obj, 'estimator_') : null);
  return inner ? trainedInFloat32(inner, depth + 1) : learnedInFloat32(obj);
}
