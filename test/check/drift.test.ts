import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drift } from '../../src/check/drift.ts';
import { parseContract } from '../../src/contract/parse.ts';
import type { Contract, Field } from '../../src/contract/types.ts';
import type { Evidence } from '../../src/formats/format.ts';

const inferred = (inputs: readonly Field[] | null, outputs: readonly Field[] | null = null): Contract => ({
  contract: 'v1',
  signatures: { predict: { inputs, outputs } },
});
const assumedAt = (...pointers: string[]): Record<string, Evidence> =>
  Object.fromEntries(pointers.map((pointer) => [pointer, { kind: 'assumed', where: 'convention' }]));

/** `level rule line` of every finding. */
function found(
  text: string,
  model: Contract,
  evidence: Readonly<Record<string, Evidence>> = {},
  wrapped = false,
): string[] {
  const declared = parseContract(text, 'contract.yaml');
  assert.deepEqual(declared.problems, []);
  return drift(declared, model, evidence, { wrapped }).map((one) => `${one.level} ${one.rule} ${one.line}`);
}
const inputs = (...lines: string[]) => `inputs:\n${lines.map((line) => `  - ${line}\n`).join('')}`;
const outputs = (...lines: string[]) => `outputs:\n${lines.map((line) => `  - ${line}\n`).join('')}`;
const field = (name: string, rest: Partial<Field> = {}): Field => ({
  name,
  type: 'float64',
  shape: ['batch'],
  ...rest,
});

test('saying the same, or more than the model says, is no drift', () => {
  const model = inferred([field('a'), { name: 'b', type: null, shape: null }]);
  assert.deepEqual(
    found(
      inputs(
        '{name: a, type: float64, shape: [n], range: {min: 0}, profile: numerical, description: x}',
        '{name: b, type: string, shape: [n], categories: [x, y]}',
      ),
      model,
    ),
    [],
  );
});

test('a size that the model leaves free may be declared', () => {
  const model = inferred([field('X', { shape: ['batch', null] })]);
  assert.deepEqual(found(inputs('{name: X, type: float64, shape: [batch, 4]}'), model), []);
});

test('names that the model does not have, and that it has and nobody declared', () => {
  const model = inferred([field('alcohol'), field('hue')]);
  assert.deepEqual(found(inputs('{name: Alcohol, type: float64}', '{name: hue, type: float64}'), model), [
    'error drift-input-unknown 2',
    'error drift-input-undeclared 1',
  ]);
  const [draft] = drift(parseContract(inputs('{name: Alcohol}'), 'c.yaml'), model, {}, { wrapped: false });
  assert.equal(draft?.help, 'Did you mean "alcohol"?');
});

test('an output that is not declared is a notice, an optional input, too', () => {
  const model = inferred([field('a', { optional: true })], [field('y'), field('z')]);
  assert.deepEqual(found(`inputs: []\n${outputs('{name: y, type: float64}')}`, model), [
    'notice drift-input-undeclared 1',
    'notice drift-output-undeclared 2',
  ]);
});

test('types, ranks and sizes that contradict the model are errors on their lines', () => {
  const model = inferred([field('X', { type: 'float32', shape: ['batch', 4] })]);
  const one = (rest: string) => found(inputs(`{name: X, ${rest}}`), model);
  assert.deepEqual(one('type: string, shape: [batch, 4]'), ['error drift-input-type 2']);
  assert.deepEqual(one('type: float32, shape: [batch]'), ['error drift-input-rank 2']);
  assert.deepEqual(one('type: float32, shape: [batch, 5]'), ['error drift-input-dimension 2']);
  assert.deepEqual(
    one('type: float32, shape: [batch, null]'),
    ['error drift-input-dimension 2'],
    'wider than the model',
  );
});

test('a convention does not contradict the user', () => {
  const model = inferred([field('a')]);
  const text = inputs('{name: a, type: int64, shape: [batch]}');
  assert.deepEqual(found(text, model, assumedAt('/signatures/predict/inputs/0/type')), []);
  assert.deepEqual(found(text, model), ['error drift-input-type 2']);
});

test('names of columns may be declared for a table whose name is a convention', () => {
  const model = inferred([field('X', { shape: ['batch', 2] })]);
  const evidence = assumedAt('/signatures/predict/inputs/0/name');
  const columns = (...names: string[]) =>
    inputs(...names.map((name) => `{name: ${name}, type: float64, shape: [batch]}`));
  assert.deepEqual(found(columns('a', 'b'), model, evidence), []);
  assert.deepEqual(found(columns('a', 'b', 'c'), model, evidence), ['error drift-input-count 1']);
  assert.deepEqual(
    found(inputs('{name: features, type: float64, shape: [batch, 2]}'), model, evidence),
    [],
    'another name',
  );
});

test('a predict.py of the user makes contradictions warnings', () => {
  const model = inferred([field('a')]);
  assert.deepEqual(found(inputs('{name: text, type: string}'), model, {}, true), [
    'warning drift-input-unknown 2',
    'warning drift-input-undeclared 1',
  ]);
});

test('labels: names for 0, 1, 2 are welcome, another order is not', () => {
  const numbered = inferred(null, [field('label', { type: 'int64', labels: [0, 1, 2] })]);
  const label = (list: string) => outputs(`{name: label, type: int64, shape: [batch], labels: [${list}]}`);
  assert.deepEqual(found(label('barolo, barbera, grignolino'), numbered), []);
  assert.deepEqual(found(label('barolo, barbera'), numbered), ['error drift-output-labels 2']);
  const scores = inferred(null, [field('p', { shape: ['batch', 2], labels: ['a', 'b'] })]);
  const score = (list: string) => outputs(`{name: p, type: float64, shape: [batch, 2], labels: [${list}]}`);
  assert.deepEqual(found(score('a, b'), scores), []);
  assert.deepEqual(found(score('b, a'), scores), ['error drift-output-labels 2']);
});

test('fewer categories than the model knows are a narrower promise, others are drift', () => {
  const model = inferred([field('r', { type: 'string', categories: ['x', 'y'] })]);
  const categories = (list: string) =>
    inputs(`{name: r, type: string, shape: [batch], categories: [${list}]}`);
  assert.deepEqual(found(categories('y'), model), []);
  assert.deepEqual(found(categories('y, z'), model), ['error drift-input-categories 2']);
});

test('leaving out: who may, has to be said by the side that gives', () => {
  const model = inferred([field('a')], [field('y', { optional: true })]);
  assert.deepEqual(
    found(
      `${inputs('{name: a, type: float64, optional: true}')}${outputs('{name: y, type: float64}')}`,
      model,
    ),
    ['warning drift-input-optional 2', 'warning drift-output-optional 4'],
  );
});

test('signatures that only one side has', () => {
  const model: Contract = {
    contract: 'v1',
    signatures: { predict: { inputs: null, outputs: null }, transform: { inputs: null, outputs: null } },
  };
  assert.deepEqual(found('signatures:\n  predict: {}\n  embed: {}\n', model), [
    'error drift-signature-unknown 3',
    'notice drift-signature-undeclared 1',
  ]);
  assert.deepEqual(
    found('signatures:\n  embed: {}\n', { contract: 'v1', signatures: {} }),
    [],
    'nothing is known',
  );
});

test('members of containers are held as well', () => {
  const list: Field = { name: 'a', type: 'sequence', shape: [], items: { type: 'int64', shape: [] } };
  assert.deepEqual(
    found(inputs('{name: a, type: sequence, shape: [], items: {type: string, shape: []}}'), inferred([list])),
    ['error drift-input-type 2'],
  );
});
