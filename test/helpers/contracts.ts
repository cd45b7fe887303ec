import fc from 'fast-check';
import { labelRole } from '../../src/contract/labels.ts';
import { scalarProblem } from '../../src/contract/scalars.ts';
import {
  type Contract,
  type Dimension,
  type Field,
  SCALAR_TYPES,
  type ScalarType,
  type ValueType,
} from '../../src/contract/types.ts';

/** Types that meet each other often, so that random pairs are near each other. */
const scalar: fc.Arbitrary<ScalarType> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom<ScalarType>('int64', 'float64', 'float32', 'string', 'int8', 'bool'),
  },
  { weight: 1, arbitrary: fc.constantFrom(...SCALAR_TYPES) },
);
const dimension: fc.Arbitrary<Dimension> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom<Dimension>('n', 'm', null) },
  { weight: 2, arbitrary: fc.constantFrom<Dimension>(1, 2, 3) },
  { weight: 1, arbitrary: fc.constant<Dimension>(0) },
);
const shape = fc.array(dimension, { maxLength: 3 });
const label = fc.constantFrom<string | number | boolean>('a', 'b', 'c', 0, 1, 2, 5, true, '1', 0.5, 'aGk=');
const labels = fc.uniqueArray(label, { minLength: 1, maxLength: 4 });
const end = fc.constantFrom(-1e300, -129, -1, -0.5, 0, 0.5, 1, 2, 127, 128, 1e9, 2 ** 53 + 2, 1e300);
const range = fc
  .record({ min: end, max: end }, { requiredKeys: [] })
  .filter(({ min, max }) => min === undefined || max === undefined || min <= max);

function value(known: boolean, depth: number): fc.Arbitrary<ValueType> {
  const type = known ? scalar : fc.option(scalar, { freq: 4, nil: null });
  const size = known ? shape : fc.option(shape, { freq: 4, nil: null });
  const flat: fc.Arbitrary<ValueType> = fc.record({ type, shape: size });
  if (depth === 0) return flat;
  const inner = value(known, depth - 1);
  const held = known ? inner : fc.option(inner, { nil: undefined });
  const short = fc.constantFrom<Dimension[]>([], ['n'], [2]);
  return fc.oneof(
    { weight: 6, arbitrary: flat },
    {
      weight: 1,
      arbitrary: fc
        .record({ type: fc.constant<'sequence'>('sequence'), shape: short, items: held })
        .map(clean),
    },
    {
      weight: 1,
      arbitrary: fc
        .record({
          type: fc.constant<'map'>('map'),
          shape: short,
          keys: fc.constantFrom<ScalarType>('string', 'int64', 'int8', 'bool'),
          values: held,
        })
        .map(clean),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        type: fc.constant<'record'>('record'),
        shape: short,
        fields: fields(known, depth - 1, 2),
      }),
    },
  );
}

/** Absent is absent, not `undefined`. */
function clean<T extends object>(given: T): ValueType {
  return Object.fromEntries(
    Object.entries(given).filter(([, entry]) => entry !== undefined),
  ) as unknown as ValueType;
}

function fields(known: boolean, depth: number, most: number): fc.Arbitrary<Field[]> {
  const one = fc
    .record({
      name: fc.constantFrom('a', 'b', 'c', 'd'),
      value: value(known, depth),
      labels: fc.option(labels, { freq: 3, nil: undefined }),
      categories: fc.option(labels, { freq: 5, nil: undefined }),
      range: fc.option(range, { freq: 4, nil: undefined }),
      optional: fc.boolean(),
    })
    .map(({ name, value: held, categories, range: limits, ...rest }): Field => {
      // Mostly values that the type admits, so that there is something to compare.
      const type = held.type as ScalarType;
      const fitting = categories?.filter((category) => scalarProblem(type, category) === null);
      const given = { ...rest, ...(fitting?.length ? { categories: fitting } : { range: limits }) };
      const known = Object.entries(given).filter(([, entry]) => entry !== undefined && entry !== false);
      return { name, ...held, ...Object.fromEntries(known) };
    });
  return fc.uniqueArray(one, { selector: (field) => field.name, maxLength: most });
}

/** A list of fields; `known`: all types and shapes are given. */
export function fieldLists(known: boolean): fc.Arbitrary<Field[]> {
  return fields(known, 2, 4);
}

/** A contract with one signature, `predict`. */
export function contracts(known: boolean): fc.Arbitrary<Contract> {
  return fc
    .record({ inputs: fieldLists(known), outputs: fieldLists(known) })
    .map((signature) => ({ contract: 'v1', signatures: { predict: signature } }));
}

/** Two contracts that are near each other: the second is the first with some fields of another exchanged. */
export function contractPairs(known: boolean): fc.Arbitrary<[Contract, Contract]> {
  return fc
    .tuple(contracts(known), contracts(known), fc.array(fc.nat(22), { minLength: 8, maxLength: 8 }))
    .map(([first, second, picks]) => {
      let at = 0;
      const next = () => picks[at++ % picks.length] ?? 0;
      const mix = (mine: readonly Field[], theirs: readonly Field[]): Field[] =>
        mine.flatMap((field) => {
          const other = theirs.find((candidate) => candidate.name === field.name) ?? theirs[0];
          switch (next()) {
            case 0:
              return [];
            case 1:
              return [{ ...field, optional: field.optional !== true }];
            case 2:
              return other?.shape ? [{ ...field, shape: other.shape }] : [field];
            case 3:
              return other ? [{ ...other, name: field.name }] : [field];
            case 4:
              return other?.labels ? [{ ...field, labels: other.labels }] : [field];
            case 5:
              return field.labels ? [{ ...field, labels: [...field.labels].reverse() }] : [field];
            case 6:
              return other?.range ? [{ ...field, range: other.range }] : [field];
            case 7:
              return other?.categories ? [{ ...field, categories: other.categories }] : [field];
            case 8:
              return other &&
                labelRole(other) === null &&
                !other.items &&
                !field.items &&
                !field.fields &&
                !other.fields &&
                !other.values &&
                !field.values
                ? [{ ...field, type: other.type }]
                : [field];
            default:
              return [field];
          }
        });
      const [a, b] = [first.signatures['predict'], second.signatures['predict']];
      const mixed = {
        inputs: mix(a?.inputs ?? [], b?.inputs ?? []),
        outputs: mix(a?.outputs ?? [], b?.outputs ?? []),
      };
      return [first, { contract: 'v1', signatures: { predict: mixed } }];
    });
}
