import { parseLabels } from '../ledger/select.ts';
import type { LedgerStore } from '../ledger/store.ts';
import { type Finding, finding, sortFindings } from '../model/finding.ts';
import { UserError } from '../ports/errors.ts';
import type { Publication } from '../release/publish.ts';
import { publishModel } from '../release/publish.ts';
import { publicationsMarkdown, publicationsText } from '../report/publication.ts';
import { COMPARISON, checkModels } from './check.ts';
import type { CheckedModel } from './checking.ts';
import type { Command, Outcome, Ports } from './command.ts';
import { BASE, CONFIG, FAIL_ON, MODEL, MODELS, NAME } from './inputs.ts';
import {
  BASE_IMAGE,
  compare,
  ENGINE,
  preparePublication,
  TARGET,
  type TargetValues,
  TrialFailed,
} from './publishing.ts';
import { selectModels } from './select.ts';
import { LEDGER, LEDGER_TOKEN, openLedger } from './store.ts';

const inputs = {
  ...MODEL,
  ...MODELS,
  ...NAME,
  ...TARGET,
  ...ENGINE,
  ...BASE_IMAGE,
  version: {
    kind: 'string',
    description: 'Version to publish. Default: the next one, derived from the change of the contract.',
  },
  'on-unchanged': {
    kind: 'choice',
    choices: ['skip', 'publish'],
    description: 'What to do when the content is that of a version that is published already.',
    default: 'skip',
  },
  labels: {
    kind: 'list',
    description: 'Labels of the version, as `key=value`; added to those of the configuration.',
  },
  ...COMPARISON,
  ...BASE,
  all: {
    kind: 'boolean',
    description: 'Publish every model, whether it changed since the base or not.',
    default: 'false',
  },
  ...FAIL_ON,
  ...LEDGER,
  ...LEDGER_TOKEN,
  ...CONFIG,
} as const;

const outputs = {
  published: '`true` if a new version was published.',
  image: 'The version as `repository@sha256:…`, new or unchanged; empty with several models.',
  name: 'Name of the model; empty with several.',
  version: 'Its version.',
  digest: 'Digest of its manifest.',
  bump: '`major`, `minor`, `patch` or `first`; empty where nothing was published.',
  models: 'Every model with what became of it, as JSON (`models` of schemas/publish.json).',
} as const;

/** What became of one model. */
export type Result =
  | {
      readonly kind: 'done';
      readonly model: CheckedModel;
      readonly publication: Publication;
      readonly findings: readonly Finding[];
    }
  | { readonly kind: 'failed'; readonly model: CheckedModel; readonly findings: readonly Finding[] };

export interface PublishValues extends TargetValues {
  readonly labels: readonly string[];
  readonly version: string | null;
  readonly 'on-unchanged': 'skip' | 'publish';
}

export const publish: Command<typeof inputs> = {
  name: 'publish',
  summary: 'Check, build and push an immutable version, and append it to the ledger',
  inputs,
  outputs,
  async run(values, ports) {
    refuseFork(ports);
    const { models, base } = await selectModels(values, ports, !values.all);
    if (models.length > 1 && (values.version !== null || values.image !== null))
      throw new UserError('"version" and "image" are those of one model, and there are several', {
        help: 'Name one "model", or give "registry" in place of "image".',
      });
    const store = await openLedger(values, ports);
    // A model is held against what is published now, not against what was when this commit was made.
    const checked = await checkModels(
      models,
      { ...values, base: values.base ?? base, 'ledger-branch': store.branch },
      ports,
    );
    const results: Result[] = [];
    for (const model of checked)
      results.push(await publishChecked(model, values, store, ports, checked.length > 1));
    return publishOutcome(results);
  },
};

/** A pull request from a fork has no rights, and nothing of it may be published. */
export function refuseFork(ports: Ports): void {
  if (!ports.env['GITHUB_EVENT_NAME']?.startsWith('pull_request')) return;
  throw new UserError('nothing is published from a pull request', {
    help: 'Publish on `push` to the default branch; for pull requests there is lading-ml/lading/actions/check.',
  });
}

