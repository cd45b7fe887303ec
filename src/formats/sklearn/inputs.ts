import { type Label, SCALAR_TYPES, type ScalarType, type Shape } from '../../contract/types.ts';
import { assumed, batched, derived, stated, type Told, type ToldField, unknown } from '../told.ts';
import { arrayOf, attribute, elementsOf } from '../wire/pickle/numpy.ts';
import { textOf, type Value } from '../wire/pickle/values.ts';
import { boosterOf } from './boosters.ts';
import { labelsOf } from './classes.ts';
import { askedNames, columnUses } from './columns.ts';
import { INSIDE, ownWidth } from './features.ts';
import { keepsColumns, passes } from './functions.ts';
import {
  array,
  at,
  child,
  children,
  itemsOf,
  MAX_DEPTH,
  namesOf,
  type Obj,
  steps,
  text,
  typeOfArray,
} from './object.ts';
import { trainedInFloat32 } from './precision.ts';

/** What one column takes. */
export interface Column {
  readonly type: Told<ScalarType>;
  /** Absent: one value a row. */
  readonly shape?: Told<Shape>;
  readonly categories?: Told<readonly Label[]>;
  readonly unused?: boolean;
}

/** What an estimator takes. */
export type Input =
  | { readonly kind: 'text'; readonly where: string }
  | { readonly kind: 'labels'; readonly type: Told<ScalarType>; readonly where: string }
  /** One number a row, without an axis of features. */
  | { readonly kind: 'flat'; readonly where: string }
  | { readonly kind: 'odd'; readonly where: string }
  | {
      readonly kind: 'matrix';
      readonly width: Told<number>;
      readonly names: Told<readonly string[]>;
      /** By position, where the columns differ or are known; else all are alike. */
      readonly columns: readonly (Column | undefined)[];
      /** The type of those that nothing tells of. */
      readonly numbers: Told<ScalarType>;
    };

const VECTORIZERS = new Set(['CountVectorizer', 'TfidfVectorizer', 'HashingVectorizer']);
const LABEL_TRANSFORMERS = new Set(['LabelEncoder', 'LabelBinarizer', 'MultiLabelBinarizer']);
const ENCODERS = new Set(['OneHotEncoder', 'OrdinalEncoder', 'TargetEncoder']);

/** What goes into `obj`: by its own attributes, else by those of what it hands its input to. */
export function inputOf(obj: Obj): Input {
  const chain = entryChain(obj);
  const last = chain.at(-1) ?? obj;
  const special = specialInput(last, 0);
  if (special) return special;
  const tellers = chain.flatMap((one) => [one, ...unionParts(one, 0)]);
  const names =
    first(tellers, (one) => ownNames(one)) ?? unknown('the model was fitted without column names');
  const found = first(tellers, (one) => ownWidth(one));
  const width = found ?? (names.value ? derived(names.value.length, names.evidence.where) : noWidth(last));
  const columns = columnsOf(last, names.value, width.value, 0);
  // Nothing comes after that would need numbers: columns that are passed through may hold anything.
  const alone = chain.every((one) => one === last || steps(one).filter((step) => step.obj).length === 1);
  if (last.name === 'ColumnTransformer' && alone && names.value)
    for (const column of passedThrough(last, names.value, width.value))
      columns[column] ??= { type: unknown('the column is passed through as it is') };
  const single = trainedInFloat32(obj);
  const numbers: Told<ScalarType> = takesAnything(last)
    ? unknown(`${last.name} may take anything`, 'type: …')
    : single === null
      ? assumed('float64', CONVENTION)
      : derived('float32', single);
  return { kind: 'matrix', width, names, columns, numbers };
}

/** Makers whose estimators work on numbers, as scikit-learn's do; what others take is theirs to say. */
const NUMERIC = /^(sklearn|sklearnex|daal4py|xgboost|lightgbm|catboost|imblearn|mlxtend|skopt|cuml)(\.|$)/;

function takesAnything(obj: Obj): boolean {
  if (obj.name === 'FunctionTransformer') return !keepsColumns(attribute(obj.value, 'func'));
  return !NUMERIC.test(obj.module);
}

const noWidth = (obj: Obj) =>
  unknown(`no attribute of ${obj.name} tells the number of features`, 'shape: [batch, <number of features>]');

function first<T>(list: readonly Obj[], body: (obj: Obj) => T | null): T | null {
  for (const one of list) {
    const found = body(one);
    if (found !== null) return found;
  }
  return null;
}

