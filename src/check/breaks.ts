import { bumpOf } from '../contract/bump.ts';
import { type Change, compareContracts } from '../contract/compare.ts';
import { type Rule, ruleOf, type Verdict } from '../contract/rules.ts';
import type { Contract } from '../contract/types.ts';
import { type Finding, finding, type Level, sortFindings } from '../model/finding.ts';

/**
 * Which callers may not break. `none`: nothing is held against anything. `backward`: those of the version before.
 * `backward-transitive`: those of every version that is not retired. `full`: those of the version before, and those
 * of the new one when it is taken back. `full-transitive`: the same with every version that is not retired.
 */
export const POLICIES = ['none', 'backward', 'backward-transitive', 'full', 'full-transitive'] as const;
export type Policy = (typeof POLICIES)[number];

/** A contract that callers rely on. */
export interface Baseline {
  /** As users call it: `wine:1.2.0`, `main`. */
  readonly name: string;
  readonly contract: Contract;
}

/** Where findings about the new contract point to. */
export interface Where {
  readonly model: string;
  /** The declared contract, or the model where none is declared. */
  readonly file: string;
  /** Line of a JSON Pointer into the new contract. */
  lineOf(pointer: string): number | undefined;
}

/** What the comparison of a contract with its baselines came to. */
export interface Breaks {
  /** Against the first baseline. */
  readonly changes: readonly Change[];
  /** What the changes ask of the version, whatever was approved and whatever the policy. */
  readonly bump: 'major' | 'minor' | 'patch';
  readonly findings: readonly Finding[];
}

/**
 * Compares a contract with the baselines that the policy asks for, the version before first, and says what breaks.
 * The same break against several baselines is one finding.
 */
export function breaks(now: Contract, baselines: readonly Baseline[], policy: Policy, where: Where): Breaks {
  const [latest] = baselines;
  const changes = latest ? compareContracts(latest.contract, now) : [];
  const compared = policy.endsWith('-transitive') ? baselines : baselines.slice(0, 1);
  const found = new Map<string, { finding: Finding; names: string[] }>();
  for (const baseline of compared) {
    const own = baseline === latest ? changes : compareContracts(baseline.contract, now);
    const back = goesBack(policy) ? compareContracts(now, baseline.contract) : [];
    for (const one of judge(own, policy, where, back)) {
      const known = found.get(one.fingerprint);
      if (known) known.names.push(baseline.name);
      else found.set(one.fingerprint, { finding: one, names: [baseline.name] });
    }
  }
  const findings = [...found.values()].map(({ finding: one, names }) => ({
    ...one,
    message: `${one.message} (compared with ${listed(names)})`,
  }));
  return { changes, bump: bumpOf(changes), findings: sortFindings(findings) };
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(', ');
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}

/**
 * Findings of a list of changes under a policy. Fingerprints cover rule, subject, and what it was and is: they stay
 * the same when lines move or the baseline is another version with the same difference.
 * @param back the changes of going back, for the policies that go back.
 */
export function judge(
  changes: readonly Change[],
  policy: Policy,
  where: Where,
  back: readonly Change[] = [],
): Finding[] {
  const findings: Finding[] = [];
  const seen = new Set<string>();
  const add = (
    change: Change,
    rule: Rule,
    level: Level,
    message: string,
    pointer: string,
    key: string,
  ): void => {
    const line = where.lineOf(pointer);
    findings.push(
      finding({
        rule: rule.id,
        level,
        message,
        help: change.help,
        file: where.file,
        ...(line !== undefined && { line }),
        subject: change.subject,
        model: where.model,
        ...(change.example !== undefined && { example: change.example }),
        key,
      }),
    );
  };
  for (const same of acrossSignatures(changes)) {
    const [change, ...others] = same;
    const rule = ruleOf(change.rule);
    const level = levelOf(change.verdict, rule, policy);
    if (level === 'none') continue;
    for (const one of same) seen.add(`${one.rule} ${one.subject}`);
    const also = others.map((one) => signatureOf(one));
    const message = also.length > 0 ? `${change.message}; the same in ${also.join(', ')}` : change.message;
    // Another set of signatures is another finding: an approval covers the callers that it was given for.
    const key = [`${change.old} → ${change.new}`, ...also].join(' ');
    add(change, rule, level, message, change.pointer, key);
  }
  if (!goesBack(policy)) return findings;
  for (const change of back) {
    // The rule is that of the edit which was made: going back undoes it.
    const rule = ruleOf(ruleOf(change.rule).reverse);
    if (change.verdict !== 'breaking' || seen.has(`${rule.id} ${change.subject}`)) continue;
    const message = `going back to the version before would break callers of this one: ${change.message}`;
    add(change, rule, 'error', message, change.oldPointer, `back: ${change.new} → ${change.old}`);
  }
  return findings;
}

const signatureOf = (change: Change): string => change.subject.split('.')[0] ?? change.subject;

/** Changes that are one edit: signatures that share their inputs change together, and are told once. */
function acrossSignatures(changes: readonly Change[]): (readonly [Change, ...Change[]])[] {
  const groups = new Map<string, [Change, ...Change[]]>();
  for (const change of changes) {
    const field = change.subject.slice(signatureOf(change).length);
    const edit = [
      change.rule,
      change.verdict,
      change.old,
      change.new,
      change.message,
      field || change.subject,
    ];
    const group = groups.get(edit.join('\0'));
    if (group) group.push(change);
    else groups.set(edit.join('\0'), [change]);
  }
  return [...groups.values()];
}

/** Whether the new version may be taken back without breaking its own callers. */
export const goesBack = (policy: Policy): boolean => policy === 'full' || policy === 'full-transitive';

/** The level of a finding; `none` where there is none to make. */
export function levelOf(verdict: Verdict, rule: Pick<Rule, 'unclear'>, policy: Policy): Level | 'none' {
  if (policy === 'none' || verdict === 'compatible') return 'none';
  return verdict === 'breaking' ? 'error' : rule.unclear;
}
