import type { Label, TypeName } from '../../contract/types.ts';
import { derived, stated, type Told, unknown } from '../told.ts';
import { type ArrayView, arrayOf, attribute, elementsOf } from '../wire/pickle/numpy.ts';
import type { Value } from '../wire/pickle/values.ts';
import { at, child, count, itemsOf, MAX_DEPTH, type Obj, steps, typeOfArray } from './object.ts';

/** The classes of one output of a classifier. */
export interface Classes {
  readonly type: Told<TypeName>;
  /** `null` when only their number is known. */
  readonly labels: readonly Label[] | null;
  readonly count: number | null;
  readonly where: string;
}

/** One entry for a single output, one for each where there are several; `null` when the file has none. */
export function classesOf(
  obj: Obj,
  depth = 0,
): { readonly each: readonly Classes[]; readonly multi: boolean } | null {
  if (depth > MAX_DEPTH) return null;
  for (const name of ['classes_', '_classes']) {
    const value = attribute(obj.value, name);
    if (value === undefined || value === null) continue;
    const direct = arrayOf(value);
    if (direct && direct.shape.length === 1)
      return { each: [fromArray(direct, at(obj, name))], multi: false };
    const items = itemsOf(value);
    if (!items) continue;
    const arrays = items.map((item) => arrayOf(item));
    if (arrays.length > 0 && arrays.every((one) => one !== null))
      return {
        each: arrays.map((one, index) => fromArray(one, `${at(obj, name)}[${index}]`)),
        multi: true,
      };
    const plain = fromValues(items, at(obj, name));
    if (plain) return { each: [plain], multi: false };
  }
  for (const name of ['_label_binarizer', 'label_binarizer_', '_le', 'le_']) {
    const inner = child(obj, name);
    const found = inner && classesOf(inner, depth + 1);
    if (found) return found;
  }
  if (/^XGB(RF)?Classifier$/.test(obj.name)) {
    const n = count(obj, 'n_classes_');
    if (n !== null && n >= 2 && n <= 100_000) {
      const labels = Array.from({ length: n }, (_, index) => index);
      const where = at(obj, 'n_classes_');
      return { each: [{ type: derived('int64', where), labels, count: n, where }], multi: false };
    }
  }
  for (const name of ['best_estimator_', 'estimator_', 'base_estimator_', 'final_estimator_', 'estimator']) {
    const inner = child(obj, name);
    const found = inner && classesOf(inner, depth + 1);
    if (found) return found;
  }
  const last = obj.name === 'Pipeline' ? steps(obj).at(-1) : undefined;
  return last?.obj ? classesOf(last.obj, depth + 1) : null;
}

/** The classes in an array, with the type that predictions have: the array's own. */
function fromArray(given: ArrayView, where: string): Classes {
  const elements = elementsOf(given);
  const labels = elements && labelsOf(elements);
  const own = typeOfArray(given.dtype);
  const type: Told<TypeName> =
    own !== null ? stated(own, `${where}.dtype`) : (labels && typeOfLabels(labels, where)) || mixed(where);
  return { type, labels: labels ?? null, count: given.shape[0] ?? null, where };
}

function fromValues(items: readonly Value[], where: string): Classes | null {
  const labels = labelsOf(items.map((item) => (typeof item === 'object' ? null : item)));
  if (labels === null || labels.length === 0) return null;
  return { type: typeOfLabels(labels, where) ?? mixed(where), labels, count: labels.length, where };
}

const mixed = (where: string) => unknown(`${where} holds objects of several types`);

function labelsOf(elements: readonly (Label | bigint | null)[]): Label[] | null {
  const labels: Label[] = [];
  for (const one of elements) {
    if (one === null || typeof one === 'bigint') return null;
    if (typeof one === 'number' && !Number.isFinite(one)) return null;
    labels.push(one);
  }
  return labels;
}

function typeOfLabels(labels: readonly Label[], where: string): Told<TypeName> | null {
  if (labels.every((one) => typeof one === 'string')) return derived('string', where);
  if (labels.every((one) => typeof one === 'boolean')) return derived('bool', where);
  if (labels.every((one) => typeof one === 'number' && Number.isInteger(one))) return derived('int64', where);
  return labels.every((one) => typeof one === 'number') ? derived('float64', where) : null;
}

export { labelsOf, typeOfLabels };
