import { FORMATS } from '../formats/registry.ts';
import { code, escapeMarkdown, markdownTable } from '../report/markdown.ts';
import { headedTable } from '../report/table.ts';
import type { Command } from './command.ts';

export const formats: Command<Record<never, never>> = {
  name: 'formats',
  summary: 'List the model formats that Lading reads',
  inputs: {},
  outputs: {},
  async run() {
    const rows = FORMATS.map(({ id, title }) => ({ id, title }));
    return {
      exitCode: 0,
      outputs: {},
      json: { formats: rows },
      findings: [],
      text: headedTable(
        ['format', ''],
        rows.map((row) => [row.id, row.title]),
      ),
      markdown: markdownTable(
        ['Format', ''],
        rows.map((row) => [code(row.id), escapeMarkdown(row.title)]),
      ),
    };
  },
};
