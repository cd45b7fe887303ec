import type { Draft } from '../contract/parse.ts';
import { precisionName } from '../formats/weights.ts';
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
  /** Version of Python in the generated image, such as `3.12`. */
  readonly imagePython?: string | null;
  /** Number types of the weights, most of them first, such as `float16, float32`. */
  readonly precision?: string | null;
  /** How common every class is to the model: from class to share. */
  readonly priors?: ReadonlyMap<string, number> | null;
}

/** What a ledger's publish event and a reading have in common: an event can be given as it is. */
export interface Made {
  readonly framework: BehaviourFacts['framework'];
  readonly parameters: number | null;
  readonly files: readonly { readonly size: number }[] | null;
  /** What is known besides; see `behaviourProperties`. */
  readonly properties?: Readonly<Record<string, string>>;
}

/**
 * Of all that files state, the facts that are compared here, in one vocabulary and sorted by key: `image_python`,
 * `precision`, `priors` (JSON from class to share) and `python`.
 */
export function behaviourProperties(
  properties: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const { image_python: image, priors, python, quantization } = properties;
  const stated = properties['precision']?.split(',') ?? [];
  const types = [...stated.map(precisionName), ...(quantization ? [quantization.toLowerCase()] : [])];
  const precision = [...new Set(types.map((one) => one.trim()).filter((one) => one !== ''))].join(', ');
  return {
    ...(image !== undefined && { image_python: image.slice(0, MAX_TEXT) }),
    ...(precision !== '' && { precision: precision.slice(0, MAX_TEXT) }),
    ...(priors !== undefined && parsePriors(priors) !== null && { priors }),
    ...(python !== undefined && { python: python.slice(0, MAX_TEXT) }),
  };
}

/** A file may state anything, at any length. */
const MAX_TEXT = 200;
const MAX_PRIORS = 8192;

function parsePriors(text: string | undefined): ReadonlyMap<string, number> | null {
  if (text === undefined || text.length > MAX_PRIORS) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const entries = Object.entries(value);
  return entries.every(([, share]) => typeof share === 'number') ? new Map(entries) : null;
}

/** The facts of a version, from its publish event, or from the reading and the files of a model. */
export function behaviourFacts(made: Made): BehaviourFacts {
  const property = (name: string): string | null => made.properties?.[name] ?? null;
  return {
    framework: made.framework,
    parameters: made.parameters,
    size: made.files?.reduce((sum, file) => sum + file.size, 0) ?? null,
    python: property('python'),
    imagePython: property('image_python'),
    precision: property('precision'),
    priors: parsePriors(made.properties?.['priors']),
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
  else {
    const [image, newImage] = [minor(old.imagePython), minor(now.imagePython)];
    if (image !== null && newImage !== null && image !== newImage)
      say(
        'behaviour-python-changed',
        `the image had Python ${image} and gets Python ${newImage} now`,
        'Set "base-image" in lading.yaml where the model needs the Python that it had.',
      );
  }
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
    if (differentPrecision(before, after))
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

/** Counters and indexes are saved beside weights in these; how many of them there are says nothing. */
const BESIDE = new Set(['int32', 'int64', 'bool']);

/** Whether most weights are of another type, or some are of one that none was. */
function differentPrecision(before: string, after: string): boolean {
  const types = (text: string): string[] => {
    const all = text.split(',').map((one) => one.trim());
    const weights = all.filter((one) => !BESIDE.has(one));
    return weights.length > 0 ? weights : all;
  };
  const [from, to] = [types(before), types(after)];
  return from[0] !== to[0] || from.toSorted().join() !== to.toSorted().join();
}

function priors(old: BehaviourFacts, now: BehaviourFacts, say: Say): void {
  const [before, after] = [old.priors, now.priors];
  // With other classes all shares are others: the contract has that already.
  if (!before || !after || before.size !== after.size) return;
  if (![...before.keys()].every((label) => after.has(label))) return;
  const moved = [...before]
    .map(([label, share]) => ({ label, from: share, to: after.get(label) ?? share }))
    .map((one) => ({ ...one, shift: Number(Math.abs(one.from - one.to).toFixed(4)) }))
    .filter(({ shift }) => shift >= PRIOR_SHIFT)
    .sort((a, b) => b.shift - a.shift)[0];
  if (!moved) return;
  const percent = (share: number) => `${Math.round(share * 100)} %`;
  say(
    'behaviour-priors-changed',
    `the prior of the class ${JSON.stringify(moved.label)} was ${percent(moved.from)} and is ${percent(moved.to)} now`,
    'Check that the training data are what you meant, and calibrate thresholds again.',
  );
}

function differs(a: number, b: number): boolean {
  return Math.max(a, b) >= Math.min(a, b) * FACTOR && a !== b;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
