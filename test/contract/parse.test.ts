import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseContract } from '../../src/contract/parse.ts';
import { printContract } from '../../src/contract/print.ts';

const EXAMPLE = `contract: v1
signatures:
  predict:
    inputs:
      - {name: alcohol, type: float64, shape: [batch]}
      - {name: region, type: string, shape: [batch], categories: [north, south]}
    outputs:
      - {name: label, type: int64, shape: [batch], labels: [barolo, barbera, grignolino]}
  predict_proba:
    inputs: predict            # the same inputs as that signature
    outputs:
      - {name: probabilities, type: float64, shape: [batch, 3]}
`;

const problems = (text: string, file = 'contract.yaml') =>
  parseContract(text, file).problems.map(({ line, message, help }) => [line, message, help]);

test('the example of the design is read, with the line of every part', () => {
  const parsed = parseContract(EXAMPLE, 'models/wine/contract.yaml');
  assert.deepEqual(parsed.problems, []);
  assert.deepEqual(parsed.contract.signatures['predict_proba'], {
    inputs: [
      { name: 'alcohol', type: 'float64', shape: ['batch'] },
      { name: 'region', type: 'string', shape: ['batch'], categories: ['north', 'south'] },
    ],
    outputs: [{ name: 'probabilities', type: 'float64', shape: ['batch', 3] }],
  });
  assert.equal(parsed.lineOf('/signatures/predict/inputs/1/categories/0'), 6);
  assert.equal(parsed.lineOf('/signatures/predict/outputs'), 7);
  assert.equal(parsed.lineOf('/signatures/predict/inputs/7'), 4, 'the innermost thing that is there');
  assert.equal(parsed.lineOf('/signatures/predict_proba/inputs/0/type'), 10);
  assert.equal(parsed.lineOf('/signatures/none'), 2);
});

test('the example of the design is printed as it was written', () => {
  const { contract } = parseContract(EXAMPLE, 'contract.yaml');
  assert.equal(printContract(contract, 'yaml'), EXAMPLE.replace(/ +#.*/, ''));
});

test('signature.json without signatures is one named predict', () => {
  const text = '{\n\t"inputs": [\n\t\t{"name": "a", "type": "int64", "shape": []}],\n\t"outputs": null\n}';
  const parsed = parseContract(text, 'signature.json');
  assert.deepEqual(parsed.problems, []);
  assert.deepEqual(parsed.contract, {
    contract: 'v1',
    signatures: { predict: { inputs: [{ name: 'a', type: 'int64', shape: [] }], outputs: null } },
  });
  assert.equal(parsed.lineOf('/signatures/predict/inputs/0/name'), 3);
});

test('what is wrong is said with its line and what to do', () => {
  const one = (field: string) => problems(`signatures:\n  predict:\n    inputs:\n      - ${field}\n`);
  assert.deepEqual(one('{name: a, type: float64, shape: [-1, 4]}'), [
    [4, '-1 is no size of an axis', 'Write `null` for any size, or a name.'],
  ]);
  assert.deepEqual(one('{name: a, type: double}'), [[4, '"double" is no type', 'Write `float64`.']]);
  assert.deepEqual(one('{name: a, dtype: double}'), [[4, '"dtype" has no meaning here', 'Write `type`.']]);
  assert.deepEqual(one('{name: 1}'), [[4, 'the name 1 is no text', 'Quote it: "1".']]);
  assert.deepEqual(one('{type: int8}'), [
    [4, 'a field has no name', 'Give the field a name, such as `alcohol`.'],
  ]);
  assert.equal(one('{name: a, type: int8, optional: yes please}').length, 1);
  assert.equal(one('{name: a, type: int8, profile: nice}').length, 1);
  assert.equal(one('{name: a, type: int8, range: {min: 2, max: 1}}').length, 1);
  assert.equal(one('{name: a, type: int8, labels: [x]}').length, 1);
  assert.equal(one('{name: a, type: int8, categories: []}').length, 1);
  assert.equal(one('{name: a, type: int8, items: {type: int8}}').length, 1);
  assert.equal(one('{name: a, type: map, keys: record}').length, 1);
  assert.equal(one('{name: a, type: int8}\n      - {name: a, type: int8}').length, 1);
});

test('what has no effect is a warning', () => {
  const levels = (field: string) =>
    parseContract(`inputs: [${field}]`, 'contract.yaml').problems.map((one) => one.level);
  assert.deepEqual(levels('{name: a, type: int8, categories: [x]}'), ['warning']);
  assert.deepEqual(levels('{name: a, type: string, range: {min: 1}}'), ['warning']);
  assert.deepEqual(levels('{name: a, type: string, labels: [x]}'), ['warning']);
});

test('a contract as a whole can be wrong', () => {
  assert.equal(problems('')[0]?.[1], 'the contract is null, not a mapping');
  assert.equal(problems('[1]').length, 1);
  assert.equal(problems('signatures: {}').length, 1);
  assert.equal(problems('contract: v2\nsignatures: {p: {inputs: null}}')[0]?.[0], 1);
  assert.equal(problems('default: q\nsignatures: {p: {inputs: null}}').length, 1);
  assert.match(String(problems('signatures:\n  p: {inputs: q}\n')[0]?.[1]), /no signature "q"/);
  assert.equal(problems('signatures:\n  p: {inputs: q}\n  q: {inputs: p}\n').length, 2);
  assert.equal(problems('a: 1\na: 2\n')[0]?.[0], 2, 'duplicate keys');
  assert.equal(problems('{"inputs": [}', 'signature.json').length, 1);
  assert.equal(problems('inputs: []', 'signature.json').length, 1, 'YAML is no JSON');
});

test('a text that would be huge or deep is a finding', () => {
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x,x]\n${Array.from({ length: 12 }, (_, i) => {
    const [from, to] = [String.fromCharCode(97 + i), String.fromCharCode(98 + i)];
    return `${to}: &${to} [${Array(10).fill(`*${from}`).join(',')}]`;
  }).join('\n')}\n`;
  assert.match(String(problems(bomb)[0]?.[1]), /alias/i);
  assert.equal(problems('['.repeat(200_000)).length, 1);
  assert.equal(problems('['.repeat(200_000), 'signature.json').length, 1);
  assert.match(String(problems(' '.repeat(9_000_000))[0]?.[1]), /9000000 characters/);
  let nested = '{type: int8}';
  for (let i = 0; i < 40; i++) nested = `{type: sequence, items: ${nested}}`;
  assert.match(
    String(problems(`inputs: [{name: a, type: sequence, items: ${nested}}]`)[0]?.[1]),
    /nested deeper than 16/,
  );
});
