import type { Label, ScalarType } from '../../contract/types.ts';
import { entryOf } from '../../model/entry.ts';
import { derived, stated, type ToldField } from '../told.ts';
import type { RValue } from './walk.ts';

/** What R calls the columns of a model, by how `terms` has them. */
const TYPES: Readonly<Record<string, ScalarType>> = {
  numeric: 'float64',
  factor: 'string',
  ordered: 'string',
  character: 'string',
  logical: 'bool',
};
/** A name of R, as opposed to a call such as `log(x)`. */
const NAME = /^[\p{L}.][\p{L}\p{N}._]*$/u;
/** Where classifiers keep their classes, by one of their own classes. */
const CLASSES: Readonly<Record<string, string>> = {
  randomForest: 'classes',
  nnet: 'lev',
  lda: 'lev',
  qda: 'lev',
  svm: 'levels',
  naiveBayes: 'levels',
};
/** Classes of objects that have none of their own. */
const PLAIN: Readonly<Record<number, string>> = {
  2: 'pairlist',
  3: 'function',
  4: 'environment',
  10: 'logical',
  13: 'integer',
  14: 'numeric',
  16: 'character',
  19: 'list',
  25: 'S4',
};

export interface RModel {
  /** `glm`, `lm`: the class first, then those that it is made from. */
  readonly classes: readonly string[];
  /** Columns that its formula asks for; `null` where there is none, or where it asks for what is made of columns. */
  readonly inputs: readonly ToldField[] | null;
  readonly labels: readonly Label[] | null;
}

/** What an object says about the model that it is. Source: R, `terms.object` and `.MFclass`. */
export function describeR(value: RValue): RModel {
  const own = value.attributes.get('class')?.texts ?? [];
  const classes = own.length > 0 ? own : [PLAIN[value.type] ?? 'object'];
  const part = (name: string) => value.items.find((one) => one.name === name)?.value;
  const terms = part('terms') ?? value.attributes.get('terms');
  const key = classes.map((one) => entryOf(CLASSES, one)).find((one) => one !== undefined);
  const labels =
    (key === undefined ? undefined : part(key)?.texts) ?? value.attributes.get('ylevels')?.texts ?? [];
  return {
    classes,
    inputs: terms ? columnsOf(terms, part('xlevels')) : null,
    labels: labels.length > 0 ? [...labels] : null,
  };
}

function columnsOf(terms: RValue, levels: RValue | undefined): ToldField[] | null {
  const kinds = terms.attributes.get('dataClasses');
  const names = kinds?.attributes.get('names')?.texts ?? [];
  const response = terms.attributes.get('response')?.integer ?? 0;
  const columns = names
    .map((name, index) => ({ name, kind: kinds?.texts[index] ?? '', index }))
    // `(weights)` and `(offset)` are not asked for in new data.
    .filter((one) => one.index !== response - 1 && !one.name.startsWith('('));
  if (columns.length === 0 || columns.some((one) => !NAME.test(one.name) || !entryOf(TYPES, one.kind)))
    return null;
  return columns.map((one): ToldField => {
    const categories = levels?.items.find((level) => level.name === one.name)?.value.texts ?? [];
    return {
      name: stated(one.name, 'attr(terms, "dataClasses")'),
      type: derived(entryOf(TYPES, one.kind) ?? 'float64', `dataClasses: ${one.kind}`),
      shape: derived(['batch'], 'one value a row'),
      ...(categories.length > 0 && { categories: stated([...categories], 'xlevels') }),
    };
  });
}
