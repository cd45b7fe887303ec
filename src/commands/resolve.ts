import { resolve as resolveReference } from '../ledger/resolve.ts';
import { contractMarkdown, contractText } from '../report/contract.ts';
import { code, markdownTable, visible } from '../report/markdown.ts';
import { paint, table } from '../report/table.ts';
import type { Command } from './command.ts';
import { LEDGER, LEDGER_TOKEN, openLedger } from './store.ts';

const inputs = {
  reference: {
    kind: 'string',
    required: true,
    description:
      'What to look for: `name`, `name:latest`, `name:alias`, `name:version`, or `name:key=value,…` by labels.',
  },
  ...LEDGER,
  ...LEDGER_TOKEN,
} as const;

const outputs = {
  image: 'The one image or artifact that is meant, as `repository@sha256:…`.',
  name: 'Name of the model.',
  version: 'Version that is meant.',
  repository: 'Repository without tag or digest.',
  digest: 'Digest of the manifest.',
  contract: 'The contract of that version as JSON.',
  labels: 'The labels of that version as JSON.',
} as const;

export const resolve: Command<typeof inputs> = {
  name: 'resolve',
  summary: 'Find the one image that a name, version, alias or label means',
  inputs,
  outputs,
  async run(values, ports) {
    const store = await openLedger(values, ports);
    const { name, version, reference, entry } = await resolveReference(store, values.reference);
    const { published, labels } = entry;
    const facts: [string, string][] = [
      ['image', reference],
      ['kind', published.kind],
      ['published', published.at],
      ...(published.commit === undefined ? [] : [['commit', published.commit] as [string, string]]),
      ...Object.entries(labels),
    ];
    return {
      exitCode: 0,
      outputs: {
        image: reference,
        name,
        version,
        repository: published.repository,
        digest: published.digest,
        contract: JSON.stringify(published.contract),
        labels: JSON.stringify(labels),
      },
      json: {
        image: reference,
        name,
        version,
        kind: published.kind,
        repository: published.repository,
        digest: published.digest,
        published: published.at,
        commit: published.commit ?? null,
        labels,
        contract: published.contract,
      },
      findings: [],
      text: [
        paint.bold(`${name}:${version}`),
        table(
          facts.map(([fact, value]) => [paint.dim(visible(fact)), visible(value)]),
          '  ',
        ),
        '',
        contractText(published.contract, '  '),
      ].join('\n'),
      markdown: [
        `### ${code(`${name}:${version}`)}`,
        markdownTable(
          ['', ''],
          facts.map(([fact, value]) => [code(fact), code(value)]),
        ),
        contractMarkdown(published.contract),
      ].join('\n\n'),
    };
  },
};
