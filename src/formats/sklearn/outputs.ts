import type { Dimension, Label, TypeName } from '../../contract/types.ts';
import { assumed, batched, derived, type Told, type ToldField, unknown } from '../told.ts';
import { attribute, dtypeOf, elementsOf } from '../wire/pickle/numpy.ts';
import { is, type Value } from '../wire/pickle/values.ts';
import type { Method } from './estimators.ts';
import { keepsColumns, passes } from './functions.ts';
import { inputOf } from './inputs.ts';
import { array, at, itemsOf, type Obj, steps, typeOfArray } from './object.ts';
import { computed } from './precision.ts';
import { SELECTORS } from './selectors.ts';
import { atLeast } from './versions.ts';
import { widthOf } from './widths.ts';

/** What each method of a fitted estimator returns. */
export type Methods = { readonly [M in Method]?: readonly ToldField[] };

export const convention = (name: string) => assumed(name, 'convention');

export function output(
  name: string,
  type: Told<TypeName>,
  rest: readonly Dimension[],
  where: string,
  labels?: Told<readonly Label[]>,
): ToldField {
  return { name: convention(name), type, shape: derived(batched(...rest), where), ...(labels && { labels }) };
}

export const float64 = (where: string): Told<TypeName> => assumed('float64', where);
export const SCORES = 'scikit-learn computes scores in float64';

export function transformed(obj: Obj): ToldField {
  const width = widthOf(obj);
  return {
    name: convention('transformed'),
    type: transformedType(obj),
    shape: { value: batched(width.value), evidence: width.evidence },
  };
}

const NUMERIC_RESULT = 'float64 input gives float64';

/** What the entries that come out of `transform` are. */
export function transformedType(obj: Obj): Told<TypeName> {
  const dtype = attribute(obj.value, 'dtype');
  switch (obj.name) {
    case 'CountVectorizer':
    case 'HashingVectorizer':
    case 'OneHotEncoder':
    case 'OrdinalEncoder':
    case 'DictVectorizer': {
      const own = namedDtype(dtype);
      return own ? derived(own, at(obj, 'dtype')) : unknown(at(obj, 'dtype'));
    }
    case 'TfidfVectorizer': {
      // Weights are floats, and before 0.20 always float64.
      const own = namedDtype(dtype);
      return own?.startsWith('float') && atLeast(obj, 0, 20)
        ? derived(own, at(obj, 'dtype'))
        : assumed('float64', 'weights of terms are floats');
    }
    case 'LabelEncoder':
      return assumed('int64', 'LabelEncoder gives positions');
    case 'LabelBinarizer':
    case 'MultiLabelBinarizer':
      return assumed('int64', 'indicators');
    case 'SimpleImputer': {
      const fitted = namedDtype(attribute(obj.value, '_fit_dtype'));
      if (fitted?.startsWith('float')) return derived(fitted, at(obj, '_fit_dtype'));
      const statistics = array(obj, 'statistics_');
      const own = statistics && typeOfArray(statistics.dtype);
      if (own) return derived(own, `${at(obj, 'statistics_')}.dtype`);
      // A constant is stored as an object: one that is a number stands among numbers.
      const values = statistics && elementsOf(statistics);
      if (values?.length && values.every((one) => typeof one === 'number'))
        return assumed('float64', NUMERIC_RESULT);
      if (values?.length && values.every((one) => typeof one === 'string'))
        return derived('string', at(obj, 'statistics_'));
      return unknown('the imputer keeps the type that it is given');
    }
    case 'FunctionTransformer':
      return keepsColumns(attribute(obj.value, 'func'))
        ? assumed('float64', NUMERIC_RESULT)
        : unknown('FunctionTransformer does not say');
    case 'MissingIndicator':
      return derived('bool', 'an indicator of missing values');
    case 'ColumnTransformer':
    case 'FeatureUnion':
      return partTypes(obj);
    case 'Pipeline':
      return lastType(obj);
    default:
      return computed(obj, NUMERIC_RESULT);
  }
}

/** The type after all steps: those that only choose among columns hand on what the step before gives. */
function lastType(obj: Obj): Told<TypeName> {
  const real = steps(obj).flatMap((step) => step.obj ?? []);
  const maker = real.findLastIndex((step) => !SELECTORS.has(step.name));
  const step = real[maker];
  if (!step) return assumed('float64', NUMERIC_RESULT);
  const before = real[maker - 1];
  const type = transformedType(step);
  // Scalers and decompositions keep float32 where a step before made it.
  if (type.value !== 'float64' || type.evidence.kind !== 'assumed' || !before) return type;
  return lastTypeIs(before, 'float32') ? unknown(`${step.name} after float32`) : type;
}

/** A `dtype` parameter: a NumPy class or dtype, or one of Python's own types. */
function namedDtype(value: Value | undefined): TypeName | null {
  const dtype = dtypeOf(value ?? null);
  if (dtype) return typeOfArray(dtype);
  const builtin = is(value, 'global') ? value.name : null;
  return builtin === 'float' ? 'float64' : builtin === 'int' ? 'int64' : builtin === 'bool' ? 'bool' : null;
}

const lastTypeIs = (obj: Obj, type: TypeName): boolean => transformedType(obj).value === type;

function partTypes(obj: Obj): Told<TypeName> {
  const union = obj.name === 'FeatureUnion';
  const parts = union
    ? steps(obj, 'transformer_list')
    : (itemsOf(attribute(obj.value, 'transformers_')) ?? []).map((item, index) => {
        const value = itemsOf(item)?.[1];
        const inner = steps(obj, 'transformers_')[index];
        return { name: '', obj: inner?.obj ?? null, dropped: value === 'drop' };
      });
  const types = new Set<TypeName | null>();
  let passed = false;
  for (const part of parts) {
    if (part.dropped) continue;
    if (part.obj && !passes(part.obj)) types.add(transformedType(part.obj).value);
    else passed = true;
  }
  const all = [...types];
  const input = passed ? inputOf(obj) : null;
  // A table may hold anything in the columns that nothing looks at.
  if (input?.kind === 'matrix' && input.names.value) return unknown('columns are passed through as they are');
  // Numbers of several types side by side become float64 as soon as one of them is.
  if (
    types.has('float64') &&
    all.every((type) => type !== null && /^(bool|u?int\d+|float(32|64))$/.test(type))
  )
    return passed
      ? assumed('float64', 'columns that are passed through are numbers')
      : derived('float64', 'parts that give float64 make it that');
  const [only] = all;
  if (all.length === 1 && only && !passed) return derived(only, `all parts give ${only}`);
  if (passed && all.length === 0) return assumed('float64', NUMERIC_RESULT);
  return unknown(passed ? 'columns are passed through as they are' : 'its parts give different types');
}
