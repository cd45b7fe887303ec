import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { git } from '../helpers/git-repo.ts';
import { type GitHubApi, githubApi, secondaryLimit } from '../helpers/github-api.ts';
import { type Comments, commentRoutes } from '../helpers/github-comments.ts';
import { entry, lading, runStep, type StepRan } from '../helpers/runner.ts';
import { type WineRepo, wineRepo } from '../helpers/wine.ts';

const ENTRY = entry('check');
const MARKER = '<!-- lading check workflow:ci%20%26%20more model:wine -->';
const BOT = 'github-actions[bot]';

interface Scene {
  readonly repo: WineRepo;
  readonly api: GitHubApi;
  readonly comments: Comments;
  readonly base: string;
  /** Runs the check of the pull request, a run later each time unless `run` says which. */
  check(options?: {
    readonly with?: Readonly<Record<string, string>>;
    readonly run?: number;
    readonly fork?: boolean;
    readonly event?: string;
  }): Promise<StepRan>;
  /** Comments that begin with the marker, whoever wrote them. */
  marked(): string[];
}

/** A repository with the model and its contract on `main`, and a branch that needs one more column. */
async function scene(t: TestContext): Promise<Scene> {
  const repo = wineRepo(t);
  await lading(repo.clone, ['generate', 'models/wine']);
  const base = repo.commit();
  git(repo.clone, 'checkout', '-q', '-b', 'change');
  const api = await githubApi(t);
  const comments = commentRoutes(api);
  let runs = 100;
  return {
    repo,
    api,
    comments,
    base,
    marked: () => comments.all.filter((one) => one.body.startsWith(MARKER)).map((one) => one.body),
    check: ({ with: given = {}, run = ++runs, fork = false, event = 'pull_request' } = {}) =>
      runStep(ENTRY, {
        workspace: repo.clone,
        with: { models: 'models/*', token: api.token, ...given },
        event,
        payload: {
          action: 'synchronize',
          number: 7,
          pull_request: {
            number: 7,
            base: { sha: base, ref: 'main', repo: { full_name: 'acme/models' } },
            head: {
              sha: git(repo.clone, 'rev-parse', 'HEAD'),
              ref: 'change',
              repo: { full_name: fork ? 'stranger/models' : 'acme/models' },
            },
          },
          repository: { full_name: 'acme/models', default_branch: 'main' },
        },
        env: {
          GITHUB_API_URL: api.url,
          GITHUB_SERVER_URL: 'https://github.invalid',
          GITHUB_WORKFLOW: 'ci & more',
          GITHUB_RUN_ID: String(run),
          GITHUB_RUN_ATTEMPT: '1',
        },
      }),
  };
}

async function breakIt({ repo }: Scene): Promise<void> {
  repo.take('v3-breaking');
  await lading(repo.clone, ['generate', 'models/wine']);
  repo.commit();
}

const writes = (api: GitHubApi) =>
  api.log.filter((line) => !line.startsWith('GET') && !line.endsWith('/graphql'));

test('a clean first run says nothing on the pull request', async (t) => {
  const at = await scene(t);
  at.repo.take('v2-retrained');
  at.repo.commit();
  const ran = await at.check();
  assert.equal(ran.code, 0, ran.stdout);
  assert.deepEqual(writes(at.api), []);
});

test('a break is one comment, found again behind 130 others, and green when it is undone', async (t) => {
  const at = await scene(t);
  for (let count = 0; count < 65; count++) at.comments.add('somebody', `talk ${count}`);
  await breakIt(at);
  const first = await at.check();
  assert.equal(first.code, 1, first.stdout);
  const [body = ''] = at.marked();
  assert.match(body, /🛑 `wine`: \d+ errors?\n/);
  assert.match(body, /input-added-required/);
  assert.match(body, /\| `predict\.inputs\.proline` \|/, 'old and new side by side');
  assert.match(body, /\[ci &amp; more\]\(https:\/\/github\.invalid\/acme\/models\/actions\/runs\/101\)/);
  // Somebody quotes the comment with its invisible first line; it is not ours to change.
  const quoted = at.comments.add('mallory', body);
  for (let count = 0; count < 65; count++) at.comments.add('somebody', `more talk ${count}`);
  await at.check();
  assert.equal(at.marked().length, 2, 'still one of ours');
  assert.equal(quoted.body, body);
  at.repo.take('v2-retrained');
  await lading(at.repo.clone, ['generate', 'models/wine']);
  at.repo.commit();
  const fixed = await at.check();
  assert.equal(fixed.code, 0, fixed.stdout);
  const ours = at.comments.all.filter((one) => one.author === BOT);
  assert.equal(ours.length, 1);
  assert.match(ours[0]?.body ?? '', /✅ `wine`/);
  assert.doesNotMatch(ours[0]?.body ?? '', /input-added-required/);
});

test('the comment turns green when the pull request does not touch the model any more', async (t) => {
  const at = await scene(t);
  await breakIt(at);
  await at.check();
  git(at.repo.clone, 'revert', '--no-edit', 'HEAD');
  const ran = await at.check();
  assert.equal(ran.code, 0);
  assert.equal(at.marked().length, 1);
  assert.match(at.marked()[0] ?? '', /✅ `wine`: no findings/);
});

