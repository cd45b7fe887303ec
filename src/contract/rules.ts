import type { Level } from '../model/finding.ts';
import { ROWS, SIGNATURES, WHOLE } from './rules-rows.ts';

/**
 * What a change means for callers. `breaking`: there is a call that worked and does not any more. `compatible`:
 * there is none. `unclear`: the contracts do not say enough to tell.
 */
export type Verdict = 'breaking' | 'compatible' | 'unclear';
export type RuleDirection = 'input' | 'output' | 'signature';

/** One kind of change between two contracts. */
export interface Rule {
  /** `direction-subject-change`, stable. */
  readonly id: string;
  readonly direction: RuleDirection;
  readonly subject: string;
  readonly change: string;
  /** At most; a change that provably reaches no call is compatible all the same. */
  readonly verdict: Verdict;
  /** Of an unclear verdict. */
  readonly unclear: Level;
  /** The rule for the same edit on the other side of the call. */
  readonly mirror: string | null;
  /** The rule for the edit that undoes this one: its verdict is that of the mirror. */
  readonly reverse: string;
  /** Why there is no mirror, or why its verdict is not the opposite. */
  readonly waiver: string | null;
  /** One sentence, with `{name}`, `{old}` and `{new}`. */
  readonly says: string;
  readonly help: string;
  /** The edit: how a line of the contract looked and looks. */
  readonly example: readonly [string, string];
}

const id = (direction: RuleDirection, subject: string, change: string): string =>
  [direction, subject, change].filter((part) => part !== '').join('-');

/** What `values` are called on either side. */
const VALUES = { input: 'categories', output: 'labels' } as const;

/** Rules that compare two contracts. Order: as they are listed by `lading rules`. */
export const RULES: readonly Rule[] = [
  ...(['input', 'output'] as const).flatMap((direction) =>
    ROWS.flatMap((row): Rule[] => {
      const side = row[direction];
      if (!side) return [];
      const other = direction === 'input' ? 'output' : 'input';
      const [subject, change, reverse] = row.edit;
      const on = (d: 'input' | 'output', text: string) => text.replace(/^values(?=-|$)/, VALUES[d]);
      return [
        {
          id: id(direction, on(direction, subject), change),
          direction,
          subject: subject === '' ? 'name' : on(direction, subject),
          change,
          verdict: side[0],
          unclear: row.unclear ?? 'warning',
          mirror: row[other] ? id(other, on(other, subject), change) : null,
          reverse: id(direction, '', on(direction, reverse)),
          waiver: row.waiver ?? null,
          says: side[1],
          help: side[2],
          example: row.example,
        },
      ];
    }),
  ),
  ...SIGNATURES.map(
    ([change, reverse, verdict, says, help, example]): Rule => ({
      id: id('signature', '', change),
      direction: 'signature',
      subject: 'signature',
      change,
      verdict,
      unclear: 'warning',
      mirror: null,
      reverse: id('signature', '', reverse),
      waiver: WHOLE,
      says,
      help,
      example,
    }),
  ),
];

const BY_ID: ReadonlyMap<string, Rule> = new Map(RULES.map((rule) => [rule.id, rule]));

/** The rule of an id. @throws when there is none: rules are ours. */
export function ruleOf(ruleId: string): Rule {
  const rule = BY_ID.get(ruleId);
  if (!rule) throw new Error(`there is no rule ${ruleId}`);
  return rule;
}

/** Id of the rule for an edit on one side; `values` are categories of inputs and labels of outputs. */
export function ruleId(direction: 'input' | 'output', edit: string): string {
  return id(direction, '', edit.replace(/^values(?=-)/, VALUES[direction]));
}
