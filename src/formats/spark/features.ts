import type { Label, TypeName } from '../../contract/types.ts';
import { inFolder } from '../store.ts';
import { assumed, derived, stated, type Told, unknown } from '../told.ts';
import { anyNumber, type Column, double, type Frame, type Said, string, strings, vectorOf } from './frame.ts';
import { sqlTransformer } from './sql.ts';
import { count, outputColumn, pairs, param, params, type Stage } from './stage.ts';
import type { StageReader, Work } from './work.ts';

/** Labels beyond these are no list that a person or a form would choose from. */
const MAX_CATEGORIES = 1000;

/** One column in and one out, pair by pair. */
const each =
  (take: Said, make: Said): StageReader =>
  (stage, { frame }) => {
    for (const { input, output } of pairs(stage)) {
      frame.take(input, take, stage.name);
      frame.make(output, make, stage.name);
    }
  };

/** A vector goes in, and one as wide comes out. */
const sameWidth =
  (column?: string): StageReader =>
  async (stage, work) => {
    const size = column === undefined ? null : await widthIn(stage, work, column);
    for (const { input, output } of pairs(stage)) {
      const from = work.frame.take(input, vectorOf(told(size, 'data', stage)), stage.name);
      work.frame.same(from, work.frame.make(output, vectorOf(), stage.name));
    }
  };

async function widthIn(stage: Stage, work: Work, column: string): Promise<number | null> {
  const data = await work.footers(stage);
  return data?.vector(column) ?? data?.number(column) ?? null;
}

function told(size: number | null, where: string, stage: Stage): Told<number> {
  if (size === null) return unknown(`${stage.name} does not say how wide its vectors are`);
  return derived(size, `${stage.name} ${where}`);
}

/** A vector goes in, and a part of it comes out. */
const selected =
  (
    inputParam: 'inputCol' | 'featuresCol',
    inWidth: (stage: Stage, work: Work) => Promise<number | null>,
  ): StageReader =>
  async (stage, work) => {
    const data = await work.footers(stage);
    const input = param(stage, inputParam) ?? 'features';
    const width = told(await inWidth(stage, work), 'data', stage);
    const from = work.frame.take(input, vectorOf(width), stage.name);
    const none = data !== null && data.empty('selectedFeatures') === data.rows;
    const kept = none ? 0 : (data?.entries('selectedFeatures') ?? null);
    // Where all of them are plain numbers, so are those that are left.
    const levels = from.levels !== null && from.levels === from.size.value ? kept : null;
    const made = vectorOf(told(kept, 'selectedFeatures', stage));
    work.frame.make(outputColumn(stage), { ...made, levels }, stage.name);
  };

/** Hashing takes lists of anything, the others lists of text. */
const widthFromWords =
  (
    width: (stage: Stage, work: Work) => Promise<number | null> | number | null,
    take: Said = strings,
  ): StageReader =>
  async (stage, work) => {
    const size = await width(stage, work);
    for (const { input, output } of pairs(stage)) {
      work.frame.take(input, take, stage.name);
      work.frame.make(output, vectorOf(told(size, 'paramMap', stage)), stage.name);
    }
  };

