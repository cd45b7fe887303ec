import type { CheckedModel } from '../commands/checking.ts';
import { sortFindings } from '../model/finding.ts';
import { checkMarkdown, checkTitle } from './check.ts';
import { findingsMarkdown, place } from './findings.ts';
import { code, escapeMarkdown } from './markdown.ts';
import { plural } from './table.ts';

/** GitHub takes 65,536 characters a comment. The rest is room for what it may count otherwise. */
export const COMMENT_CAP = 60_000;
const MAX_MESSAGE = 300;

/** The run of a workflow that a comment comes from. */
export interface CommentRun {
  readonly workflow: string;
  /** Grows with time over all workflows of a repository (`GITHUB_RUN_ID`). */
  readonly id: number;
  readonly attempt: number;
  /** For people; `null` where the server is not known. */
  readonly url: string | null;
  /** The head of the pull request. */
  readonly commit: string | null;
}

/** How the comments of a workflow begin. Names are encoded so that nothing in them ends an HTML comment. */
export function commentPrefix(workflow: string): string {
  return `<!-- lading check workflow:${encodeURIComponent(workflow)} model:`;
}

/** The first line of the one comment of a workflow and a model: found again by it. */
export function commentMarker(workflow: string, model: string): string {
  return `${commentPrefix(workflow)}${encodeURIComponent(model)} -->`;
}

/** Whether a comment was written by a later run than `run`: an old one that was started again must not undo it. */
export function isFromLaterRun(body: string, run: CommentRun): boolean {
  const [, id, attempt] = /<!-- run:(\d{1,15})\.(\d{1,6}) -->/.exec(body.slice(0, 1000)) ?? [];
  if (id === undefined) return false;
  return Number(id) > run.id || (Number(id) === run.id && Number(attempt) > run.attempt);
}

/** The comment about one checked model, in as much detail as fits. */
export function checkComment(model: CheckedModel, run: CommentRun): string {
  const steps: (() => string)[] = [
    () => checkMarkdown(model),
    () => [checkTitle(model), findingsMarkdown(model.findings)].join('\n\n'),
    () => [checkTitle(model), shortList(model)].join('\n\n'),
  ];
  const frame = (text: string) => framed(model.settings.name, text, run);
  for (const step of steps) {
    const body = frame(step());
    if (body.length <= COMMENT_CAP) return body;
  }
  return frame(`${checkTitle(model)}\n\nThe findings are in the summary of the run.`);
}

/** The comment about a model that has no findings because it is not part of the pull request (any more). */
export function resolvedComment(model: string, says: string, run: CommentRun): string {
  return framed(model, `### ✅ ${code(model)}: no findings\n\n${escapeMarkdown(says)}`, run);
}

/** The comment about models that are too many for a comment each; `*` stands for their names in the marker. */
export function othersComment(models: readonly CheckedModel[], run: CommentRun): string {
  const title = `### ${models.some((one) => one.failed) ? '🛑' : '⚠️'} ${plural(models.length, 'more model')} with findings`;
  const lines: string[] = [];
  let left = COMMENT_CAP - 2000;
  for (const model of models) {
    const line = `- ${checkTitle(model).split('\n')[0]?.replace(/^#+ /, '') ?? ''}`;
    left -= line.length + 1;
    if (left < 0) break;
    lines.push(line);
  }
  const more = models.length - lines.length;
  if (more > 0) lines.push(`- … and ${plural(more, 'model')} more`);
  return framed('*', `${title}\n\n${lines.join('\n')}\n\nThe findings are in the summary of the run.`, run);
}

function framed(model: string, text: string, run: CommentRun): string {
  const commit = run.commit === null ? '' : ` at ${run.commit.slice(0, 12)}`;
  const link =
    run.url === null ? escapeMarkdown(run.workflow) : `[${escapeMarkdown(run.workflow)}](${run.url})`;
  return [
    `${commentMarker(run.workflow, model)}\n<!-- run:${run.id}.${run.attempt} -->`,
    text,
    `<sub>Checked by ${link}${commit}. This comment is kept up to date.</sub>`,
  ].join('\n\n');
}

function shortList({ findings }: CheckedModel): string {
  const lines: string[] = [];
  let left = COMMENT_CAP - 5000;
  const sorted = sortFindings(findings);
  for (const one of sorted) {
    const where = place(one);
    const message = one.message.length > MAX_MESSAGE ? `${one.message.slice(0, MAX_MESSAGE)} …` : one.message;
    const line = `- **${one.level}** ${code(one.rule)} ${escapeMarkdown(message)}${where === null ? '' : ` (${code(where)})`}`;
    left -= line.length + 1;
    if (left < 0) break;
    lines.push(line);
  }
  const more = sorted.length - lines.length;
  if (more > 0) lines.push(`- … and ${plural(more, 'finding')} more in the summary of the run`);
  return lines.join('\n');
}
