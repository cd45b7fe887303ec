import { inMemory } from '../../model/bytes.ts';
import { isObjectArray, isPickleHead, legacyPickles, npyData } from './pickle/heads.ts';
import { LIMITS, type Limits } from './pickle/machine.ts';
import { isOpcode } from './pickle/operands.ts';
import { type AssessOptions, assess } from './pickle/policy.ts';
import { type PickleResult, readPickle } from './pickle/read.ts';
import { expectedReferences } from './pickle/references.ts';
import { NOTHING, type Scan } from './scan-result.ts';
import { type PullStream, plainSource, pullStream } from './stream.ts';

/** Limits for bytes that are no pickles by name: raw weights may begin like one by chance. */
const STRAY_LIMITS = { opcodes: 1_000_000, stack: 100_000, memo: 200_000, kept: 8 * 1024 * 1024 };
/** Without a magic the chance is larger, and less is read on. */
const KEPT_WITHOUT_MAGIC = 1024 * 1024;
/** Opcodes behind the magic of a pickle that make it one, whatever comes then. */
const SURELY_RUN = 1000;
const HEAD = 512;

/**
 * Whether bytes begin like a pickle, an array of objects, or an old torch file. What has no magic is run as far as `head` goes:
 * it counts when it names something on the way, or when all of it are opcodes and more follows.
 */
export async function mayBePickle(head: Uint8Array): Promise<boolean> {
  if (isPickleHead(head) || isObjectArray(head) || legacyPickles(head) !== null) return true;
  const [first] = head;
  if (first === undefined || !isOpcode(first)) return false;
  const { globals, error } = await readPickle(pullStream(plainSource(inMemory(head))), {
    limits: STRAY_LIMITS,
    pickles: 1,
  });
  return globals.length > 0 || (error?.truncated === true && head.length >= HEAD);
}

export interface PickleScanOptions {
  readonly trusted?: AssessOptions['trusted'];
  /** The name says that it is a pickle: then damage is worth a remark. */
  readonly named: boolean;
  /** Of an archive. */
  readonly member?: string;
  /** Opcodes that may still be run of one file; what is run is taken off. */
  readonly work?: { opcodes: number };
}

/** Looks for danger in a stream that `mayBePickle`. */
export async function scanStream(
  stream: PullStream,
  file: string,
  options: PickleScanOptions,
): Promise<Scan> {
  const head = await stream.peek(HEAD);
  const skip = npyData(head);
  const magic = head[0] === 0x80 || skip !== null;
  const legacy = legacyPickles(head);
  if (skip !== null) await stream.skip(skip);
  const stray = magic ? STRAY_LIMITS : { ...STRAY_LIMITS, kept: KEPT_WITHOUT_MAGIC };
  const limits: Partial<Limits> = options.named ? {} : stray;
  const opcodes = Math.min(limits.opcodes ?? LIMITS.opcodes, options.work?.opcodes ?? LIMITS.opcodes);
  const result = await readPickle(stream, {
    ...(legacy !== null && { pickles: legacy }),
    limits: { ...limits, opcodes },
  });
  if (options.work) options.work.opcodes -= result.opcodes;
  return judgePickle(result, file, options, magic);
}

/** @param magic it begins with what nothing else begins with; else text may look like a pickle that only names things. */
export async function judgePickle(
  result: PickleResult,
  file: string,
  options: PickleScanOptions,
  magic: boolean,
): Promise<Scan> {
  const { risk, remarks } = await assess(result, {
    file,
    expected: expectedReferences(result.values),
    ...(options.trusted && { trusted: options.trusted }),
  });
  const calls = result.globals.some((use) => use.calls > 0);
  // Weights do not run so far by chance: what stands behind was put out of sight.
  const runs = magic && result.opcodes > SURELY_RUN;
  const chance =
    risk === 'dangerous' ? !magic && !calls : !runs && (result.error !== null || result.globals.length === 0);
  if (!options.named && chance) return NOTHING;
  const where = options.member === undefined ? '' : `in "${options.member}": `;
  return { risk, remarks: remarks.map((one) => ({ ...one, message: `${where}${one.message}` })) };
}
