import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { admits, admitsFields, type Direction } from '../../src/contract/admits.ts';
import { type Change, compareContracts } from '../../src/contract/compare.ts';
import type { Contract, Dimension, Field, ValueType } from '../../src/contract/types.ts';
import { contractPairs } from '../helpers/contracts.ts';

const RUNS = Number(process.env['LADING_PROPERTY_RUNS'] ?? 800);

const side = (contract: Contract, direction: Direction): readonly Field[] =>
  contract.signatures['predict']?.[direction === 'input' ? 'inputs' : 'outputs'] ?? [];

/** Whether the second contract takes a payload: inputs as a model does, outputs as a caller reads them. */
const takes = (
  contract: Contract,
  direction: Direction,
  payload: Readonly<Record<string, unknown>>,
): boolean =>
  admitsFields(side(contract, direction), payload, direction, direction === 'output').length === 0;

/** Values that are often at the edge of what some field admits. They do not come from the product's own search. */
const ELEMENTS: readonly unknown[] = [
  ...[
    0, 1, 2, 3, 5, -1, 0.5, 1.5, 127, 128, -128, -129, 255, 256, 7, 8, 15, 16, 65504, 65520, 70000, 1e9, 1e10,
  ],
  ...[
    2 ** 31,
    -(2 ** 31),
    2 ** 53,
    2n ** 63n - 1n,
    2n ** 63n,
    1e20,
    3.4e38,
    3.5e38,
    1e300,
    -1e300,
    1e-300,
    448,
    240,
  ],
  ...['a', 'b', 'c', 'z', '1', 'aGk=', '!', '2024-01-31T00:00:00Z', true, false, [1, 2], [1e300, 0], null],
];

/** Random payloads near a list of fields: right in names and mostly in shapes, with any of the elements above. */
function payloads(fields: readonly Field[]): fc.Arbitrary<Record<string, unknown>> {
  const sizes = fc.record({ n: fc.nat(3), m: fc.nat(3) });
  return sizes.chain((named) =>
    fc.record(Object.fromEntries(fields.map((field) => [field.name, valueFor(field, named, 0)])), {
      requiredKeys: fields.filter((field) => field.optional !== true).map((field) => field.name),
    }),
  );
}

function valueFor(
  field: ValueType & Partial<Field>,
  named: Readonly<Record<string, number>>,
  depth: number,
): fc.Arbitrary<unknown> {
  const shape = field.shape ?? [];
  const dims = fc.tuple(
    ...shape.map((size: Dimension) =>
      typeof size === 'number'
        ? fc.constant(size)
        : size !== null && depth === 0
          ? fc.constant(named[size] ?? 1)
          : fc.nat(3),
    ),
  );
  const listed = [...(field.labels ?? []), ...(field.categories ?? []), ...Object.values(field.range ?? {})];
  const scalars = fc.constantFrom(...ELEMENTS, ...listed);
  const element = (): fc.Arbitrary<unknown> => {
    if (field.type === 'sequence')
      return fc.array(field.items ? valueFor(field.items, named, depth + 1) : scalars, { maxLength: 2 });
    if (field.type === 'map')
      return fc.dictionary(
        field.keys === 'string'
          ? fc.constantFrom('a', '1', 'true')
          : field.keys === 'bool'
            ? fc.constantFrom('true', 'false')
            : fc.constantFrom('1', '127', '128', '300'),
        field.values ? valueFor(field.values, named, depth + 1) : scalars,
        { maxKeys: 2 },
      );
    if (field.type === 'record')
      return fc.record(
        Object.fromEntries(
          (field.fields ?? []).map((member) => [member.name, valueFor(member, named, depth + 1)]),
        ),
        {
          requiredKeys: (field.fields ?? [])
            .filter((member) => member.optional !== true)
            .map((member) => member.name),
        },
      );
    return scalars;
  };
  return dims.chain((sizes) => filled(sizes as number[], element()));
}

function filled(sizes: readonly number[], element: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const [size, ...rest] = sizes;
  return size === undefined ? element : fc.array(filled(rest, element), { minLength: size, maxLength: size });
}

