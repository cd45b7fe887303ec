import type { Dimension, Label, TypeName } from '../../contract/types.ts';
import { assumed, batched, derived, type Told, type ToldField, unknown } from '../told.ts';
import { attribute, scalarTypeOf } from '../wire/pickle/numpy.ts';
import { is } from '../wire/pickle/values.ts';
import type { Method } from './estimators.ts';
import { array, at, itemsOf, type Obj, steps } from './object.ts';
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
