import { derived, type Told, unknown } from '../told.ts';
import { arrayOf, attribute, elementsOf, scalarOf } from '../wire/pickle/numpy.ts';
import { textOf } from '../wire/pickle/values.ts';
import { array, at, child, count, has, itemsOf, type Obj, scalar, text } from './object.ts';

const nothing = (obj: Obj): Told<number> => unknown(`the width of what ${obj.name} gives is not stored`);

/** How many columns a OneHotEncoder gives. Source: sklearn/preprocessing, 0.17 to 1.9. */
export function oneHotWidth(obj: Obj): Told<number> {
  const outs = itemsOf(attribute(obj.value, '_n_features_outs'))?.map((one) => scalarOf(one));
  if (outs?.every((one) => typeof one === 'number'))
    return derived(
      outs.reduce((sum: number, one) => sum + Number(one), 0),
      `sum(${at(obj, '_n_features_outs')})`,
    );
  // Before 0.20, and since where it was asked to work as before.
  if (has(obj, 'feature_indices_') || has(obj, '_feature_indices_')) return byIndices(obj);
  const categories = itemsOf(attribute(obj.value, 'categories_'));
  const limits = ['min_frequency', 'max_categories'].some((name) => (scalar(obj, name) ?? null) !== null);
  if (!categories || limits) return nothing(obj);
  let total = 0;
  for (let index = 0; index < categories.length; index += 1) {
    const size = arrayOf(categories[index])?.shape[0];
    if (size === undefined) return nothing(obj);
    total += size;
  }
  if (has(obj, 'drop_idx_') && attribute(obj.value, 'drop_idx_') !== null) {
    const dropped = array(obj, 'drop_idx_');
    const values = dropped?.objects
      ? dropped.objects.map((one) => (one === null ? null : scalarOf(one)))
      : dropped && elementsOf(dropped);
    if (!values) return nothing(obj);
    total -= values.filter((one) => one !== null).length;
  }
  return derived(total, at(obj, 'categories_'));
}

function byIndices(obj: Obj): Told<number> {
  const name = (plain: string) => (has(obj, plain) ? plain : `_${plain}`);
  const some = attribute(obj.value, 'categorical_features');
  const indices = array(obj, name('feature_indices_'));
  const active = array(obj, name('active_features_'));
  const ends = indices && elementsOf(indices);
  const last = ends?.at(-1);
  const auto = text(obj, 'n_values') === 'auto' || attribute(obj.value, 'n_values') === null;
  const size = auto ? active?.shape[0] : typeof last === 'number' ? last : undefined;
  // What is not encoded is handed on beside it, and nothing says how much that is.
  if (size === undefined || (some !== null && textOf(some) !== 'all')) return nothing(obj);
  return derived(size, at(obj, name('feature_indices_')));
}

/** The columns that an imputer adds to say where values were missing: 0 when it adds none. */
function indicatorWidth(obj: Obj): number | null {
  if (scalar(obj, 'add_indicator') !== true) return 0;
  const indicator = child(obj, 'indicator_');
  return (indicator && array(indicator, 'features_')?.shape[0]) ?? null;
}

/** How many columns an imputer gives: those that are not empty, and those of the indicator. */
export function imputedWidth(obj: Obj): Told<number> {
  const extra = indicatorWidth(obj);
  const inner = child(obj, 'initial_imputer_');
  const statistics = array(inner ?? obj, 'statistics_');
  if (!statistics || extra === null) return nothing(obj);
  const where = at(inner ?? obj, 'statistics_');
  const width = statistics.shape[0] ?? 0;
  if (scalar(obj, 'keep_empty_features') === true) return derived(width + extra, where);
  const values = elementsOf(statistics);
  if (!values) return nothing(obj);
  const empty = values.filter((one) => typeof one === 'number' && Number.isNaN(one)).length;
  return derived(width - empty + extra, where);
}

/** How many columns a TargetEncoder gives: one a class where there are more than two. */
export function targetWidth(obj: Obj, own: number | null): Told<number> {
  const kind = text(obj, 'target_type_');
  const classes = array(obj, 'classes_')?.shape[0];
  if (own === null || kind === null) return nothing(obj);
  if (kind !== 'multiclass') return derived(own, at(obj, 'target_type_'));
  return classes === undefined ? nothing(obj) : derived(own * classes, `len(${at(obj, 'classes_')})`);
}

/** How many columns a KNNImputer gives. */
export function nearestImputedWidth(obj: Obj): Told<number> {
  const extra = indicatorWidth(obj);
  const kept = keptColumns(obj);
  if (kept === null || extra === null) return nothing(obj);
  const width = count(obj, 'n_features_in_');
  const all = scalar(obj, 'keep_empty_features') === true && width !== null;
  return derived((all ? width : kept) + extra, at(obj, '_mask_fit_X'));
}

/** Columns that have a value anywhere: since 1.0 a mask of them is stored, before only that of all values. */
function keptColumns(obj: Obj): number | null {
  const valid = array(obj, '_valid_mask');
  const values = valid && elementsOf(valid);
  if (values) return values.filter((one) => one === true).length;
  const missing = array(obj, '_mask_fit_X');
  const masks = missing && elementsOf(missing);
  const [rows, columns] = missing?.shape ?? [];
  if (!masks || rows === undefined || columns === undefined) return null;
  let kept = 0;
  for (let column = 0; column < columns; column += 1) {
    let any = false;
    for (let row = 0; row < rows && !any; row += 1)
      any = masks[missing?.fortran ? column * rows + row : row * columns + column] === false;
    if (any) kept += 1;
  }
  return kept;
}
