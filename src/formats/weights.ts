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

/** The element types by how many parameters have them, most first: `BF16, F32`. */
export function precisions(
  tensors: readonly { readonly dtype: string; readonly shape: readonly number[] }[],
): string {
  const counts = new Map<string, number>();
  for (const tensor of tensors)
    counts.set(tensor.dtype, (counts.get(tensor.dtype) ?? 0) + countParameters([tensor]));
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .map(([dtype]) => dtype)
    .join(', ');
}
