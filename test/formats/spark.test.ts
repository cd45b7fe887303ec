import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { test } from 'node:test';
import type { Reading } from '../../src/formats/format.ts';
import { Malformed } from '../../src/formats/format.ts';
import { lookAt, readModel } from '../../src/formats/read.ts';
import { checkFooter } from '../../src/formats/spark/thrift.ts';
import { walk } from '../../src/model/walk.ts';
import { readingOf } from '../helpers/model-files.ts';
import { zipOf } from '../helpers/zip.ts';

const ML = 'org.apache.spark.ml';

/** Metadata as Spark writes it: one line of JSON. */
function metadata(type: string, uid: string, paramMap: object, more: object = {}): string {
  return `${JSON.stringify({ class: type, timestamp: 1, sparkVersion: '2.3.0', uid, paramMap, ...more })}\n`;
}

/** `name: type [shape]`, one a column. */
function sides(read: Reading): { inputs: string[]; outputs: string[] } {
  const one = read.contract?.signatures['transform'];
  const words = (fields: NonNullable<typeof one>['inputs']) =>
    (fields ?? []).map((field) => `${field.name}: ${field.type} ${JSON.stringify(field.shape)}`);
  return { inputs: words(one?.inputs ?? []), outputs: words(one?.outputs ?? []) };
}

/** A pipeline of stages, each in its numbered folder. */
function pipeline(stages: readonly (readonly [string, string, object, object?])[]): Record<string, string> {
  const uids = stages.map(([, uid]) => uid);
  const width = String(stages.length - 1).length;
  return {
    'metadata/part-00000': metadata(`${ML}.PipelineModel`, 'pipe', { stageUids: uids }),
    ...Object.fromEntries(
      stages.map(([type, uid, params, more], index) => [
        `stages/${String(index).padStart(width, '0')}_${uid}/metadata/part-00000`,
        metadata(`${ML}.${type}`, uid, params, more),
      ]),
    ),
  };
}

const FOREST = 'classification.RandomForestClassificationModel';

test('metadata of Spark 2 without defaults is read with the names that Spark itself gives columns', async (t) => {
  const read = await readingOf(t, {
    'metadata/part-00000': metadata(
      `${ML}.${FOREST}`,
      'rfc_1',
      {},
      { numFeatures: 31, numClasses: 2, numTrees: 20 },
    ),
  });
  assert.deepEqual(sides(read), {
    inputs: ['features: float64 ["batch",31]'],
    outputs: [
      'rawPrediction: float64 ["batch",2]',
      'probability: float64 ["batch",2]',
      'prediction: float64 ["batch"]',
    ],
  });
  assert.deepEqual(read.framework, { name: 'spark', version: '2.3.0' });
});

test('the line of metadata may stand in any part, whatever the part is called', async (t) => {
  const line = metadata(`${ML}.feature.Tokenizer`, 'tok', { inputCol: 'text', outputCol: 'words' });
  const read = await readingOf(t, {
    'metadata/part-00000-9a-c000.txt': '',
    'metadata/part-00001-9a-c000.txt': line,
    'metadata/_SUCCESS': '',
  });
  assert.deepEqual(sides(read), {
    inputs: ['text: string ["batch"]'],
    outputs: ['words: string ["batch",null]'],
  });
});

test('a part that was split anywhere is put together', async (t) => {
  const line = metadata(`${ML}.feature.Tokenizer`, 'tok', { inputCol: 'text', outputCol: 'words' });
  const read = await readingOf(t, {
    'metadata/part-00000': line.slice(0, 100),
    'metadata/part-00001': line.slice(100),
  });
  assert.equal(sides(read).inputs.length, 1);
});

test('stages run in the order of stageUids, and not of their names', async (t) => {
  const stages = Array.from({ length: 11 }, (_, index): [string, string, object] => [
    'feature.Bucketizer',
    `b${10 - index}`,
    { inputCol: index === 0 ? 'age' : `c${index - 1}`, outputCol: `c${index}` },
  ]);
  assert.deepEqual(sides(await readingOf(t, pipeline(stages))), {
    inputs: ['age: float64 ["batch"]'],
    outputs: ['c10: float64 ["batch"]'],
  });
});