/** `obj` and those inside it that get the same input, outermost first. */
function entryChain(obj: Obj): Obj[] {
  const chain = [obj];
  for (let current = obj; chain.length < MAX_DEPTH; ) {
    const next = entryOf(current);
    if (!next) break;
    chain.push(next);
    current = next;
  }
  return chain;
}

/** The parts of a FeatureUnion, and what they hand their input to: all of them get the same columns. */
function unionParts(obj: Obj, depth: number): Obj[] {
  if (obj.name !== 'FeatureUnion' || depth > MAX_DEPTH) return [];
  const parts = steps(obj, 'transformer_list').flatMap((step) => (step.obj ? entryChain(step.obj) : []));
  return parts.flatMap((part) => [part, ...unionParts(part, depth + 1)]);
}

const INNER = ['best_estimator_', 'estimator_', 'base_estimator_', 'regressor_', 'estimator', 'classifier_'];
const FORWARDS =
  /^(GridSearchCV|RandomizedSearchCV|Halving\w+SearchCV|BayesSearchCV|RFE|RFECV|SelfTrainingClassifier|FixedThresholdClassifier|TunedThresholdClassifierCV|FrozenEstimator|TransformedTargetRegressor|SelectFromModel|RANSACRegressor|CalibratedClassifierCV|OneVsRestClassifier|OneVsOneClassifier|OutputCodeClassifier|MultiOutputClassifier|MultiOutputRegressor|Voting\w+|Stacking\w+|AdaBoost\w+|GradientBoosting\w+|ClassifierChain|RegressorChain|GaussianProcessClassifier)$/;

function entryOf(obj: Obj): Obj | null {
  if (obj.name === 'Pipeline' || has(obj, 'steps'))
    return steps(obj).find((step) => step.obj !== null)?.obj ?? null;
  if (!FORWARDS.test(obj.name)) return null;
  // Only fitted ones: a search's `estimator` is the unfitted template.
  // What is boosted is a template beside its fitted copies.
  for (const name of obj.name.startsWith('AdaBoost') ? [] : INNER) {
    const inner = child(obj, name);
    if (inner && (name !== 'estimator' || obj.name === 'FrozenEstimator')) return inner;
  }
  const calibrated = children(obj, 'calibrated_classifiers_')[0];
  if (calibrated) return child(calibrated, 'estimator') ?? child(calibrated, 'base_estimator');
  // What stands in for an estimator where there is one class only has seen no features.
  return children(obj, 'estimators_').find((one) => one.name !== '_ConstantPredictor') ?? null;
}

const has = (obj: Obj, name: string): boolean => itemsOf(attribute(obj.value, name)) !== null;

function specialInput(obj: Obj, depth: number): Input | null {
  if (depth > MAX_DEPTH) return null;
  if (VECTORIZERS.has(obj.name)) {
    const mode = text(obj, 'input') ?? 'content';
    return mode === 'content'
      ? { kind: 'text', where: at(obj, obj.name) }
      : { kind: 'odd', where: `${at(obj, 'input')} is "${mode}"` };
  }
  if (LABEL_TRANSFORMERS.has(obj.name)) {
    const classes = array(obj, 'classes_');
    const where = at(obj, 'classes_');
    const labels = classes && elementsOf(classes);
    const type = classes && (typeOfArray(classes.dtype) ?? typeOfValues(labels ?? []));
    if (obj.name === 'MultiLabelBinarizer')
      return { kind: 'odd', where: 'it takes a list of labels for each row' };
    return { kind: 'labels', type: type ? derived(type, where) : unknown(where), where };
  }
  if (obj.name === 'DictVectorizer')
    return { kind: 'odd', where: 'DictVectorizer takes a mapping for each row' };
  if (obj.name === 'FeatureHasher')
    return { kind: 'odd', where: 'FeatureHasher takes features in a form of its own' };
  if (obj.name === 'IsotonicRegression')
    return { kind: 'flat', where: 'IsotonicRegression takes one number a row' };
  if (obj.name === 'FeatureUnion') {
    const parts = steps(obj, 'transformer_list').flatMap((step) => step.obj ?? []);
    const kinds = parts.map((part) => {
      const chain = entryChain(part);
      return specialInput(chain.at(-1) ?? part, depth + 1);
    });
    const [one] = kinds;
    if (one && kinds.every((kind) => kind?.kind === one.kind)) return one;
    if (kinds.some((kind) => kind !== null)) return { kind: 'odd', where: 'its parts take different inputs' };
  }
  return null;
}

