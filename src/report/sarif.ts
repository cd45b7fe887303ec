import type { ReportingDescriptor, Result, Log as SarifLog } from 'sarif';
import { type Finding, type Level, sortFindings } from '../model/finding.ts';

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
}

/**
 * Findings as SARIF 2.1.0, as GitHub code scanning takes it: every result has a place (the model's directory
 * stands in where a finding has none) and a fingerprint that survives unrelated commits.
 * Source: OASIS SARIF 2.1.0; GitHub, "SARIF support for code scanning".
 */
export function sarif(findings: readonly Finding[], rules: readonly RuleText[], version: string): SarifLog {
  const sorted = sortFindings(findings).slice(0, MAX_RESULTS);
  const texts = new Map(rules.map((rule) => [rule.id, rule.sentence]));
  const ids = [...new Set(sorted.map((one) => one.rule))].sort();
  const descriptors = ids.map((id): ReportingDescriptor => {
    const sentence = texts.get(id) ?? id.replaceAll('-', ' ');
    return { id, name: id, shortDescription: { text: sentence }, fullDescription: { text: sentence } };
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
            informationUri: 'https://github.com/lading-ml/lading',
            rules: descriptors,
          },
        },
        columnKind: 'utf16CodeUnits',
        results: sorted.map((one) => result(one, ids.indexOf(one.rule))),
      },
    ],
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
          artifactLocation: { uri: uri(one.file ?? '.'), uriBaseId: '%SRCROOT%' },
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

/** A relative path as a URI reference: untrusted names must neither become a scheme nor a query. */
function uri(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

/** Plain text of a SARIF message has links of the form `[text](target)` and placeholders `{0}`. */
function escapeLinks(text: string): string {
  return text
    .replace(/[\\[\]]/g, '\\$&')
    .replaceAll('{', '{{')
    .replaceAll('}', '}}');
}
