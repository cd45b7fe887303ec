import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gitServer } from '../helpers/git-http.ts';
import { CLEAN_GIT, commitAll, git, scratch, write } from '../helpers/git-repo.ts';
import { githubApi } from '../helpers/github-api.ts';
import { findAct } from '../helpers/tools.ts';

/** Runs the example workflows as they stand, on this machine, against a real git server and a real registry. */

const root = fileURLToPath(new URL('../..', import.meta.url));
const registry = process.env['LADING_TEST_REGISTRY'] ?? '127.0.0.1:5000';
const wine = join(root, 'examples/wine');
const NOTHING = '0'.repeat(40);

interface User {
  /** The user's clone: what a push would be made of. */
  readonly repo: string;
  /** The same repository on the server. The tests look there: git would wait for a server in its own process. */
  readonly bare: string;
  /** Runs act in it. */
  readonly act: (event: string, payload: object) => Promise<{ code: number; text: string }>;
}

/** What the machine lacks for these tests, or `null`. */
async function lacking(): Promise<string | null> {
  if (findAct() === null) return 'nektos/act is not installed';
  const answer = await fetch(`http://${registry}/v2/`, { signal: AbortSignal.timeout(3000) }).catch(
    () => null,
  );
  if (answer?.ok !== true) return `no registry answers at ${registry}`;
  return existsSync(join(root, 'dist')) ? null : 'dist/ is not built';
}

async function skips(t: TestContext): Promise<boolean> {
  const lack = await lacking();
  if (lack === null) return false;
  assert.notEqual(process.env['LADING_REQUIRE_DOCKER'], '1', lack);
  t.skip(lack);
  return true;
}

/** A user's repository with two models and the example workflows, on a git server. */
async function userRepository(
  t: TestContext,
  prefix: string,
  workflows: readonly string[] = ['publish', 'pull-request'],
  environment: Readonly<Record<string, string>> = {},
): Promise<User> {
  const folder = scratch(t);
  const bare = join(folder, 'acme/wines.git');
  const repo = join(folder, 'wines');
  mkdirSync(bare, { recursive: true });
  git(folder, 'init', '-q', '--bare', '-b', 'main', bare);
  const server = await gitServer(t, folder);
  git(folder, 'init', '-q', '-b', 'main', repo);
  for (const [name, variant] of [
    ['wine', 'v1'],
    ['grape', 'v2-retrained'],
  ] as const) {
    mkdirSync(join(repo, 'models', name), { recursive: true });
    cpSync(join(wine, 'models/wine/requirements.txt'), join(repo, 'models', name, 'requirements.txt'));
    cpSync(join(wine, 'variants', variant, 'model.joblib'), join(repo, 'models', name, 'model.joblib'));
  }
  for (const workflow of workflows)
    write(repo, { [`.github/workflows/${workflow}.yml`]: exampleWorkflow(workflow, prefix) });
  write(repo, { 'lading.yaml': 'engine: oci\nmodels: [models/*]\n' });
  commitAll(repo, {});
  git(repo, 'push', '-q', bare, 'main');
  git(repo, 'remote', 'add', 'origin', `${server.url}/acme/wines.git`);
  return { repo, bare, act: actIn(repo, folder, environment) };
}

/** The example, with this machine's registry in place of ghcr.io and nothing else changed. */
function exampleWorkflow(name: string, prefix: string): string {
  const text = readFileSync(join(root, 'examples/workflows', `${name}.yml`), 'utf8');
  // biome-ignore lint/suspicious/noTemplateCurlyInString: an expression of GitHub's
  return text.replaceAll('ghcr.io/${{ github.repository_owner }}', `${registry}/${prefix}`);
}

/**
 * Makes `uses: lading-ml/lading…@v1` this checkout (its built files alone, as a release has them), and the login to
 * a registry that wants none a step that does nothing. `actions/checkout` act does itself, by a copy.
 */
function actIn(repo: string, folder: string, environment: Readonly<Record<string, string>>): User['act'] {
  const suite = join(folder, 'suite');
  for (const part of ['action.yml', 'actions', 'dist', 'package.json'])
    cpSync(join(root, part), join(suite, part), { recursive: true });
  write(folder, {
    'login/action.yml':
      'name: login\ninputs: {registry: {}, username: {}, password: {}}\nruns: {using: node24, main: index.js}\n',
    'login/index.js': '',
  });
  const login = /uses: (docker\/login-action@[0-9a-f]{40})/.exec(
    readFileSync(join(root, 'examples/workflows/publish.yml'), 'utf8'),
  )?.[1];
  assert.ok(login !== undefined, 'the example logs in to the registry');
  let runs = 0;
  return (event, payload) => {
    write(folder, { 'event.json': JSON.stringify(payload) });
    const args = [
      event,
      '--eventpath',
      join(folder, 'event.json'),
      '--platform',
      'ubuntu-latest=-self-hosted',
    ];
    args.push('--local-repository', `lading-ml/lading@v1=${suite}`);
    args.push('--local-repository', `${login}=${join(folder, 'login')}`);
    // Each call is a run of its own: what a run with the same number finds published, it has published itself.
    runs++;
    args.push('--env', `GITHUB_RUN_ID=${runs}`, '--env', 'GITHUB_REPOSITORY=acme/wines');
    for (const [name, value] of Object.entries(environment))
      args.push(name === 'GITHUB_TOKEN' ? '--secret' : '--env', `${name}=${value}`);
    const env = {
      ...process.env,
      ...CLEAN_GIT,
      XDG_CACHE_HOME: join(folder, 'cache'),
      // The runner brings its own Node 24; act takes the first one that it finds.
      PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
    };
    const act = findAct() ?? 'act';
    return new Promise((resolve, reject) => {
      const child = spawn(act, args, { cwd: repo, env, stdio: ['ignore', 'pipe', 'pipe'] });
      let text = '';
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
      child.on('error', reject);
      child.on('close', (code) => resolve({ code: code ?? 1, text }));
    });
  };
}

