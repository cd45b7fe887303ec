import type { Result } from '../commands/publish.ts';
import { findingsMarkdown, findingsText } from './findings.ts';
import { code, details, visible } from './markdown.ts';
import { paint, plural, table } from './table.ts';

/** What became of the models, for a terminal. */
export function publicationsText(results: readonly Result[]): string {
  if (results.length === 0) return paint.dim('no model changed');
  return results.map(publicationText).join('\n\n');
}

function publicationText(result: Result): string {
  const { name, path } = result.model.settings;
  const findings = result.findings.length > 0 ? ['', findingsText(result.findings)] : [];
  if (result.kind === 'failed')
    return [
      `${paint.bold(name)} ${paint.dim(visible(path))}  ${paint.red('not published')}`,
      ...findings,
    ].join('\n');
  const { publication } = result;
  const facts: [string, string][] = [['image', publication.reference]];
  if (publication.kind === 'published') {
    facts.push([
      'bump',
      publication.previous === null
        ? 'the first version'
        : `${publication.bump}, after ${publication.previous}`,
    ]);
    if (publication.changes.length > 0)
      facts.push(['contract', plural(publication.changes.length, 'change')]);
  } else if (publication.healed.length > 0) facts.push(['made up for', publication.healed.join(', ')]);
  return [
    `${paint.bold(`${name}:${publication.version}`)}  ${
      publication.kind === 'published'
        ? paint.green('published')
        : paint.dim(publication.retired ? 'unchanged, and retired' : 'unchanged, published already')
    }`,
    table(
      facts.map(([fact, value]) => [paint.dim(fact), visible(value)]),
      '  ',
    ),
    ...findings,
  ].join('\n');
}

/** What became of the models, for a job summary. */
export function publicationsMarkdown(results: readonly Result[]): string {
  if (results.length === 0) return '### Lading\n\nNo model changed.';
  return results.map(publicationMarkdown).join('\n\n');
}

function publicationMarkdown(result: Result): string {
  const { name } = result.model.settings;
  const findings = result.findings.length > 0 ? [findingsMarkdown(result.findings)] : [];
  if (result.kind === 'failed') return [`### 🛑 ${code(name)} is not published`, ...findings].join('\n\n');
  const { publication } = result;
  const title = `${name}:${publication.version}`;
  if (publication.kind === 'unchanged')
    return [`### ✅ ${code(title)}: unchanged`, code(publication.reference), ...findings].join('\n\n');
  return [
    `### 🚢 ${code(title)}`,
    code(publication.reference),
    ...findings,
    details('Release notes', publication.notes),
  ].join('\n\n');
}
