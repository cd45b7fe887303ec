import { Truncated } from '../../../model/bytes.ts';
import { keepYoungSpaceSmall } from '../../../ports/memory.ts';
import { Malformed } from '../../format.ts';
import type { PullStream } from '../stream.ts';
import { looksPickled } from './looks.ts';
import { type Machine, note, push, type Session } from './machine.ts';
import { KEEP_ARRAY } from './npy.ts';
import { type DType, dtypeOf, sizeOf } from './numpy.ts';
import { apply } from './opcodes.ts';
import { readOperand, readOperandNow } from './operands.ts';
import { getKey, is, type PyArray, type PyCall, type Value } from './values.ts';

const STOP = 0x2e;
const PROTO = 0x80;
const BUILD = 0x62;
const REDUCE = 0x52;
const FRAME = 0x95;
/** A pickle of more opcodes is run with little memory. */
const LONG = 20_000;
/** Between two looks at the clock of the event loop. */
const BREATH = 200_000;
const MAX_SUSPECTS = 1000;

const WRAPPERS = new Set([
  'joblib.numpy_pickle',
  'sklearn.externals.joblib.numpy_pickle',
  'joblib.numpy_pickle_compat',
  'sklearn.externals.joblib.numpy_pickle_compat',
]);

/**
 * Runs one pickle to its STOP and gives what it stands for. Nothing is looked up and nothing is called; what is odd
 * goes to the session. Raw arrays that joblib puts between opcodes are read or passed over.
 * @throws Malformed, Truncated; what the session has gathered until then stays.
 */
export async function run(stream: PullStream, session: Session, depth: number): Promise<Value> {
  if (depth > session.limits.depth) throw new Malformed('pickles are nested too deeply');
  const machine: Machine = {
    session,
    stack: [],
    marks: [],
    memo: [],
    sparse: new Map(),
    fetched: new Set(),
    offset: stream.position,
    protocol: 0,
  };
  const start = stream.position;
  let frameEnd: number | null = null;
  for (;;) {
    machine.offset = stream.position;
    if (!stream.ready(1) && !(await stream.ensure(1)))
      throw new Truncated(`the pickle ends at byte ${stream.position} without a STOP`);
    const op = stream.byte();
    session.opcodes += 1;
    if (session.opcodes > session.limits.opcodes) throw new Malformed('it has too many opcodes');
    if (session.opcodes === LONG) keepYoungSpaceSmall();
    if (session.opcodes % BREATH === 0) await new Promise((go) => setImmediate(go));
    const now = readOperandNow(stream, op, session.budget);
    const operand =
      now === undefined
        ? await readOperand(stream, op, session.budget, (length) => describesWeights(machine.stack, length))
        : now;
    if (operand !== null && typeof operand !== 'number' && session.suspects.length < MAX_SUSPECTS)
      if (looksPickled(operand)) session.suspects.push(operand);
    if (op === STOP) {
      if (frameEnd !== null && stream.position !== frameEnd) frameViolation(machine, 'STOP inside a frame');
      return finish(machine);
    }
    if (op === PROTO) {
      protocol(machine, typeof operand === 'number' ? operand : 0, machine.offset === start);
    } else if (op === FRAME) {
      if (frameEnd !== null) frameViolation(machine, 'a frame begins inside a frame');
      frameEnd = stream.position + (typeof operand === 'number' ? operand : 0);
      const left = stream.left();
      if (left !== null && frameEnd - stream.position > left)
        frameViolation(machine, 'a frame is longer than the file');
      if (frameEnd === stream.position) frameEnd = null;
    } else {
      apply(machine, op, operand);
      if (frameEnd !== null) {
        if (stream.position > frameEnd) frameViolation(machine, 'an opcode crosses the end of its frame');
        if (stream.position >= frameEnd) frameEnd = null;
      }
      if (op === REDUCE) release(machine.stack.at(-1), session);
      if (op === BUILD) {
        const target = machine.stack.at(-1);
        if (is(target, 'call') && isArrayWrapper(target)) {
          const array = await readArray(stream, target, session, depth, machine);
          target.array = array;
          machine.stack.pop();
          push(machine, array);
        }
      }
    }
  }
}

function finish(machine: Machine): Value {
  if (machine.marks.length > 0)
    note(machine, 'review', 'mark-left', 'a MARK is left on the stack at the end');
  if (machine.stack.length === 0) throw new Malformed('STOP with an empty stack');
  if (machine.stack.length > 1)
    note(
      machine,
      'review',
      'stack-left',
      `${machine.stack.length - 1} values are left on the stack at the end`,
    );
  return machine.stack.at(-1) ?? null;
}

function protocol(machine: Machine, version: number, first: boolean): void {
  if (version > 5) throw new Malformed(`pickle protocol ${version} is not known`);
  if (!first) note(machine, 'review', 'proto-misplaced', 'PROTO stands elsewhere than at the beginning');
  machine.protocol = version;
}

