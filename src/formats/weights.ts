import { entryOf } from '../model/entry.ts';
import { type Candidate, emptyReading, type Reading } from './format.ts';

/** The reading of a file that holds parameters and says nothing about calls. */
export function weightsOnly(
  candidate: Candidate,
  file: {
    readonly framework: Reading['framework'];
    readonly tensors: readonly { readonly dtype: string; readonly shape: readonly number[] }[];
    readonly properties?: Readonly<Record<string, string>>;
  },
): Reading {
  return {
    ...emptyReading(candidate),
    framework: file.framework,
    parameters: countParameters(file.tensors),
    properties: { ...file.properties, precision: precisions(file.tensors) },
    remarks: [
      {
        rule: 'contract-unknown',
        level: 'notice',
        file: candidate.path,
        message: 'the file holds parameters only; nothing in it says what the model takes and returns',
        help: ASK_FOR_CONTRACT,
      },
    ],
  };
}

/** What to paste where a model cannot say its contract itself. */
export const ASK_FOR_CONTRACT = `Write contract.yaml beside the model, for example:
contract: v1
signatures:
  predict:
    inputs:
      - {name: X, type: float32, shape: [batch, 4]}
    outputs:
      - {name: y, type: float32, shape: [batch, 1]}`;

/** Elements of all tensors together. */
export function countParameters(tensors: readonly { readonly shape: readonly number[] }[]): number {
  return tensors.reduce((sum, tensor) => sum + tensor.shape.reduce((product, size) => product * size, 1), 0);
}

/** What files call number types, in the words of contracts (`SCALAR_TYPES`). */
const PRECISIONS: Readonly<Record<string, string>> = {
  F64: 'float64',
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
  FP64: 'float64',
  FP32: 'float32',
  FP16: 'float16',
  DOUBLE: 'float64',
  FLOAT: 'float32',
  HALF: 'float16',
  F8_E4M3: 'float8_e4m3fn',
  F8_E5M2: 'float8_e5m2',
  F8_E8M0: 'float8_e8m0fnu',
  F8_E4M3FNUZ: 'float8_e4m3fnuz',
  F8_E5M2FNUZ: 'float8_e5m2fnuz',
  F4: 'float4_e2m1fn',
  I64: 'int64',
  I32: 'int32',
  I16: 'int16',
  I8: 'int8',
  U64: 'uint64',
  U32: 'uint32',
  U16: 'uint16',
  U8: 'uint8',
  C64: 'complex64',
  C128: 'complex128',
  BOOL: 'bool',
  QI8: 'int8',
  QI32: 'int32',
  QU8: 'uint8',
  QINT8: 'int8',
  QINT32: 'int32',
  QUINT8: 'uint8',
};

/**
 * One name for one number type, whichever format states it: `F16`, `torch.half` and `fp16` are `float16`. Types of
 * quantised blocks (`Q4_K` of GGUF) keep their names, in capitals.
 */
export function precisionName(dtype: string): string {
  const text = dtype.trim().replace(/^torch\./i, '');
  const known = entryOf(PRECISIONS, text.toUpperCase());
  if (known !== undefined) return known;
  return /^(I?Q|TQ|MXFP)\d/i.test(text) ? text.toUpperCase() : text.toLowerCase();
}

/** The element types by how many parameters have them, most first: `bfloat16, float32`. */
export function precisions(
  tensors: readonly { readonly dtype: string; readonly shape: readonly number[] }[],
): string {
  const counts = new Map<string, number>();
  for (const tensor of tensors) {
    const name = precisionName(tensor.dtype);
    counts.set(name, (counts.get(name) ?? 0) + countParameters([tensor]));
  }
  return byCount(counts);
}

/** Names of number types, that of most values first. */
export function byCount(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .map(([dtype]) => dtype)
    .join(', ');
}
