import type { Reading } from '../format.ts';
import { weightsOnly } from '../weights.ts';
import { arrayOf, scalarTypeOf } from '../wire/pickle/numpy.ts';
import { getKey, is, textOf, type Value } from '../wire/pickle/values.ts';

/** Structured names by the parameters' own: Paddle puts it into each `state_dict` that it saves. */
const MARK = 'StructuredToParameterName@@';

interface Tensor {
  readonly dtype: string;
  readonly shape: readonly number[];
}

/**
 * What `paddle.save` wrote of a `state_dict` (`.pdparams`): parameters alone. `null` for every other pickle.
 * @param base what is known of the pickle.
 */
export function describePaddleState(base: Reading, root: Value): Reading | null {
  if (!is(root, 'dict')) return null;
  const names = getKey(root, MARK);
  if (!is(names, 'dict')) return null;
  // Layers of recurrent networks have their parameters under two names: each is one parameter.
  const own = new Map(names.keys.map((key, index) => [textOf(key), textOf(names.values[index])]));
  const byName = new Map<string, Tensor>();
  root.values.forEach((value, index) => {
    const tensor = tensorIn(value, 0);
    const key = textOf(root.keys[index]) ?? String(index);
    if (tensor) byName.set(own.get(key) ?? key, tensor);
  });
  const tensors = [...byName.values()];
  const read = weightsOnly(
    { format: 'paddle', path: base.path, role: 'weights', covers: [] },
    { framework: { name: 'paddlepaddle', version: null }, tensors },
  );
  return {
    ...read,
    requirements: { ...base.requirements, paddlepaddle: null },
    risk: base.risk,
    remarks: [...base.remarks, ...read.remarks],
  };
}

/** The array itself, or with its name in a tuple, which is how Paddle 2 and later reduce a tensor. */
function tensorIn(value: Value, depth: number): Tensor | null {
  const array = arrayOf(value);
  if (array) {
    const dtype = scalarTypeOf(array.dtype);
    return dtype === null ? null : { dtype, shape: array.shape };
  }
  if (depth > 3) return null;
  const parts = is(value, 'tuple') ? value.items : is(value, 'call') ? [value.args] : [];
  for (const part of parts) {
    const found = tensorIn(part, depth + 1);
    if (found) return found;
  }
  return null;
}
