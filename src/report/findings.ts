import { type Finding, type Level, sortFindings } from '../model/finding.ts';
import { code, escapeTableCell, markdownTable, visible } from './markdown.ts';
import { paint, plural } from './table.ts';

const MARK: Readonly<Record<Level, string>> = {
  error: paint.red('error'),
  warning: paint.yellow('warning'),
  notice: paint.blue('notice'),
};
const EMOJI: Readonly<Record<Level, string>> = { error: '🛑', warning: '⚠️', notice: 'ℹ️' };
/** Rows of a table in a summary; a model with more findings than that has one cause, not so many. */
const MAX_ROWS = 200;

/** How many findings there are of each level. */
export function countByLevel(findings: readonly Finding[]): Record<Level, number> {
  const count = { error: 0, warning: 0, notice: 0 };
  for (const one of findings) count[one.level]++;
  return count;
}

/** `1 error, 2 warnings`, or `no findings`. */
export function countText(findings: readonly Finding[]): string {
  const count = countByLevel(findings);
  const parts = (['error', 'warning', 'notice'] as const)
    .filter((level) => count[level] > 0)
    .map((level) => plural(count[level], level));
  return parts.length === 0 ? 'no findings' : parts.join(', ');
}

/** `models/churn/contract.yaml:12` of a finding, or `null` where it has no place. */
export function place(finding: Finding): string | null {
  if (finding.file === undefined) return null;
  return finding.line === undefined ? finding.file : `${finding.file}:${finding.line}`;
}

/** Findings for a terminal, most severe first. */
export function findingsText(findings: readonly Finding[]): string {
  return sortFindings(findings)
    .map((one) => {
      const where = place(one);
      const lines = [
        `${MARK[one.level]} ${paint.bold(visible(one.message))} ${paint.dim(one.rule)}`,
        ...(where === null ? [] : [`  ${paint.dim('at')} ${visible(where)}`]),
        ...(one.example === undefined ? [] : [`  ${paint.dim('example')} ${visible(one.example)}`]),
        ...(one.help === undefined
          ? []
          : one.help.split('\n').map((line) => `  ${paint.cyan('→')} ${visible(line)}`)),
        ...(one.level === 'notice' ? [] : [`  ${paint.dim(`fingerprint ${one.fingerprint}`)}`]),
      ];
      return lines.join('\n');
    })
    .join('\n');
}

/** Findings as a Markdown table, most severe first. */
export function findingsMarkdown(findings: readonly Finding[]): string {
  if (findings.length === 0) return '';
  const sorted = sortFindings(findings);
  const rows = sorted.slice(0, MAX_ROWS).map((one) => {
    const where = place(one);
    const example = one.example === undefined ? '' : `<br>${code(one.example)}`;
    const help = one.help === undefined ? '' : `<br>→ ${escapeTableCell(one.help)}`;
    return [
      `${EMOJI[one.level]} ${one.level}`,
      code(one.rule),
      `${escapeTableCell(one.message)}${example}${help}`,
      where === null ? '' : code(where),
      code(one.fingerprint),
    ];
  });
  const table = markdownTable(['Level', 'Rule', 'Finding', 'Where', 'Fingerprint'], rows);
  const more = sorted.length - MAX_ROWS;
  return more > 0 ? `${table}\n\n… and ${plural(more, 'finding')} more.` : table;
}
