import { messageOf, UserError } from './errors.ts';
import { caller, type GitHubOptions, statusOf } from './github.ts';

/** A comment in the conversation of a pull request. */
export interface PullComment {
  readonly id: number;
  readonly body: string;
}

export interface PullComments {
  /** Comments whose text begins with `prefix` and that the owner of the token wrote, oldest first. */
  own(pull: number, prefix: string): Promise<PullComment[]>;
  create(pull: number, body: string): Promise<PullComment>;
  /** `false`: somebody has deleted it. */
  update(id: number, body: string): Promise<boolean>;
  /** One that is gone already is no error. */
  remove(id: number): Promise<void>;
}

const WRITE = 'pull-requests: write';
const READ = 'pull-requests: read';
const PER_PAGE = 100;
/** GitHub takes 2,500 comments on a pull request. */
const MAX_PAGES = 50;

/** The comments of pull requests. Source: docs.github.com, REST "issue comments" (a pull request is an issue). */
export function pullComments(options: GitHubOptions): PullComments {
  const call = caller(options);
  let viewer: Promise<string> | null = null;
  /** The login behind the token. REST does not tell it for the tokens of jobs and apps; GraphQL does. */
  const whoAmI = (): Promise<string> => {
    viewer ??= call('read whose token it is', READ, async (octokit) => {
      try {
        const answer = await octokit.graphql<{ viewer: { login: string } }>('query { viewer { login } }');
        return answer.viewer.login;
      } catch (error) {
        if (statusOf(error) !== null) throw error;
        // Refusals of GraphQL come with the status 200.
        throw new UserError(`GitHub does not say whose token it is: ${messageOf(error).slice(0, 300)}`, {
          cause: error,
        });
      }
    });
    return viewer;
  };
  const own = async (pull: number, prefix: string): Promise<PullComment[]> => {
    const found: { id: number; body: string; author: string }[] = [];
    // All pages: a tool that reads the first one only comments again and again on long pull requests.
    for (let page = 1; page <= MAX_PAGES; page++) {
      const { data } = await call('list the comments of a pull request', READ, (octokit, repo) =>
        octokit.rest.issues.listComments({ ...repo, issue_number: pull, per_page: PER_PAGE, page }),
      );
      for (const { id, body, user } of data)
        if (body?.startsWith(prefix) && user) found.push({ id, body, author: user.login });
      if (data.length < PER_PAGE) break;
    }
    if (found.length === 0) return [];
    // Anybody can write a comment that begins like ours: it is not for us to change.
    const me = await whoAmI();
    return found
      .filter((one) => one.author === me)
      .map(({ id, body }) => ({ id, body }))
      .sort((a, b) => a.id - b.id);
  };
  return {
    own,
    async create(pull, body) {
      let again = false;
      return call('comment on the pull request', WRITE, async (octokit, repo) => {
        // An attempt whose answer was lost may have been served.
        const served = again ? (await own(pull, body)).at(-1) : undefined;
        if (served) return served;
        again = true;
        const { data } = await octokit.rest.issues.createComment({ ...repo, issue_number: pull, body });
        return { id: data.id, body };
      });
    },
    update: (id, body) =>
      call('update its comment on the pull request', WRITE, async (octokit, repo) => {
        try {
          await octokit.rest.issues.updateComment({ ...repo, comment_id: id, body });
          return true;
        } catch (error) {
          if (statusOf(error) === 404) return false;
          throw error;
        }
      }),
    remove: (id) =>
      call('delete its second comment on the pull request', WRITE, async (octokit, repo) => {
        try {
          await octokit.rest.issues.deleteComment({ ...repo, comment_id: id });
        } catch (error) {
          if (statusOf(error) !== 404) throw error;
        }
      }),
  };
}
