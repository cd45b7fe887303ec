import { type Finding, type Level, sortFindings } from '../model/finding.ts';
import { plural } from './table.ts';

/** GitHub shows 10 of each level a step. Source: actions/toolkit docs/problem-matchers.md. */
const CAP = 10;
const MAX_LENGTH = 4000;

export interface Annotation {
  readonly level: Level;
  readonly message: string;
  readonly properties: {
    readonly title: string;
    readonly file?: string;
    readonly startLine?: number;
    readonly startColumn?: number;
  };
}

/**
 * What to annotate: the most severe findings within GitHub's cap, and in place of the tenth of a level that has
 * more, how many are left. Text is raw: the writer of workflow commands escapes it.
 */
export function annotations(findings: readonly Finding[]): Annotation[] {
  const out: Annotation[] = [];
  for (const level of ['error', 'warning', 'notice'] as const) {
    const all = sortFindings(findings.filter((one) => one.level === level));
    const shown = all.length > CAP ? all.slice(0, CAP - 1) : all;
    for (const one of shown) out.push(annotation(one));
    const more = all.length - shown.length;
    if (more > 0)
      out.push({
        level,
        message: `… and ${plural(more, level)} more in the summary of this job.`,
        properties: { title: 'Lading' },
      });
  }
  return out;
}

function annotation(one: Finding): Annotation {
  const help = one.help === undefined ? '' : `\n→ ${one.help}`;
  const example = one.example === undefined ? '' : `\nFor example: ${one.example}`;
  return {
    level: one.level,
    message: `${one.message}${example}${help}`.slice(0, MAX_LENGTH),
    properties: {
      title: one.rule,
      ...(one.file !== undefined && { file: one.file }),
      ...(one.line !== undefined && { startLine: one.line }),
      ...(one.line !== undefined && one.column !== undefined && { startColumn: one.column }),
    },
  };
}