test('an assembler whose numbers are as many as the model takes has numbers for its inputs', async (t) => {
  const assembler = [
    'feature.VectorAssembler',
    'va',
    { inputCols: ['a', 'b'], outputCol: 'features' },
  ] as const;
  const four = await readingOf(
    t,
    pipeline([assembler, [FOREST, 'rf', {}, { numFeatures: 2, numClasses: 3 }]]),
  );
  assert.deepEqual(sides(four).inputs, ['a: float64 ["batch"]', 'b: float64 ["batch"]']);
  const more = await readingOf(
    t,
    pipeline([assembler, [FOREST, 'rf', {}, { numFeatures: 5, numClasses: 3 }]]),
  );
  assert.deepEqual(sides(more).inputs, ['a: float64 null', 'b: float64 null']);
  const pointer = '/signatures/transform/inputs/0/shape';
  assert.equal(more.evidence[pointer]?.kind, 'unknown');
});

test('a vector that is put together with numbers has what is left of the width', async (t) => {
  const read = await readingOf(
    t,
    pipeline([
      ['feature.Tokenizer', 't', { inputCol: 'text', outputCol: 'words' }],
      ['feature.HashingTF', 'h', { inputCol: 'words', outputCol: 'tf', numFeatures: 20 }],
      ['feature.VectorAssembler', 'va', { inputCols: ['tf', 'embedding'], outputCol: 'features' }],
      [FOREST, 'rf', {}, { numFeatures: 28, numClasses: 2 }],
    ]),
  );
  assert.deepEqual(sides(read).inputs, ['text: string ["batch"]', 'embedding: float64 ["batch",8]']);
});

test('the indexer of the label is no input; one whose output is a feature too stays', async (t) => {
  const label = ['feature.StringIndexerModel', 'si', { inputCol: 'species', outputCol: 'label' }] as const;
  const forest = [FOREST, 'rf', { labelCol: 'label' }, { numFeatures: 1, numClasses: 3 }] as const;
  const a = ['feature.VectorAssembler', 'va', { inputCols: ['age'], outputCol: 'features' }] as const;
  const b = ['feature.VectorAssembler', 'va', { inputCols: ['label'], outputCol: 'features' }] as const;
  assert.deepEqual(sides(await readingOf(t, pipeline([label, a, forest]))).inputs, [
    'age: float64 ["batch"]',
  ]);
  const both = (await readingOf(t, pipeline([label, b, forest]))).contract?.signatures['transform'];
  assert.deepEqual(
    both?.inputs?.map((field) => field.name),
    ['species'],
  );
});

test('weights, labels and empty column names are no columns of a prediction', async (t) => {
  const read = await readingOf(t, {
    'metadata/part-00000': metadata(
      `${ML}.${FOREST}`,
      'rf',
      { labelCol: 'y', weightCol: 'w', probabilityCol: '', rawPredictionCol: '', leafCol: '' },
      { numFeatures: 2, numClasses: 2 },
    ),
  });
  assert.deepEqual(sides(read), {
    inputs: ['features: float64 ["batch",2]'],
    outputs: ['prediction: float64 ["batch"]'],
  });
});

test('the best model of a search is the model, also inside a pipeline', async (t) => {
  const best = metadata(`${ML}.${FOREST}`, 'rf', {}, { numFeatures: 3, numClasses: 2 });
  const inside = pipeline([['tuning.CrossValidatorModel', 'cv', {}]]);
  const read = await readingOf(t, { ...inside, 'stages/0_cv/bestModel/metadata/part-00000': best });
  assert.deepEqual(sides(read).inputs, ['features: float64 ["batch",3]']);
  assert.equal(sides(read).outputs.length, 3);
});

test('stages of other packages keep their columns, without types', async (t) => {
  const read = await readingOf(
    t,
    pipeline([['feature.Tokenizer', 't', { inputCol: 'text', outputCol: 'words' }]]),
  );
  assert.equal(read.remarks.length, 0);
  const own = await readingOf(t, {
    'metadata/part-00000': metadata('com.example.Embedder', 'e', { inputCol: 'text', outputCol: 'vector' }),
  });
  assert.deepEqual(sides(own), { inputs: ['text: null null'], outputs: ['vector: null null'] });
  assert.equal(own.evidence['/signatures/transform/inputs/0/type']?.kind, 'unknown');
});

test('a pipeline that was not fitted has no contract, and says what to save', async (t) => {
  const read = await readingOf(t, {
    'metadata/part-00000': metadata(`${ML}.Pipeline`, 'p', { stageUids: [] }),
  });
  assert.equal(read.contract, null);
  assert.match(read.remarks[0]?.help ?? '', /PipelineModel/);
});

