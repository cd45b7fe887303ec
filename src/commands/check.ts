import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { rulesTable } from '../check/rules-table.ts';
import { checksMarkdown, checksText } from '../report/check.ts';
import { countByLevel } from '../report/findings.ts';
import { VERSION } from '../version.ts';
import { findBaselines } from './baseline.ts';
import { type CheckedModel, checkModel } from './checking.ts';
import type { Command, InputSpec, Outcome, Ports } from './command.ts';
import { COMMENT, commentOnPull } from './comment.ts';
import type { Config } from './config.ts';
import { BASE, CONFIG, FAIL_ON, MODEL, MODELS, NAME } from './inputs.ts';
import { movedFromOf, type Planned, selectModels } from './select.ts';
import { LEDGER } from './store.ts';

/** Inputs that say how strictly a model is held to what was there before. */
export const COMPARISON = {
  against: {
    kind: 'string',
    description:
      'What to compare with: a version (`churn:1.2.0`), an alias, a branch, tag or commit, or a contract file. Default: what the alias `production` means, else the latest version, else the base of the pull request.',
  },
  policy: {
    kind: 'choice',
    choices: ['none', 'backward', 'backward-transitive', 'full', 'full-transitive'],
    description: 'Whose callers may not break. Default: that of the configuration, else `backward`.',
  },
} as const satisfies Record<string, InputSpec>;

const inputs = {
  ...MODEL,
  ...MODELS,
  ...NAME,
  ...COMPARISON,
  ...BASE,
  all: {
    kind: 'boolean',
    description: 'Check every model, whether it changed or not.',
    default: 'false',
  },
  sarif: {
    kind: 'string',
    description: 'File to write the findings to as SARIF 2.1.0, for GitHub code scanning.',
  },
  ...FAIL_ON,
  ...COMMENT,
  ...LEDGER,
  ...CONFIG,
} as const;

const outputs = {
  result: '`clean`, `findings` (below `fail-on`) or `failed`.',
  bump: 'What the changes ask of the version: `major`, `minor`, `patch`, or `first` for a new model; the largest of all models.',
  errors: 'Number of errors.',
  warnings: 'Number of warnings.',
  notices: 'Number of notices.',
  models: 'The checked models with their findings as JSON (`models` of schemas/check.json).',
  sarif: 'Path of the SARIF file, where one was asked for.',
} as const;

export const check: Command<typeof inputs> = {
  name: 'check',
  summary: 'Hold a model against its declared contract and against the versions that callers use',
  inputs,
  outputs,
  async run(values, ports) {
    const selected = await selectModels(values, ports, !values.all);
    const { base, config, unchanged, deleted } = selected;
    const models = values.model === null ? selected.models : await withOrigins(selected.models, base, ports);
    const checked = await checkModels(models, { ...values, base }, ports);
    const moved = new Set(models.map((model) => model.movedFrom));
    const gone = deleted.filter((path) => !moved.has(path));
    const outcome = checkOutcome(checked, gone);
    const names = deleted
      .map((path) => nameOfDeleted(path, config))
      .filter((name) => !checked.some((model) => model.settings.name === name));
    await commentOnPull(values, { checked, unchanged, deleted: names }, ports);
    if (values.sarif === null) return outcome;
    await writeSarif(values.sarif, outcome, ports);
    return { ...outcome, outputs: { ...outcome.outputs, sarif: values.sarif } };
  },
};

/** Checks several models; what is read from git is read once for all of them. */
export async function checkModels(
  models: readonly Planned[],
  options: {
    readonly against: string | null;
    readonly policy: CheckedModel['policy'] | null;
    readonly 'fail-on': CheckedModel['settings']['failOn'] | null;
    readonly 'ledger-branch': string | null;
    readonly base: string | null;
  },
  ports: Ports,
): Promise<CheckedModel[]> {
  if (models.length === 0) return [];
  const baselines = await findBaselines(
    { against: options.against, ledgerBranch: options['ledger-branch'], base: options.base },
    models,
    ports,
  );
  const checked: CheckedModel[] = [];
  for (const { settings } of models) {
    const own = baselines.get(settings.name) ?? { main: null, published: [], reason: null };
    const how = { policy: options.policy, failOn: options['fail-on'] };
    checked.push(await checkModel(settings, own, how, ports));
  }
  return checked;
}

const BUMPS = ['first', 'patch', 'minor', 'major'] as const;

/** A model that is named is not planned: where it was at the base has to be asked. */
function withOrigins(
  models: readonly Planned[],
  base: string | null,
  ports: Ports,
): Promise<readonly Planned[]> {
  return Promise.all(
    models.map(async (model) => ({
      ...model,
      movedFrom: await movedFromOf(model.settings.path, base, ports),
    })),
  );
}

/** What a model was called whose folder is gone. Globs set no names. */
function nameOfDeleted(path: string, config: Config | null): string {
  return config?.models.findLast((entry) => entry.path === path)?.name ?? path.split('/').at(-1) ?? path;
}

/** What a check says on every surface. @param deleted folders of models that are gone since the base */
export function checkOutcome(checked: readonly CheckedModel[], deleted: readonly string[] = []): Outcome {
  const findings = checked.flatMap((model) => model.findings);
  const failed = checked.some((model) => model.failed);
  const count = countByLevel(findings);
  const models = checked.map(checkedJson);
  const result = failed ? 'failed' : findings.length > 0 ? 'findings' : 'clean';
  const bump = checked.reduce<(typeof BUMPS)[number] | null>(
    (largest, { bump: own }) =>
      largest === null || BUMPS.indexOf(own) > BUMPS.indexOf(largest) ? own : largest,
    null,
  );
  return {
    exitCode: failed ? 1 : 0,
    outputs: {
      result,
      bump: bump ?? '',
      errors: String(count.error),
      warnings: String(count.warning),
      notices: String(count.notice),
      models: JSON.stringify(models),
      sarif: '',
    },
    json: { result, models, deleted },
    findings,
    text: checksText(checked, deleted),
    markdown: checksMarkdown(checked, deleted),
  };
}

function checkedJson(model: CheckedModel) {
  return {
    name: model.settings.name,
    path: model.settings.path,
    declared: model.declared?.file ?? null,
    baseline: model.baseline?.label ?? null,
    reason: model.reason,
    policy: model.policy,
    bump: model.bump,
    failed: model.failed,
    changes: model.changes.map(({ rule, verdict, subject, old, new: now, message }) => ({
      rule,
      verdict,
      subject,
      old,
      new: now,
      message,
    })),
    findings: model.findings,
    approved: model.approved,
  };
}

async function writeSarif(path: string, outcome: Outcome, ports: Ports): Promise<void> {
  const { sarif } = await import('../report/sarif.ts');
  const rules = rulesTable().map(({ id, says, help, group }) => ({
    id,
    sentence: says,
    help,
    tags: [group],
  }));
  const log = sarif(outcome.findings, rules, VERSION);
  writeFileSync(resolve(ports.cwd, path), `${JSON.stringify(log, null, 2)}\n`);
}
