import type { Bytes } from '../../model/bytes.ts';
import { Malformed } from '../format.ts';
import type { Learner } from './learner.ts';

/** sizeof(LearnerModelParamLegacy) in XGBoost before 3.1: parameters, then 27 reserved words. */
const PARAMETERS = 136;
const MAX_NAME = 64;
/** Before 0.80 there was a third part: `gpu:reg:linear`. */
const NAME = /^[a-z_]+(:[a-z0-9_]+){0,2}$/;

/** Whether bytes may be XGBoost's old binary form: it has no magic, so parameters and names have to make sense. */
export function looksLikeXgboostBinary(head: Uint8Array, size: number): boolean {
  if (size < PARAMETERS + 16 || head.length < PARAMETERS + 16) return false;
  const start = startOf(head);
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const classes = view.getInt32(start + 8, true);
  const features = view.getUint32(start + 4, true);
  if (!(features > 0 && features < 100_000_000 && classes >= 0 && classes < 1_000_000)) return false;
  return nameAt(head, start + PARAMETERS) !== null;
}

/** Reads the parameters. Source: XGBoost 1.x, src/learner.cc, LearnerModelParamLegacy and LearnerIO::Load. */
export function readXgboostBinary(bytes: Bytes): Learner {
  const head = bytes.read(0, Math.min(bytes.size, 4096));
  const start = startOf(head);
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const objective = nameAt(head, start + PARAMETERS);
  if (objective === null) throw new Malformed('the objective is not where the old binary form has it');
  const booster = nameAt(head, start + PARAMETERS + 8 + objective.length);
  const major = view.getUint32(start + 20, true);
  const minor = view.getUint32(start + 24, true);
  return {
    version: major > 0 && major < 100 ? `${major}.${minor}` : null,
    featureCount: view.getUint32(start + 4, true),
    names: [],
    types: [],
    categories: [],
    classCount: view.getInt32(start + 8, true),
    targetCount: Math.max(1, view.getUint32(start + 28, true) < 1000 ? view.getUint32(start + 28, true) : 1),
    objective,
    booster,
    trees: null,
  };
}

function startOf(head: Uint8Array): number {
  return Buffer.from(head.subarray(0, 4)).toString('latin1') === 'binf' ? 4 : 0;
}

/** A text with a 64-bit length before it; `null` unless it looks like an objective or a booster. */
function nameAt(head: Uint8Array, at: number): string | null {
  if (at + 8 > head.length) return null;
  const length = new DataView(head.buffer, head.byteOffset + at, 8).getBigUint64(0, true);
  if (length === 0n || length > BigInt(MAX_NAME) || at + 8 + Number(length) > head.length) return null;
  const name = Buffer.from(head.subarray(at + 8, at + 8 + Number(length))).toString('latin1');
  return NAME.test(name) ? name : null;
}
