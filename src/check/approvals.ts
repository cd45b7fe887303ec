import type { Finding } from '../model/finding.ts';

/** A finding that somebody agreed to, in `lading.yaml`. */
export interface Approval {
  /** Of the finding: 12 hex digits. */
  readonly fingerprint: string;
  readonly reason: string;
  /** Last day on which it holds, `YYYY-MM-DD` in UTC. */
  readonly expires?: string;
}

export interface Approved {
  /** All findings: approved ones are notices with the reason; expired approvals say when they expired. */
  readonly findings: readonly Finding[];
  /** Findings that an approval covers, as they were. */
  readonly approved: readonly { readonly finding: Finding; readonly approval: Approval }[];
  /** Approvals of findings that are not there (any more). */
  readonly unused: readonly Approval[];
}

/**
 * Takes approved findings out of the way. It changes what fails, and nothing else: an approved break asks for a major
 * version all the same.
 * @param now today's date in UTC decides what has expired.
 */
export function applyApprovals(
  findings: readonly Finding[],
  approvals: readonly Approval[],
  now: Date,
): Approved {
  const today = now.toISOString().slice(0, 10);
  const approved: { finding: Finding; approval: Approval }[] = [];
  const met = new Set<string>();
  const result = findings.map((one): Finding => {
    const matching = approvals.filter((approval) => approval.fingerprint.toLowerCase() === one.fingerprint);
    if (matching.length === 0) return one;
    met.add(one.fingerprint);
    const valid = matching.find((approval) => holds(approval, today));
    if (valid) {
      approved.push({ finding: one, approval: valid });
      const until = valid.expires === undefined ? '' : ` until ${valid.expires}`;
      return { ...one, level: 'notice', message: `${one.message} [approved${until}: ${valid.reason}]` };
    }
    const [last] = [...matching].sort((a, b) => ((a.expires ?? '') < (b.expires ?? '') ? 1 : -1));
    return {
      ...one,
      message: `${one.message} [the approval "${last?.reason ?? ''}" expired on ${last?.expires ?? ''}]`,
      help: `Renew \`expires\` of the approval ${one.fingerprint} in lading.yaml, or undo the change.`,
    };
  });
  const unused = approvals.filter((approval) => !met.has(approval.fingerprint.toLowerCase()));
  return { findings: result, approved, unused };
}

/** A date that is none holds no longer: it would be forgotten for ever. */
function holds(approval: Approval, today: string): boolean {
  if (approval.expires === undefined) return true;
  return /^\d{4}-\d{2}-\d{2}$/.test(approval.expires) && today <= approval.expires;
}
