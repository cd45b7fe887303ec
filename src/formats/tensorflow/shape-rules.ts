import type { Dimension, Shape } from '../../contract/types.ts';
import { entryOf } from '../../model/entry.ts';
import { child, number, numbers, type Tree } from '../wire/tree.ts';
import type { Constant } from './constant.ts';
import { gatheredByRow, PARTS } from './shape-parts.ts';
import { SIGNALS } from './shape-signals.ts';
import { flag, known, ranged, type Sizes, shapeOfSizes } from './shape-values.ts';
import { batchMoved, convolved, depthMoved, pooled, resized } from './shape-windows.ts';
import { tensorShape } from './types.ts';

/** An operator with what goes into it. */
export interface Operands {
  readonly operator: string;
  /** Inputs that are values. */
  readonly count: number;
  readonly shape: (index: number) => Shape | null;
  /** An input as a list of sizes, where it is one. */
  readonly values: (index: number) => Sizes | null;
  /** Of a Const. */
  readonly constant: () => Constant | null;
  readonly attribute: (name: string) => Tree | undefined;
}

/** All results of these have the same shape. */
export const ALIKE = /^(Split|Unpack|TopK|TopKV2|Switch)$/;

const SAME_SHAPE = new RegExp(
  `^(${[
    'Identity|StopGradient|PreventGradient|Snapshot|CheckNumerics|Cast|ZerosLike|OnesLike|Softmax|LogSoftmax',
    'Sigmoid|Tanh|Relu|Relu6|Elu|Selu|LeakyRelu|Softplus|Softsign|BiasAdd|LRN|ClipByValue|Cumsum|Cumprod',
    'Exp|Expm1|Log|Log1p|Sqrt|Rsqrt|Square|Neg|Abs|Sign|Reciprocal|Inv|Floor|Ceil|Round|Rint|Erf|Erfc|Lgamma',
    'Sin|Cos|Tan|Asin|Acos|Atan|Sinh|Cosh|IsNan|IsInf|IsFinite|LogicalNot|ReverseV2|Reverse|ReverseSequence|Roll',
    'AddN|StringLength|AsString|StringToNumber|StringLower|StringUpper|StringStrip|DecodeBase64|EncodeBase64',
    'FusedBatchNorm|FusedBatchNormV2|FusedBatchNormV3|MatrixInverse|MatrixBandPart|Cholesky|IdentityN|Print|RandomShuffle',
    'FakeQuantWithMinMaxVars|FakeQuantWithMinMaxVarsPerChannel|FakeQuantWithMinMaxArgs|QuantizeV2|Dequantize',
    'QuantizeAndDequantize|QuantizeAndDequantizeV2|QuantizeAndDequantizeV3|QuantizeAndDequantizeV4|Bucketize',
    'RGBToHSV|HSVToRGB|AdjustContrastv2|AdjustHue|AdjustSaturation|DrawBoundingBoxes|DrawBoundingBoxesV2',
    'RegexReplace|StaticRegexReplace|RegexFullMatch|StaticRegexFullMatch|Substr|StringToHashBucket|UnicodeTranscode',
    'StringToHashBucketFast|StringToHashBucketStrong|FFT|FFT2D|FFT3D|IFFT|IFFT2D|IFFT3D|ComplexAbs|Real|Imag|Angle|Conj',
    'InvertPermutation|TensorScatterUpdate|TensorScatterAdd|TensorScatterSub|Digamma|Ndtri|BesselI0|BesselI1|Switch',
  ].join('|')})$`,
);
const BROADCAST =
  /^(Add|AddV2|Sub|Mul|Div|RealDiv|DivNoNan|TruncateDiv|FloorDiv|FloorMod|Mod|Pow|Atan2|Maximum|Minimum|SquaredDifference|Greater|GreaterEqual|Less|LessEqual|Equal|NotEqual|LogicalAnd|LogicalOr|Xdivy|Xlogy|Xlog1py|BitwiseAnd|BitwiseOr|BitwiseXor|LeftShift|RightShift|Complex|NextAfter|Igamma|Igammac|Zeta|ApproximateEqual)$/;
const REDUCTION = /^(Mean|Sum|Max|Min|Prod|Any|All)$/;
const BY_SIZES = /^(Fill|BroadcastTo|RandomUniform|RandomStandardNormal|TruncatedNormal)$/;
const IMAGE = /^(DecodeJpeg|DecodePng|DecodeBmp|DecodeAndCropJpeg)$/;
const MAX_RANK = 32;

