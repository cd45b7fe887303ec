import type { Draft } from '../contract/parse.ts';
import type { Label } from '../contract/types.ts';
import type { BehaviourRule } from './rules-table.ts';

/**
 * What a contract cannot show and a ledger can: how the model was made. `null` and absent: not known, and nothing is
 * said about it.
 */
export interface BehaviourFacts {
  readonly framework: { readonly name: string; readonly version: string | null } | null;
  /** Count of trained parameters. */
  readonly parameters: number | null;
  /** Bytes of all files. */
  readonly size: number | null;
  /** Version of Python that it was made with, such as `3.11`. */
  readonly python?: string | null;
  /** Number types of the weights as the files state them, such as `float16`. */
  readonly precision?: string | null;
  /** Share of every class in the training data, in the order of `labels`. */
  readonly priors?: readonly number[] | null;
  readonly labels?: readonly Label[] | null;
}

/** What a ledger's publish event and a reading have in common: an event can be given as it is. */
export interface Made {
  readonly framework: BehaviourFacts['framework'];
  readonly parameters: number | null;
  readonly files: readonly { readonly size: number }[] | null;
  /** What the files state besides: `python`, `precision` and `priors` (shares separated by commas) are looked at. */
  readonly properties?: Readonly<Record<string, string>>;
  readonly labels?: unknown;
}

/** The facts of a version, from its publish event, or from the reading and the files of a model. */
export function behaviourFacts(made: Made, labels: readonly Label[] | null = null): BehaviourFacts {
  const property = (name: string): string | null => made.properties?.[name] ?? null;
  const priors = property('priors')
    ?.split(',')
    .map((share) => Number(share.trim()));
  return {
    framework: made.framework,
    parameters: made.parameters,
    size: made.files?.reduce((sum, file) => sum + file.size, 0) ?? null,
    python: property('python'),
    precision: property('precision'),
    priors: priors?.every(Number.isFinite) ? priors : null,
    labels,
  };
}

/** From here on a change of a count is worth a word: half as much again, or a third less. */
const FACTOR = 1.5;
/** Shares of classes that moved by this much. */
const PRIOR_SHIFT = 0.1;

/**
 * Differences in how two versions were made: notices, since the contract holds and answers may differ all the same.
 * @param now of the version that is to be published; `old` of the one before.
 */
export function behaviourDrift(old: BehaviourFacts, now: BehaviourFacts): Draft[] {
  const drafts: Draft[] = [];
  const say = (rule: BehaviourRule, message: string, help: string): void => {
    drafts.push({ rule, level: 'notice', message, help });
  };
  framework(old, now, say);
  const [python, newPython] = [minor(old.python), minor(now.python)];
  if (python !== null && newPython !== null && python !== newPython)
    say(
      'behaviour-python-changed',
      `the model was made with Python ${python} and is made with Python ${newPython} now`,
      'Check that the image has the Python version that the model was made with.',
    );
  precision(old, now, say);
  if (old.parameters !== null && now.parameters !== null && differs(old.parameters, now.parameters))
    say(
      'behaviour-parameters-changed',
      `the model had ${count(old.parameters)} parameters and has ${count(now.parameters)} now`,
      'Check that this is the architecture that you meant to publish.',
    );
  if (old.size !== null && now.size !== null && differs(old.size, now.size))
    say(
      'behaviour-size-changed',
      `the files had ${count(old.size)} bytes and have ${count(now.size)} now`,
      'Check that all files of the model are there, and nothing else.',
    );
  priors(old, now, say);
  return drafts;
}

type Say = (rule: BehaviourRule, message: string, help: string) => void;

function framework(old: BehaviourFacts, now: BehaviourFacts, say: Say): void {
  if (!old.framework || !now.framework) return;
  const [before, after] = [old.framework, now.framework];
  if (before.name !== after.name) {
    say(
      'behaviour-framework-changed',
      `the model was made with ${before.name} and is made with ${after.name} now`,
      'Compare the answers of both versions on real data before you publish.',
    );
    return;
  }
  const [from, to] = [release(before.version), release(after.version)];
  if (from !== null && to !== null && from !== to)
    say(
      'behaviour-framework-major',
      `the model was made with ${before.name} ${before.version} and is made with ${after.version} now`,
      `Read the migration notes of ${after.name}: defaults change with such versions.`,
    );
}

/** What counts as the major version: of `0.x` the second number. */
function release(version: string | null): string | null {
  const match = /^v?(\d+)(?:\.(\d+))?/.exec(version ?? '');
  if (!match) return null;
  return match[1] === '0' ? `0.${match[2] ?? '0'}` : (match[1] ?? null);
}

function minor(version: string | null | undefined): string | null {
  return /^(\d+\.\d+)/.exec(version ?? '')?.[1] ?? null;
}

function precision(old: BehaviourFacts, now: BehaviourFacts, say: Say): void {
  const help = 'Compare the answers of both versions on real data: quantisation moves scores.';
  const [before, after] = [old.precision ?? null, now.precision ?? null];
  if (before !== null && after !== null) {
    if (before !== after)
      say('behaviour-precision-changed', `the weights were ${before} and are ${after} now`, help);
    return;
  }
  // As many parameters in half the bytes are other numbers, even where nothing says which.
  if (!old.parameters || !now.parameters || !old.size || !now.size) return;
  if (Math.abs(old.parameters - now.parameters) > old.parameters * 0.01) return;
  const [from, to] = [old.size / old.parameters, now.size / now.parameters];
  if (Math.max(from, to) < 0.4 || !differs(from, to)) return;
  say(
    'behaviour-precision-changed',
    `a parameter took ${from.toFixed(1)} bytes and takes ${to.toFixed(1)} now: the weights seem to have another precision`,
    help,
  );
}

function priors(old: BehaviourFacts, now: BehaviourFacts, say: Say): void {
  const [before, after] = [old.priors, now.priors];
  if (!before || !after || before.length !== after.length) return;
  const index = before.findIndex((share, i) => Math.abs(share - (after[i] ?? share)) >= PRIOR_SHIFT);
  if (index === -1) return;
  const name = now.labels?.[index] ?? index;
  const percent = (share: number | undefined) => `${Math.round((share ?? 0) * 100)} %`;
  say(
    'behaviour-priors-changed',
    `the class ${JSON.stringify(name)} was ${percent(before[index])} of the training data and is ${percent(after[index])} now`,
    'Check that the training data are what you meant, and calibrate thresholds again.',
  );
}

function differs(a: number, b: number): boolean {
  return Math.max(a, b) >= Math.min(a, b) * FACTOR && a !== b;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
