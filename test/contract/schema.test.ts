import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { canonicalJson, contractDigest } from '../../src/contract/canonical.ts';
import { decodeContract } from '../../src/contract/decode.ts';
import { parseContract } from '../../src/contract/parse.ts';
import { printContract } from '../../src/contract/print.ts';
import { contractSchema } from '../../src/contract/schema.ts';
import type { Contract, Field } from '../../src/contract/types.ts';
import { contracts } from '../helpers/contracts.ts';

const schema = JSON.parse(readFileSync(new URL('../../schemas/contract-file.json', import.meta.url), 'utf8'));
const valid = new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true }).compile(schema);
const field = (text: string) => `signatures: {predict: {inputs: [${text}]}}`;

test('schemas/contract-file.json is what the source says', () => {
  assert.deepEqual(schema, contractSchema(), 'run `node scripts/docs-rules.ts`');
});

/** Texts with the answer that both the schema and the reader have to give. */
const CASES: readonly (readonly [good: boolean, text: string])[] = [
  [true, field('{name: a}')],
  [true, field('{name: a, type: null, shape: null}')],
  [true, field('{name: a, type: float8_e4m3fn, shape: [n, 0, null]}')],
  [true, field('{name: a, type: sequence, items: {type: map, keys: string, values: {type: int8}}}')],
  [true, field('{name: a, type: record, fields: [{name: x, type: int8, optional: true}]}')],
  [
    true,
    field('{name: a, type: int8, categories: [1, 2], range: {min: 1}, profile: numerical, description: x}'),
  ],
  [true, 'signatures: {a: {inputs: b}, b: {inputs: []}}'],
  [true, 'contract: v1\ndefault: a\nsignatures: {a: {}}'],
  [true, 'inputs: []'],
  [true, '{contract: v1, outputs: null}'],
  [false, '{}'],
  [false, '[]'],
  [false, 'contract: v1'],
  [false, 'contract: v2\nsignatures: {a: {}}'],
  [false, 'signatures: {}'],
  [false, 'signatures: {a: {}}\ninputs: []'],
  [false, 'signatures: {a: {}}\nname: x'],
  [false, 'signatures: {a: {input: []}}'],
  [false, 'signatures: {"": {}}'],
  [false, field('{}')],
  [false, field('{name: ""}')],
  [false, field('{name: 1}')],
  [false, field('{name: a, type: double}')],
  [false, field('{name: a, shape: 3}')],
  [false, field('{name: a, shape: [-1]}')],
  [false, field('{name: a, shape: [1.5]}')],
  [false, field('{name: a, shape: [""]}')],
  [false, field('{name: a, type: int8, items: {type: int8}}')],
  [false, field('{name: a, items: {type: int8}}')],
  [false, field('{name: a, type: map, keys: record}')],
  [false, field('{name: a, type: map, values: {name: x, type: int8}}')],
  [false, field('{name: a, categories: []}')],
  [false, field('{name: a, categories: [null]}')],
  [false, field('{name: a, range: {low: 1}}')],
  [false, field('{name: a, range: 3}')],
  [false, field('{name: a, optional: 1}')],
  [false, field('{name: a, profile: nice}')],
  [false, field('{name: a, description: 1}')],
  [false, field('{name: a, dtype: int8}')],
];

test('schema and reader agree on what a contract is', async () => {
  const { parse } = await import('yaml');
  for (const [good, text] of CASES) {
    const data: unknown = parse(text);
    assert.equal(valid(data), good, `schema: ${text} ${JSON.stringify(valid.errors)}`);
    const errors = decodeContract(data).problems.filter((problem) => problem.level === 'error');
    assert.equal(errors.length === 0, good, `reader: ${text} ${JSON.stringify(errors)}`);
  }
});

test('whatever is printed is valid and is read as the same contract', () => {
  fc.assert(
    fc.property(contracts(false), (contract) => {
      for (const form of ['yaml', 'json'] as const) {
        const parsed = parseContract(printContract(contract, form), `contract.${form}`);
        const errors = parsed.problems.filter((problem) => problem.level === 'error');
        assert.deepEqual(errors, [], printContract(contract, form));
        assert.equal(canonicalJson(plain(parsed.contract)), canonicalJson(plain(contract)));
      }
      assert.ok(valid(JSON.parse(printContract(contract, 'json'))));
    }),
    { numRuns: 500 },
  );
});

/** `optional: false` and its absence are the same. */
function plain(contract: Contract): unknown {
  const clean = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(clean);
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).filter(
      ([key, entry]) =>
        !(key === 'optional' && entry === false) && !(key === 'range' && Object.keys(entry).length === 0),
    );
    return Object.fromEntries(entries.map(([key, entry]) => [key, clean(entry)]));
  };
  return clean(contract);
}

test('names, labels and descriptions of any characters survive printing', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', minLength: 1 }),
    fc.constantFrom(
      'yes',
      'no',
      'null',
      '~',
      '1',
      '1e5',
      '0x1',
      'true',
      '- a',
      'a: b',
      '# c',
      "it's",
      '"',
      '{',
      '\u0085',
      '\u2028',
      '\ufeff',
      '::error::',
      '::',
      ' a',
      'a ',
      '=',
      '<<',
      '.nan',
      '2024-01-01',
    ),
  );
  fc.assert(
    fc.property(text, text, text, (name, label, description) => {
      const input: Field = { name, type: 'string', shape: [label], categories: [label], description };
      const contract: Contract = {
        contract: 'v1',
        signatures: { [name]: { inputs: [input], outputs: null } },
      };
      for (const form of ['yaml', 'json'] as const)
        assert.deepEqual(parseContract(printContract(contract, form), `c.${form}`).contract, contract);
    }),
    { numRuns: 1000 },
  );
});

test('the digest depends on what is said and not on the order in which it was written', () => {
  const one = parseContract('inputs: [{name: a, type: int8}]', 'a.yaml').contract;
  const other = parseContract(
    'contract: v1\nsignatures: {predict: {inputs: [{type: int8, name: a}], outputs: null}}',
    'b.yaml',
  ).contract;
  assert.equal(contractDigest(one), contractDigest(other));
  assert.match(contractDigest(one), /^[0-9a-f]{64}$/);
});