async function tagsOf(repository: string): Promise<string[]> {
  const answer = await fetch(`http://${registry}/v2/${repository}/tags/list`);
  assert.equal(answer.status, 200, `the registry has ${repository}`);
  const { tags }: { tags: string[] } = JSON.parse(await answer.text());
  return tags.sort();
}

const ledgerOf = (bare: string, name: string) =>
  git(bare, 'show', `main:ledger/${name}.jsonl`)
    .split('\n')
    .map((line): { event: string; version: string; digest: string } => JSON.parse(line));

test('a push publishes both models in jobs of their own, and a second run finds nothing new', async (t) => {
  if (await skips(t)) return;
  const prefix = `lading-act-${process.pid}-${Date.now().toString(36)}`;
  const user = await userRepository(t, prefix);
  const push = { ref: 'refs/heads/main', before: NOTHING, after: git(user.repo, 'rev-parse', 'HEAD') };

  const first = await user.act('push', push);
  assert.equal(first.code, 0, first.text);
  for (const name of ['wine', 'grape']) {
    const ledger = ledgerOf(user.bare, name);
    assert.deepEqual(
      ledger.map(({ event }) => event),
      ['publish'],
    );
    const [published] = ledger;
    assert.ok(published !== undefined);
    const tags = await tagsOf(`${prefix}/${name}`);
    assert.ok(tags.includes(published.version), `${tags.join(', ')} has ${published.version}`);
    const manifest = await fetch(`http://${registry}/v2/${prefix}/${name}/manifests/${published.version}`, {
      method: 'HEAD',
      headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
    });
    assert.equal(manifest.headers.get('docker-content-digest'), published.digest);
  }

  git(user.repo, 'pull', '-q', '--ff-only', user.bare, 'main');
  const second = await user.act('push', push);
  assert.equal(second.code, 0, second.text);
  assert.equal(
    git(user.bare, 'rev-parse', 'main'),
    git(user.repo, 'rev-parse', 'HEAD'),
    'nothing was pushed',
  );
  assert.ok(/unchanged/.test(second.text), second.text);
});

for (const workflow of ['pull-request', 'all-in-one'])
  test(`a pull request that breaks callers fails on the line of the contract (${workflow}.yml)`, async (t) => {
    if (await skips(t)) return;
    await breakingPullRequest(await userRepository(t, 'unused', [workflow]));
  });

test('the workflow that looks at the event publishes what a push brought', async (t) => {
  if (await skips(t)) return;
  const prefix = `lading-act-${process.pid}-${Date.now().toString(36)}`;
  const user = await userRepository(t, prefix, ['all-in-one']);
  const run = await user.act('push', {
    ref: 'refs/heads/main',
    before: NOTHING,
    after: git(user.repo, 'rev-parse', 'HEAD'),
    repository: { default_branch: 'main' },
  });
  assert.equal(run.code, 0, run.text);
  for (const name of ['wine', 'grape']) {
    const [published] = ledgerOf(user.bare, name);
    assert.ok((await tagsOf(`${prefix}/${name}`)).includes(published?.version ?? 'a version'), run.text);
  }
});

test('a tag publishes its version and makes a release of it', async (t) => {
  if (await skips(t)) return;
  const prefix = `lading-act-${process.pid}-${Date.now().toString(36)}`;
  const api = await githubApi(t);
  const user = await userRepository(t, prefix, ['release'], {
    GITHUB_API_URL: api.url,
    GITHUB_TOKEN: api.token,
    GITHUB_REPOSITORY: api.repository,
  });
  git(user.repo, 'tag', 'wine@2.0.0');
  git(user.repo, 'push', '-q', user.bare, 'wine@2.0.0');
  const after = git(user.repo, 'rev-parse', 'HEAD');
  const run = await user.act('push', { ref: 'refs/tags/wine@2.0.0', before: NOTHING, after });
  assert.equal(run.code, 0, run.text);
  assert.deepEqual(
    ledgerOf(user.bare, 'wine').map(({ version }) => version),
    ['2.0.0'],
  );
  assert.ok((await tagsOf(`${prefix}/wine`)).includes('2.0.0'));
  assert.deepEqual(
    api.releases.map((release) => [release.tag_name, release.draft]),
    [['wine@2.0.0', false]],
  );
});

async function breakingPullRequest(user: User): Promise<void> {
  const contract = 'models/wine/contract.yaml';
  const text = readFileSync(join(wine, contract), 'utf8');
  const base = commitAll(user.repo, { [contract]: text });
  git(user.repo, 'push', '-q', user.bare, 'main');
  git(user.repo, 'checkout', '-q', '-b', 'with-proline');
  cpSync(join(wine, 'variants/v3-breaking/model.joblib'), join(user.repo, 'models/wine/model.joblib'));
  const added = text.replace(
    /^( *- \{name: od280_od315.*)$/m,
    '$1\n      - {name: proline, type: float64, shape: [batch]}',
  );
  const head = commitAll(user.repo, { [contract]: added });
  const line = added.split('\n').findIndex((one) => one.includes('proline')) + 1;

  const run = await user.act('pull_request', {
    action: 'synchronize',
    number: 7,
    pull_request: {
      number: 7,
      base: { ref: 'main', sha: base },
      head: { ref: 'with-proline', sha: head },
    },
  });
  assert.notEqual(run.code, 0, run.text);
  for (const wanted of [new RegExp(`::error .*file=${contract},.*line=${line}[,:]`), /input-added-required/])
    assert.ok(wanted.test(run.text), `${wanted} is not in\n${run.text}`);
}