/** The shape of the first result of an operator, as TensorFlow's own shape functions have it; `null`: not known. */
export function shapeBy(of: Operands): Shape | null {
  const { operator } = of;
  if (operator === 'Const') return of.constant()?.shape ?? null;
  if (SAME_SHAPE.test(operator)) return of.shape(0);
  if (BROADCAST.test(operator)) return broadcast(of.shape(0), of.shape(1));
  if (REDUCTION.test(operator)) return reduce(of.shape(0), whole(of.values(1)), flag(of, 'keep_dims'));
  if (BY_SIZES.test(operator)) return shapeOfSizes(of.values(operator === 'BroadcastTo' ? 1 : 0));
  if (IMAGE.test(operator)) return [null, null, number(of.attribute('channels'), 'i') || null];
  const rule = entryOf(RULES, operator);
  const shape = rule ? rule(of) : null;
  return shape && shape.length <= MAX_RANK ? shape : null;
}

const RULES: Readonly<Record<string, (of: Operands) => Shape | null>> = {
  ...PARTS,
  ...SIGNALS,
  MatMul: (of) => {
    const rows = of.shape(0)?.[flag(of, 'transpose_a') ? 1 : 0] ?? null;
    const columns = of.shape(1)?.[flag(of, 'transpose_b') ? 0 : 1];
    return columns === undefined ? null : [rows, columns];
  },
  BatchMatMul: matrices,
  BatchMatMulV2: matrices,
  BatchMatMulV3: matrices,
  Reshape: (of) => reshape(of.shape(0), of.values(1)),
  ArgMax: (of) => reduce(of.shape(0), whole(of.values(1)), false),
  ArgMin: (of) => reduce(of.shape(0), whole(of.values(1)), false),
  Select: (of) => of.shape(1),
  SelectV2: (of) => broadcast(of.shape(0), broadcast(of.shape(1), of.shape(2))),
  Shape: (of) => (of.shape(0) ? [of.shape(0)?.length ?? null] : null),
  Size: () => [],
  Rank: () => [],
  Range: (of) => [ranged(of)?.length ?? null],
  Transpose: (of) => {
    const [shape, order] = [of.shape(0), whole(of.values(1))];
    return shape && order && order.length === shape.length ? order.map((axis) => shape[axis] ?? null) : null;
  },
  ExpandDims: (of) => {
    const [shape, [axis] = []] = [of.shape(0), of.values(1) ?? []];
    return shape && typeof axis === 'number' ? inserted(shape, axis, 1) : null;
  },
  Squeeze: (of) => squeeze(of.shape(0), numbers(child(of.attribute('squeeze_dims'), 'list'), 'i')),
  Pack: (of) => {
    const shape = of.shape(0);
    return shape && inserted(shape, number(of.attribute('axis'), 'i'), of.count);
  },
  Unpack: (of) => reduce(of.shape(0), [number(of.attribute('axis'), 'i')], false),
  ConcatV2: (of) => concatenate(of, 0, of.count - 1, of.values(of.count - 1)),
  Concat: (of) => concatenate(of, 1, of.count, of.values(0)),
  Split: (of) => {
    const parts = number(of.attribute('num_split'), 'i');
    return changed(of.shape(1), of.values(0), (size) => (parts > 0 ? size / parts : null));
  },
  Pad: padded,
  PadV2: padded,
  MirrorPad: padded,
  Tile: (of) => {
    const times = of.values(1);
    return (
      of.shape(0)?.map((size, axis) => {
        const [one, by] = [known(size), times?.[axis] ?? null];
        return one === null || by === null ? null : one * by;
      }) ?? null
    );
  },
  Slice: (of) => {
    const [shape, begin, size] = [of.shape(0), of.values(1), of.values(2)];
    if (!shape || !size) return null;
    return shape.map((all, axis) => {
      const [count, from] = [size[axis] ?? null, begin?.[axis] ?? null];
      if (count !== -1) return count;
      return typeof all === 'number' && from !== null ? all - from : null;
    });
  },
  StridedSlice: strided,
  Gather: (of) => gather(of.shape(0), of.shape(1), 0),
  GatherV2: (of) => {
    const [axis] = of.values(2) ?? [];
    return typeof axis === 'number' ? gatheredByRow(of, axis) : null;
  },
  OneHot: (of) => {
    const [indices, [depth] = []] = [of.shape(0), of.values(1) ?? []];
    const axis = of.attribute('axis');
    return indices && inserted(indices, axis ? number(axis, 'i') : -1, depth ?? null);
  },
  TopK: (of) => topOf(of.shape(0), number(of.attribute('k'), 'i')),
  TopKV2: (of) => topOf(of.shape(0), of.values(1)?.[0] ?? null),
  L2Loss: () => [],
  Unique: () => [null],
  DecodeRaw: (of) => {
    const shape = of.shape(0);
    return shape && [...shape, null];
  },
  Where: (of) => [null, of.shape(0)?.length ?? null],
  Conv2DBackpropInput: transposed,
  Conv3DBackpropInputV2: transposed,
  Conv2D: (of) => convolved(of, 2),
  Conv3D: (of) => convolved(of, 3),
  DepthwiseConv2dNative: (of) => convolved(of, 2),
  MaxPool: (of) => pooled(of, 2),
  MaxPoolWithArgmax: (of) => pooled(of, 2),
  AvgPool: (of) => pooled(of, 2),
  MaxPool3D: (of) => pooled(of, 3),
  AvgPool3D: (of) => pooled(of, 3),
  ResizeBilinear: resized,
  ResizeNearestNeighbor: resized,
  ResizeBicubic: resized,
  ResizeArea: resized,
  SpaceToDepth: depthMoved,
  DepthToSpace: depthMoved,
  SpaceToBatchND: batchMoved,
  BatchToSpaceND: batchMoved,
  VariableV2: variable,
  Variable: variable,
  LookupTableFind: found,
  LookupTableFindV2: found,
};

