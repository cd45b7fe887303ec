import { type Bytes, Truncated } from '../../../model/bytes.ts';
import { messageOf } from '../../../ports/errors.ts';
import { Malformed } from '../../format.ts';
import { type PullStream, plainSource, pullStream } from '../stream.ts';
import { type Anomaly, type GlobalUse, type Limits, newSession } from './machine.ts';
import { isOpcode } from './operands.ts';
import { run } from './run.ts';
import type { PyBytes, Value } from './values.ts';

export interface PickleOptions {
  /** Bounds; see `LIMITS`. */
  readonly limits?: Partial<Limits>;
  /** Stop after so many pickles, and leave the stream behind the last one. Default: all there are. */
  readonly pickles?: number;
}

/** What a stream of pickles holds. With `error`, everything that was found before it. */
export interface PickleResult {
  /** What each pickle stands for. */
  readonly values: readonly Value[];
  /** Every name that unpickling would import, in the order of first use. */
  readonly globals: readonly GlobalUse[];
  readonly anomalies: readonly Anomaly[];
  /** Texts and byte strings in it that look as if they were pickles themselves. */
  readonly suspects: readonly (string | PyBytes)[];
  /** How many opcodes were run. */
  readonly opcodes: number;
  /** Where reading ended, in the decompressed stream. */
  readonly end: number;
  /** Bytes after the last pickle that are none; `null` when nobody looked (`pickles` was given). */
  readonly trailing: boolean | null;
  /** Whether Python 2 wrote it: only there strings are bytes. */
  readonly python2: boolean;
  /** Why reading ended early. A file with an error is never harmless. */
  readonly error: { readonly message: string; readonly truncated: boolean; readonly offset: number } | null;
}

/** Old torch files have five in a row. */
const MAX_PICKLES = 10_000;

/** Reads all pickles of a stream without running any. Never throws about the bytes; the error is in the result. */
export async function readPickle(stream: PullStream, options: PickleOptions = {}): Promise<PickleResult> {
  const session = newSession(options.limits);
  const values: Value[] = [];
  const most = options.pickles ?? MAX_PICKLES;
  let error: PickleResult['error'] = null;
  let trailing: boolean | null = null;
  try {
    while (values.length < most) {
      if (values.length > 0) {
        const [next] = await stream.peek(1);
        if (next === undefined) {
          trailing = false;
          break;
        }
        // A second pickle is looked for, since unpicklers may be made to read on; other bytes are a tail.
        if (!isOpcode(next) || next === 0x2e) {
          trailing = true;
          break;
        }
      }
      const before = session.anomalies.length;
      const start = stream.position;
      try {
        values.push(await run(stream, session, 0));
      } catch (thrown) {
        // Bytes after a complete pickle that do not run are a tail, whatever they look like; names in it are kept.
        if (values.length === 0 || !(thrown instanceof Malformed || thrown instanceof Truncated))
          throw thrown;
        session.anomalies.length = Math.min(session.anomalies.length, before);
        session.anomalies.push({
          severity: 'review',
          what: 'trailing-data',
          message: 'data follows the end of the pickle',
          offset: start,
        });
        trailing = true;
        break;
      }
    }
    if (trailing === null && options.pickles === undefined && (await stream.peek(1)).length > 0)
      throw new Malformed(`more than ${MAX_PICKLES} pickles follow each other`);
  } catch (thrown) {
    if (!(thrown instanceof Malformed || thrown instanceof Truncated)) throw thrown;
    error = {
      message: messageOf(thrown),
      truncated: thrown instanceof Truncated,
      offset: stream.position,
    };
  }
  if (trailing === true && !session.anomalies.some((one) => one.what === 'trailing-data'))
    session.anomalies.push({
      severity: 'review',
      what: 'trailing-data',
      message: 'data follows the end of the pickle',
      offset: stream.position,
    });
  return {
    values,
    globals: [...session.uses.values()],
    anomalies: session.anomalies,
    suspects: session.suspects,
    opcodes: session.opcodes,
    end: stream.position,
    trailing,
    python2: session.python2,
    error,
  };
}

/** Reads the pickles in bytes that are not compressed, such as `data.pkl` of a torch file. */
export async function readPickleBytes(bytes: Bytes, options: PickleOptions = {}): Promise<PickleResult> {
  return readPickle(pullStream(plainSource(bytes)), options);
}
