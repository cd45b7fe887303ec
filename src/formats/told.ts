import type {
  Contract,
  Dimension,
  Field,
  Label,
  Profile,
  ScalarType,
  Shape,
  TypeName,
} from '../contract/types.ts';
import { keepYoungSpaceSmall } from '../ports/memory.ts';
import type { Evidence } from './format.ts';

/** A value together with where it comes from. Readers work with these; `tell` splits them at the end. */
export interface Told<T> {
  readonly value: T | null;
  readonly evidence: Evidence;
}

/** The file says so. */
export const stated = <T>(value: T, where: string): Told<T> => ({
  value,
  evidence: { kind: 'stated', where },
});
/** It follows from what the file says. */
export const derived = <T>(value: T, where: string): Told<T> => ({
  value,
  evidence: { kind: 'derived', where },
});
/** It is the convention of the framework; the file neither says nor contradicts it. */
export const assumed = <T>(value: T, where: string): Told<T> => ({
  value,
  evidence: { kind: 'assumed', where },
});
/** Nothing says it. `where` is the reason; `add` is what the user can write. */
export const unknown = (where: string, add?: string): Told<never> => ({
  value: null,
  evidence: { kind: 'unknown', where, ...(add !== undefined && { add }) },
});

/** Inputs, outputs or parts of one that are listed one by one: a contract of more is longer than anybody reads. */
export const MAX_FIELDS = 40_000;
/** A side of more of them is told with little memory. */
const MANY_FIELDS = 5000;

/** Of a side that has more of them. */
export const tooWide = (count: number): Told<never> =>
  unknown(`there are ${count} of them, and at most ${MAX_FIELDS} are listed`, 'one input for all columns');

/** A field as a format reads it. `items`, `keys`, `values`, `fields` go with container types. */
export interface ToldField {
  readonly name: Told<string>;
  readonly type: Told<TypeName>;
  readonly shape: Told<Shape>;
  readonly items?: ToldValue;
  readonly keys?: Told<ScalarType>;
  readonly values?: ToldValue;
  readonly fields?: readonly ToldField[];
  readonly labels?: Told<readonly Label[]>;
  readonly categories?: Told<readonly Label[]>;
  readonly range?: { readonly min?: number; readonly max?: number };
  readonly optional?: boolean;
  readonly profile?: Profile;
  readonly description?: string;
}

/** A value inside a container. */
export type ToldValue = Omit<ToldField, 'name'>;

/** A signature as a format reads it; `unknown(…)` for a side that nothing describes. */
export interface ToldSignature {
  readonly inputs: readonly ToldField[] | Told<never>;
  readonly outputs: readonly ToldField[] | Told<never>;
}

/** Numbers that JSON cannot say are in damaged files only. */
export const isLabel = (label: Label): boolean => typeof label !== 'number' || Number.isFinite(label);

const isSize = (size: Dimension): boolean =>
  typeof size !== 'number' || (Number.isSafeInteger(size) && size >= 0);

/** What a damaged file states in place of a size is none. */
const wholeSizes = (shape: Shape | null): Shape | null =>
  shape === null || shape.every(isSize) ? shape : shape.map((size) => (isSize(size) ? size : null));

/** Splits signatures with evidence into a contract and its evidence by JSON Pointer. */
export function tell(
  signatures: Readonly<Record<string, ToldSignature>>,
  defaultName?: string,
): { contract: Contract; evidence: Record<string, Evidence> } {
  const evidence: Record<string, Evidence> = {};
  const note = <T>(pointer: string, told: Told<T>): T | null => {
    evidence[pointer] = told.evidence;
    return told.value;
  };
  const value = (pointer: string, told: ToldValue): Omit<Field, 'name'> => ({
    type: note(`${pointer}/type`, told.type),
    shape: wholeSizes(note(`${pointer}/shape`, told.shape)),
    ...(told.items && { items: value(`${pointer}/items`, told.items) }),
    ...(told.keys && { keys: note(`${pointer}/keys`, told.keys) ?? 'string' }),
    ...(told.values && { values: value(`${pointer}/values`, told.values) }),
    ...(told.fields && { fields: fields(`${pointer}/fields`, told.fields) }),
    ...optionalNote(`${pointer}/labels`, 'labels', told.labels),
    ...optionalNote(`${pointer}/categories`, 'categories', told.categories),
    ...(told.range && { range: told.range }),
    ...(told.optional !== undefined && { optional: told.optional }),
    ...(told.profile !== undefined && { profile: told.profile }),
    ...(told.description !== undefined && told.description !== '' && { description: told.description }),
  });
  const optionalNote = (
    pointer: string,
    key: 'labels' | 'categories',
    told: Told<readonly Label[]> | undefined,
  ) => {
    if (!told) return {};
    const known = note(pointer, told);
    return known === null || !known.every(isLabel) ? {} : { [key]: known };
  };
  const fields = (pointer: string, list: readonly ToldField[]): Field[] =>
    list.map((told, index) => ({
      name: note(`${pointer}/${index}/name`, told.name) ?? `${index}`,
      ...value(`${pointer}/${index}`, told),
    }));
  const side = (pointer: string, given: readonly ToldField[] | Told<never>): Field[] | null => {
    if (!('evidence' in given) && given.length <= MAX_FIELDS) {
      if (given.length > MANY_FIELDS) keepYoungSpaceSmall();
      return fields(pointer, given);
    }
    evidence[pointer] = 'evidence' in given ? given.evidence : tooWide(given.length).evidence;
    return null;
  };
  const contract: Contract = {
    contract: 'v1',
    ...(defaultName !== undefined && { default: defaultName }),
    signatures: Object.fromEntries(
      Object.entries(signatures).map(([name, signature]) => {
        const pointer = `/signatures/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
        return [
          name,
          {
            inputs: side(`${pointer}/inputs`, signature.inputs),
            outputs: side(`${pointer}/outputs`, signature.outputs),
          },
        ];
      }),
    ),
  };
  return { contract, evidence };
}

/** `[batch, …rest]`: the first axis is the number of rows of one call. */
export const batched = (...rest: Dimension[]): Shape => ['batch', ...rest];
