import { dirname, join } from 'node:path/posix';
import { openFile, Truncated } from '../../model/bytes.ts';
import type { ModelFile } from '../../model/walk.ts';
import { zlib } from '../../ports/builtin.ts';
import type { Look } from '../format.ts';
import { KEEP_ARRAY, npyArray } from '../wire/pickle/npy.ts';
import { attribute, dtypeOf, sizeOf } from '../wire/pickle/numpy.ts';
import type { PickleResult } from '../wire/pickle/read.ts';
import { is, type PyArray, type PyCall, textOf } from '../wire/pickle/values.ts';

/**
 * joblib before 0.10 wrote each array into a file beside the pickle, and a wrapper with its name into the pickle.
 * Puts what those files say of the arrays into the wrappers; a file that is missing leaves its array unknown.
 * Source: joblib 0.9 numpy_pickle.py, NDArrayWrapper and ZNDArrayWrapper.
 */
export function attachSideFiles(result: PickleResult, file: ModelFile, look: Look): void {
  for (const { global, samples } of result.globals) {
    if (global.name !== 'NDArrayWrapper' && global.name !== 'ZNDArrayWrapper') continue;
    for (const call of samples) {
      const name = textOf(attribute(call, 'filename')) ?? '';
      // A name within the directory of the pickle, and nothing else.
      if (name === '' || /[/\\]/.test(name)) continue;
      const side = look.file(join(dirname(file.path), name));
      const array = global.name === 'NDArrayWrapper' ? side && plainArray(side) : packedArray(call, side);
      if (array) call.array = array;
    }
  }
}

function plainArray(side: ModelFile): PyArray | null {
  using bytes = openFile(side.absolute);
  return npyArray(bytes);
}

/** Of a compressed one shape and type stand in the pickle; the data is looked at where it is small. */
function packedArray(call: PyCall, side: ModelFile | undefined): PyArray | null {
  const state = attribute(call, 'state');
  if (!is(state, 'tuple')) return null;
  const [, given = null, dtype = null, fortran] = state.items;
  const shape = sizeOf(given);
  const known = dtypeOf(dtype);
  if (shape === null || known === null) return null;
  const size = shape.reduce((product, one) => product * one, 1) * known.itemsize;
  const data = side && !known.hasObject && size <= KEEP_ARRAY ? unpacked(side, size) : null;
  return { kind: 'array', shape, dtype, order: fortran === true ? 'F' : 'C', data, objects: null };
}

function unpacked(side: ModelFile, size: number): Uint8Array | null {
  if (side.size > 2 * KEEP_ARRAY) return null;
  try {
    using bytes = openFile(side.absolute);
    const whole = bytes.read(0, bytes.size);
    // "ZF", the length in hex, and zlib.
    const start = [21, 22, 20].find((at) => whole[at] === 0x78);
    if (start === undefined) return null;
    const data = zlib().inflateSync(whole.subarray(start), { maxOutputLength: size });
    return data.length === size ? data : null;
  } catch (error) {
    // Damage, or more than was promised: the array is not known.
    if (error instanceof Truncated || (error instanceof Error && 'code' in error)) return null;
    throw error;
  }
}