/** Python's readers disagree about such data (python/cpython#154848): what one shows, another may not run. */
function frameViolation(machine: Machine, message: string): void {
  note(machine, 'malformed', 'frame-violation', message);
}

function isArrayWrapper(node: PyCall): boolean {
  const direct = is(node.callee, 'global') ? node.callee : null;
  if (direct === null) return false;
  if (WRAPPERS.has(direct.module)) return direct.name === 'NumpyArrayWrapper';
  // Protocols 0 and 1 build it by copyreg._reconstructor(class, object, None).
  if (direct.name !== '_reconstructor' || !is(node.args, 'tuple')) return false;
  const of = node.args.items[0];
  return is(of, 'global') && WRAPPERS.has(of.module) && of.name === 'NumpyArrayWrapper';
}

/** Small arrays of one or two axes are kept: classes, categories and coefficients. The nodes of trees are not. */
const isOfUse = (shape: readonly number[], dtype: DType, bytes: number): boolean =>
  bytes <= KEEP_ARRAY && shape.length <= 2 && dtype.kind !== 'V';

/** Whether bytes that come next are the data of an array of no use: its shape, type and order were just put there. */
function describesWeights(stack: readonly Value[], length: number): boolean {
  // Protocols before 3 write bytes as _codecs.encode(text, 'latin1').
  const top = stack.at(-1);
  const coded = is(top, 'global') && top.module === '_codecs' ? 1 : 0;
  if (typeof stack.at(-1 - coded) !== 'boolean') return false;
  const shape = sizeOf(stack.at(-3 - coded) ?? null);
  const dtype = dtypeOf(stack.at(-2 - coded) ?? null);
  return shape !== null && dtype !== null && !isOfUse(shape, dtype, length);
}

/** Protocol 5 has the data before what describes it: it is let go when that is known. */
function release(made: Value | undefined, session: Session): void {
  if (!is(made, 'call') || !is(made.callee, 'global') || made.callee.name !== '_frombuffer') return;
  if (!is(made.args, 'tuple')) return;
  const [buffer, dtype = null, shape = null] = made.args.items;
  const raw = is(buffer, 'call') && is(buffer.args, 'tuple') ? buffer.args.items[0] : buffer;
  if (!is(raw, 'bytes') || looksPickled(raw)) return;
  const sizes = sizeOf(shape);
  const type = dtypeOf(dtype);
  if (sizes === null || type === null || isOfUse(sizes, type, raw.length)) return;
  session.budget.bytes += raw.data.length;
  raw.data = raw.data.slice(0, 0);
}

/** Source: joblib 1.5 numpy_pickle.py, NumpyArrayWrapper.read_array. */
async function readArray(
  stream: PullStream,
  wrapper: PyCall,
  session: Session,
  depth: number,
  machine: Machine,
): Promise<PyArray> {
  const state = wrapper.states.at(-1);
  if (!is(state, 'dict')) throw new Malformed('a joblib array without a description');
  const shape = sizeOf(getKey(state, 'shape') ?? null);
  const dtypeValue = getKey(state, 'dtype') ?? null;
  const dtype = dtypeOf(dtypeValue);
  const order = getKey(state, 'order') === 'F' ? 'F' : 'C';
  if (shape === null || dtype === null)
    throw new Malformed('a joblib array whose shape or dtype cannot be read');
  if (dtype.hasObject) {
    // The pickled array follows in the stream, complete from PROTO to STOP.
    const objects = await run(stream, session, depth + 1);
    return { kind: 'array', shape, dtype: dtypeValue, order, data: null, objects };
  }
  const alignment = getKey(state, 'numpy_array_alignment_bytes');
  if (alignment !== undefined && alignment !== null) {
    if (!stream.ready(1) && !(await stream.ensure(1))) throw new Truncated('the file ends before an array');
    await stream.skip(stream.byte());
  }
  const count = shape.reduce((product, size) => product * size, 1);
  const bytes = count * dtype.itemsize;
  if (!Number.isSafeInteger(bytes)) throw new Malformed(`a joblib array of shape [${shape.join(', ')}]`);
  const left = stream.left();
  if (left !== null && bytes > left)
    throw new Truncated(`an array of ${bytes} bytes begins at byte ${stream.position}, and ${left} are left`);
  if (!isOfUse(shape, dtype, bytes) || bytes > session.budget.bytes) {
    await stream.skip(bytes);
    return { kind: 'array', shape, dtype: dtypeValue, order, data: null, objects: null };
  }
  session.budget.bytes -= bytes;
  if (!stream.ready(bytes) && !(await stream.ensure(bytes)))
    throw new Truncated(
      `an array of ${bytes} bytes begins at byte ${machine.offset}, and the data ends before`,
    );
  return {
    kind: 'array',
    shape,
    dtype: dtypeValue,
    order,
    data: new Uint8Array(stream.take(bytes)),
    objects: null,
  };
}
