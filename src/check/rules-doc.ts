import { type RuleRow, rulesTable } from './rules-table.ts';

const GROUPS: readonly (readonly [RuleRow['group'], string, string])[] = [
  [
    'break',
    'Between two versions',
    'Inputs: the new contract has to admit all that the old one admitted. Outputs: all that the new one may return, a caller of the old one must be able to read. An error comes with a payload that shows it; a change that provably reaches no call is none, whatever its rule.',
  ],
  [
    'drift',
    'Between the declared contract and the model',
    'What is declared may say more than the files of the model do, and may contradict a mere convention, but not the files. With a hand-written `predict.py`, errors are warnings.',
  ],
  ['behaviour', 'Beyond the contract', 'What the ledger knows of how two versions were made.'],
  ['contract', 'As it is written', 'What is wrong with `contract.yaml` or `signature.json` itself.'],
];

/** The table of rules as Markdown, for `docs/rules.md`. */
export function rulesMarkdown(): string {
  const rows = rulesTable();
  const parts = GROUPS.map(([group, title, text]) => {
    const own = rows.filter((row) => row.group === group);
    return `## ${title}\n\n${text}\n\n${group === 'break' ? breakTable(own) : plainTable(own)}`;
  });
  const waivers = rows.filter((row) => row.waiver !== null);
  const reasons = [...new Set(waivers.map((row) => row.waiver))].map((reason) => {
    const ids = waivers.filter((row) => row.waiver === reason).map((row) => `\`${row.id}\``);
    return `- ${reason} (${ids.join(', ')})`;
  });
  return `# Rules

<!-- Written by scripts/docs-rules.ts from the table of rules. Do not edit. -->

Every finding of \`lading check\` names one of these rules; \`lading rules\` prints them.

${parts.join('\n\n')}

## Rules without an opposite

The same edit means the opposite for inputs and for outputs. Exceptions:

${reasons.join('\n')}
`;
}

function breakTable(rows: readonly RuleRow[]): string {
  return table(
    ['rule', 'backward', 'full', 'what it says', 'before', 'after'],
    rows.map((row) => [
      `\`${row.id}\``,
      row.levels.backward,
      row.levels.full,
      row.says,
      `\`${row.example?.[0] ?? ''}\``,
      `\`${row.example?.[1] ?? ''}\``,
    ]),
  );
}

function plainTable(rows: readonly RuleRow[]): string {
  return table(
    ['rule', 'level', 'what it says', 'what to do'],
    rows.map((row) => [`\`${row.id}\``, row.levels.backward, row.says, row.help]),
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