/** A pair of contracts with payloads that the writing side admits. */
function cases(known: boolean) {
  return contractPairs(known).chain(([old, now]) =>
    fc.record({
      old: fc.constant(old),
      now: fc.constant(now),
      inputs: fc.array(payloads(side(old, 'input')), { minLength: 10, maxLength: 10 }),
      outputs: fc.array(payloads(side(now, 'output')), { minLength: 10, maxLength: 10 }),
    }),
  );
}

const show = (value: unknown): string =>
  JSON.stringify(value, (_key, entry: unknown) => (typeof entry === 'bigint' ? `${entry}n` : entry));

/** Payloads that break a caller although `quiet` says that nothing of the direction's changes does. */
function missed(
  {
    old,
    now,
    inputs,
    outputs,
  }: {
    old: Contract;
    now: Contract;
    inputs: readonly Record<string, unknown>[];
    outputs: readonly Record<string, unknown>[];
  },
  loud: (change: Change) => boolean,
): string | null {
  const changes = compareContracts(old, now);
  for (const direction of ['input', 'output'] as const) {
    if (changes.some((change) => change.rule.startsWith(direction) && loud(change))) continue;
    const [sub, sup] = direction === 'input' ? [old, now] : [now, old];
    for (const payload of direction === 'input' ? inputs : outputs)
      if (admits(sub, 'predict', payload, direction).length === 0 && !takes(sup, direction, payload))
        return `${direction} ${show(payload)}`;
  }
  return null;
}

test('where no break is found between contracts that say everything, no payload breaks', () => {
  // Containers may differ in ways that are not provable with one payload; they are held to the next test.
  const unproved = (change: Change) =>
    change.verdict === 'unclear' &&
    !/-(lossy|untied-from-input|order-changed|labels-unknown|profile-changed)$/.test(change.rule);
  fc.assert(
    fc.property(cases(true), (given) => {
      assert.equal(
        missed(given, (change) => change.verdict === 'breaking' || unproved(change)),
        null,
      );
    }),
    { numRuns: RUNS },
  );
});

test('where all changes are compatible, no payload breaks, whatever is unknown', () => {
  fc.assert(
    fc.property(cases(false), (given) => {
      assert.equal(
        missed(given, (change) => change.verdict !== 'compatible'),
        null,
      );
    }),
    { numRuns: RUNS },
  );
});

test('every break has a payload that shows it, or says what changed its meaning', () => {
  fc.assert(
    fc.property(fc.boolean().chain(contractPairs), ([old, now]) => {
      for (const change of compareContracts(old, now)) {
        if (change.verdict !== 'breaking') continue;
        assert.ok(change.example, `${change.rule} has no example`);
        const proof = change.counterexample;
        if (!proof) {
          assert.match(
            change.rule,
            /labels-re(ordered|named)$|type-(changed|widened|narrowed)$|default-changed$/,
          );
          continue;
        }
        const [sub, sup] = proof.direction === 'input' ? [old, now] : [now, old];
        const fields = side(sub, proof.direction);
        const all = Object.keys(proof.payload).length === 0 || fields.length > 0 ? proof.payload : {};
        assert.deepEqual(
          admits(sub, proof.signature, all, proof.direction).filter((v) => v.message !== 'it is missing'),
          [],
          `${change.rule}: ${show(proof.payload)}`,
        );
        assert.ok(!takes(sup, proof.direction, proof.payload), `${change.rule}: ${show(proof.payload)}`);
      }
    }),
    { numRuns: RUNS },
  );
});

test('a contract does not differ from itself', () => {
  fc.assert(
    fc.property(fc.boolean().chain(contractPairs), ([old]) => {
      assert.deepEqual(compareContracts(old, structuredClone(old)), []);
    }),
    { numRuns: RUNS },
  );
});

test('pointers and subjects point at something', () => {
  fc.assert(
    fc.property(contractPairs(false), ([old, now]) => {
      for (const change of compareContracts(old, now)) {
        assert.match(change.pointer, /^\/signatures\/predict\/(inputs|outputs)/);
        assert.match(change.subject, /^predict\.(inputs|outputs)/);
        assert.doesNotMatch(change.message, /\{(name|old|new)\}/);
      }
    }),
    { numRuns: RUNS },
  );
});