/** Publishes a model that was checked. With several models, the trouble of one does not keep the others back. */
async function publishChecked(
  model: CheckedModel,
  values: PublishValues,
  store: LedgerStore,
  ports: Ports,
  several: boolean,
): Promise<Result> {
  const refused = refusal(model);
  if (refused.length > 0) return { kind: 'failed', model, findings: refused };
  try {
    const prepared = await preparePublication(
      model,
      { ...values, labels: labelsOf(values.labels) },
      store,
      ports,
    );
    using _package = prepared.package;
    const publication = await publishModel(
      { ...prepared.plan, version: values.version, onUnchanged: values['on-unchanged'] },
      { store, compare },
    );
    return {
      kind: 'done',
      model,
      publication,
      findings: sortFindings([...model.findings, ...prepared.trial]),
    };
  } catch (error) {
    if (error instanceof TrialFailed)
      return { kind: 'failed', model, findings: sortFindings([...model.findings, ...error.findings]) };
    if (!several || !(error instanceof UserError)) throw error;
    return { kind: 'failed', model, findings: sortFindings([...model.findings, asFinding(error, model)]) };
  }
}

/** Findings that forbid publishing; empty where nothing does. What runs foreign code is never published. */
export function refusal(model: CheckedModel): readonly Finding[] {
  const { inspection } = model.inspected;
  if (model.failed || inspection.format === null) return model.findings;
  if (inspection.verdict !== 'dangerous') return [];
  return sortFindings([
    ...model.findings,
    finding({
      rule: 'publish-dangerous',
      level: 'error',
      model: model.settings.name,
      file: model.settings.path,
      message: 'the model runs code that no model needs when it is loaded, and is not published',
      help: 'Save it again without that code; `lading inspect` names what it is.',
    }),
  ]);
}

export function labelsOf(given: readonly string[]): Record<string, string> {
  return Object.assign({}, ...given.map(parseLabels)) as Record<string, string>;
}

function asFinding(error: UserError, model: CheckedModel): Finding {
  return finding({
    rule: 'publish-failed',
    level: 'error',
    model: model.settings.name,
    file: error.file ?? model.settings.path,
    message: error.message,
    ...(error.help !== undefined && { help: error.help }),
    ...(error.line !== undefined && { line: error.line }),
  });
}

/** What publishing says on every surface. */
export function publishOutcome(results: readonly Result[]): Outcome {
  const findings = results.flatMap((result) => result.findings);
  const failed = results.some((result) => result.kind === 'failed');
  const [only] = results;
  const one = results.length === 1 && only?.kind === 'done' ? only : null;
  const models = results.map(resultJson);
  const published = results.some(
    (result) => result.kind === 'done' && result.publication.kind === 'published',
  );
  return {
    exitCode: failed ? 1 : 0,
    outputs: {
      published: String(published),
      image: one?.publication.reference ?? '',
      name: one?.model.settings.name ?? '',
      version: one?.publication.version ?? '',
      digest: one?.publication.digest ?? '',
      bump: one?.publication.kind === 'published' ? one.publication.bump : '',
      models: JSON.stringify(models),
    },
    json: { published, models },
    findings,
    text: publicationsText(results),
    markdown: publicationsMarkdown(results),
  };
}

function resultJson(result: Result) {
  const { settings } = result.model;
  const publication = result.kind === 'done' ? result.publication : null;
  const fresh = publication?.kind === 'published' ? publication : null;
  return {
    name: settings.name,
    path: settings.path,
    result: publication?.kind ?? ('failed' as const),
    version: publication?.version ?? null,
    image: publication?.reference ?? null,
    digest: publication?.digest ?? null,
    bump: fresh?.bump ?? null,
    previous: fresh?.previous ?? null,
    changes: fresh?.changes ?? [],
    'ledger-commit': fresh?.ledgerCommit ?? null,
    findings: result.findings,
  };
}
