import type { Remark, Risk } from '../../format.ts';
import { type Class, classify, isContextual, isForwarder, makesInstance, reachesOut } from './classify.ts';
import type { Anomaly, GlobalUse } from './machine.ts';
import { brokenOffLate, type NestedWork, readNested } from './nested.ts';
import { argsOf } from './numpy.ts';
import type { PickleResult } from './read.ts';
import { fullName, is, isNode, type PyCall, type PyGlobal, textOf, type Value } from './values.ts';

export interface Assessment {
  readonly risk: Risk;
  readonly remarks: readonly Remark[];
}

export interface AssessOptions {
  /** File within the model directory, for the remarks. */
  readonly file: string;
  /** Anomalies (`Anomaly.what`) that the format explains, such as `persistent-id` in torch files. */
  readonly expected?: ReadonlySet<string>;
  /** Globals (`module.name`) that the format explains; they count as inert. */
  readonly trusted?: (global: PyGlobal) => boolean;
}

const NESTED_DEPTH = 3;
const MAX_NESTED = 200;
/** Opcodes of all pickles that are hidden in one. */
const NESTED_WORK = 1_000_000;
const MAX_NAMED = 40;
const HELP_DANGEROUS =
  'Do not load this file. Ask who made it, and save the model anew from code that you trust.';
const HELP_REVIEW =
  'Loading it imports and calls these names: make sure that they come from packages or code that you know.';

/** What loading a pickle could do: by the names in it, by its structure, and by pickles hidden inside. */
export async function assess(result: PickleResult, options: AssessOptions): Promise<Assessment> {
  const work: NestedWork = { opcodes: NESTED_WORK };
  const verdict = await judge(result, options, 0, work);
  const remarks: Remark[] = [];
  const { file } = options;
  for (const [subject, message] of verdict.dangers)
    remarks.push({ rule: 'pickle-dangerous', level: 'error', file, subject, message, help: HELP_DANGEROUS });
  for (const [subject, message] of verdict.reviews)
    remarks.push({ rule: 'pickle-review', level: 'warning', file, subject, message, help: HELP_REVIEW });
  for (const message of verdict.malformed)
    remarks.push({
      rule: 'pickle-malformed',
      level: 'error',
      file,
      message,
      help: 'Save or download the file again. What could not be read could not be checked either.',
    });
  const risk = verdict.dangers.size > 0 ? 'dangerous' : remarks.length > 0 ? 'review' : 'none';
  return { risk, remarks: remarks.slice(0, 4 * MAX_NAMED) };
}

interface Verdict {
  readonly dangers: Map<string, string>;
  readonly reviews: Map<string, string>;
  readonly malformed: Set<string>;
}

async function judge(
  result: PickleResult,
  options: AssessOptions,
  depth: number,
  work: NestedWork,
): Promise<Verdict> {
  const verdict: Verdict = { dangers: new Map(), reviews: new Map(), malformed: new Set() };
  const put = (map: Map<string, string>, key: string, message: string): void => {
    if (map.size < MAX_NAMED && !map.has(key)) map.set(key, message);
  };
  const classOfGlobal = (global: PyGlobal): Class => (options.trusted?.(global) ? 'inert' : classify(global));
  for (const use of result.globals) {
    const name = fullName(use.global);
    const does = use.calls > 0 ? 'calls' : 'imports';
    switch (classOfGlobal(use.global)) {
      case 'dangerous':
        if (use.calls > 0 && use.calls <= use.samples.length && use.samples.every(isPrepared)) break;
        if (isContextual(use.global) && use.calls <= use.samples.length && use.samples.every(isHarmless))
          put(verdict.reviews, name, `loading it ${does} ${name}, with arguments that look harmless`);
        else put(verdict.dangers, name, `loading it ${does} ${name}`);
        break;
      case 'unknown':
        if (
          !(isForwarder(use.global) && use.calls <= use.samples.length && use.samples.every(forwardsToSafe))
        )
          put(verdict.reviews, name, `loading it ${does} ${name}, which Lading does not know`);
        break;
      case 'framework':
        if (use.samples.some((one) => one.how !== 'newobj') && reachesOut(use.global))
          put(verdict.dangers, name, `loading it calls ${name}, which reaches beyond the file`);
        else if (calledAsFunction(use))
          put(verdict.reviews, name, `loading it calls ${name}, which is a function and not a class`);
        break;
      case 'inert':
        if (RECONSTRUCT.has(name)) reconstructed(use, put, verdict);
        break;
    }
  }
  for (const anomaly of result.anomalies) {
    if (options.expected?.has(anomaly.what)) continue;
    const text = `${anomaly.message} (byte ${anomaly.offset})`;
    const severity = anomaly.call ? severityOfCall(anomaly, anomaly.call, classOfGlobal) : anomaly.severity;
    if (severity === 'danger') put(verdict.dangers, anomaly.what, text);
    else if (severity === 'review') put(verdict.reviews, anomaly.what, text);
    else if (verdict.malformed.size < MAX_NAMED) verdict.malformed.add(text);
  }
  if (result.error) verdict.malformed.add(`the pickle is damaged: ${result.error.message}`);
  let unread = false;
  if (depth < NESTED_DEPTH)
    for (const suspect of result.suspects.slice(0, MAX_NESTED)) {
      const inner = await readNested(suspect, work);
      if (!inner) continue;
      if (brokenOffLate(inner)) unread = true;
      const nested = await judge(inner, options, depth + 1, work);
      for (const [key, message] of nested.dangers)
        put(verdict.dangers, `nested ${key}`, `a pickle is hidden in its data, and ${message}`);
      if (inner.error === null)
        for (const [key, message] of nested.reviews)
          put(verdict.reviews, `nested ${key}`, `a pickle is hidden in its data, and ${message}`);
    }
  if (unread || result.suspects.length > MAX_NESTED || work.opcodes <= 0)
    put(verdict.reviews, 'nested-many', 'so much of its data looks like pickles that not all was checked');
  return verdict;
}