function variable(of: Operands): Shape | null {
  return tensorShape(child(of.attribute('shape'), 'shape'), '').value;
}

/** What a table has for its keys, a value each; what stands for a missing one is such a value. */
function found(of: Operands): Shape | null {
  return of.shape(2)?.length === 0 ? of.shape(1) : null;
}

/** A transposed convolution: the size is given, and the batch is that of what it is called with, whatever is given. */
function transposed(of: Operands): Shape | null {
  const sizes = shapeOfSizes(of.values(0));
  const batch = known(of.shape(2)?.[0]);
  return sizes?.map((size, axis) => (axis === 0 && size !== batch ? null : size)) ?? null;
}

/** A list of which every number is known. */
function whole(sizes: Sizes | null): readonly number[] | null {
  const all = (sizes ?? [null]).flatMap((size) => (size === null ? [] : [size]));
  return sizes && all.length === sizes.length ? all : null;
}

function inserted(shape: Shape, axis: number, size: Dimension): Shape | null {
  const at = axis < 0 ? axis + shape.length + 1 : axis;
  return at < 0 || at > shape.length ? null : [...shape.slice(0, at), size, ...shape.slice(at)];
}

/** The shape with the size of one axis changed. */
function changed(
  shape: Shape | null,
  axes: Sizes | null,
  change: (size: number) => number | null,
): Shape | null {
  const [axis] = axes ?? [];
  if (!shape || typeof axis !== 'number') return null;
  const at = axis < 0 ? axis + shape.length : axis;
  return shape.map((size, index) => {
    if (index !== at) return size;
    const next = typeof size === 'number' ? change(size) : null;
    return next !== null && Number.isInteger(next) ? next : null;
  });
}

function topOf(shape: Shape | null, count: number | null): Shape | null {
  return shape && [...shape.slice(0, -1), count];
}

function gather(shape: Shape | null, indices: Shape | null, axis: number): Shape | null {
  if (!shape || !indices) return null;
  const at = axis < 0 ? axis + shape.length : axis;
  return [...shape.slice(0, at), ...indices, ...shape.slice(at + 1)];
}

function matrices(of: Operands): Shape | null {
  const [a, b] = [of.shape(0), of.shape(1)];
  if (!a || !b || a.length < 2 || b.length < 2) return null;
  const rows = a.at(flag(of, 'adj_x') ? -1 : -2) ?? null;
  const columns = b.at(flag(of, 'adj_y') ? -2 : -1) ?? null;
  const batch = broadcast(a.slice(0, -2), b.slice(0, -2));
  return batch && [...batch, rows, columns];
}

function squeeze(shape: Shape | null, axes: readonly number[]): Shape | null {
  if (!shape || (axes.length === 0 && shape.some((size) => typeof size !== 'number'))) return null;
  const gone = new Set(axes.map((axis) => (axis < 0 ? axis + shape.length : axis)));
  return shape.filter((size, axis) => (axes.length === 0 ? size !== 1 : !gone.has(axis)));
}

function concatenate(of: Operands, from: number, to: number, axes: Sizes | null): Shape | null {
  const [axis] = axes ?? [];
  const first = of.shape(from);
  if (typeof axis !== 'number' || !first) return null;
  const at = axis < 0 ? axis + first.length : axis;
  const out: Dimension[] = [...first];
  for (let index = from + 1; index < to; index++) {
    const next = of.shape(index);
    // A part of any rank leaves the sum open, and tells nothing of the other axes.
    if (next && next.length !== first.length) return null;
    for (const [place, size] of out.entries()) {
      const other = next?.[place] ?? null;
      if (place !== at) out[place] = size ?? other;
      else out[place] = typeof size === 'number' && typeof other === 'number' ? size + other : null;
    }
  }
  return out;
}

