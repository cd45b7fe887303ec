import type { ArtifactLocation, ReportingDescriptor, Result, Log as SarifLog } from 'sarif';
import { type Finding, type Level, sortFindings } from '../model/finding.ts';
import { escapeMarkdown } from './markdown.ts';

const LEVEL: Readonly<Record<Level, 'error' | 'warning' | 'note'>> = {
  error: 'error',
  warning: 'warning',
  notice: 'note',
};
/** GitHub takes 25,000 results a run and shows the first 5,000. */
const MAX_RESULTS = 5000;

/** What is known about a rule beside its findings. */
export interface RuleText {
  readonly id: string;
  readonly sentence: string;
  readonly help?: string;
  /** Shown as tags of its alerts. */
  readonly tags?: readonly string[];
}

const HOME = 'https://github.com/lading-ml/lading';
/** Of a quality alert; GitHub filters by it. */
const PROBLEM: Readonly<Record<Level, string>> = {
  error: 'error',
  warning: 'warning',
  notice: 'recommendation',
};

/**
 * Findings as SARIF 2.1.0, as GitHub code scanning takes it: every result has a place (the model's directory
 * stands in where a finding has none) and a fingerprint that survives unrelated commits.
 * Source: OASIS SARIF 2.1.0; GitHub, "SARIF support for code scanning".
 */
export function sarif(findings: readonly Finding[], rules: readonly RuleText[], version: string): SarifLog {
  const sorted = sortFindings(findings).slice(0, MAX_RESULTS);
  const texts = new Map(rules.map((rule) => [rule.id, rule]));
  const ids = [...new Set(sorted.map((one) => one.rule))].sort();
  const descriptors = ids.map((id) => {
    // Most severe first: what a rule is at worst in this run.
    const level = sorted.find((one) => one.rule === id)?.level ?? 'warning';
    return descriptor(texts.get(id) ?? { id, sentence: id.replaceAll('-', ' ') }, level);
  });
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'Lading',
            version,
            semanticVersion: version,
            informationUri: HOME,
            rules: descriptors,
          },
        },
        columnKind: 'utf16CodeUnits',
        originalUriBaseIds: { '%SRCROOT%': { description: { text: 'The root of the repository.' } } },
        results: sorted.map((one) => result(one, ids.indexOf(one.rule))),
      },
    ],
  };
}

function descriptor({ id, sentence, help, tags }: RuleText, level: Level): ReportingDescriptor {
  const text = `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}.`.replace(/\.\.$/, '.');
  const advice = help ?? 'See the message of the finding.';
  return {
    id,
    name: id,
    shortDescription: { text },
    fullDescription: { text },
    // GitHub shows nothing of a rule that has no help.
    help: { text: `${text} ${advice}`, markdown: `${escapeMarkdown(text)}\n\n${escapeMarkdown(advice)}` },
    helpUri: `${HOME}/blob/main/docs/rules.md`,
    defaultConfiguration: { level: LEVEL[level] },
    properties: { tags: ['model-contract', ...(tags ?? [])], 'problem.severity': PROBLEM[level] },
  };
}

function result(one: Finding, ruleIndex: number): Result {
  const parts = [one.message, one.example === undefined ? '' : `For example: ${one.example}`, one.help ?? ''];
  return {
    ruleId: one.rule,
    ruleIndex,
    level: LEVEL[one.level],
    message: { text: escapeLinks(parts.filter((part) => part !== '').join('\n\n')) },
    locations: [
      {
        physicalLocation: {
          artifactLocation: artifact(one.file ?? '.'),
          region: { startLine: one.line ?? 1, ...(one.column !== undefined && { startColumn: one.column }) },
        },
        ...(one.subject !== undefined && {
          logicalLocations: [{ fullyQualifiedName: [one.model, one.subject].filter(Boolean).join('.') }],
        }),
      },
    ],
    partialFingerprints: { 'lading/v1': one.fingerprint },
    ...(one.model !== undefined && { properties: { model: one.model } }),
  };
}

/** Where a file is: from the root of the repository, or of the disk for models elsewhere. */
function artifact(path: string): ArtifactLocation {
  // Untrusted names must neither become a scheme nor a query.
  const uri = path.toWellFormed().split('/').map(encodeURIComponent).join('/');
  return path.startsWith('/') ? { uri: `file://${uri}` } : { uri, uriBaseId: '%SRCROOT%' };
}

/** Plain text of a SARIF message has links of the form `[text](target)` and placeholders `{0}`. */
function escapeLinks(text: string): string {
  return text
    .replace(/[\\[\]]/g, '\\$&')
    .replaceAll('{', '{{')
    .replaceAll('}', '}}');
}