/** Looks a name up in any module: `_ufunc_reconstruct('numpy', 'log1p')`, as NumPy pickled its functions until 1.22. */
const RECONSTRUCT = new Set(['numpy.core._ufunc_reconstruct', 'numpy._core._ufunc_reconstruct']);

function reconstructed(
  use: GlobalUse,
  put: (map: Map<string, string>, key: string, message: string) => void,
  verdict: Verdict,
): void {
  if (use.calls > use.samples.length)
    put(verdict.reviews, fullName(use.global), `loading it calls ${fullName(use.global)} very often`);
  for (const call of use.samples) {
    const [module, name] = argsOf(call).map(textOf);
    const named: PyGlobal = { kind: 'global', module: module ?? '', name: name ?? '' };
    const kind = module && name ? classify(named) : 'dangerous';
    if (kind === 'dangerous')
      put(verdict.dangers, fullName(named), `loading it imports ${fullName(named)} by a function of NumPy`);
    else if (kind === 'unknown')
      put(
        verdict.reviews,
        fullName(named),
        `loading it imports ${fullName(named)}, which Lading does not know`,
      );
  }
}

function calledAsFunction(use: GlobalUse): boolean {
  return use.calls > 0 && !makesInstance(use.global) && use.samples.some((one) => one.how === 'reduce');
}

const MAKES_CLASS =
  /^(?:cloudpickle\.cloudpickle(?:_fast)?|dill\._dill|dill\.dill)\.(?:_make_skeleton_class|_make_skel_class|_make_skeleton_enum|_make_class|_create_type|_create_namedtuple|_load_type|_builtin_type)$/;

/** A result that is called: honest where a class is made first, and then its instance. */
function severityOfCall(
  anomaly: Anomaly,
  outer: PyCall,
  classOfGlobal: (global: PyGlobal) => Class,
): Anomaly['severity'] {
  const inner = outer.callee;
  if (!is(inner, 'call') || !is(inner.callee, 'global')) return anomaly.severity;
  if (MAKES_CLASS.test(fullName(inner.callee))) return 'review';
  const harmless = isContextual(inner.callee) && isHarmless(inner);
  if (harmless) {
    const [of] = argsOf(inner);
    return is(of, 'global') && ['framework', 'inert'].includes(classOfGlobal(of)) ? 'review' : 'danger';
  }
  return anomaly.severity;
}

/** `getattr(<class of a framework>, 'name')`, `partial(<function of a framework>, …)` and the like. */
function isHarmless(call: PyCall): boolean {
  const args = argsOf(call);
  const [first, second] = args;
  const name = is(call.callee, 'global') ? call.callee.name : '';
  const notDangerous = (value: Value | undefined): boolean =>
    !is(value, 'global') || classify(value) !== 'dangerous';
  switch (name) {
    case 'getattr':
      // What it finds may do harm when it is called, and that is judged where it is called.
      if (args.length < 2 || typeof second !== 'string') return false;
      if (second.includes('__') && second !== '__new__') return false;
      return is(first, 'global')
        ? classify({ ...first, name: `${first.name}.${second}` }) !== 'dangerous'
        : is(first, 'call') && is(first.callee, 'global') && MAKES_CLASS.test(fullName(first.callee));
    case 'partial':
      return args.every(notDangerous);
    case 'setattr':
      return (
        is(first, 'call') &&
        typeof second === 'string' &&
        (!second.includes('__') || PLAIN_MAGIC.test(second)) &&
        !isCallable(args[2])
      );
    case 'itemgetter':
    case 'attrgetter':
      return args.every((one) => !isNode(one) && !String(one).includes('__'));
    // How Python 3.10 and later pickle `int | str`.
    case 'reduce':
      return (
        is(first, 'global') &&
        /^_?operator\.or_$/.test(fullName(first)) &&
        (is(second, 'tuple') || is(second, 'list'))
      );
    case 'subimport':
    case '_import_module':
      // Importing alone; what is then taken out of the module is judged where that is done.
      return args.every((one) => typeof one === 'string');
    case 'print':
      return args.every((one) => !is(one, 'call'));
    default:
      return args.length > 0 && isSafe(first) && args.every(notDangerous);
  }
}

/** Attributes of a class that only say something about it. */
const PLAIN_MAGIC = /^__(doc|module|qualname|annotations|firstlineno|static_attributes|dict)__$/;

/** A global of a framework, or one that only makes a value. */
const isSafe = (value: Value | undefined): boolean =>
  is(value, 'global') && (classify(value) === 'framework' || classify(value) === 'inert');

const forwardsToSafe = (call: PyCall): boolean => isSafe(argsOf(call)[0]);

/** Functions that scikit-learn's own estimators keep with some of their arguments: they look at arrays. */
const ON_ARRAYS = /^(?:sklearn\.(?:feature_selection|utils\.validation|metrics|preprocessing)|numpy)\./;

/** `partial(<such a function>, …)`, which HistGradientBoosting has in every file with categories. */
function isPrepared(call: PyCall): boolean {
  const [first] = argsOf(call);
  return (
    is(call.callee, 'global') &&
    fullName(call.callee) === 'functools.partial' &&
    is(first, 'global') &&
    ON_ARRAYS.test(fullName(first)) &&
    isHarmless(call)
  );
}

const isCallable = (value: Value | undefined): boolean => is(value, 'global') || is(value, 'call');
