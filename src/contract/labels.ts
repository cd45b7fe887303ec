import { COMPLEX, FLOATS, INTEGERS, scalarProblem } from './scalars.ts';
import type { Field, ScalarType, Shape, TypeName } from './types.ts';

/**
 * What the labels of an output mean, which follows from its type and shape:
 * `values`: every element is one of the labels.
 * `index`: elements are 0 to n-1, and element i stands for label i (an integer output with names as labels).
 * `scores`: the last axis has one entry a label, in their order.
 * `open`: they describe the output in a way that puts no limit on it (a sigmoid's `[batch, 1]`, a map's keys).
 */
export type LabelRole = 'values' | 'index' | 'scores' | 'open';

const CONTAINERS: ReadonlySet<TypeName> = new Set(['sequence', 'map', 'record']);

/** Whether the type holds other types. */
export function isContainer(type: TypeName): type is 'sequence' | 'map' | 'record' {
  return CONTAINERS.has(type);
}

/** Role of the labels of an output; `null` when it has none. */
export function labelRole(field: Pick<Field, 'type' | 'shape' | 'labels'>): LabelRole | null {
  const { type, shape, labels } = field;
  if (labels === undefined) return null;
  if (type === null || isContainer(type)) return 'open';
  const real = FLOATS.has(type) || COMPLEX.has(type);
  const rank = shape?.length ?? null;
  const last = shape?.at(-1);
  const numeric = real || INTEGERS.has(type) || type === 'bool';
  if (rank !== null && rank >= 1 && last === labels.length && numeric && (rank >= 2 || real)) return 'scores';
  if (real && rank === null) return 'open';
  const fits = labels.every((label) => scalarProblem(type as ScalarType, label) === null);
  if (fits && !(real && rank !== null && rank >= 2)) return 'values';
  if (real && rank !== null && rank >= 1 && typeof last !== 'number') return 'scores';
  return INTEGERS.has(type) ? 'index' : 'open';
}

/** The shape that the elements really have: scores have as many entries along the last axis as there are labels. */
export function effectiveShape(field: Pick<Field, 'type' | 'shape' | 'labels'>): Shape | null {
  // A container of which no shape is said is one container.
  if (field.shape === null) return field.type !== null && isContainer(field.type) ? [] : null;
  if (field.labels === undefined || labelRole(field) !== 'scores') return field.shape;
  return [...field.shape.slice(0, -1), field.labels.length];
}

/** Whether a JSON value is one of the labels. `1` and `true` are different; integers may come as bigint. */
export function isLabel(value: unknown, labels: ReadonlySet<unknown>): boolean {
  if (typeof value !== 'bigint') return labels.has(value);
  const number = Number(value);
  return BigInt(number) === value && labels.has(number);
}