function ownNames(obj: Obj): Told<readonly string[]> | null {
  for (const name of ['feature_names_in_', '_feature_names_in', '_df_columns']) {
    const names = namesOf(attribute(obj.value, name));
    if (names && names.length > 0) return stated(names, at(obj, name));
  }
  const booster = boosterOf(obj);
  if (booster?.features) return stated(booster.features, INSIDE);
  if (obj.name === 'DataFrameMapper') {
    const asked = (itemsOf(attribute(obj.value, 'features')) ?? []).flatMap((item) => {
      const columns = itemsOf(item)?.[0];
      const one = textOf(columns);
      return one === null ? (namesOf(columns) ?? []) : [one];
    });
    if (asked.length > 0) return derived([...new Set(asked)], at(obj, 'features'));
  }
  if (obj.name === 'ColumnTransformer') {
    // Before 1.0 the names stood only where columns are asked for, in that order.
    const asked = [...new Set(askedNames(obj))];
    const width = ownWidth(obj);
    if (asked.length > 0 && (width?.value ?? asked.length) === asked.length)
      return derived(asked, at(obj, 'transformers_'));
  }
  return null;
}

/** What each column takes, as far as transformers that are given the columns directly tell. */
function columnsOf(
  obj: Obj,
  names: readonly string[] | null,
  width: number | null,
  depth: number,
): (Column | undefined)[] {
  const out: (Column | undefined)[] = [];
  if (depth > MAX_DEPTH) return out;
  if (obj.name === 'Pipeline') {
    // Imputers that keep the values as they are leave it to the next step to tell.
    for (const step of steps(obj)) {
      if (!step.obj) continue;
      const columns = columnsOf(step.obj, names, width, depth + 1);
      if (columns.some((one) => one !== undefined)) return columns;
      // Samplers of imbalanced-learn only choose rows.
      if (!/Imputer$|Sampler$|^SMOTEN?C?$/.test(step.obj.name)) return columns;
    }
    return out;
  }
  const booster = boosterOf(obj);
  if (booster?.features)
    return (booster.contract?.signatures['predict']?.inputs ?? []).map((field): Column | undefined => {
      const type = SCALAR_TYPES.find((one) => one === field.type);
      if (field.type === null) return { type: unknown(INSIDE) };
      // An embedding has more than one number a row.
      if (field.shape && field.shape.length > 1 && type)
        return { type: derived(type, INSIDE), shape: derived(field.shape, INSIDE) };
      if (type === undefined || type.startsWith('float')) return undefined;
      return {
        type: derived(type, INSIDE),
        ...(field.categories && { categories: stated(field.categories, INSIDE) }),
      };
    });
  const preprocessor = obj.name.startsWith('HistGradientBoosting') ? child(obj, '_preprocessor') : null;
  if (preprocessor) return columnsOf(preprocessor, names, width, depth + 1);
  if (ENCODERS.has(obj.name) && obj.module.startsWith('sklearn')) {
    const categories = itemsOf(attribute(obj.value, 'categories_')) ?? [];
    const strict = (text(obj, 'handle_unknown') ?? 'error') === 'error' && obj.name !== 'TargetEncoder';
    return categories.map((item, index) => encoded(item, `${at(obj, 'categories_')}[${index}]`, strict));
  }
  if (obj.name === 'SimpleImputer') {
    const strategy = text(obj, 'strategy') ?? 'mean';
    const statistics = array(obj, 'statistics_');
    const values = statistics && elementsOf(statistics);
    if (!values) return out;
    return values.map((value) =>
      typeof value === 'string' && strategy !== 'mean'
        ? { type: derived('string' as const, at(obj, 'statistics_')) }
        : undefined,
    );
  }
  if (obj.name === 'FeatureUnion') {
    const parts = steps(obj, 'transformer_list').flatMap((step) => {
      if (!step.obj) return [];
      const entry = step.obj.name === 'Pipeline' ? step.obj : (entryChain(step.obj).at(-1) ?? step.obj);
      return [columnsOf(entry, names, width, depth + 1)];
    });
    // A column is left out only where every part does without it.
    const size = Math.max(0, ...parts.map((part) => part.length));
    for (let index = 0; index < size; index += 1) {
      const told = parts.map((part) => part[index]);
      const used = told.filter((one) => one === undefined || !one.unused);
      out[index] = used.length === 0 ? told[0] : used.find((one) => one !== undefined);
    }
    return out;
  }
  if (obj.name !== 'ColumnTransformer') return out;
  const used = new Set<number>();
  for (const use of columnUses(obj, names, width)) {
    const inner = use.obj && columnsOf(use.obj, null, use.columns.length, depth + 1);
    const entry = use.obj && (entryChain(use.obj).at(-1) ?? use.obj);
    const special = entry && specialInput(entry, depth + 1);
    use.columns.forEach((column, index) => {
      if (use.dropped) return;
      used.add(column);
      if (special?.kind === 'text')
        out[column] = { type: derived('string', `${use.where} is a ${entry?.name ?? ''}`) };
      else if (special?.kind === 'odd') out[column] = { type: unknown(special.where) };
      else out[column] ??= inner?.[index];
    });
  }
  if (width !== null)
    for (let index = 0; index < Math.min(width, 100_000); index += 1)
      if (!used.has(index))
        out[index] = { type: unknown(`${at(obj, 'transformers_')} drops the column`), unused: true };
  return out;
}

