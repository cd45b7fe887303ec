import { type GitHubApi, notFound, paged, REPOSITORY } from './github-api.ts';

/** A comment as GitHub keeps it. */
export interface Comment {
  id: number;
  pull: number;
  author: string;
  body: string;
}

export interface Comments {
  readonly all: Comment[];
  /** Who owns the token; `null`: GraphQL does not say. */
  viewer: string | null;
  /** Somebody comments. */
  add(author: string, body: string, pull?: number): Comment;
  /** Called once, right after the next comment was created and before its answer. */
  onCreate: (() => void) | null;
}

const BOT = 'github-actions[bot]';

/**
 * Adds the comments of pull requests to the loopback API: the shapes, statuses and limits of
 * https://docs.github.com/rest/issues/comments and of the `viewer` of GraphQL.
 */
export function commentRoutes(api: GitHubApi): Comments {
  let next = 1_000;
  const state: Comments = {
    all: [],
    viewer: BOT,
    onCreate: null,
    add(author, body, pull = 7) {
      const comment = { id: next++, pull, author, body };
      state.all.push(comment);
      return comment;
    },
  };
  const base = `^/repos/${REPOSITORY}/issues`;
  const show = ({ id, pull, author, body }: Comment) => ({
    id,
    node_id: `IC_${id}`,
    url: `${api.url}/repos/${REPOSITORY}/issues/comments/${id}`,
    html_url: `https://github.invalid/${REPOSITORY}/pull/${pull}#issuecomment-${id}`,
    body,
    user: { login: author, type: author.endsWith('[bot]') ? 'Bot' : 'User' },
    author_association: 'NONE',
  });
  const tooLong = (body: unknown) =>
    String(body ?? '').length > 65_536
      ? {
          status: 422,
          body: {
            message: 'Validation Failed',
            errors: [
              {
                resource: 'IssueComment',
                code: 'unprocessable',
                field: 'data',
                message: 'Body is too long (maximum is 65536 characters)',
              },
            ],
          },
        }
      : null;
  const at = (id: string | undefined) => state.all.findIndex((one) => one.id === Number(id));

  api.on('GET', new RegExp(`${base}/(\\d+)/comments$`), (request) =>
    paged(request, api.url, state.all.filter((one) => one.pull === Number(request.groups[0])).map(show)),
  );
  api.on('POST', new RegExp(`${base}/(\\d+)/comments$`), (request) => {
    const body = request.json()['body'];
    const refused = tooLong(body);
    if (refused) return refused;
    const comment = state.add(state.viewer ?? BOT, String(body), Number(request.groups[0]));
    const then = state.onCreate;
    state.onCreate = null;
    then?.();
    return { status: 201, body: show(comment) };
  });
  api.on('PATCH', new RegExp(`${base}/comments/(\\d+)$`), (request) => {
    const comment = state.all[at(request.groups[0])];
    const body = request.json()['body'];
    if (!comment) return notFound;
    const refused = tooLong(body);
    if (refused) return refused;
    comment.body = String(body);
    return { status: 200, body: show(comment) };
  });
  api.on('DELETE', new RegExp(`${base}/comments/(\\d+)$`), (request) => {
    const index = at(request.groups[0]);
    if (index === -1) return notFound;
    state.all.splice(index, 1);
    return { status: 204 };
  });
  api.on('POST', /^\/graphql$/, (request) => {
    if (!String(request.json()['query']).includes('viewer')) return { status: 200, body: { errors: [] } };
    if (state.viewer === null)
      return {
        status: 200,
        body: {
          data: null,
          errors: [
            { type: 'FORBIDDEN', path: ['viewer'], message: 'Resource not accessible by integration' },
          ],
        },
      };
    return { status: 200, body: { data: { viewer: { login: state.viewer } } } };
  });
  return state;
}