test('the comment turns green when the pull request deletes the model', async (t) => {
  const at = await scene(t);
  await breakIt(at);
  await at.check();
  git(at.repo.clone, 'rm', '-rq', 'models/wine');
  at.repo.commit();
  const ran = await at.check();
  assert.equal(ran.code, 0, ran.stdout);
  assert.match(ran.summary, /Gone\n\n`models\/wine`/);
  assert.match(at.marked()[0] ?? '', /✅ `wine`: no findings\n\nThis pull request deletes the model/);
});

test('from a fork the findings are in the summary and on the lines, and only they fail', async (t) => {
  const at = await scene(t);
  at.api.readOnly = true;
  at.repo.take('v2-retrained');
  at.repo.commit();
  const clean = await at.check({ fork: true });
  assert.equal(clean.code, 0, clean.stdout);
  assert.doesNotMatch(clean.stdout, /::(notice|warning|error)/);
  await breakIt(at);
  const broken = await at.check({ fork: true });
  assert.equal(broken.code, 1);
  assert.match(broken.stdout, /^::notice::The token of a pull request from a fork can only read/m);
  assert.match(broken.stdout, /::error title=input-added-required,file=models\/wine\/contract\.yaml,line=/);
  assert.match(broken.summary, /input-added-required/);
  assert.deepEqual(at.comments.all, []);
  const tolerant = await at.check({ fork: true, with: { 'fail-on': 'never' } });
  assert.equal(tolerant.code, 0, 'a comment that cannot be written fails nothing');
});

test('a job without the permission is told how to grant it', async (t) => {
  const at = await scene(t);
  at.api.readOnly = true;
  await breakIt(at);
  const ran = await at.check({ with: { 'fail-on': 'never' } });
  assert.equal(ran.code, 0);
  assert.match(ran.stdout, /^::notice::.*Grant the job `permissions: \{ pull-requests: write \}`/m);
});

test('secondary rate limits are waited for, and a lost answer makes no second comment', async (t) => {
  const at = await scene(t);
  await breakIt(at);
  at.api.fail(/^POST .*comments$/, 1, secondaryLimit);
  at.api.lose(/^POST .*comments$/, 1);
  const ran = await at.check();
  assert.equal(ran.code, 1);
  assert.doesNotMatch(ran.stdout, /::(notice|warning)/);
  assert.equal(at.marked().length, 1);
});

test('a server in trouble costs a warning, not the check', async (t) => {
  const at = await scene(t);
  await breakIt(at);
  at.api.fail(/^POST .*comments$/, 9, {
    status: 503,
    headers: { 'retry-after': '0' },
    body: { message: 'Unicorn' },
  });
  const ran = await at.check({ with: { 'fail-on': 'never' } });
  assert.equal(ran.code, 0);
  assert.match(ran.stdout, /^::warning::The comment on the pull request is not up to date/m);
  assert.equal(writes(at.api).length, 5, 'bounded');
});

test('two runs at the same time end with one comment', async (t) => {
  const at = await scene(t);
  await breakIt(at);
  // The other run has looked at the same time, and was a moment faster or slower to write.
  at.comments.onCreate = () => at.comments.add(BOT, `${MARKER}\n<!-- run:1.1 -->\n\nof another run`);
  await at.check();
  assert.equal(at.marked().length, 1, 'the younger one of the other run is gone');
  assert.match(at.marked()[0] ?? '', /input-added-required/);
  const [mine] = at.comments.all.splice(0);
  assert.ok(mine);
  at.comments.onCreate = () =>
    at.comments.all.unshift({ ...mine, id: 1, body: `${MARKER}\n<!-- run:1.1 -->\n\nof another run` });
  await at.check();
  assert.deepEqual(
    at.comments.all.map((one) => one.id),
    [1],
  );
  assert.match(at.marked()[0] ?? '', /input-added-required/, 'with what the later run found');
  at.comments.all.splice(0);
  await Promise.all([at.check(), at.check()]);
  assert.equal(at.marked().length, 1);
});

test('comments that were doubled in the past become one, and an old run does not undo a later one', async (t) => {
  const at = await scene(t);
  at.comments.add(BOT, `${MARKER}\n\nold`);
  at.comments.add(BOT, `${MARKER}\n\nold too`);
  await breakIt(at);
  await at.check({ run: 500 });
  assert.equal(at.marked().length, 1);
  assert.match(at.marked()[0] ?? '', /run:500\.1/);
  await at.check({ run: 499 });
  assert.match(at.marked()[0] ?? '', /run:500\.1/);
});

test('`comment` is never or always, and other events have nothing to comment on', async (t) => {
  const at = await scene(t);
  await breakIt(at);
  await at.check({ with: { comment: 'never' } });
  assert.deepEqual(at.api.log, []);
  at.repo.take('v2-retrained');
  await lading(at.repo.clone, ['generate', 'models/wine']);
  at.repo.commit();
  await at.check({ with: { comment: 'always' } });
  assert.match(at.marked()[0] ?? '', /✅ `wine`/);
});

test('a token whose owner GitHub does not tell changes no comment', async (t) => {
  const at = await scene(t);
  await breakIt(at);
  const old = at.comments.add(BOT, `${MARKER}\n\nold`);
  at.comments.viewer = null;
  const ran = await at.check();
  assert.equal(ran.code, 1);
  assert.match(ran.stdout, /^::warning::.*whose token it is/m);
  assert.deepEqual(
    at.comments.all.map((one) => one.body),
    [old.body],
  );
});
