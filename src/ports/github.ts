import { setTimeout as sleep } from 'node:timers/promises';
import type { getOctokit } from '@actions/github';
import { messageOf, UserError } from './errors.ts';
import type { Log } from './log.ts';

/** A release of the repository, as far as Lading needs it. */
export interface GitHubRelease {
  readonly id: number;
  readonly tag: string;
  /** For people. */
  readonly url: string;
  /** Drafts are seen by people with write access only, and no tag is needed for them. */
  readonly draft: boolean;
  /** Nothing about it can be changed any more, its assets included. */
  readonly immutable: boolean;
  readonly body: string;
  /** Where its assets go: a URI template of another host than the API's. */
  readonly uploadUrl: string;
}

export interface GitHubAsset {
  readonly id: number;
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** `false`: an upload that was cut off, which blocks the name until it is deleted. */
  readonly complete: boolean;
}

export interface GitHubReleases {
  /** The release of a tag, published or draft; `null` when there is none. */
  find(tag: string): Promise<GitHubRelease | null>;
  /** Creates a draft; when there is a release of the tag already, gives that one. */
  draft(release: {
    readonly tag: string;
    readonly title: string;
    readonly body: string;
    readonly prerelease: boolean;
  }): Promise<GitHubRelease>;
  /** Sets the text, or makes a draft public. */
  update(id: number, change: { readonly body?: string; readonly publish?: true }): Promise<GitHubRelease>;
  assets(id: number): Promise<GitHubAsset[]>;
  upload(
    release: GitHubRelease,
    asset: { readonly name: string; readonly type: string; readonly bytes: Uint8Array },
  ): Promise<void>;
  removeAsset(asset: number): Promise<void>;
}

export interface GitHub {
  readonly releases: GitHubReleases;
}

export type Octokit = ReturnType<typeof getOctokit>;

/**
 * One call to the API: with patience where the server asks for it, and with refusals turned into what to do.
 * `permission` is what the job has to grant, such as `contents: write`.
 */
export type Call = <T>(
  doing: string,
  permission: string,
  body: (octokit: Octokit, repo: { readonly owner: string; readonly repo: string }) => Promise<T>,
) => Promise<T>;

export interface GitHubOptions {
  readonly token: string;
  /** `owner/name`. */
  readonly repository: string;
  /** `GITHUB_API_URL` of the runner: another one on GitHub Enterprise Server. */
  readonly apiUrl: string;
  readonly log: Log;
  /** Waits; milliseconds. */
  readonly pause?: (milliseconds: number) => Promise<void>;
}

const ATTEMPTS = 5;
/** A server that asks for more than this is out of order; milliseconds. */
const LONGEST_PAUSE = 90_000;

/** The API of GitHub for one repository. The client is loaded at the first call. */
export function github(options: GitHubOptions): GitHub {
  const call = caller(options);
  return { releases: releases(call) };
}

/** How the parts of the port call the API. */
export function caller({ token, repository, apiUrl, log, pause = wait }: GitHubOptions): Call {
  const [owner, repo, ...more] = repository.split('/');
  if (!owner || !repo || more.length > 0)
    throw new UserError(`"${repository}" is no repository of GitHub`, { help: 'It is written owner/name.' });
  let client: Promise<Octokit> | null = null;
  const connect = async (): Promise<Octokit> => {
    const { getOctokit } = await import('@actions/github');
    return getOctokit(token, { baseUrl: apiUrl });
  };
  return async (doing, permission, body) => {
    client ??= connect();
    const octokit = await client;
    for (let attempt = 1; ; attempt++) {
      try {
        return await body(octokit, { owner, repo });
      } catch (error) {
        const rest = patience(error, attempt);
        if (rest === null || attempt === ATTEMPTS) throw explained(error, doing, permission);
        log.info(`GitHub could not ${doing} (${messageOf(error).slice(0, 200)}); trying again.`);
        await pause(rest);
      }
    }
  };
}

const wait = async (milliseconds: number): Promise<void> => {
  await sleep(milliseconds);
};

interface RequestError extends Error {
  readonly status: number;
  readonly response?: {
    readonly headers?: Readonly<Record<string, string | number | undefined>>;
    readonly data?: unknown;
  };
}

function isRequestError(error: unknown): error is RequestError {
  return error instanceof Error && 'status' in error && typeof error.status === 'number';
}

/** The HTTP status of a failed call; `null` for anything else that was thrown. */
export function statusOf(error: unknown): number | null {
  return isRequestError(error) ? error.status : null;
}

/** How long to wait before the call is made again; `null`: it will not get better. Milliseconds. */
function patience(error: unknown, attempt: number): number | null {
  if (!isRequestError(error)) return null;
  const { status, response } = error;
  const limited =
    status === 429 ||
    (status === 403 && /rate limit|abuse/i.test(error.message)) ||
    (status >= 500 && status !== 501);
  if (!limited) return null;
  const after = Number(response?.headers?.['retry-after']);
  if (Number.isFinite(after) && after >= 0)
    return after * 1000 > LONGEST_PAUSE ? null : after * 1000 + Math.random() * 500;
  return Math.random() * 500 + 500 * 2 ** attempt;
}

