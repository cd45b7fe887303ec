import { UserError } from '../ports/errors.ts';
import type { PullComment, PullComments } from '../ports/github-comments.ts';
import type { CommentRun } from '../report/comment.ts';
import { plural } from '../report/table.ts';
import { type GitHubEvent, readEvent } from './changed.ts';
import type { CheckedModel } from './checking.ts';
import type { InputSpec, Ports } from './command.ts';
import type { ModelSettings } from './config.ts';

export const COMMENT = {
  comment: {
    kind: 'choice',
    choices: ['auto', 'always', 'never'],
    default: 'auto',
    description:
      'Whether to comment on the pull request, with one comment a model that is kept up to date. `auto`: when there are errors or warnings, and where the job grants `pull-requests: write`. `always`: about clean models too.',
  },
  token: {
    kind: 'string',
    secret: true,
    workflowDefault: '$'.concat('{{ github.token }}'),
    description: 'Token to comment on the pull request with.',
  },
} as const satisfies Record<string, InputSpec>;

/** More new comments than that in one run would be noise: the models that are left share one. */
const MAX_COMMENTS = 10;

/** What the comments are about. */
export interface Checked {
  readonly checked: readonly CheckedModel[];
  /** Models that were looked for and that the pull request does not touch. */
  readonly unchanged: readonly ModelSettings[];
  /** Names of models that the pull request deletes. */
  readonly deleted: readonly string[];
}

interface Wanted {
  readonly model: string;
  readonly body: string;
  /** `false`: only where there is a comment already. */
  readonly create: boolean;
}

/**
 * Keeps the comments of this workflow on the pull request up to date: one a model, none on a clean first run, green
 * when the problem is gone. What stands in the way of commenting is told and fails nothing: the summary and the
 * annotations say the same.
 */
export async function commentOnPull(
  given: { readonly comment: 'auto' | 'always' | 'never'; readonly token: string | null },
  about: Checked,
  ports: Ports,
): Promise<void> {
  const { env, surface, log } = ports;
  const event = readEvent(env);
  const pull = event.pull_request?.number;
  const repository = env['GITHUB_REPOSITORY'];
  if (given.comment === 'never' || surface !== 'actions' || pull === undefined || !repository) return;
  if (given.token === null) {
    if (given.comment === 'always') log.notice('There is no comment on the pull request: no token is given.');
    return;
  }
  const { pullComments } = await import('../ports/github-comments.ts');
  const api = pullComments({
    token: given.token,
    repository,
    apiUrl: env['GITHUB_API_URL'] ?? 'https://api.github.com',
    log,
  });
  const wanted = await wantedComments(about, given.comment === 'always', runOf(event, ports));
  try {
    await keepUp(api, pull, wanted, runOf(event, ports), ports);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    await tell(error, wanted, isFork(event, repository), ports);
  }
}

function isFork(event: GitHubEvent, repository: string): boolean {
  return event.pull_request?.head?.repo?.full_name !== repository;
}

async function tell(
  error: UserError,
  wanted: readonly Wanted[],
  fork: boolean,
  { log }: Ports,
): Promise<void> {
  const { statusOf } = await import('../ports/github.ts');
  const status = statusOf(error.cause);
  const refused = (status === 403 || status === 404) && !/rate limit/i.test(error.message);
  if (!refused)
    log.warn(
      `The comment on the pull request is not up to date: ${error.message}. The summary of this job is.`,
    );
  else if (!wanted.some((one) => one.create)) log.info(`No comment is due. ${error.message}`);
  else if (fork)
    log.notice(
      'The token of a pull request from a fork can only read: in place of a comment, the findings are in the summary of this job.',
    );
  else
    log.notice(
      `${error.message}. In place of a comment, the findings are in the summary of this job. Grant the job \`permissions: { pull-requests: write }\`, or set \`comment: never\`.`,
    );
}

function runOf(event: GitHubEvent, { env }: Ports): CommentRun {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: id } = env;
  return {
    workflow: env['GITHUB_WORKFLOW'] ?? 'Lading',
    id: Number(id ?? 0),
    attempt: Number(env['GITHUB_RUN_ATTEMPT'] ?? 1),
    url: server && repository && id ? `${server}/${repository}/actions/runs/${id}` : null,
    commit: event.pull_request?.head?.sha ?? null,
  };
}

async function wantedComments(about: Checked, always: boolean, run: CommentRun): Promise<Wanted[]> {
  const { checkComment, othersComment, resolvedComment } = await import('../report/comment.ts');
  const speaks = (model: CheckedModel) =>
    always || model.failed || model.findings.some((one) => one.level !== 'notice');
  const loud = about.checked.filter(speaks).sort((a, b) => Number(b.failed) - Number(a.failed));
  const own = new Set(loud.length > MAX_COMMENTS ? loud.slice(0, MAX_COMMENTS - 1) : loud);
  const others = loud.filter((model) => !own.has(model));
  return [
    ...about.checked.map((model) => ({
      model: model.settings.name,
      body: checkComment(model, run),
      create: own.has(model),
    })),
    ...about.unchanged.map(({ name }) => ({
      model: name,
      body: resolvedComment(name, 'This pull request does not change the model any more.', run),
      create: false,
    })),
    ...about.deleted.map((name) => ({
      model: name,
      body: resolvedComment(name, 'This pull request deletes the model; published versions of it stay.', run),
      create: false,
    })),
    others.length > 0
      ? { model: '*', body: othersComment(others, run), create: true }
      : {
          model: '*',
          body: resolvedComment('*', 'All other models are without findings.', run),
          create: false,
        },
  ];
}

async function keepUp(
  api: PullComments,
  pull: number,
  wanted: readonly Wanted[],
  run: CommentRun,
  { log }: Ports,
): Promise<void> {
  const { commentMarker, commentPrefix, isFromLaterRun } = await import('../report/comment.ts');
  const prefix = commentPrefix(run.workflow);
  const of = (comments: readonly PullComment[], model: string) =>
    comments.filter((one) => one.body.startsWith(commentMarker(run.workflow, model)));
  /** `false`: there is nothing to update. */
  const renew = async (comment: PullComment, body: string): Promise<boolean> => {
    if (isFromLaterRun(comment.body, run)) {
      log.info('A later run has commented already; its comment stays.');
      return true;
    }
    return comment.body === body || api.update(comment.id, body);
  };
  const existing = await api.own(pull, prefix);
  const created: { readonly wanted: Wanted; readonly id: number }[] = [];
  for (const one of wanted) {
    const [first, ...more] = of(existing, one.model);
    for (const { id } of more) await api.remove(id);
    if (first && (await renew(first, one.body))) continue;
    if (one.create) created.push({ wanted: one, id: (await api.create(pull, one.body)).id });
  }
  if (created.length === 0) return;
  log.info(`Wrote ${plural(created.length, 'comment')} on the pull request.`);
  // Another run may have found none either and written its own at the same time: both runs keep the older one.
  const now = await api.own(pull, prefix);
  for (const { wanted: one, id } of created) {
    const [first, ...more] = of(now, one.model);
    if (first === undefined) continue;
    if (first.id !== id) {
      await renew(first, one.body);
      await api.remove(id);
    }
    for (const other of more) if (other.id !== id) await api.remove(other.id);
  }
}
