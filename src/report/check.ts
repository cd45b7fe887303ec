import type { CheckedModel } from '../commands/checking.ts';
import type { Change } from '../contract/compare.ts';
import { countText, findingsMarkdown, findingsText } from './findings.ts';
import { code, details, escapeMarkdown, markdownTable, visible } from './markdown.ts';
import { headedTable, paint, plural } from './table.ts';

const MAX_CHANGES = 100;
const MAX_APPROVALS = 20;
const GONE = 'published versions stay until they are retired';

const SAYS: Readonly<Record<Change['verdict'], { text: string; emoji: string }>> = {
  breaking: { text: paint.red('breaking'), emoji: '🛑' },
  unclear: { text: paint.yellow('unclear'), emoji: '⚠️' },
  compatible: { text: paint.green('compatible'), emoji: '✅' },
};

/** What the model was compared with, in words. */
function comparison({ baseline, reason, policy }: CheckedModel): string {
  if (policy === 'none') return 'compared with nothing (policy none)';
  return baseline ? `compared with ${baseline.label}` : `compared with nothing: ${reason ?? 'it is new'}`;
}

function verdictOf({ failed, findings }: CheckedModel): { text: string; emoji: string } {
  if (failed) return { text: paint.red('fails'), emoji: '🛑' };
  // A notice asks for nothing.
  return findings.some((one) => one.level !== 'notice')
    ? { text: paint.yellow('passes'), emoji: '⚠️' }
    : { text: paint.green('passes'), emoji: '✅' };
}

/** One checked model for a terminal. */
export function checkText(model: CheckedModel): string {
  const { settings, changes, findings } = model;
  const rows = changes
    .slice(0, MAX_CHANGES)
    .map((change) => [
      SAYS[change.verdict].text,
      visible(change.subject),
      change.old === null ? paint.dim('nothing') : visible(change.old),
      change.new === null ? paint.dim('nothing') : visible(change.new),
      paint.dim(change.rule),
    ]);
  return [
    `${paint.bold(settings.name)} ${paint.dim(visible(settings.path))}  ${verdictOf(model).text}  ${paint.dim(visible(comparison(model)))}`,
    ...(rows.length > 0 ? ['', headedTable(['', 'what', 'was', 'is', 'rule'], rows, '  ')] : []),
    ...(changes.length > MAX_CHANGES ? [`  … and ${changes.length - MAX_CHANGES} more`] : []),
    ...(findings.length > 0 ? ['', findingsText(findings)] : []),
  ].join('\n');
}

/** All checked models for a terminal. @param deleted folders of models that are gone since the base */
export function checksText(checked: readonly CheckedModel[], deleted: readonly string[]): string {
  return [
    ...(checked.length === 0 && deleted.length === 0 ? [paint.dim('no model changed')] : []),
    ...checked.map(checkText),
    ...deleted.map((path) => `${paint.yellow('gone')} ${visible(path)}  ${paint.dim(GONE)}`),
  ].join('\n\n');
}

/** All checked models for a job summary, those that fail first. */
export function checksMarkdown(checked: readonly CheckedModel[], deleted: readonly string[]): string {
  const sorted = [...checked].sort((a, b) => Number(b.failed) - Number(a.failed));
  return [
    ...(checked.length === 0 && deleted.length === 0 ? ['### Lading\n\nNo model changed.'] : []),
    ...sorted.map(checkMarkdown),
    ...(deleted.length > 0 ? [`### Gone\n\n${deleted.map(code).join(', ')}: ${GONE}`] : []),
  ].join('\n\n');
}

/** The heading of a checked model, and what it was compared with. */
export function checkTitle(model: CheckedModel): string {
  const { settings, findings } = model;
  return [
    `### ${verdictOf(model).emoji} ${code(settings.name)}: ${countText(findings)}`,
    `${code(settings.path)}, ${escapeMarkdown(comparison(model))}`,
  ].join('\n\n');
}

/** One checked model as Markdown: for the job summary, and for a comment on the pull request. */
export function checkMarkdown(model: CheckedModel): string {
  const { changes, findings } = model;
  return [
    checkTitle(model),
    ...(findings.length > 0 ? [findingsMarkdown(findings)] : []),
    ...(changes.length > 0 ? [changesMarkdown(changes)] : []),
    ...(model.failed ? [approvalHelp(model)] : []),
  ].join('\n\n');
}

/** Old and new side by side. */
function changesMarkdown(changes: readonly Change[]): string {
  const rows = changes
    .slice(0, MAX_CHANGES)
    .map((change) => [
      `${SAYS[change.verdict].emoji} ${change.verdict}`,
      code(change.subject),
      change.old === null ? '' : code(change.old),
      change.new === null ? '' : code(change.new),
      code(change.rule),
    ]);
  const more = changes.length - MAX_CHANGES;
  const table = markdownTable(['', 'What', 'Was', 'Is', 'Rule'], rows);
  return details(
    `${plural(changes.length, 'change')} of the contract`,
    more > 0 ? `${table}\n\n… and ${more} more.` : table,
  );
}

/** How a break that is meant is agreed to. */
function approvalHelp(model: CheckedModel): string {
  const errors = model.findings.filter((one) => one.level === 'error');
  if (errors.length === 0) return '';
  return details(
    'The change is meant?',
    [
      'Agree to it in `lading.yaml`; the next version will be a major one.',
      '```yaml',
      'models:',
      `  - path: ${JSON.stringify(model.settings.path)}`,
      '    approvals:',
      ...errors
        .slice(0, MAX_APPROVALS)
        .map((one) => `      - {fingerprint: "${one.fingerprint}", reason: "…"}`),
      '```',
    ].join('\n'),
  );
}
