import { RULES } from '../contract/rules.ts';
import type { Level } from '../model/finding.ts';
import { goesBack, levelOf, POLICIES, type Policy } from './breaks.ts';

type Said = readonly [level: Level, says: string, help: string];

/** Declared against inferred (`drift.ts`). Levels are those without a hand-written predict.py; with one, a warning. */
const DRIFT = {
  'drift-signature-unknown': [
    'error',
    'the contract declares a signature that the model does not have',
    'Remove or rename it.',
  ],
  'drift-signature-undeclared': [
    'notice',
    'the model has a signature that the contract does not declare',
    'Declare it if callers may use it.',
  ],
  'drift-input-unknown': [
    'error',
    'the contract declares an input that the model does not have',
    'Remove or rename it.',
  ],
  'drift-output-unknown': [
    'error',
    'the contract declares an output that the model does not have',
    'Remove or rename it.',
  ],
  'drift-input-undeclared': [
    'error',
    'the model has an input that the contract does not declare',
    'Declare it.',
  ],
  'drift-output-undeclared': [
    'notice',
    'the model has an output that the contract does not declare',
    'Declare it if callers may read it.',
  ],
  'drift-input-count': [
    'error',
    'the contract declares another number of columns than the model takes',
    'Declare one field for every column, in order.',
  ],
  'drift-output-count': [
    'error',
    'the contract declares another number of columns than the model returns',
    'Declare one field for every column, in order.',
  ],
  'drift-input-type': [
    'error',
    'the contract declares another type for an input than the model has',
    'Write the type of the model.',
  ],
  'drift-output-type': [
    'error',
    'the contract declares another type for an output than the model has',
    'Write the type of the model.',
  ],
  'drift-input-rank': [
    'error',
    'the contract declares another number of axes for an input',
    'Write the shape of the model.',
  ],
  'drift-output-rank': [
    'error',
    'the contract declares another number of axes for an output',
    'Write the shape of the model.',
  ],
  'drift-input-dimension': [
    'error',
    'the contract declares another size, or any size, where the model has a fixed one',
    'Write the shape of the model.',
  ],
  'drift-output-dimension': [
    'error',
    'the contract declares another size, or any size, where the model has a fixed one',
    'Write the shape of the model.',
  ],
  'drift-input-categories': [
    'error',
    'the contract declares categories that the model does not know',
    'Write those of the model.',
  ],
  'drift-output-labels': [
    'error',
    'the contract declares other labels than the model has, or in another order',
    'Write those of the model, in its order.',
  ],
  'drift-input-optional': [
    'warning',
    'the contract says that an input may be left out; the model does not',
    'Remove `optional`.',
  ],
  'drift-output-optional': [
    'warning',
    'the model may leave an output out; the contract does not say so',
    'Add `optional: true`.',
  ],
} as const satisfies Record<string, Said>;
export type DriftRule = keyof typeof DRIFT;

/** How the model was made (`behaviour.ts`). */
const BEHAVIOUR = {
  'behaviour-framework-changed': [
    'notice',
    'the model was made with another framework',
    'Compare the answers of both versions.',
  ],
  'behaviour-framework-major': [
    'notice',
    'the model was made with another major version of its framework',
    'Read the migration notes.',
  ],
  'behaviour-python-changed': [
    'notice',
    'the model was made with another Python version, or its image gets another',
    'Check the Python of the image.',
  ],
  'behaviour-precision-changed': [
    'notice',
    'the weights have another precision, as after quantisation',
    'Compare the answers of both versions.',
  ],
  'behaviour-parameters-changed': [
    'notice',
    'the count of parameters changed by half or more',
    'Check the architecture.',
  ],
  'behaviour-size-changed': [
    'notice',
    'the files are larger or smaller by half or more',
    'Check that all files are there.',
  ],
  'behaviour-priors-changed': [
    'notice',
    'the share of a class in the training data moved by 10 points or more',
    'Calibrate thresholds again.',
  ],
} as const satisfies Record<string, Said>;
export type BehaviourRule = keyof typeof BEHAVIOUR;

const WRITING = {
  'contract-invalid': [
    'error',
    'the declared contract is not as a contract has to be',
    'Correct the line that is named.',
  ],
  'contract-disagrees': [
    'error',
    'contract.yaml and signature.json say different things',
    'Keep one of the two, or make them agree.',
  ],
} as const satisfies Record<string, Said>;

/** One rule, as `lading rules` shows it. */
export interface RuleRow {
  readonly id: string;
  /** `break`: two versions; `drift`: declared and inferred; `behaviour`: how it was made; `contract`: as written. */
  readonly group: 'break' | 'drift' | 'behaviour' | 'contract';
  readonly direction: 'input' | 'output' | 'signature' | null;
  /** Level of a finding under each policy. Policies concern breaks; other rules have the same under all of them. */
  readonly levels: Readonly<Record<Policy, Level | 'none'>>;
  readonly mirror: string | null;
  /** Why it has no mirror, or one with another verdict. */
  readonly waiver: string | null;
  readonly says: string;
  readonly help: string;
  /** The edit that it is about: before and after. */
  readonly example: readonly [string, string] | null;
}

/** All rules about contracts, in the order of `docs/rules.md`. */
export function rulesTable(): RuleRow[] {
  const breaks = RULES.map((rule): RuleRow => {
    const reverse = RULES.find((other) => other.id === rule.reverse);
    const level = (policy: Policy) => {
      const own = levelOf(rule.verdict, rule, policy);
      return goesBack(policy) && reverse?.verdict === 'breaking' ? 'error' : own;
    };
    return {
      id: rule.id,
      group: 'break',
      direction: rule.direction,
      levels: levels(level),
      mirror: rule.mirror,
      waiver: rule.waiver,
      says: blanks(rule.says),
      help: blanks(rule.help),
      example: rule.example,
    };
  });
  return [
    ...breaks,
    ...plain('drift', DRIFT),
    ...plain('behaviour', BEHAVIOUR),
    ...plain('contract', WRITING),
  ];
}

/** Where names and values are filled in. */
const blanks = (text: string): string => text.replace(/\{(name|old|new)\}/g, '‹$1›');

function plain(group: RuleRow['group'], rules: Readonly<Record<string, Said>>): RuleRow[] {
  return Object.entries(rules).map(([id, [level, says, help]]) => {
    const direction = /^drift-(input|output|signature)-/.exec(id)?.[1];
    const other = direction === 'input' ? 'output' : 'input';
    const mirror = direction === undefined ? null : id.replace(direction, other);
    return {
      id,
      group,
      direction: (direction as RuleRow['direction']) ?? null,
      levels: levels(() => level),
      mirror: mirror !== null && Object.hasOwn(rules, mirror) ? mirror : null,
      waiver: null,
      says,
      help,
      example: null,
    };
  });
}

function levels(level: (policy: Policy) => Level | 'none'): RuleRow['levels'] {
  return Object.fromEntries(POLICIES.map((policy) => [policy, level(policy)])) as RuleRow['levels'];
}
