import type { ScalarType, TypeName } from '../../contract/types.ts';
import { entryOf } from '../../model/entry.ts';
import { derived, type Told, unknown } from '../told.ts';
import type { Tree } from '../wire/tree.ts';
import { dataType } from './types.ts';

/** Operators whose first result is of the type of attribute `T`. */
const SAME_TYPE = new RegExp(
  `^(${[
    'Identity|IdentityN|StopGradient|PreventGradient|Snapshot|CheckNumerics|ZerosLike|OnesLike|Softmax|LogSoftmax',
    'Sigmoid|Tanh|Relu|Relu6|Elu|Selu|LeakyRelu|Softplus|Softsign|BiasAdd|LRN|ClipByValue|Cumsum|Cumprod',
    'Exp|Expm1|Log|Log1p|Sqrt|Rsqrt|Square|Neg|Abs|Sign|Reciprocal|Inv|Floor|Ceil|Round|Rint|Erf|Erfc|Lgamma',
    'Sin|Cos|Tan|Asin|Acos|Atan|Sinh|Cosh|ReverseV2|Reverse|ReverseSequence|Roll|AddN|MatrixInverse|Einsum|L2Loss',
    'Add|AddV2|Sub|Mul|Div|RealDiv|DivNoNan|TruncateDiv|FloorDiv|FloorMod|Mod|Pow|Atan2|Maximum|Minimum|Xdivy|Xlogy',
    'SquaredDifference|MatMul|BatchMatMul|BatchMatMulV2|Mean|Sum|Max|Min|Prod|Fill|OneHot|Select|SelectV2|Tile',
    'Reshape|Squeeze|ExpandDims|ConcatV2|Concat|Pack|Unpack|Split|SplitV|Slice|StridedSlice|Transpose|Pad|PadV2',
    'MirrorPad|BroadcastTo|GatherNd|TopK|TopKV2|Unique|UniqueV2|MaxPool|AvgPool|MaxPool3D|AvgPool3D|MaxPoolV2',
    'Conv2D|Conv3D|DepthwiseConv2dNative|Conv2DBackpropInput|Conv3DBackpropInputV2|FusedBatchNorm|FusedBatchNormV2',
    'FusedBatchNormV3|SpaceToDepth|DepthToSpace|SpaceToBatchND|BatchToSpaceND|SpaceToBatch|BatchToSpace|InvertPermutation',
    'ResizeNearestNeighbor|Switch|RefSwitch|Merge|RefMerge|Enter|RefEnter|Exit|RefExit|NextIteration|DynamicStitch',
    'SegmentSum|SegmentMean|SegmentMax|UnsortedSegmentSum|UnsortedSegmentMax|SparseTensorDenseMatMul|MatrixDiag',
    'MatrixBandPart|Cholesky|LinSpace|SoftmaxCrossEntropyWithLogits|EnsureShape|NonMaxSuppressionV5',
  ].join('|')})$`,
);

/** Those of the type of another attribute, and which TensorFlow takes where it is not stated. */
const BY_ATTRIBUTE: Readonly<Record<string, readonly [attribute: string, otherwise: ScalarType | null]>> = {
  Cast: ['DstT', null],
  ArgMax: ['output_type', 'int64'],
  ArgMin: ['output_type', 'int64'],
  Shape: ['out_type', 'int32'],
  Size: ['out_type', 'int32'],
  Range: ['Tidx', 'int32'],
  Gather: ['Tparams', null],
  GatherV2: ['Tparams', null],
  ResourceGather: ['dtype', null],
  ReadVariableOp: ['dtype', null],
  ParseTensor: ['out_type', null],
  DecodeRaw: ['out_type', null],
  DecodePng: ['dtype', 'uint8'],
  DecodeImage: ['dtype', 'uint8'],
  StringToNumber: ['out_type', 'float32'],
  RandomUniform: ['dtype', null],
  RandomStandardNormal: ['dtype', null],
  TruncatedNormal: ['dtype', null],
  Multinomial: ['output_dtype', 'int64'],
  TensorArrayGatherV3: ['dtype', null],
  TensorArrayReadV3: ['dtype', null],
  TensorArrayConcatV3: ['dtype', null],
  TensorListStack: ['element_dtype', null],
  LookupTableFind: ['Tout', null],
  LookupTableFindV2: ['Tout', null],
  Bitcast: ['type', null],
  Dequantize: ['dtype', 'float32'],
};

const FIXED: readonly (readonly [operators: RegExp, type: ScalarType])[] = [
  [
    /^(Greater|GreaterEqual|Less|LessEqual|Equal|NotEqual|LogicalAnd|LogicalOr|LogicalNot|Any|All|IsNan|IsInf|IsFinite|InTopK|InTopKV2|LoopCond)$/,
    'bool',
  ],
  [
    /^(AsString|ReduceJoin|StringJoin|StringLower|StringUpper|StringStrip|Substr|EncodeJpeg|EncodePng|EncodeBase64|DecodeBase64|ReadFile|StringFormat|RegexReplace|StaticRegexReplace)$/,
    'string',
  ],
  [
    /^(Rank|StringLength|NonMaxSuppression|NonMaxSuppressionV2|NonMaxSuppressionV3|NonMaxSuppressionV4|TensorArraySizeV3|TensorListLength)$/,
    'int32',
  ],
  [/^(Where|StringToHashBucket|StringToHashBucketFast|StringToHashBucketStrong)$/, 'int64'],
  [/^(DecodeJpeg|DecodeAndCropJpeg|DecodeBmp|DecodeGif)$/, 'uint8'],
  [
    /^(ResizeBilinear|ResizeBicubic|ResizeArea|CropAndResize|FakeQuantWithMinMaxVars|FakeQuantWithMinMaxArgs|FakeQuantWithMinMaxVarsPerChannel)$/,
    'float32',
  ],
];

/** The type of the first result of a node (tensorflow/core/ops/*.cc). `where` names the node. */
export function resultType(
  operator: string,
  attributes: ReadonlyMap<string, Tree>,
  where: string,
): Told<TypeName> {
  const [attribute, otherwise] = SAME_TYPE.test(operator)
    ? ['T', null]
    : (byAttribute(operator) ?? ['', null]);
  if (attribute !== '' && attributes.has(attribute)) {
    const told = dataType(attributes.get(attribute), 'type', `${where} ${attribute}`);
    return told.value === null ? told : derived(told.value, `${where} ${attribute}`);
  }
  const fixed = otherwise ?? FIXED.find(([operators]) => operators.test(operator))?.[1];
  if (fixed !== undefined) return derived(fixed, `${where} ${operator}`);
  return unknown(`operator ${operator} of ${where} does not state the type of its result`);
}

function byAttribute(operator: string): readonly [string, ScalarType | null] | undefined {
  return entryOf(BY_ATTRIBUTE, operator);
}
