import { UserError } from '../ports/errors.ts';
import { parseReleaseTag, releaseModel } from '../release/release.ts';
import { checkModels } from './check.ts';
import type { Command, Ports } from './command.ts';
import { loadConfig } from './config.ts';
import { expandModels, modelPatterns, settingsOfAll } from './globs.ts';
import { CONFIG, FAIL_ON, MODEL, MODELS } from './inputs.ts';
import { settingsOfOne } from './models.ts';
import { labelsOf, publishOutcome, type Result, refusal, refuseFork } from './publish.ts';
import { BASE_IMAGE, compare, ENGINE, preparePublication, TARGET, TrialFailed } from './publishing.ts';
import { LEDGER, LEDGER_TOKEN, openLedger } from './store.ts';

const inputs = {
  tag: {
    kind: 'string',
    description: 'Release tag: `<name>@<version>` or `<name>/v<version>`. Default: the tag that was pushed.',
  },
  ...MODEL,
  ...MODELS,
  ...TARGET,
  ...ENGINE,
  ...BASE_IMAGE,
  labels: {
    kind: 'list',
    description: 'Labels of the version, as `key=value`; added to those of the configuration.',
  },
  token: {
    kind: 'string',
    secret: true,
    workflowDefault: '$'.concat('{{ github.token }}'),
    description: 'Token to create the GitHub Release with. Without one, only the version is published.',
  },
  ...FAIL_ON,
  ...LEDGER,
  ...LEDGER_TOKEN,
  ...CONFIG,
} as const;

const outputs = {
  published: '`true` if the version is new.',
  image: 'The version as `repository@sha256:…`.',
  name: 'Name of the model.',
  version: 'The released version.',
  digest: 'Digest of its manifest.',
  release: 'URL of the GitHub Release; empty where there is none.',
} as const;

export const release: Command<typeof inputs> = {
  name: 'release',
  summary: 'Publish the version that a tag names, and make a GitHub Release of it',
  inputs,
  outputs,
  async run(values, ports) {
    refuseFork(ports);
    const tag = parseReleaseTag(values.tag ?? pushedTag(ports));
    const settings = await findModel(tag.name, values, ports);
    const store = await openLedger(values, ports);
    const planned = { settings, changed: true, reason: null, movedFrom: null };
    // The tag names the version, and so says itself how much it breaks: there is nothing to compare with.
    const [model] = await checkModels(
      [planned],
      {
        against: null,
        policy: 'none',
        'fail-on': values['fail-on'],
        'ledger-branch': store.branch,
        base: null,
      },
      ports,
    );
    if (!model) throw new Error('one model was asked for, and none was checked');
    const refused = refusal(model);
    if (refused.length > 0) return withRelease([{ kind: 'failed', model, findings: refused }], null);
    try {
      const prepared = await preparePublication(
        model,
        { ...values, labels: labelsOf(values.labels) },
        store,
        ports,
      );
      using _package = prepared.package;
      const github = await openGitHub(values.token, ports);
      const released = await releaseModel(tag, prepared.plan, { store, compare, github });
      const result: Result = {
        kind: 'done',
        model,
        publication: released.publication,
        findings: [...model.findings, ...prepared.trial],
      };
      return withRelease([result], released.release?.url ?? null);
    } catch (error) {
      if (!(error instanceof TrialFailed)) throw error;
      return withRelease([{ kind: 'failed', model, findings: error.findings }], null);
    }
  },
};

function withRelease(results: readonly Result[], url: string | null) {
  const outcome = publishOutcome(results);
  const { models: _models, bump: _bump, ...rest } = outcome.outputs;
  return {
    ...outcome,
    outputs: { ...rest, release: url ?? '' },
    json: { ...(outcome.json as object), release: url },
    text: url === null ? outcome.text : `${outcome.text}\n  ${url}`,
    markdown: url === null ? outcome.markdown : `${outcome.markdown}\n\n${url}`,
  };
}

function pushedTag(ports: Ports): string {
  const { GITHUB_REF: ref } = ports.env;
  if (ref?.startsWith('refs/tags/')) return ref;
  throw new UserError('it is not said which version is released', {
    help: 'Run on the push of a tag such as churn@1.2.0, or give the input "tag".',
  });
}

/** The directory of the model that a tag names. */
async function findModel(
  name: string,
  values: { readonly model: string | null; readonly models: readonly string[]; readonly config: string },
  ports: Ports,
) {
  const config = await loadConfig(ports.cwd, values.config);
  if (values.model !== null) return settingsOfOne({ model: values.model, name }, config, ports.cwd);
  const patterns = modelPatterns(values.models, config);
  const all = settingsOfAll(expandModels(patterns, ports.cwd), config, ports.cwd);
  const found = all.find((settings) => settings.name === name);
  if (found) return found;
  throw new UserError(`there is no model "${name}"`, {
    help: `The models are: ${all.map((settings) => settings.name).join(', ') || 'none'}. Give "model" for a directory of another name.`,
  });
}

async function openGitHub(token: string | null, ports: Ports) {
  const { GITHUB_REPOSITORY: repository, GITHUB_API_URL: apiUrl } = ports.env;
  if (token === null || !repository) return null;
  const { github } = await import('../ports/github.ts');
  return github({ token, repository, apiUrl: apiUrl ?? 'https://api.github.com', log: ports.log });
}