function padded(of: Operands): Shape | null {
  const amounts = of.values(1);
  return (
    of.shape(0)?.map((size, axis) => {
      const [one, before, after] = [
        known(size),
        amounts?.[2 * axis] ?? null,
        amounts?.[2 * axis + 1] ?? null,
      ];
      return one === null || before === null || after === null ? null : one + before + after;
    }) ?? null
  );
}

/** StridedSlice (tensorflow/core/util/strided_slice_op.cc): `x[1:3, ..., 0]`. */
function strided(of: Operands): Shape | null {
  const [shape, begin, end, steps] = [of.shape(0), of.values(1), of.values(2), of.values(3)];
  if (!shape || !begin || !end || !steps) return null;
  const mask = (name: string, index: number) => ((number(of.attribute(name), 'i') >> index) & 1) === 1;
  const given = begin.length;
  const news = begin.filter(
    (_, index) => mask('new_axis_mask', index) && !mask('ellipsis_mask', index),
  ).length;
  const ellipses = begin.filter((_, index) => mask('ellipsis_mask', index)).length;
  const out: Dimension[] = [];
  let axis = 0;
  for (let index = 0; index < given; index++) {
    if (mask('ellipsis_mask', index)) {
      for (let left = shape.length - (given - news - ellipses); left > 0; left--)
        out.push(shape[axis++] ?? null);
    } else if (mask('new_axis_mask', index)) out.push(1);
    else {
      const size = known(shape[axis++]);
      if (mask('shrink_axis_mask', index)) continue;
      const bound = (mask_: boolean, value: number | null | undefined) =>
        mask_ ? undefined : (value ?? null);
      const from = bound(mask('begin_mask', index), begin[index]);
      const to = bound(mask('end_mask', index), end[index]);
      out.push(extent(size, from, to, steps[index] ?? null));
    }
  }
  if (axis > shape.length) return null;
  return [...out, ...shape.slice(axis)];
}

/** How many entries `[from:to:step]` takes; `undefined` is an open end, `null` one that is not known. */
function extent(
  size: number | null,
  from: number | null | undefined,
  to: number | null | undefined,
  step: number | null,
): number | null {
  if (from === null || to === null || step === null || step < 1) return null;
  if (size === null) {
    const fixed = from !== undefined && to !== undefined && from < 0 === to < 0;
    // The first entries of an axis of any length may be fewer than asked for.
    return fixed && to === from ? 0 : null;
  }
  const clamp = (value: number) => Math.min(Math.max(value < 0 ? value + size : value, 0), size);
  const [first, last] = [from === undefined ? 0 : clamp(from), to === undefined ? size : clamp(to)];
  return Math.max(0, Math.ceil((last - first) / step));
}

/** NumPy's rule. A size that is not known gives way to one above 1: it is either that or 1. */
function broadcast(a: Shape | null, b: Shape | null): Shape | null {
  if (!a || !b) return null;
  const rank = Math.max(a.length, b.length);
  const out: Dimension[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const left = sizeAt(a, axis - rank + a.length);
    const right = sizeAt(b, axis - rank + b.length);
    if (left === 1) out.push(right);
    else if (right === 1 || left === right || right === null) out.push(left);
    else if (left === null) out.push(right);
    else return null;
  }
  return out;
}

function sizeAt(shape: Shape, axis: number): Dimension {
  return axis < 0 ? 1 : (shape[axis] ?? null);
}

/** Of the sizes one may follow from the others. */
function reshape(input: Shape | null, sizes: Sizes | null): Shape | null {
  if (!sizes || sizes.some((size) => size !== null && size < -1)) return null;
  const free = sizes.filter((size) => size === null || size === -1).length;
  let rest = 1;
  for (const size of sizes) rest *= size === null || size === -1 ? 1 : size;
  let all: number | null = input ? 1 : null;
  for (const size of input ?? []) all = all === null || typeof size !== 'number' ? null : all * size;
  const left = free === 1 && all !== null && rest > 0 && Number.isInteger(all / rest) ? all / rest : null;
  return sizes.map((size) => (size === null || size === -1 ? left : size));
}

function reduce(input: Shape | null, axes: readonly number[] | null, keep: boolean): Shape | null {
  if (!input || !axes) return null;
  const rank = input.length;
  if (axes.some((axis) => axis < -rank || axis >= rank)) return null;
  const gone = new Set(axes.map((axis) => (axis < 0 ? axis + rank : axis)));
  const out: Dimension[] = [];
  for (const [axis, size] of input.entries())
    if (!gone.has(axis)) out.push(size);
    else if (keep) out.push(1);
  return out;
}