/** Text or numbers, told apart by whether all labels read as numbers. */
const indexer: StageReader = async (stage, work) => {
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

const toNames: StageReader = (stage, { frame }) => {
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
const oneHot: StageReader = async (stage, work) => {
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
const oldOneHot: StageReader = (stage, { frame }) => {
  const from = frame.take(param(stage, 'inputCol') ?? '', anyNumber, stage.name);
  const drop = stage.params['dropLast'] !== false;
  const size = from.levels === null ? null : from.levels - (drop ? 1 : 0);
  const made = vectorOf(told(size, `as many as ${from.name} has categories`, stage));
  frame.make(outputColumn(stage), { ...made, levels: size }, stage.name);
};

const assembler: StageReader = (stage, { frame, numbers }) => {
  // Where it keeps what is missing, it has to know how many numbers each column is: of a caller's vectors it does not.
  const strict = numbers || param(stage, 'handleInvalid') === 'keep';
  const open: Said = { ...anyNumber, form: strict ? 'scalar' : null };
  const parts = params(stage, 'inputCols').map((name): Column => frame.take(name, open, stage.name));
  const sizes = parts.map(levelsOf);
  const levels = sizes.reduce<number | null>(
    (sum, one) => (sum === null || one === null ? null : sum + one),
    0,
  );
  frame.joined(parts, frame.make(outputColumn(stage), { ...vectorOf(), levels }, stage.name));
};

const pca: StageReader = async (stage, work) => {
  const data = await work.footers(stage);
  const k = count(stage, 'k') ?? data?.number('pc.numCols') ?? null;
  work.frame.take(
    param(stage, 'inputCol') ?? '',
    vectorOf(told(data?.number('pc.numRows') ?? null, 'pc', stage)),
    stage.name,
  );
  work.frame.make(outputColumn(stage), vectorOf(told(k, 'k', stage)), stage.name);
};

/** All products of at most `degree` of `n` numbers, without the constant: C(n + degree, degree) - 1. */
const polynomial: StageReader = (stage, { frame }) => {
  const degree = count(stage, 'degree') ?? 2;
  const sizeOf = (n: number): number | null => {
    if (degree > 32) return null;
    let size = 1;
    for (let step = 1; step <= degree; step += 1) size = (size * (n + step)) / step;
    return Number.isSafeInteger(Math.round(size)) ? Math.round(size) - 1 : null;
  };
  const from = frame.take(param(stage, 'inputCol') ?? '', vectorOf(), stage.name);
  frame.expanded(from, frame.make(outputColumn(stage), vectorOf(), stage.name), sizeOf);
};

const sized: StageReader = (stage, { frame }) => {
  const size = count(stage, 'size');
  const column = frame.take(param(stage, 'inputCol') ?? '', vectorOf(told(size, 'size', stage)), stage.name);
  // The column goes on under its name: nothing was used up.
  column.taken = frame.given.includes(column);
};

const slicer: StageReader = (stage, { frame }) => {
  const indices = stage.params['indices'];
  const size = (Array.isArray(indices) ? indices.length : 0) + params(stage, 'names').length;
  frame.take(param(stage, 'inputCol') ?? '', vectorOf(), stage.name);
  frame.make(outputColumn(stage), vectorOf(told(size, 'indices', stage)), stage.name);
};

/** All products of one number of each column, where a category counts as a vector of zeros and a one. */
const interaction: StageReader = (stage, { frame }) => {
  const sizes = params(stage, 'inputCols').map((name) => {
    // Of vectors it wants attributes, which only stages give them: a caller brings numbers.
    const column = frame.take(name, anyNumber, stage.name);
    return levelsOf(column);
  });
  const size = sizes.reduce<number | null>(
    (all, one) => (all === null || one === null ? null : all * one),
    1,
  );
  const known = size !== null && Number.isSafeInteger(size) ? size : null;
  const made = vectorOf(told(known, 'the product of its columns', stage));
  frame.make(outputColumn(stage), { ...made, levels: known }, stage.name);
};

/** How many numbers a column is after its categories became zeros and ones. */
function levelsOf(column: Column): number | null {
  return column.levels ?? (column.form === 'scalar' ? 1 : null);
}

const hasher: StageReader = (stage, { frame }) => {
  const open: Said = {
    type: unknown(`${stage.name} takes numbers, text and truth values`, 'the type'),
    form: 'scalar',
  };
  for (const name of params(stage, 'inputCols')) frame.take(name, open, stage.name);
  const size = count(stage, 'numFeatures') ?? 262_144;
  frame.make(outputColumn(stage), vectorOf(derived(size, 'paramMap.numFeatures')), stage.name);
};

/** Each table of hashes gives a vector with one number. */
const hashes =
  (width: (stage: Stage, work: Work) => Promise<number | null>): StageReader =>
  async (stage, work) => {
    work.frame.take(
      param(stage, 'inputCol') ?? '',
      vectorOf(told(await width(stage, work), 'data', stage)),
      stage.name,
    );
    const tables = count(stage, 'numHashTables') ?? 1;
    work.frame.make(
      outputColumn(stage),
      {
        type: derived('float64', 'hashes are vectors'),
        form: 'vectors',
        size: derived(tables, 'paramMap.numHashTables'),
      },
      stage.name,
    );
  };

const elementwise: StageReader = async (stage, work) => {
  const vector = stage.params['scalingVec'];
  const values = typeof vector === 'object' && vector !== null && 'values' in vector ? vector.values : null;
  const sparse = typeof vector === 'object' && vector !== null && 'size' in vector ? vector.size : null;
  const size = typeof sparse === 'number' ? sparse : Array.isArray(values) ? values.length : null;
  const from = work.frame.take(
    param(stage, 'inputCol') ?? '',
    vectorOf(told(size, 'scalingVec', stage)),
    stage.name,
  );
  work.frame.same(from, work.frame.make(outputColumn(stage), vectorOf(), stage.name));
};

/** Takes a double or a vector, and gives its like. */
const binarizer: StageReader = (stage, { frame }) => {
  const open: Said = { type: derived('float64', 'it takes doubles and vectors of them'), form: null };
  for (const { input, output } of pairs(stage)) {
    const from = frame.take(input, open, stage.name);
    frame.same(from, frame.make(output, { ...open, form: from.form }, stage.name));
  }
};

const imputer: StageReader = (stage, { frame }) => {
  for (const { input, output } of pairs(stage)) {
    const from = frame.take(input, anyNumber, stage.name);
    const type: Told<TypeName> =
      from.type.value === null ? from.type : assumed(from.type.value, `of the type of ${input}`);
    frame.make(output, { type, form: 'scalar' }, stage.name);
  }
};

/** Buckets are categories: one less than there are splits. */
const bucketizer: StageReader = (stage, { frame }) => {
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
const targets: StageReader = (stage, { frame }) => {
  for (const { input, output } of pairs(stage)) {
    frame.take(input, anyNumber, stage.name);
    frame.make(output, double('a mean of the target'), stage.name);
  }
};

const nothing: StageReader = () => {};
const unsaid = async () => null;

/** Stages that make features, by class. Source: Spark, ml/feature. */
export const FEATURES: Readonly<Record<string, StageReader>> = {
  Tokenizer: each(string, { ...strings, type: derived('string', 'tokens are text') }),
  RegexTokenizer: each(string, { ...strings, type: derived('string', 'tokens are text') }),
  StopWordsRemover: each(strings, strings),
  NGram: each(strings, strings),
  HashingTF: widthFromWords((stage) => count(stage, 'numFeatures') ?? 262_144, {
    type: assumed('string', 'lists of anything are taken, mostly of words'),
    form: 'list',
  }),
  CountVectorizerModel: widthFromWords(
    async (stage, work) => (await work.footers(stage))?.entries('vocabulary') ?? null,
  ),
  Word2VecModel: widthFromWords((stage) => count(stage, 'vectorSize') ?? 100),
  IDFModel: sameWidth('idf'),
  Binarizer: binarizer,
  Bucketizer: bucketizer,
  ImputerModel: imputer,
  TargetEncoderModel: targets,
  StringIndexerModel: indexer,
  IndexToString: toNames,
  OneHotEncoderModel: oneHot,
  OneHotEncoder: oldOneHot,
  VectorAssembler: assembler,
  PCAModel: pca,
  PolynomialExpansion: polynomial,
  VectorSizeHint: sized,
  VectorSlicer: slicer,
  Interaction: interaction,
  FeatureHasher: hasher,
  Normalizer: sameWidth(),
  DCT: sameWidth(),
  ElementwiseProduct: elementwise,
  StandardScalerModel: sameWidth('mean'),
  MinMaxScalerModel: sameWidth('originalMin'),
  MaxAbsScalerModel: sameWidth('maxAbs'),
  RobustScalerModel: sameWidth('median'),
  VectorIndexerModel: sameWidth('numFeatures'),
  ChiSqSelectorModel: selected('featuresCol', unsaid),
  UnivariateFeatureSelectorModel: selected('featuresCol', unsaid),
  VarianceThresholdSelectorModel: selected('featuresCol', (stage, work) =>
    widthIn(stage, work, 'numFeatures'),
  ),
  BucketedRandomProjectionLSHModel: hashes(
    async (stage, work) => (await work.footers(stage))?.number('randUnitVectors.numCols') ?? null,
  ),
  MinHashLSHModel: hashes(unsaid),
  SQLTransformer: sqlTransformer,
  ColumnPruner: nothing,
  VectorAttributeRewriter: nothing,
};
