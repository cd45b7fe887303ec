import { sha256 } from '@noble/hashes/sha2.js';

export type Level = 'error' | 'warning' | 'notice';

/** One thing that a check has to say. Plain data: sorted, rendered and compared, never called. */
export interface Finding {
  /** Stable kebab-case id, such as `input-added-required`. */
  readonly rule: string;
  readonly level: Level;
  /** One sentence: what is wrong. Untrusted text in it is raw; renderers escape. */
  readonly message: string;
  /** The next step. */
  readonly help?: string;
  /** Path from the root of the repository (or as the user gave it), with `/`. */
  readonly file?: string;
  /** 1-based. */
  readonly line?: number;
  readonly column?: number;
  /** What it is about within the model, such as `predict.inputs.alcohol`. */
  readonly subject?: string;
  /** Name of the model. */
  readonly model?: string;
  /** A payload that shows the problem, shortened. */
  readonly example?: string;
  /** 12 hex digits that survive unrelated commits: approvals are kept by it. */
  readonly fingerprint: string;
}

/**
 * Makes a finding. The fingerprint covers rule, model, file, subject and `key` (by default the message),
 * but no line, so that it survives edits elsewhere in the file.
 */
export function finding(given: Omit<Finding, 'fingerprint'> & { key?: string }): Finding {
  const { key, ...rest } = given;
  const parts = [rest.rule, rest.model ?? '', rest.file ?? '', rest.subject ?? '', key ?? rest.message];
  // In JavaScript: some short texts are hashed before Node's own module for it would be loaded.
  const digest = sha256(Buffer.from(parts.join('\0')));
  const fingerprint = Buffer.from(digest.subarray(0, 6)).toString('hex');
  return { ...rest, fingerprint };
}

const SEVERITY: Readonly<Record<Level, number>> = { error: 0, warning: 1, notice: 2 };

/** Most severe first, then by file, line and rule: the same findings always come in the same order. */
export function sortFindings(findings: readonly Finding[]): Finding[] {
  // By code units: the same on every machine, and without the tables that a language's order needs (15 ms to load).
  const order = (a = '', b = '') => (a < b ? -1 : a > b ? 1 : 0);
  return [...findings].sort(
    (a, b) =>
      SEVERITY[a.level] - SEVERITY[b.level] ||
      order(a.file, b.file) ||
      (a.line ?? 0) - (b.line ?? 0) ||
      order(a.rule, b.rule) ||
      order(a.subject, b.subject) ||
      order(a.message, b.message),
  );
}

/** Whether `level` is at or over the threshold `failOn` (`never` is over everything). */
export function reaches(level: Level, failOn: Level | 'never'): boolean {
  return failOn !== 'never' && SEVERITY[level] <= SEVERITY[failOn];
}