/** Refusals that a user can do something about, as messages; the rest as it is. */
function explained(error: unknown, doing: string, permission: string): unknown {
  if (!isRequestError(error)) return error;
  const { status, message } = error;
  const say = (help: string) =>
    new UserError(`GitHub refused to ${doing} (${status}): ${message.slice(0, 300)}`, { help, cause: error });
  if (status === 401)
    return say('The token is not valid (any more): pass `github.token` as the input "token".');
  if (status === 403 && /rate limit|abuse/i.test(message))
    return say('The rate limit is used up: run it again later, or use a token of a GitHub App.');
  if (status === 403)
    return say(
      `Grant it to the job: \`permissions: { ${permission} }\`. A pull request from a fork never gets it: its token can only read.`,
    );
  if (status === 404)
    return say(
      `Check the repository's name, and that the token may see it (\`permissions: { ${permission} }\`).`,
    );
  if (status >= 500)
    return say('GitHub has trouble (githubstatus.com). Run it again; what is done is not done twice.');
  return say('Look at the message above; run it again when its cause is gone.');
}

const WRITE = 'contents: write';
const PER_PAGE = 100;
/** Drafts come first in the list: what is not on these pages is not one of ours. */
const MAX_PAGES = 10;

function releases(call: Call): GitHubReleases {
  const find = async (tag: string): Promise<GitHubRelease | null> => {
    const published = await call('read a release', 'contents: read', async (octokit, repo) => {
      try {
        return (await octokit.rest.repos.getReleaseByTag({ ...repo, tag })).data;
      } catch (error) {
        if (statusOf(error) === 404) return null;
        throw error;
      }
    });
    if (published) return toRelease(published);
    // Drafts cannot be had by their tag.
    for (let page = 1; page <= MAX_PAGES; page++) {
      const { data } = await call('list releases', 'contents: read', (octokit, repo) =>
        octokit.rest.repos.listReleases({ ...repo, per_page: PER_PAGE, page }),
      );
      const draft = data.find((one) => one.draft && one.tag_name === tag);
      if (draft) return toRelease(draft);
      if (data.length < PER_PAGE) break;
    }
    return null;
  };
  return {
    find,
    draft: ({ tag, title, body, prerelease }) =>
      call('create a release', WRITE, async (octokit, repo) => {
        // Looked for in every attempt: one whose answer was lost may have been served.
        const found = await find(tag);
        if (found) return found;
        try {
          const { data } = await octokit.rest.repos.createRelease({
            ...repo,
            tag_name: tag,
            name: title,
            body,
            prerelease,
            draft: true,
          });
          return toRelease(data);
        } catch (error) {
          const winner =
            statusOf(error) === 422 && /already_exists/.test(messageOf(error)) ? await find(tag) : null;
          if (winner) return winner;
          throw error;
        }
      }),
    update: (id, { body, publish }) =>
      call('change a release', WRITE, async (octokit, repo) => {
        const { data } = await octokit.rest.repos.updateRelease({
          ...repo,
          release_id: id,
          ...(body !== undefined && { body }),
          // `legacy`: the newest by date and version is shown as "Latest", as without Lading.
          ...(publish && { draft: false, make_latest: 'legacy' }),
        });
        return toRelease(data);
      }),
    assets: (id) =>
      call('list the assets of a release', 'contents: read', async (octokit, repo) => {
        const all = await octokit.paginate(octokit.rest.repos.listReleaseAssets, {
          ...repo,
          release_id: id,
          per_page: PER_PAGE,
        });
        return all.map((one) => ({
          id: one.id,
          name: one.name,
          size: one.size,
          complete: one.state === 'uploaded',
        }));
      }),
    upload: ({ uploadUrl }, { name, type, bytes }) =>
      call(`upload "${name}" to a release`, WRITE, async (octokit) => {
        await octokit.request({
          method: 'POST',
          url: uploadUrl,
          name,
          data: Buffer.from(bytes),
          headers: { 'content-type': type },
        });
      }),
    removeAsset: async (asset) => {
      await call('delete an asset', WRITE, (octokit, repo) =>
        octokit.rest.repos.deleteReleaseAsset({ ...repo, asset_id: asset }),
      );
    },
  };
}

function toRelease(data: {
  readonly id: number;
  readonly tag_name: string;
  readonly html_url: string;
  readonly upload_url: string;
  readonly draft: boolean;
  readonly body?: string | null;
  readonly immutable?: boolean;
}): GitHubRelease {
  return {
    id: data.id,
    tag: data.tag_name,
    url: data.html_url,
    draft: data.draft,
    immutable: data.immutable ?? false,
    body: data.body ?? '',
    uploadUrl: data.upload_url,
  };
}
