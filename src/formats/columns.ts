import type { Label, ScalarType, Shape } from '../contract/types.ts';
import { assumed, derived, stated, type Told, type ToldField } from './told.ts';

/** A feature of a tabular model as its file describes it. */
export interface Column {
  readonly name: string;
  readonly type: Told<ScalarType>;
  readonly categories?: readonly Label[];
  /** Where a column holds more than one value a row. */
  readonly shape?: Told<Shape>;
}

/**
 * The inputs of a tabular model: one a column where the columns have names, else one tensor `X` of `[batch, n]`.
 * @param where pointer to where the names stand.
 */
export function tabularInputs(
  columns: readonly Column[] | null,
  count: number | null,
  elementType: Told<ScalarType>,
  where: string,
): ToldField[] {
  if (columns)
    return columns.map((column, index) => ({
      name: stated(column.name, `${where}[${index}]`),
      type: column.type,
      shape: column.shape ?? derived(['batch'], 'one value a row in each column'),
      ...(column.categories && { categories: stated(column.categories, where) }),
    }));
  return [
    {
      name: assumed('X', 'the columns have no names'),
      type: elementType,
      shape: derived(['batch', count], where),
    },
  ];
}

/** The type that a set of categories has: text, whole numbers, fractions or truth values. */
export function typeOfCategories(categories: readonly Label[]): ScalarType {
  if (categories.every((one) => typeof one === 'boolean')) return 'bool';
  if (categories.every((one) => typeof one === 'number'))
    return categories.every((one) => Number.isSafeInteger(one)) ? 'int64' : 'float64';
  return 'string';
}