test('a missing stage is damage, not a shorter pipeline', async (t) => {
  const files = pipeline([
    ['feature.Tokenizer', 't', { inputCol: 'text', outputCol: 'words' }],
    ['feature.HashingTF', 'h', { inputCol: 'words', outputCol: 'tf' }],
  ]);
  delete files['stages/1_h/metadata/part-00000'];
  const read = await readingOf(t, files);
  assert.equal(read.contract, null);
  assert.match(read.remarks[0]?.message ?? '', /stage 1 \("h"\) is not there/);
  assert.notEqual(read.risk, 'none');
});

test('a damaged table is said, and what the metadata says stays', async (t) => {
  const read = await readingOf(t, {
    'metadata/part-00000': metadata(`${ML}.classification.LogisticRegressionModel`, 'lr', {}),
    'data/part-00000-a.snappy.parquet': `PAR1${'x'.repeat(40)}`,
  });
  assert.deepEqual(sides(read).inputs, ['features: float64 ["batch",null]']);
  assert.deepEqual(
    read.remarks.map((one) => one.rule),
    ['file-malformed'],
  );
  assert.equal(read.risk, 'review');
});

test('models of the RDD-based library take one vector', async (t) => {
  const read = await readingOf(t, {
    'metadata/part-00000': `${JSON.stringify({
      class: 'org.apache.spark.mllib.classification.LogisticRegressionModel',
      version: '1.0',
      numFeatures: 692,
      numClasses: 2,
    })}\n`,
  });
  const predict = read.contract?.signatures['predict'];
  assert.deepEqual(predict?.inputs?.[0]?.shape, ['batch', 692]);
});

test('a statement of SQL needs the columns that it names and makes those after AS', async (t) => {
  const read = await readingOf(t, {
    'metadata/part-00000': metadata(`${ML}.feature.SQLTransformer`, 'sql', {
      statement: "SELECT *, (v1 + `v 2`) AS v3, upper(city) AS big, 'text' AS t FROM __THIS__",
    }),
  });
  const { inputs = [], outputs = [] } = read.contract?.signatures['transform'] ?? {};
  assert.deepEqual(
    inputs?.map((field) => field.name),
    ['v1', 'v 2', 'city'],
  );
  assert.deepEqual(
    outputs?.map((field) => field.name),
    ['v3', 'big', 't'],
  );
});

const NAMED = (read: Reading, side: 'inputs' | 'outputs') =>
  read.contract?.signatures['transform']?.[side]?.map((field) => `${field.name}: ${field.type}`) ?? null;
const sql = (statement: string) => ['feature.SQLTransformer', 'sql', { statement }] as const;

test('behind SQL that joins, nests or ranks nobody knows the columns, and the reading says so', async (t) => {
  for (const statement of [
    'SELECT * FROM (SELECT *, a + b AS c FROM __THIS__) WHERE c > 1',
    'SELECT a.x FROM __THIS__ a JOIN other b ON a.id = b.id',
    'SELECT *, row_number() OVER (PARTITION BY a ORDER BY b) AS n FROM __THIS__',
    `SELECT ${'('.repeat(5000)}a${')'.repeat(5000)} AS deep FROM __THIS__`,
    `SELECT ${'NOT '.repeat(3000)}a AS no, ${'- '.repeat(3000)}b AS minus, 'open FROM __THIS__`,
  ]) {
    const read = await readingOf(t, pipeline([sql(statement)]));
    assert.equal(NAMED(read, 'inputs'), null, statement.slice(0, 60));
    assert.equal(read.evidence['/signatures/transform/outputs']?.kind, 'unknown');
  }
});

test('a column that SQL gives no name is no input of the stage that takes it', async (t) => {
  const assembler = ['feature.VectorAssembler', 'va', { inputCols: ['(a + 1)'], outputCol: 'v' }] as const;
  const read = await readingOf(t, pipeline([sql('SELECT *, a + 1 FROM __THIS__'), assembler]));
  assert.deepEqual(NAMED(read, 'inputs'), ['a: float64']);
  assert.deepEqual(NAMED(read, 'outputs'), ['v: float64']);
  const last = await readingOf(t, pipeline([sql('SELECT *, a + 1 FROM __THIS__')]));
  assert.equal(NAMED(last, 'outputs'), null);
});

test('an estimator that was saved before fit() has no contract', async (t) => {
  for (const type of [
    'classification.LogisticRegression',
    'regression.DecisionTreeRegressor',
    'feature.RFormula',
  ]) {
    const read = await readingOf(t, { 'metadata/part-00000': metadata(`${ML}.${type}`, 'e', {}) });
    assert.equal(read.contract, null);
    assert.match(read.remarks[0]?.message ?? '', /never fitted/);
  }
});

