import { UserError } from '../ports/errors.ts';
import { code, escapeMarkdown, markdownTable, visible } from '../report/markdown.ts';
import { headedTable, paint, plural } from '../report/table.ts';
import type { Command, Outcome } from './command.ts';
import { BASE, CONFIG, MODELS } from './inputs.ts';
import { type Plan, type Planned, planModels } from './select.ts';

/** Jobs that GitHub makes of one matrix at most. */
const MAX_JOBS = 256;

const inputs = {
  ...MODELS,
  ...BASE,
  all: {
    kind: 'boolean',
    description: 'Emit every model, whether it changed or not.',
    default: 'false',
  },
  shards: {
    kind: 'string',
    description:
      'Spread the models over this many jobs. An entry of the matrix then has `shard` and `models` (one a line) in place of `name` and `path`.',
  },
  ...CONFIG,
} as const;

const outputs = {
  matrix: 'For `strategy.matrix`: `{"include": [{"name": …, "path": …}]}` as JSON.',
  any: '`true` if the matrix has entries: an empty matrix is an error for GitHub, so use it in `if:`.',
  count: 'Number of models in the matrix.',
  models: 'Paths of the models in the matrix, one a line.',
  deleted: 'Paths of model directories that are gone since the base, as JSON.',
  base: 'What was compared with; empty where everything counts as changed.',
} as const;

export const plan: Command<typeof inputs> = {
  name: 'plan',
  summary: 'Find the models and which of them changed, as a matrix for parallel jobs',
  inputs,
  outputs,
  async run(values, ports) {
    const shards = parseShards(values.shards);
    const found = await planModels(values, ports);
    const chosen = found.models.filter((model) => model.changed || values.all);
    const include = shards === null ? chosen.map(entry) : split(chosen, shards);
    if (include.length > MAX_JOBS)
      throw new UserError(
        `${include.length} models changed, and GitHub makes at most ${MAX_JOBS} jobs of a matrix`,
        {
          help: `Set "shards" (for example to 20), and give \${{ matrix.models }} to the input "models".`,
        },
      );
    return outcome(found, chosen, include);
  },
};

function parseShards(text: string | null): number | null {
  if (text === null) return null;
  const shards = Number(text);
  if (Number.isInteger(shards) && shards >= 1 && shards <= MAX_JOBS) return shards;
  throw new UserError(`the value "${text}" is not valid for "shards"`, {
    help: `Give a number from 1 to ${MAX_JOBS}.`,
  });
}

const entry = ({ settings, movedFrom }: Planned) => ({
  name: settings.name,
  path: settings.path,
  ...(movedFrom !== null && { 'moved-from': movedFrom }),
});

/** Round robin, so that neighbours (often of one size) are spread; no empty shards. */
function split(chosen: readonly Planned[], shards: number) {
  const count = Math.min(shards, chosen.length);
  return Array.from({ length: count }, (_, shard) => ({
    shard: shard + 1,
    models: chosen
      .filter((_model, index) => index % count === shard)
      .map((model) => model.settings.path)
      .join('\n'),
  }));
}

function outcome(found: Plan, chosen: readonly Planned[], include: readonly object[]): Outcome {
  const rows = found.models.map((model) => ({
    name: model.settings.name,
    path: model.settings.path,
    changed: model.changed,
    reason: model.reason,
    'moved-from': model.movedFrom,
  }));
  const head =
    `${plural(chosen.length, 'model')} of ${found.models.length} to do` +
    (found.base === null ? '' : `, compared with ${found.base}`) +
    (found.everything === null ? '' : ` (${found.everything})`);
  const shown = rows.filter((_row, index) => found.models[index] && chosen.includes(found.models[index]));
  const text = [
    paint.bold(visible(head)),
    ...(shown.length > 0
      ? [
          headedTable(
            ['model', 'path', 'why'],
            shown.map((row) => [row.name, visible(row.path), visible(row.reason ?? '')]),
            '  ',
          ),
        ]
      : []),
    ...found.deleted.map((path) => `  ${paint.yellow('gone')} ${visible(path)}`),
  ];
  const markdown = [
    `### Lading plan`,
    escapeMarkdown(head),
    ...(shown.length > 0
      ? [
          markdownTable(
            ['Model', 'Path', 'Why'],
            shown.map((row) => [code(row.name), code(row.path), escapeMarkdown(row.reason ?? '')]),
          ),
        ]
      : []),
    ...(found.deleted.length > 0 ? [`Gone: ${found.deleted.map(code).join(', ')}`] : []),
  ];
  return {
    exitCode: 0,
    outputs: {
      matrix: JSON.stringify({ include }),
      any: String(include.length > 0),
      count: String(chosen.length),
      models: chosen.map((model) => model.settings.path).join('\n'),
      deleted: JSON.stringify(found.deleted),
      base: found.base ?? '',
    },
    json: {
      base: found.base,
      everything: found.everything,
      models: rows,
      deleted: found.deleted,
      matrix: { include },
    },
    findings: [],
    text: text.join('\n'),
    markdown: markdown.join('\n\n'),
  };
}
