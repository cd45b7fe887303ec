/** Documents after PMML 4.4.1; what is expected of each is what jpmml-evaluator 1.6.5 gives as its input, target and output fields. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Reading } from '../../src/formats/format.ts';
import { readingOf } from '../helpers/model-files.ts';

const FIELDS = `<DataDictionary>
  <DataField name="a" optype="continuous" dataType="double"/>
  <DataField name="b" optype="categorical" dataType="string"><Value value="x"/><Value value="y"/></DataField>
  <DataField name="day" optype="continuous" dataType="dateDaysSince[1960]"/>
  <DataField name="t" optype="categorical" dataType="boolean"/>
  <DataField name="r" optype="continuous" dataType="double"/>
  <DataField name="s" optype="continuous" dataType="float"/>
</DataDictionary>`;
const TABLE = '<RegressionTable intercept="1"><NumericPredictor name="a" coefficient="1"/></RegressionTable>';
const document = (model: string, encoding = 'UTF-8') =>
  `<?xml version="1.0" encoding="${encoding}"?>\n<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><Header/>${FIELDS}${model}</PMML>`;
const regression = (fields: string, more = '') =>
  `<RegressionModel functionName="regression"><MiningSchema>${fields}</MiningSchema>${more}${TABLE}</RegressionModel>`;

const inputs = (read: Reading) => read.contract?.signatures['predict']?.inputs ?? [];
const outputs = (read: Reading) => read.contract?.signatures['predict']?.outputs ?? [];

test('a value that is replaced where it is missing may be left out, and what is admitted beside the list is not refused', async (t) => {
  const fields =
    '<MiningField name="r" usageType="target"/><MiningField name="a" missingValueReplacement="0"/><MiningField name="b" invalidValueTreatment="asMissing"/><MiningField name="day"/>';
  const read = await readingOf(t, { 'model.pmml': document(regression(fields)) });
  assert.deepEqual(inputs(read), [
    { name: 'a', type: 'float64', shape: ['batch'], optional: true },
    { name: 'b', type: 'string', shape: ['batch'] },
    { name: 'day', type: 'int64', shape: ['batch'] },
  ]);
});

test('a model without a target gives a value without a name', async (t) => {
  const read = await readingOf(t, { 'model.pmml': document(regression('<MiningField name="a"/>')) });
  assert.deepEqual(
    outputs(read).map((field) => field.type),
    ['float64'],
  );
  assert.equal(read.evidence['/signatures/predict/outputs/0/name']?.kind, 'assumed');
});

test('of two targets each is an output', async (t) => {
  const fields =
    '<MiningField name="r" usageType="target"/><MiningField name="s" usageType="target"/><MiningField name="a"/>';
  const model = `<MiningModel functionName="regression"><MiningSchema>${fields}</MiningSchema><Segmentation multipleModelMethod="x-multiModelChain"/></MiningModel>`;
  const read = await readingOf(t, { 'model.pmml': document(model) });
  assert.deepEqual(
    outputs(read).map((field) => `${field.name} ${field.type}`),
    ['r float64', 's float32'],
  );
});

test('of several models the first that can be asked is read', async (t) => {
  const first =
    '<TreeModel functionName="classification" isScorable="false"><MiningSchema><MiningField name="b"/></MiningSchema></TreeModel>';
  const second = regression('<MiningField name="r" usageType="target"/><MiningField name="a"/>');
  const read = await readingOf(t, { 'model.pmml': document(first + second) });
  assert.equal(read.properties['model'], 'RegressionModel');
});

test('what the probabilities are of names the classes where the dictionary does not', async (t) => {
  const output =
    '<Output><OutputField name="p1" feature="probability" value="true"/><OutputField name="p0" feature="probability" value="false"/><OutputField name="x" feature="transformedValue"><FieldRef field="p1"/></OutputField></Output>';
  const model = `<RegressionModel functionName="classification"><MiningSchema><MiningField name="t" usageType="target"/><MiningField name="a"/></MiningSchema>${output}${TABLE}</RegressionModel>`;
  const read = await readingOf(t, { 'model.pmml': document(model) });
  assert.deepEqual(read.labels, [true, false]);
  assert.deepEqual(
    outputs(read).map((field) => field.type),
    ['bool', 'float64', 'float64', null],
  );
});

test('the encoding that the document declares is the one that it is read in', async (t) => {
  const model = document(regression('<MiningField name="größe"/>'), 'ISO-8859-1');
  for (const bytes of [
    Buffer.from(model, 'latin1'),
    Buffer.from(`\ufeff${model.replace('ISO-8859-1', 'UTF-16')}`, 'utf16le'),
  ]) {
    const read = await readingOf(t, { 'model.pmml': bytes });
    assert.deepEqual(read.features, ['größe']);
  }
});

test('of a large document the interface is read, and that it ends', async (t) => {
  const trees = `<Segmentation>${'<Segment><True/><TreeModel/></Segment>'.repeat(40_000)}</Segmentation>`;
  const model = `<MiningModel functionName="regression"><MiningSchema><MiningField name="r" usageType="target"/><MiningField name="a"/></MiningSchema>${trees}</MiningModel>`;
  const whole = document(model);
  assert.deepEqual((await readingOf(t, { 'model.pmml': whole })).features, ['a']);
  const cut = await readingOf(t, { 'model.pmml': whole.slice(0, -2000) });
  assert.equal(cut.remarks[0]?.rule, 'file-malformed');
});

/** Models one after another, each with a probability or a value of its own; the last two are asked as the attribute says. */
const inRow = (method: string, ...segments: readonly string[]) =>
  `<MiningModel functionName="regression"><MiningSchema><MiningField name="r" usageType="target"/><MiningField name="a"/></MiningSchema>
  <Output><OutputField name="whole" dataType="double" feature="predictedValue" targetField="r"/></Output>
  <Segmentation multipleModelMethod="${method}">${segments.join('')}</Segmentation></MiningModel>`;
