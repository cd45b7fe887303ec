import { arrayOf, attribute, elementsOf } from '../wire/pickle/numpy.ts';
import { classesOf } from './classes.ts';
import { child, MAX_DEPTH, type Obj, steps } from './object.ts';

/** Shares of more classes than these are no help to a person, and would make a long line in a ledger. */
const MAX_CLASSES = 256;
const MAX_TEXT = 8192;

/**
 * How common each class is to a fitted classifier, as canonical JSON from class to share, such as
 * `{"barbera":0.4,"barolo":0.6}`: sorted by class, four digits. `null` where the estimator does not keep it.
 *
 * Source: the attributes that scikit-learn documents: `class_prior_` (GaussianNB, DummyClassifier),
 * `class_log_prior_` (the other naive Bayes), `priors_` (discriminant analysis), `class_count_`.
 */
export function priorsOf(obj: Obj, depth = 0): string | null {
  if (depth > MAX_DEPTH) return null;
  const own = sharesOf(obj);
  if (own) return canonical(obj, own);
  const last = obj.name === 'Pipeline' ? steps(obj).at(-1)?.obj : null;
  const inner = last ?? child(obj, 'best_estimator_') ?? child(obj, 'estimator_');
  return inner ? priorsOf(inner, depth + 1) : null;
}

function sharesOf(obj: Obj): number[] | null {
  const direct = numbers(obj, 'class_prior_');
  if (direct) return direct;
  const logarithms = numbers(obj, 'class_log_prior_');
  if (logarithms) return logarithms.map(Math.exp);
  const given = numbers(obj, 'priors_');
  if (given) return given;
  const counts = numbers(obj, 'class_count_');
  const sum = counts?.reduce((total, one) => total + one, 0) ?? 0;
  return counts && sum > 0 ? counts.map((one) => one / sum) : null;
}

/** An array of one axis of numbers. */
function numbers(obj: Obj, name: string): number[] | null {
  const view = arrayOf(attribute(obj.value, name));
  const [size] = view?.shape ?? [];
  if (view?.shape.length !== 1 || size === undefined || size === 0 || size > MAX_CLASSES) return null;
  const elements = elementsOf(view)?.map((one) => (typeof one === 'bigint' ? Number(one) : one));
  return elements?.every((one) => typeof one === 'number') ? elements : null;
}

function canonical(obj: Obj, shares: readonly number[]): string | null {
  const classes = classesOf(obj);
  const labels = classes && !classes.multi ? classes.each[0]?.labels : null;
  if (labels?.length !== shares.length) return null;
  // A file can say anything: what is no share is not passed on.
  if (!shares.every((share) => share >= 0 && share <= 1.0001)) return null;
  const rounded = labels.map((label, index): [string, number] => [
    String(label),
    Math.round((shares[index] ?? 0) * 10_000) / 10_000,
  ]);
  rounded.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const text = `{${rounded.map(([label, share]) => `${JSON.stringify(label)}:${share}`).join(',')}}`;
  return text.length <= MAX_TEXT ? text : null;
}
