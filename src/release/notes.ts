import type { Contract } from '../contract/types.ts';
import type { Bump } from '../ledger/event.ts';
import { contractMarkdown } from '../report/contract.ts';
import { code, codeBlock, escapeMarkdown, escapeTableCell, markdownTable } from '../report/markdown.ts';
import { humanCount, humanSize, plural } from '../report/table.ts';

/** One difference between two contracts, as notes and outputs show it. */
export interface NotedChange {
  readonly rule: string;
  /** What it asks of the version number. */
  readonly bump: Exclude<Bump, 'first'>;
  /** Such as `predict.inputs.alcohol`. Untrusted text. */
  readonly subject: string;
  /** One sentence. Untrusted text. */
  readonly message: string;
}

/** What release notes are made of. Everything in it may be untrusted text. */
export interface NotesFacts {
  readonly name: string;
  readonly version: string;
  readonly bump: Bump;
  /** Version that the changes are against; `null` for a first one. */
  readonly previous: string | null;
  readonly changes: readonly NotedChange[];
  readonly kind: 'image' | 'artifact';
  readonly repository: string;
  readonly digest: string;
  readonly contract: Contract;
  readonly framework: { readonly name: string; readonly version: string | null } | null;
  readonly parameters: number | null;
  readonly files: readonly { readonly path: string; readonly size: number; readonly sha256: string }[];
  readonly labels: Readonly<Record<string, string>>;
  readonly commit: string | null;
  /** A request body that the served model takes, for the example; `null` where none could be made. */
  readonly sample: unknown;
}

const MAX_FILES = 100;
const MAX_SAMPLE = 2000;

const HEADINGS: readonly (readonly [NotedChange['bump'], string])[] = [
  ['major', 'Breaking'],
  ['minor', 'Compatible'],
  ['patch', 'Without effect on callers'],
];

const WHY: Readonly<Record<Bump, string>> = {
  first: 'The first version.',
  major: 'Callers of the version before have to change something.',
  minor: 'Callers of the version before go on working; there is something new.',
  patch: 'The contract is as it was.',
};

/** Release notes of one version, as Markdown. They depend on the facts alone: the same facts give the same bytes. */
export function releaseNotes(facts: NotesFacts): string {
  const parts = [
    // Names and versions have a grammar without any markup in it.
    `# ${facts.name} ${facts.version}`,
    `${WHY[facts.bump]}`,
    summaryTable(facts),
    ...changeParts(facts),
    '## Contract',
    contractMarkdown(facts.contract),
    '## Use it',
    ...usage(facts),
    '## Files',
    filesTable(facts),
  ];
  return `${parts.join('\n\n')}\n`;
}

function summaryTable(facts: NotesFacts): string {
  const { framework, parameters } = facts;
  const rows: string[][] = [
    ['Reference', code(`${facts.repository}@${facts.digest}`)],
    ['Kind', facts.kind],
  ];
  if (framework)
    rows.push(['Framework', escapeTableCell(`${framework.name} ${framework.version ?? ''}`.trim())]);
  if (parameters !== null) rows.push(['Parameters', humanCount(parameters)]);
  for (const [key, value] of Object.entries(facts.labels))
    rows.push([`Label ${code(key)}`, escapeTableCell(value)]);
  if (facts.commit !== null) rows.push(['Commit', code(facts.commit)]);
  return markdownTable(['', ''], rows);
}

function changeParts({ previous, changes }: NotesFacts): string[] {
  if (previous === null) return [];
  const parts = [`## Changes since ${previous}`];
  if (changes.length === 0) parts.push('None in the contract; the files are others.');
  for (const [bump, heading] of HEADINGS) {
    const some = changes.filter((change) => change.bump === bump);
    if (some.length === 0) continue;
    const lines = some.map(
      (change) =>
        `- ${change.subject === '' ? '' : `${code(change.subject)}: `}${escapeMarkdown(change.message)} (${code(change.rule)})`,
    );
    parts.push(`### ${heading}`, lines.join('\n'));
  }
  return parts;
}

function usage(facts: NotesFacts): string[] {
  const reference = `${facts.repository}@${facts.digest}`;
  if (facts.repository.startsWith('oci:')) {
    const source = quoted(`${facts.repository}:${facts.version}`);
    const command =
      facts.kind === 'artifact'
        ? `oras pull --oci-layout ${quoted(`${facts.repository.slice('oci:'.length)}:${facts.version}`)}`
        : `skopeo copy ${source} docker-daemon:${facts.name}:${facts.version}`;
    return ['It lies in an OCI image layout on disk, and comes out of it by', codeBlock(command, 'sh')];
  }
  if (facts.kind === 'artifact')
    return [
      'The digest is what was published and stays; the tag says the same to people.',
      codeBlock(`oras pull ${reference}`, 'sh'),
    ];
  return [
    'The digest is what was published and stays; the tag says the same to people.',
    codeBlock(`docker run --rm -p 8080:8080 ${reference}`, 'sh'),
    ...callExample(facts.sample),
  ];
}

function callExample(sample: unknown): string[] {
  if (sample === null || sample === undefined) return [];
  const body = JSON.stringify(sample);
  if (body.length > MAX_SAMPLE) return [];
  return [
    codeBlock(
      `curl -s http://localhost:8080/predict -H 'content-type: application/json' -d ${quoted(body)}`,
      'sh',
    ),
  ];
}

/** A word of a POSIX shell: what is copied from the notes must not run anything else. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function filesTable({ files }: NotesFacts): string {
  const total = files.reduce((sum, file) => sum + file.size, 0);
  const rows = files
    .slice(0, MAX_FILES)
    .map((file) => [code(file.path), humanSize(file.size), code(file.sha256)]);
  const more = files.length > MAX_FILES ? `\n\n… and ${plural(files.length - MAX_FILES, 'more file')}` : '';
  return `${plural(files.length, 'file')}, ${humanSize(total)}\n\n${markdownTable(['Path', 'Size', 'SHA-256'], rows)}${more}`;
}