const segment = (predicate: string, name: string, more = '') =>
  `<Segment>${predicate}${regression('<MiningField name="r" usageType="target"/><MiningField name="a"/>', `<Output><OutputField name="${name}" dataType="float" feature="predictedValue"/>${more}</Output>`)}</Segment>`;
const SOMETIMES = '<SimplePredicate field="a" operator="lessThan" value="1"/>';

test('of models in a row, those tell results that may be the last', async (t) => {
  const inner = '<OutputField name="inner" dataType="double" isFinalResult="false"/>';
  const three = [
    segment('<True/>', 'first', inner),
    segment('<True/>', 'second'),
    segment(SOMETIMES, 'third'),
  ];
  for (const [method, expected] of [
    ['modelChain', ['second', 'third', 'whole']],
    ['selectFirst', ['first', 'whole']],
    ['x-multiModelChain', ['first', 'second', 'third', 'whole']],
    ['sum', ['whole']],
  ] as const) {
    const read = await readingOf(t, { 'model.pmml': document(inRow(method, ...three)) });
    assert.deepEqual(
      outputs(read).map((field) => field.name),
      expected,
      method,
    );
  }
});

test('of a large document the results of a chain are read from its end', async (t) => {
  const trees = `<Segment><True/><MiningModel functionName="regression"><MiningSchema/><Segmentation multipleModelMethod="sum">${'<Segment><True/><TreeModel/></Segment>'.repeat(40_000)}</Segmentation></MiningModel></Segment>`;
  const read = await readingOf(t, {
    'model.pmml': document(inRow('modelChain', trees, segment('<True/>', 'last'))),
  });
  assert.deepEqual(
    outputs(read).map((field) => field.name),
    ['last', 'whole'],
  );
});

test('where the distance from the true value is told, that value may be brought', async (t) => {
  const residual = '<Output><OutputField name="off" feature="residual" dataType="double"/></Output>';
  const model = regression('<MiningField name="r" usageType="target"/><MiningField name="a"/>', residual);
  const read = await readingOf(t, { 'model.pmml': document(model) });
  assert.deepEqual(
    inputs(read).map((field) => [field.name, field.optional ?? false]),
    [
      ['a', false],
      ['r', true],
    ],
  );
  assert.deepEqual(read.features, ['a']);
});

test('of several targets each has the classes whose probabilities name it, and ten thousand of them cost no more than a few', async (t) => {
  const some = Array.from({ length: 10_000 }, (_, at) => `t${at}`);
  const fields = some.map((name) => `<DataField name="${name}" optype="categorical" dataType="string"/>`);
  const targets = some.map((name) => `<MiningField name="${name}" usageType="target"/>`);
  const outputsOf = (name: string) =>
    ['a', 'b'].map(
      (value) =>
        `<OutputField name="${value} of ${name}" feature="probability" targetField="${name}" value="${value}"/>`,
    );
  const model = `<PMML version="4.4"><DataDictionary>${fields.join('')}</DataDictionary><TreeModel functionName="classification"><MiningSchema>${targets.join('')}</MiningSchema><Output>${some.flatMap(outputsOf).join('')}</Output></TreeModel></PMML>`;
  const read = await readingOf(t, { 'model.pmml': model });
  assert.equal(outputs(read).length, 30_000);
  assert.deepEqual(outputs(read)[9_999]?.labels, ['a', 'b']);
});
