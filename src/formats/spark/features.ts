import type { Label } from '../../contract/types.ts';
import { derived, stated, type Told, unknown } from '../told.ts';
import { anyNumber, type Column, double, type Said, string, strings, vectorOf } from './frame.ts';
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
    work.frame.take(input, vectorOf(told(await inWidth(stage, work), 'data', stage)), stage.name);
    const kept = data?.entries('selectedFeatures') ?? null;
    work.frame.make(outputColumn(stage), vectorOf(told(kept, 'selectedFeatures', stage)), stage.name);
  };

const widthFromWords =
  (width: (stage: Stage, work: Work) => Promise<number | null> | number | null): StageReader =>
  async (stage, work) => {
    const size = await width(stage, work);
    for (const { input, output } of pairs(stage)) {
      work.frame.take(input, strings, stage.name);
      work.frame.make(output, vectorOf(told(size, 'paramMap', stage)), stage.name);
    }
  };

/** Text or numbers, told apart by whether all labels read as numbers. */
const indexer: StageReader = async (stage, work) => {
  const { frame } = work;
  const all = await labelsOf(stage, work);
  pairs(stage).forEach(({ input, output }, index) => {
    const labels = all[index];
    const names = labels && stated<readonly Label[]>(labels, `${stage.folder}/data labelsArray[${index}]`);
    if (names) frame.labels.set(output, names);
    if (work.training.has(output)) return;
    const numeric =
      labels === undefined ||
      labels.length === 0 ||
      labels.every((one) => one.trim() !== '' && !Number.isNaN(Number(one)));
    const strict = (param(stage, 'handleInvalid') ?? 'error') === 'error';
    const take: Said = numeric
      ? {
          type: unknown(`${stage.name} takes text and numbers, and its labels read as numbers`, 'the type'),
          form: 'scalar',
        }
      : {
          type: derived('string', 'its labels are text'),
          form: 'scalar',
          ...(strict && names && labels.length <= MAX_CATEGORIES && { categories: names }),
        };
    frame.take(input, take, stage.name);
    frame.make(output, double('an index is a double'), stage.name);
  });
};

/** Spark 3 keeps a list for each column, Spark 2 one list. */
async function labelsOf(stage: Stage, work: Work): Promise<string[][]> {
  const [several] = await work.column(stage, 'labelsArray');
  const lists: unknown[] = Array.isArray(several) ? several : [(await work.column(stage, 'labels'))[0]];
  return lists.map((one) => (Array.isArray(one) ? one.filter((label) => typeof label === 'string') : []));
}

const toNames: StageReader = (stage, { frame }) => {
  const input = param(stage, 'inputCol') ?? '';
  const own = params(stage, 'labels');
  frame.take(input, double('an index'), stage.name);
  const labels: Told<readonly Label[]> | undefined =
    own.length > 0 ? stated<readonly Label[]>(own, 'paramMap.labels') : frame.labels.get(input);
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
    work.frame.make(output, vectorOf(told(known, `categorySizes[${index}]`, stage)), stage.name);
  });
};

const assembler: StageReader = (stage, { frame }) => {
  const open: Said = { ...anyNumber, form: null };
  const parts = params(stage, 'inputCols').map((name): Column => frame.take(name, open, stage.name));
  frame.joined(parts, frame.make(outputColumn(stage), vectorOf(), stage.name));
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
  frame.settle();
  const from = frame.take(param(stage, 'inputCol') ?? '', vectorOf(), stage.name);
  const n = from.size.value;
  let size = n === null || degree > 32 ? null : 1;
  for (let step = 1; size !== null && n !== null && step <= degree; step += 1)
    size = (size * (n + step)) / step;
  frame.make(
    outputColumn(stage),
    vectorOf(told(size === null ? null : Math.round(size) - 1, 'degree', stage)),
    stage.name,
  );
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

const interaction: StageReader = (stage, { frame }) => {
  for (const name of params(stage, 'inputCols')) frame.take(name, { ...anyNumber, form: null }, stage.name);
  frame.make(outputColumn(stage), vectorOf(), stage.name);
};

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

const nothing: StageReader = () => {};
const unsaid = async () => null;

/** Stages that make features, by class. Source: Spark, ml/feature. */
export const FEATURES: Readonly<Record<string, StageReader>> = {
  Tokenizer: each(string, { ...strings, type: derived('string', 'tokens are text') }),
  RegexTokenizer: each(string, { ...strings, type: derived('string', 'tokens are text') }),
  StopWordsRemover: each(strings, strings),
  NGram: each(strings, strings),
  HashingTF: widthFromWords((stage) => count(stage, 'numFeatures') ?? 262_144),
  CountVectorizerModel: widthFromWords(
    async (stage, work) => (await work.footers(stage))?.entries('vocabulary') ?? null,
  ),
  Word2VecModel: widthFromWords((stage) => count(stage, 'vectorSize') ?? 100),
  IDFModel: sameWidth('idf'),
  Binarizer: each(anyNumber, double('0 or 1')),
  Bucketizer: each(anyNumber, double('the number of the bucket')),
  ImputerModel: each(anyNumber, double('a number for every number')),
  StringIndexerModel: indexer,
  IndexToString: toNames,
  OneHotEncoderModel: oneHot,
  OneHotEncoder: oneHot,
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