test('before Spark 3 a column of predictions came first, and one against the rest gave no scores', async (t) => {
  const outputs = async (type: string, params: object) =>
    NAMED(await readingOf(t, { 'metadata/part-00000': metadata(`${ML}.${type}`, 'm', params) }), 'outputs');
  assert.deepEqual(await outputs('clustering.GaussianMixtureModel', {}), [
    'prediction: int32',
    'probability: float64',
  ]);
  const link = { linkPredictionCol: 'link' };
  assert.deepEqual(await outputs('regression.GeneralizedLinearRegressionModel', link), [
    'prediction: float64',
    'link: float64',
  ]);
  const rest = await readingOf(t, {
    'metadata/part-00000': metadata(`${ML}.classification.OneVsRestModel`, 'o', {}, { numClasses: 3 }),
    'model_0/metadata/part-00000': metadata(`${ML}.classification.LinearSVCModel`, 's', {}),
  });
  assert.deepEqual(NAMED(rest, 'outputs'), ['prediction: float64']);
});

test('an encoder of Spark 2 is as wide as the indexer before it has labels', async (t) => {
  const read = await readingOf(
    t,
    pipeline([
      ['feature.Bucketizer', 'b', { inputCol: 'age', outputCol: 'bucket', splits: [0, 1, 2, 3] }],
      ['feature.OneHotEncoder', 'o', { inputCol: 'bucket', outputCol: 'v', dropLast: true }],
    ]),
  );
  assert.deepEqual(sides(read), { inputs: ['age: float64 ["batch"]'], outputs: ['v: float64 ["batch",2]'] });
});

test('models of the RDD-based library that answer nothing are named, and their clusters are integers', async (t) => {
  const old = (type: string, more: object) => ({
    'metadata/part-00000': JSON.stringify({
      class: `org.apache.spark.mllib.${type}`,
      version: '1.0',
      ...more,
    }),
  });
  const clusters = await readingOf(t, old('clustering.KMeansModel', { k: 3 }));
  const [output] = clusters.contract?.signatures['predict']?.outputs ?? [];
  assert.deepEqual(output, { name: 'prediction', type: 'int32', shape: ['batch'], labels: [0, 1, 2] });
  const sets = await readingOf(t, old('fpm.FPGrowthModel', {}));
  assert.equal(sets.contract, null);
  assert.equal(sets.remarks[0]?.rule, 'contract-unknown');
});

test('an archive of one model is read, and one of two is told', async (t) => {
  const line = metadata(`${ML}.feature.Tokenizer`, 'tok', { inputCol: 'text', outputCol: 'words' });
  const member = (name: string) => ({ name, data: Buffer.from(line) });
  const two = await readingOf(t, {
    'm.zip': zipOf([member('a/metadata/part-00000'), member('b/metadata/part-00000')]),
  });
  assert.match(two.remarks[0]?.message ?? '', /holds 2 models/);
  const one = await readingOf(t, { 'm.zip': zipOf([member('metadata/part-00000')]) });
  assert.deepEqual(NAMED(one, 'outputs'), ['words: string']);
});

test('a zip of what Spark wrote is read as the folder is, at its top and in a folder in it', async (t) => {
  const model = join(import.meta.dirname, '../fixtures/models/spark/bare-bayes/model');
  const files = readdirSync(model, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const folder = await readModel(lookAt(walk('m', model)));
  const expected: Reading = folder.kind === 'model' ? folder.reading : assert.fail();
  assert.notEqual(expected.contract, null);
  for (const prefix of ['', 'export/model/']) {
    const members = files.map((path) => ({
      name: `${prefix}${relative(model, path).split(sep).join('/')}`,
      data: readFileSync(path),
    }));
    const zipped = await readingOf(t, { 'm.zip': zipOf(members) });
    assert.deepEqual(zipped.contract, expected.contract);
    assert.deepEqual(
      [zipped.labels, zipped.parameters, zipped.framework],
      [expected.labels, expected.parameters, expected.framework],
    );
  }
});

const FOOTERS: Readonly<Record<string, string>> = {
  'a schema with fewer children than none': '291c55010000',
  'a list longer than the file': '19f5ffffffff7f00',
  'a list of truth values': '19f2ffffff7f00',
  'a number that does not end': `15${'ff'.repeat(40)}`,
  'structs without an end': '1c'.repeat(100),
};

for (const [what, hex] of Object.entries(FOOTERS))
  test(`a footer of Parquet with ${what} is refused before a library reads it`, () => {
    assert.throws(() => checkFooter(Buffer.from(hex, 'hex')), Malformed);
  });
