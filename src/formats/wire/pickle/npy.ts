import { type Bytes, Truncated } from '../../../model/bytes.ts';
import { newDict, type PyArray, type PyCall, type PyGlobal, type Value } from './values.ts';

/** Arrays up to this many bytes are kept, as in pickles. */
export const KEEP_ARRAY = 256 * 1024;

/** A call as the pickle machine would give it. */
export function callOf(callee: PyGlobal, args: readonly Value[]): PyCall {
  return {
    kind: 'call',
    how: 'newobj',
    callee,
    args: { kind: 'tuple', items: args },
    kwargs: null,
    states: [],
    items: [],
    entries: newDict(),
  };
}

/** `numpy.dtype(descr)`. */
export const dtypeValue = (descr: string): PyCall =>
  callOf({ kind: 'global', module: 'numpy', name: 'dtype' }, [descr]);

/** An .npy file: shape and dtype from its header, and the data where it is small. Source: numpy.lib.format. */
export function npyArray(bytes: Bytes): PyArray | null {
  try {
    const start = bytes.read(0, 12);
    if (Buffer.from(start.subarray(1, 6)).toString('latin1') !== 'NUMPY') return null;
    const view = new DataView(start.buffer, start.byteOffset, 12);
    const wide = start[6] !== 1;
    const length = wide ? view.getUint32(8, true) : view.getUint16(8, true);
    const from = wide ? 12 : 10;
    if (length > 64 * 1024) return null;
    const header = Buffer.from(bytes.read(from, length)).toString('latin1');
    const descr = /'descr': '([^']{1,20})'/.exec(header)?.[1];
    const shape = /'shape': \(([\d, ]*)\)/.exec(header)?.[1];
    if (descr === undefined || shape === undefined) return null;
    const sizes = shape
      .split(',')
      .map((one) => one.trim())
      .filter(Boolean)
      .map(Number);
    const at = from + length;
    const rest = bytes.size - at;
    return {
      kind: 'array',
      shape: sizes,
      dtype: dtypeValue(descr),
      order: header.includes("'fortran_order': True") ? 'F' : 'C',
      // Objects in an .npy file would be a pickle: they are not looked into, the format says they are not used.
      data: rest <= KEEP_ARRAY && !descr.includes('O') ? bytes.read(at, rest).slice() : null,
      objects: null,
    };
  } catch (error) {
    if (error instanceof Truncated) return null;
    throw error;
  }
}
