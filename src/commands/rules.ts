import { POLICIES } from '../check/breaks.ts';
import { rulesTable } from '../check/rules-table.ts';
import { code, escapeMarkdown, markdownTable } from '../report/markdown.ts';
import { headedTable, paint } from '../report/table.ts';
import type { Command } from './command.ts';

const PAINTED = {
  error: paint.red('error'),
  warning: paint.yellow('warning'),
  notice: paint.blue('notice'),
  none: paint.dim('none'),
} as const;

export const rules: Command<Record<never, never>> = {
  name: 'rules',
  summary: 'List the rules of `check` and their levels',
  inputs: {},
  outputs: {},
  async run() {
    const rows = rulesTable();
    return {
      exitCode: 0,
      outputs: {},
      json: { rules: rows },
      findings: [],
      text: headedTable(
        ['rule', ...POLICIES, ''],
        rows.map((row) => [row.id, ...POLICIES.map((policy) => PAINTED[row.levels[policy]]), row.says]),
      ),
      markdown: markdownTable(
        ['Rule', ...POLICIES, ''],
        rows.map((row) => [
          code(row.id),
          ...POLICIES.map((policy) => row.levels[policy]),
          escapeMarkdown(row.says),
        ]),
      ),
    };
  },
};
