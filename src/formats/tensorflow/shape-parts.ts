import type { Dimension, Shape } from '../../contract/types.ts';
import { child, number, string } from '../wire/tree.ts';
import type { Operands } from './shape-rules.ts';
import { known, shapeOfSizes } from './shape-values.ts';
import { tensorShape } from './types.ts';

/*
 * Operators that take parts out of a tensor, or put one together from parts (tensorflow/core/ops/array_ops.cc, math_ops.cc,
 * image_ops.cc).
 */

type Rule = (of: Operands) => Shape | null;

export const PARTS: Readonly<Record<string, Rule>> = {
  SplitV: (of) => {
    const [shape, sizes, axis] = [of.shape(0), of.values(1), of.values(2)?.[0]];
    if (!shape || typeof axis !== 'number') return null;
    const [first = null] = sizes ?? [];
    return replaced(shape, axis, first !== null && first >= 0 ? first : null);
  },
  GatherNd: (of) => {
    const [shape, indices] = [of.shape(0), of.shape(1)];
    const depth = known(indices?.at(-1));
    return shape && indices && depth !== null ? [...indices.slice(0, -1), ...shape.slice(depth)] : null;
  },
  ScatterNd: (of) => shapeOfSizes(of.values(2)),
  SparseToDense: (of) => shapeOfSizes(of.values(1)),
  SegmentSum: segments,
  SegmentMean: segments,
  SegmentMax: segments,
  SegmentMin: segments,
  UnsortedSegmentSum: numberedSegments,
  UnsortedSegmentMax: numberedSegments,
  UnsortedSegmentMin: numberedSegments,
  NonMaxSuppression: () => [null],
  NonMaxSuppressionV2: () => [null],
  NonMaxSuppressionV3: () => [null],
  CropAndResize: (of) => {
    const [image, boxes, size] = [of.shape(0), of.shape(1), of.values(3)];
    return [boxes?.[0] ?? null, size?.[0] ?? null, size?.[1] ?? null, image?.[3] ?? null];
  },
  EnsureShape: (of) => {
    const stated = tensorShape(child(of.attribute('shape'), 'shape'), '').value;
    const shape = of.shape(0);
    return stated?.map((size, axis) => size ?? shape?.[axis] ?? null) ?? shape;
  },
  Merge: (of) => {
    const [first, ...others] = Array.from({ length: of.count }, (_, index) => of.shape(index));
    if (!first || others.some((shape) => shape?.length !== first.length)) return null;
    return first.map((size, axis) => (others.every((shape) => shape?.[axis] === size) ? size : null));
  },
  Multinomial: (of) => [of.shape(0)?.[0] ?? null, of.values(1)?.[0] ?? null],
  SparseSoftmaxCrossEntropyWithLogits: (of) => of.shape(1),
  Einsum: einsum,
};

/** The shape with another size at an axis. */
function replaced(shape: Shape, axis: number, size: Dimension): Shape {
  const at = axis < 0 ? axis + shape.length : axis;
  return shape.map((one, index) => (index === at ? size : one));
}

/** As many rows as there are segments, which the numbers say. */
function segments(of: Operands): Shape | null {
  const shape = of.shape(0);
  return shape && [null, ...shape.slice(1)];
}

function numberedSegments(of: Operands): Shape | null {
  const [shape, ids, [count = null] = []] = [of.shape(0), of.shape(1), of.values(2) ?? []];
  return shape && ids && [count, ...shape.slice(ids.length)];
}

/** `bij,jk->bik`: each letter is one size. */
function einsum(of: Operands): Shape | null {
  const [left = '', right] = string(of.attribute('equation'), 's').replaceAll(' ', '').split('->');
  if (right === undefined || right.includes('.') || left.includes('.')) return null;
  const sizes = new Map<string, Dimension>();
  for (const [index, letters] of left.split(',').entries()) {
    const shape = of.shape(index);
    if (shape && shape.length !== letters.length) return null;
    for (const [axis, letter] of [...letters].entries())
      sizes.set(letter, sizes.get(letter) ?? shape?.[axis] ?? null);
  }
  return [...right].map((letter) => sizes.get(letter) ?? null);
}

/** GatherV2 that takes its indices row by row: the batch stays where it is. */
export function gatheredByRow(of: Operands, axis: number): Shape | null {
  const [shape, indices] = [of.shape(0), of.shape(1)];
  const batch = number(of.attribute('batch_dims'), 'i');
  if (!shape || !indices || batch < 0) return null;
  const at = axis < 0 ? axis + shape.length : axis;
  return [...shape.slice(0, at), ...indices.slice(batch), ...shape.slice(at + 1)];
}