function passedThrough(obj: Obj, names: readonly string[], width: number | null): number[] {
  return columnUses(obj, names, width).flatMap((use) =>
    use.dropped || (use.obj && !passes(use.obj)) ? [] : use.columns,
  );
}

function encoded(item: Value, where: string, strict: boolean): Column {
  const values = arrayOf(item);
  if (!values) return { type: unknown(where) };
  const elements = elementsOf(values);
  const own = typeOfArray(values.dtype) ?? typeOfValues(elements ?? []);
  if (own === null) return { type: unknown(`${where} holds values of several types`) };
  const labels = elements && labelsOf(elements.filter((one) => !isMissing(one)));
  const type = derived(own, `${where}.dtype`);
  return strict && labels && labels.length > 0 ? { type, categories: stated(labels, where) } : { type };
}

const isMissing = (value: unknown): boolean =>
  value === null || (typeof value === 'number' && Number.isNaN(value));

function typeOfValues(values: readonly (Label | bigint | null)[]): ScalarType | null {
  const real = values.filter((one) => !isMissing(one));
  if (real.length === 0) return null;
  if (real.every((one) => typeof one === 'string')) return 'string';
  if (real.every((one) => typeof one === 'boolean')) return 'bool';
  if (!real.every((one) => typeof one === 'number')) return null;
  return real.every((one) => Number.isInteger(one)) && real.length === values.length ? 'int64' : 'float64';
}

const CONVENTION = 'numbers become float64 in scikit-learn';

/** The contract's fields for an input. */
export function inputFields(input: Input): ToldField[] | Told<never> {
  switch (input.kind) {
    case 'text':
      return [
        {
          name: assumed('X', 'convention for unnamed input'),
          type: derived('string', input.where),
          shape: derived(batched(), 'a text vectorizer takes one document a row'),
          profile: 'text',
        },
      ];
    case 'labels':
      return [
        {
          name: assumed('y', 'the argument of transform'),
          type: input.type,
          shape: derived(batched(), input.where),
        },
      ];
    case 'flat':
      return [
        {
          name: assumed('X', 'convention for unnamed input'),
          type: assumed('float64', CONVENTION),
          shape: derived(batched(), input.where),
        },
      ];
    case 'odd':
      return unknown(input.where, 'inputs: [{name: …, type: …, shape: […]}]');
    case 'matrix':
      return input.names.value ? namedFields(input, input.names.value) : [matrixField(input)];
  }
}

function namedFields(input: Input & { kind: 'matrix' }, names: readonly string[]): ToldField[] {
  return names.map((name, index) => {
    const column = input.columns[index];
    return {
      name: stated(name, `${input.names.evidence.where}[${index}]`),
      type: column?.type ?? input.numbers,
      shape: column?.shape ?? derived(batched(), 'one column of a table'),
      ...(column?.categories && { categories: column.categories }),
      ...(column?.unused && { optional: true }),
    };
  });
}

function matrixField(input: Input & { kind: 'matrix' }): ToldField {
  const types = new Set<string | null>();
  const width = input.width.value ?? 0;
  for (let index = 0; index < width; index += 1) {
    const column = input.columns[index];
    if (column?.unused) continue;
    types.add(column ? column.type.value : input.numbers.value);
  }
  const [only] = types;
  const type: Told<ScalarType> =
    types.size > 1 || only === null
      ? unknown('its columns have different types', 'one input a column')
      : (input.columns.find((column) => column?.type.value === only && !column?.unused)?.type ??
        input.numbers);
  return {
    name: assumed('X', 'convention for unnamed input'),
    type,
    shape: { value: batched(input.width.value), evidence: input.width.evidence },
  };
}
