import type { TypeName } from '../../contract/types.ts';
import { assumed, derived, type Told, unknown } from '../told.ts';
import { bucketizer, indexer, oldOneHot, oneHot, targets, toNames } from './categories.ts';
import { anyNumber, type Column, type Said, string, strings, vectorOf } from './frame.ts';
import { sqlTransformer } from './sql.ts';
import { count, outputColumn, pairs, param, params, type Stage } from './stage.ts';
import { type StageReader, told, type Work } from './work.ts';

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
