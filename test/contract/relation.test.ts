import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inexactValues, typeRelation } from '../../src/contract/relation.ts';
import { scalarProblem } from '../../src/contract/scalars.ts';
import { SCALAR_TYPES, type ScalarType } from '../../src/contract/types.ts';

/**
 * Which columns MLflow casts without asking (`_enforce_mlflow_datatype` of mlflow/models/utils.py): given type →
 * declared types that take it, without itself.
 */
const MLFLOW: Readonly<Partial<Record<ScalarType, readonly ScalarType[]>>> = {
  bool: [],
  int8: ['int32', 'int64', 'float64'],
  uint8: ['int32', 'int64', 'float64'],
  int16: ['int32', 'int64', 'float64'],
  uint16: ['int32', 'int64', 'float64'],
  int32: ['int64', 'float64'],
  uint32: ['int64', 'float64'],
  int64: [],
  uint64: [],
  float16: ['float32', 'float64'],
  float32: ['float64'],
  float64: [],
};

test('what MLflow casts safely is lossless widening here, and nothing that it refuses is, but small integers as float32', () => {
  for (const [given, casts] of Object.entries(MLFLOW) as [ScalarType, ScalarType[]][])
    for (const declared of ['int32', 'int64', 'float32', 'float64', 'bool'] as const) {
      if (given === declared) continue;
      // MLflow takes no integer for a float32 column, though 24 bits hold 16 exactly.
      if (declared === 'float32' && /^u?int(8|16)$/.test(given)) {
        assert.equal(typeRelation(given, declared), 'widened');
        continue;
      }
      assert.equal(
        typeRelation(given, declared) === 'widened',
        casts.includes(declared),
        `${given} → ${declared}`,
      );
    }
});

test('the pairs that people change', () => {
  assert.equal(typeRelation('int64', 'float64'), 'widened-lossy');
  assert.equal(typeRelation('float64', 'int64'), 'narrowed-lossy');
  assert.equal(typeRelation('int32', 'float32'), 'widened-lossy');
  assert.equal(typeRelation('float64', 'float32'), 'narrowed');
  assert.equal(typeRelation('float16', 'bfloat16'), 'widened-lossy');
  assert.equal(typeRelation('float32', 'bfloat16'), 'narrowed');
  assert.equal(typeRelation('int8', 'uint8'), 'changed');
  assert.equal(typeRelation('int64', 'uint64'), 'changed');
  assert.equal(typeRelation('uint32', 'int64'), 'widened');
  assert.equal(typeRelation('complex64', 'complex128'), 'widened');
  assert.equal(typeRelation('float64', 'complex128'), 'changed');
  assert.equal(typeRelation('bool', 'int8'), 'changed');
  assert.equal(typeRelation('string', 'bytes'), 'changed');
  assert.equal(typeRelation('float8_e4m3fn', 'float16'), 'widened');
  assert.equal(typeRelation('float8_e5m2', 'float16'), 'widened');
  assert.equal(typeRelation('int32', 'float16'), 'changed');
});

const REVERSED = {
  same: 'same',
  changed: 'changed',
  widened: 'narrowed',
  narrowed: 'widened',
  'widened-lossy': 'narrowed-lossy',
  'narrowed-lossy': 'widened-lossy',
} as const;

test('going back is the opposite', () => {
  for (const from of SCALAR_TYPES)
    for (const to of SCALAR_TYPES) assert.equal(typeRelation(to, from), REVERSED[typeRelation(from, to)]);
});

const NUMBERS = [
  ...[
    0, 0.5, 1, 3, 5, 7, 9, 15, 17, 127, 128, 240, 255, 256, 448, 465, 2049, 57344, 65504, 65519, 65535, 65536,
  ],
  ...[
    2 ** 24 + 1,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32 - 1,
    2 ** 32,
    2n ** 53n + 1n,
    2n ** 63n - 1n,
    2n ** 64n - 1n,
  ],
  ...[3.39e38, 3.4e38, 3.5e38, 1e300, 2 ** -24, 2 ** -149, 5e-324],
];

test('a type that is wider admits all that the other admits', () => {
  for (const from of SCALAR_TYPES)
    for (const to of SCALAR_TYPES) {
      if (!typeRelation(from, to).startsWith('widened')) continue;
      for (const value of [...NUMBERS, ...NUMBERS.map((n) => -n)])
        if (scalarProblem(from, value) === null)
          assert.equal(scalarProblem(to, value), null, `${value}: ${from} → ${to}`);
    }
});

test('lossless is lossless where JavaScript knows the type: arrays of numbers give back what was put in', () => {
  const hold: Partial<Record<ScalarType, (value: number) => number>> = {
    float32: Math.fround,
    float64: (value) => value,
    float16: (value) => new Float32Array([value])[0] ?? 0,
  };
  for (const to of ['float32', 'float64'] as const)
    for (const from of ['int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'float32'] as const) {
      if (from === to) continue;
      const values = NUMBERS.filter(
        (n): n is number => typeof n === 'number' && scalarProblem(from, n) === null,
      ).map((n) => (from === 'float32' ? Math.fround(n) : n));
      const kept = values.every((value) => hold[to]?.(value) === value);
      assert.equal(typeRelation(from, to) === 'widened', kept, `${from} → ${to}`);
    }
});

test('the value that shows a loss is admitted and is rounded', () => {
  const [big] = inexactValues('float64', 'int64');
  assert.equal(big, 2n ** 53n + 1n);
  assert.notEqual(BigInt(Number(big)), big);
  const [single] = inexactValues('float32', 'int32');
  assert.notEqual(Math.fround(Number(single)), single);
  assert.equal(scalarProblem('int32', single), null);
});
