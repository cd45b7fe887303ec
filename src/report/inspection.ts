import type { Inspection, Verdict } from '../check/inspect.ts';
import type { Evidence } from '../formats/format.ts';
import { contractMarkdown, contractText } from './contract.ts';
import { countText, findingsMarkdown, findingsText } from './findings.ts';
import { code, details, escapeMarkdown, markdownTable, visible } from './markdown.ts';
import { humanCount, humanSize, paint, plural, table } from './table.ts';

const VERDICT: Readonly<Record<Verdict, { text: string; emoji: string; says: string }>> = {
  clean: { text: paint.green('clean'), emoji: '✅', says: 'clean' },
  review: { text: paint.yellow('review'), emoji: '⚠️', says: 'a person should look before it is loaded' },
  dangerous: { text: paint.red('dangerous'), emoji: '🛑', says: 'loading it runs code that no model needs' },
  'not-a-model': { text: paint.red('not a model'), emoji: '❓', says: 'no model was found' },
};
const MAX_UNKNOWN = 20;

/** What is said about a model in one line each. Values are raw text. */
function facts(inspection: Inspection): [string, string][] {
  const { framework, file, format, parameters, features, labels, files, digest } = inspection;
  const rows: [string, string][] = [];
  if (format !== null) rows.push(['format', file ? `${format} (${file})` : format]);
  if (framework)
    rows.push(['framework', [framework.name, framework.version ?? '(version not stated)'].join(' ')]);
  if (parameters !== null) rows.push(['parameters', humanCount(parameters)]);
  if (features) rows.push(['features', shorten(features)]);
  if (labels) rows.push(['labels', shorten(labels.map(String))]);
  for (const [name, value] of Object.entries(inspection.properties)) rows.push([name, value]);
  rows.push(['files', `${plural(files.count, 'file')}, ${humanSize(files.size)}`]);
  if (digest !== null) rows.push(['digest', digest]);
  for (const one of inspection.declarations) rows.push(['declared by', `${one.path} (${one.format})`]);
  return rows;
}

function shorten(names: readonly string[]): string {
  const shown = names.slice(0, 10).join(', ');
  return names.length > 10 ? `${shown}, … (${names.length})` : shown;
}

/** What is not known, and what the user can write to have it known. */
function unknowns(
  evidence: Readonly<Record<string, Evidence>>,
): { pointer: string; why: string; add: string | null }[] {
  return Object.entries(evidence).flatMap(([pointer, one]) =>
    one.kind === 'unknown' ? [{ pointer, why: one.where, add: one.add ?? null }] : [],
  );
}

/** An inspection for a terminal. */
export function inspectionText(inspection: Inspection): string {
  const { contract, findings } = inspection;
  const open = unknowns(inspection.evidence);
  return [
    `${paint.bold(inspection.name)} ${paint.dim(visible(inspection.path))}  ${VERDICT[inspection.verdict].text}`,
    table(
      facts(inspection).map(([name, value]) => [paint.dim(visible(name)), visible(value)]),
      '  ',
    ),
    ...(contract ? ['', contractText(contract, '  ')] : []),
    ...(open.length > 0
      ? [
          '',
          paint.dim('  not known:'),
          ...open
            .slice(0, MAX_UNKNOWN)
            .map(
              ({ pointer, why, add }) =>
                `  ${visible(pointer)} ${paint.dim(visible(why))}${add === null ? '' : `\n    ${paint.cyan('→')} ${visible(add)}`}`,
            ),
          ...(open.length > MAX_UNKNOWN ? [`  … and ${open.length - MAX_UNKNOWN} more`] : []),
        ]
      : []),
    ...(findings.length > 0 ? ['', findingsText(findings)] : []),
  ].join('\n');
}

/** An inspection for a job summary. */
export function inspectionMarkdown(inspection: Inspection): string {
  const { contract, findings, name, path, verdict } = inspection;
  const { emoji, says } = VERDICT[verdict];
  const open = unknowns(inspection.evidence);
  return [
    `### ${emoji} ${code(name)}: ${says}`,
    `${code(path)}, ${countText(findings)}`,
    markdownTable(
      ['', ''],
      facts(inspection).map(([fact, value]) => [escapeMarkdown(fact), code(value)]),
    ),
    ...(contract ? [contractMarkdown(contract)] : []),
    ...(findings.length > 0 ? [findingsMarkdown(findings)] : []),
    ...(open.length > 0
      ? [
          details(
            `${plural(open.length, 'thing')} that the files do not say`,
            markdownTable(
              ['What', 'Why', 'What to add'],
              open
                .slice(0, 100)
                .map(({ pointer, why, add }) => [
                  code(pointer),
                  escapeMarkdown(why),
                  add === null ? '' : code(add),
                ]),
            ),
          ),
        ]
      : []),
  ].join('\n\n');
}
