import type { Label } from '../../contract/types.ts';
import { inFolder } from '../store.ts';
import { assumed, derived, stated, type Told, unknown } from '../told.ts';
import { anyNumber, type Column, double, type Frame, string, vectorOf } from './frame.ts';
import { outputColumn, pairs, param, params, type Stage } from './stage.ts';
import { type StageReader, told, type Work } from './work.ts';

/* Stages that make categories of values, and values of categories. Source: Spark, ml/feature. */

/** Labels beyond these are no list that a person or a form would choose from. */
const MAX_CATEGORIES = 1000;

/** Text or numbers, told apart by whether all labels read as numbers. */
export const indexer: StageReader = async (stage, work) => {
  const { frame } = work;
  const all = await labelsOf(stage, work);
  const invalid = param(stage, 'handleInvalid') ?? 'error';
  pairs(stage).forEach(({ input, output }, index) => {
    const labels = all[index] ?? [];
    const where = `${inFolder(stage.folder, 'data')} labelsArray[${index}]`;
    const names = labels.length > 0 ? stated<readonly Label[]>(labels, where) : undefined;
    if (names) frame.labels.set(output, names);
    if (work.training.has(output)) return;
    const strict = invalid === 'error' && labels.length <= MAX_CATEGORIES;
    const type = typeOfLabels(labels, stage);
    const categories = strict && names && type.value === 'string' ? { categories: names } : {};
    frame.take(input, { type, form: 'scalar', ...categories }, stage.name);
    // What was not seen in training gets an index of its own.
    const levels = labels.length + (invalid === 'keep' ? 1 : 0);
    frame.make(output, { ...double('an index is a double'), levels: names ? levels : null }, stage.name);
  });
};

/** The indexer takes text and numbers, and keeps of both the text: as Java writes a double, it was one. */
function typeOfLabels(labels: readonly string[], stage: Stage): Told<'string' | 'float64'> {
  if (labels.some((one) => one.trim() === '' || Number.isNaN(Number(one))))
    return derived('string', 'its labels are text');
  if (labels.length > 0 && labels.every((one) => /^-?\d+\.(?:0|\d*[1-9])(?:E-?\d+)?$/.test(one)))
    return assumed('float64', 'its labels are written as Java writes doubles');
  return unknown(`${stage.name} takes text and numbers, and its labels read as whole numbers`, 'the type');
}

/** Spark 3 keeps a list for each column, Spark 2 one list. */
async function labelsOf(stage: Stage, work: Work): Promise<string[][]> {
  const [several] = await work.column(stage, 'labelsArray');
  const lists: unknown[] = Array.isArray(several) ? several : [(await work.column(stage, 'labels'))[0]];
  return lists.map((one) => (Array.isArray(one) ? one.filter((label) => typeof label === 'string') : []));
}

/** Names behind the indices of a column, one more where the indexer keeps what it has not seen. */
function namesOf(column: Column, frame: Frame): Told<readonly Label[]> | undefined {
  const names = frame.labels.get(column.name);
  if (!names?.value || column.levels !== names.value.length + 1) return names;
  return derived([...names.value, '__unknown'], `${names.evidence.where}, and what is not among them`);
}

export const toNames: StageReader = (stage, { frame }) => {
  const input = param(stage, 'inputCol') ?? '';
  const own = params(stage, 'labels');
  const column = frame.take(input, double('an index'), stage.name);
  const labels: Told<readonly Label[]> | undefined =
    own.length > 0 ? stated<readonly Label[]>(own, 'paramMap.labels') : namesOf(column, frame);
  if (own.length > 0 && !frame.labels.has(input))
    frame.labels.set(input, stated<readonly Label[]>(own, `${stage.name} paramMap.labels`));
  frame.make(
    outputColumn(stage),
    { ...string, type: derived('string', 'labels are text'), ...(labels && { labels }) },
    stage.name,
  );
};

/** How many categories each column has stands in the model; with its own rules for the last and for others. */
export const oneHot: StageReader = async (stage, work) => {
  const [given] = await work.column(stage, 'categorySizes');
  const sizes: unknown[] = Array.isArray(given) ? given : [];
  const drop = stage.params['dropLast'] !== false;
  const keep = param(stage, 'handleInvalid') === 'keep';
  pairs(stage).forEach(({ input, output }, index) => {
    work.frame.take(input, anyNumber, stage.name);
    const size = Number(sizes[index]);
    const known = Number.isSafeInteger(size) && size > 0 ? size + (keep ? 1 : 0) - (drop ? 1 : 0) : null;
    const made = vectorOf(told(known, `categorySizes[${index}]`, stage));
    work.frame.make(output, { ...made, levels: known }, stage.name);
  });
};

/** Until Spark 2.4 it was never fitted: the column itself says how many categories there are. */
export const oldOneHot: StageReader = (stage, { frame }) => {
  const from = frame.take(param(stage, 'inputCol') ?? '', anyNumber, stage.name);
  const drop = stage.params['dropLast'] !== false;
  const size = from.levels === null ? null : from.levels - (drop ? 1 : 0);
  const made = vectorOf(told(size, `as many as ${from.name} has categories`, stage));
  frame.make(outputColumn(stage), { ...made, levels: size }, stage.name);
};

/** Buckets are categories: one less than there are splits. */
export const bucketizer: StageReader = (stage, { frame }) => {
  const several = stage.params['splitsArray'];
  pairs(stage).forEach(({ input, output }, index) => {
    frame.take(input, anyNumber, stage.name);
    const splits: unknown =
      params(stage, 'inputCols').length > 0 && Array.isArray(several)
        ? several[index]
        : stage.params['splits'];
    const levels = Array.isArray(splits) && splits.length > 1 ? splits.length - 1 : null;
    frame.make(output, { ...double('the number of the bucket'), levels }, stage.name);
  });
};

/** Every column is a category, whatever numbers it has. */
export const targets: StageReader = (stage, { frame }) => {
  for (const { input, output } of pairs(stage)) {
    frame.take(input, anyNumber, stage.name);
    frame.make(output, double('a mean of the target'), stage.name);
  }
};
