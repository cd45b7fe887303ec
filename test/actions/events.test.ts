import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { git } from '../helpers/git-repo.ts';
import { type GitHubApi, githubApi } from '../helpers/github-api.ts';
import { type Comments, commentRoutes } from '../helpers/github-comments.ts';
import { entry, lading, runStep, type StepRan } from '../helpers/runner.ts';
import { wineRepo } from '../helpers/wine.ts';

/** Payloads as GitHub sends them, as far as Lading looks at them. */
interface Scene {
  readonly api: GitHubApi;
  readonly comments: Comments;
  readonly payload: object;
  start(
    action: string,
    event: string,
    options?: {
      readonly payload?: object;
      readonly ref?: string;
      readonly with?: Readonly<Record<string, string>>;
    },
  ): Promise<StepRan>;
}

/** The checkout of a pull request from a fork that breaks the model's callers. */
async function scene(t: TestContext): Promise<Scene> {
  const repo = wineRepo(t);
  await lading(repo.clone, ['generate', 'models/wine']);
  const base = repo.commit();
  repo.take('v3-breaking');
  await lading(repo.clone, ['generate', 'models/wine']);
  const head = repo.commit();
  git(repo.clone, 'checkout', '-q', '--detach');
  const api = await githubApi(t);
  const repository = { full_name: 'acme/models', default_branch: 'main' };
  return {
    api,
    comments: commentRoutes(api),
    payload: {
      action: 'opened',
      number: 7,
      before: base,
      pull_request: {
        number: 7,
        base: { sha: base, ref: 'main', repo: repository },
        head: { sha: head, ref: 'patch-1', repo: { full_name: 'stranger/models' } },
      },
      repository,
    },
    start: (action, event, { payload, ref = 'refs/heads/main', with: given = {} } = {}) =>
      runStep(entry(action), {
        workspace: repo.clone,
        with: { models: 'models/*', token: api.token, ...given },
        event,
        payload: { repository, ...payload },
        env: {
          GITHUB_API_URL: api.url,
          GITHUB_REF: ref,
          GITHUB_REF_NAME: ref.split('/').slice(2).join('/'),
          GITHUB_RUN_ID: '1',
          GITHUB_WORKFLOW: 'models',
        },
      }),
  };
}

test('the all-in-one checks a pull request, and from a fork its findings are in the summary', async (t) => {
  const at = await scene(t);
  at.api.readOnly = true;
  const ran = await at.start('main', 'pull_request', { payload: at.payload, ref: 'refs/pull/7/merge' });
  assert.equal(ran.code, 1, ran.stdout);
  assert.equal(ran.outputs['command'], 'check');
  assert.equal(ran.outputs['result'], 'failed');
  assert.match(ran.stdout, /::notice::The token of a pull request from a fork/);
  assert.match(ran.summary, /input-added-required/);
  assert.deepEqual(at.comments.all, []);
});

test('the check runs for pull_request_target, which has the right to comment; the all-in-one does not', async (t) => {
  const at = await scene(t);
  const ran = await at.start('check', 'pull_request_target', { payload: at.payload });
  assert.equal(ran.code, 1, ran.stdout);
  assert.equal(at.comments.all.length, 1);
  const refused = await at.start('main', 'pull_request_target', { payload: at.payload });
  assert.equal(refused.code, 1);
  assert.match(refused.stdout, /does not run for pull_request_target/);
  assert.equal(at.comments.all.length, 1);
});

test('a push to another branch is checked, and there is nothing to comment on', async (t) => {
  const at = await scene(t);
  const { before } = at.payload as { before: string };
  const ran = await at.start('main', 'push', { payload: { before }, ref: 'refs/heads/feature' });
  assert.equal(ran.code, 1, ran.stdout);
  assert.equal(ran.outputs['command'], 'check');
  assert.match(ran.stdout, /::error title=input-added-required,file=models\/wine\/contract\.yaml,line=\d+::/);
  assert.deepEqual(at.api.log, []);
});

test('workflow_dispatch needs to be told what to do', async (t) => {
  const at = await scene(t);
  const unclear = await at.start('main', 'workflow_dispatch');
  assert.equal(unclear.code, 1);
  assert.match(unclear.stdout, /::error title=Lading::.*Set "command" to one of: check, publish, release/);
  const told = await at.start('main', 'workflow_dispatch', { with: { command: 'check', against: 'HEAD~1' } });
  assert.equal(told.code, 1, told.stdout);
  assert.match(told.summary, /compared with HEAD/);
  assert.deepEqual(at.api.log, []);
});

test('a tag that is no release tag is nothing to do', async (t) => {
  const at = await scene(t);
  const ran = await at.start('main', 'push', {
    payload: { before: '0'.repeat(40) },
    ref: 'refs/tags/nightly',
  });
  assert.equal(ran.code, 0, ran.stdout);
  assert.equal(ran.outputs['command'], '');
  assert.deepEqual(at.api.log, []);
});
