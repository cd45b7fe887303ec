import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openStore } from '../../src/ledger/store.ts';
import { assembleArtifact } from '../../src/oci/artifact.ts';
import { layoutRepository } from '../../src/oci/layout.ts';
import { UserError } from '../../src/ports/errors.ts';
import { execLocal } from '../../src/ports/exec.ts';
import { gitPort } from '../../src/ports/git.ts';
import { github } from '../../src/ports/github.ts';
import { silent } from '../../src/ports/log.ts';
import { parseReleaseTag, releaseModel } from '../../src/release/release.ts';
import { withRemote } from '../helpers/git-repo.ts';
import { type GitHubApi, githubApi, secondaryLimit } from '../helpers/github-api.ts';
import { CONTRACT } from '../helpers/publish-driver.ts';

function connect(api: GitHubApi) {
  const waits: number[] = [];
  const port = github({
    token: api.token,
    repository: api.repository,
    apiUrl: api.url,
    log: silent,
    pause: async (milliseconds) => {
      waits.push(milliseconds);
    },
  });
  return { port, waits };
}

async function releasing(t: TestContext) {
  const { clone, root } = withRemote(t);
  const api = await githubApi(t);
  const { port, waits } = connect(api);
  const store = await openStore({ git: gitPort(execLocal, clone), log: silent, now: () => new Date(0) });
  const release = (tag: string, content = 'one') => {
    const bytes = Buffer.from(content);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return releaseModel(
      parseReleaseTag(tag),
      {
        contract: CONTRACT,
        framework: null,
        parameters: null,
        files: [{ path: 'weights.bin', size: bytes.length, sha256 }],
        repository: layoutRepository(join(root, 'oci'), 'wine'),
        assemble: async () => assembleArtifact([], [{ path: 'weights.bin', bytes }], { format: 'onnx' }),
        labels: {},
        commit: null,
        source: null,
        run: null,
        versioning: 'semver',
        sample: null,
      },
      { store, compare: () => ({ bump: 'patch', changes: [] }), github: port },
    );
  };
  return { api, release, waits };
}

test('release tags have two forms', () => {
  assert.deepEqual(parseReleaseTag('refs/tags/wine@1.2.0'), {
    tag: 'wine@1.2.0',
    name: 'wine',
    version: '1.2.0',
  });
  assert.deepEqual(parseReleaseTag('wine/v2.0.0-rc.1'), {
    tag: 'wine/v2.0.0-rc.1',
    name: 'wine',
    version: '2.0.0-rc.1',
  });
  for (const tag of [
    'v1.2.0',
    'wine',
    'wine@',
    '@1.0.0',
    'a/b@1.0.0',
    'wine/1.0.0',
    'Wine@1.0.0',
    'wine@latest',
  ])
    assert.throws(() => parseReleaseTag(tag), UserError, tag);
});

test('a tag publishes its version and makes a release with notes and assets', async (t) => {
  const { api, release } = await releasing(t);
  const made = await release('wine@1.2.0');
  assert.equal(made.publication.version, '1.2.0');
  const [there, ...others] = api.releases;
  assert.equal(others.length, 0);
  assert.ok(there && !there.draft && !there.prerelease);
  assert.equal(there.name, 'wine 1.2.0');
  assert.equal(there.body, made.publication.notes);
  assert.deepEqual(
    there.assets.map((asset) => asset.name),
    ['contract.yaml', 'checksum.txt', 'release-notes.md'],
  );
  assert.match(there.assets[1]?.content.toString() ?? '', /^[0-9a-f]{64} {2}weights\.bin\n$/);
  await release('wine@1.2.0');
  assert.equal(api.releases.length, 1);
  assert.equal(there.assets.length, 3);
  await assert.rejects(release('wine@1.2.0', 'two'), /other content/);
  await release('wine@1.3.0-rc.1', 'two');
  assert.equal(api.releases[1]?.prerelease, true);
});

test('a release that was stopped half way is completed, and its draft is not made twice', async (t) => {
  const { api, release } = await releasing(t);
  api.fail(/^POST \/uploads/, 1, { status: 400, body: { message: 'Bad Request' } });
  await assert.rejects(release('wine@1.0.0'), UserError);
  assert.equal(api.releases[0]?.draft, true);
  api.releases[0]?.assets.push({
    id: 99,
    name: 'checksum.txt',
    size: 0,
    state: 'starter',
    content: Buffer.alloc(0),
  });
  await release('wine@1.0.0');
  assert.equal(api.releases.length, 1);
  assert.equal(api.releases[0]?.draft, false);
  assert.deepEqual(
    api.releases[0]?.assets.map((asset) => asset.size > 0),
    [true, true, true],
  );
});

test('an answer that was lost, a limit and a broken gateway are waited out', async (t) => {
  const { api, release, waits } = await releasing(t);
  api.lose(/^POST \/repos\/acme\/models\/releases$/, 1);
  api.fail(/^GET .*\/assets$/, 2, secondaryLimit);
  api.fail(/^PATCH/, 1, { status: 502, body: { message: 'Bad Gateway' } });
  await release('wine@1.0.0');
  assert.equal(api.releases.length, 1);
  assert.equal(waits.length, 4);
  assert.ok(waits.filter((wait) => wait >= 1000).length >= 2);
});

test('a token that can only read gets the permission to grant', async (t) => {
  const { api, release } = await releasing(t);
  api.readOnly = true;
  await assert.rejects(
    release('wine@1.0.0'),
    (error) => error instanceof UserError && /contents: write/.test(error.help ?? ''),
  );
});

test('what a person wrote stays, and an immutable release is left alone', async (t) => {
  const { api, release } = await releasing(t);
  const base = { name: 'Mine', draft: false, prerelease: false, assets: [] };
  api.releases.push({
    ...base,
    id: 50,
    tag_name: 'wine@1.0.0',
    body: 'My words',
    immutable: false,
    assets: [],
  });
  await release('wine@1.0.0');
  assert.equal(api.releases[0]?.body, 'My words');
  assert.equal(api.releases[0]?.assets.length, 3);
  api.releases.push({ ...base, id: 51, tag_name: 'wine/v2.0.0', body: '', immutable: true, assets: [] });
  await release('wine/v2.0.0', 'two');
  assert.equal(api.releases[1]?.assets.length, 0);
});

test('a draft beyond the first page is found', async (t) => {
  const { api, release } = await releasing(t);
  const base = { name: '', body: 'b', prerelease: false, immutable: false };
  api.releases.push({ ...base, id: 1000, tag_name: 'wine@1.0.0', draft: true, assets: [] });
  for (let id = 1001; id < 1130; id++)
    api.releases.push({ ...base, id, tag_name: `other@${id}`, draft: false, assets: [] });
  await release('wine@1.0.0');
  assert.equal(api.releases.filter((one) => one.tag_name === 'wine@1.0.0').length, 1);
  assert.equal(api.releases[0]?.draft, false);
});
