import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

export interface GitServer {
  readonly url: string;
  /** Every `Authorization` header that came, per request; several in one request are joined by a comma. */
  readonly authorizations: readonly (string | undefined)[];
  /** Answers all requests with this status from now on; `null` serves again. */
  refuse(status: number | null): void;
  /** Serves the next pushes, and answers them with 503: the answer was lost on the way. */
  losePushes(times: number): void;
}

/**
 * Serves the bare repositories below `root` by git's own `http-backend`, as git-http-backend(1) describes (CGI).
 * @param password when given, requests without exactly this Basic password get a 401.
 */
export async function gitServer(t: TestContext, root: string, password?: string): Promise<GitServer> {
  const authorizations: (string | undefined)[] = [];
  let refused: number | null = null;
  let lost = 0;
  const server = createServer((request, response) => {
    const sent = request.headers.authorization;
    authorizations.push(sent);
    const wanted =
      password === undefined ? null : Buffer.from(`x-access-token:${password}`).toString('base64');
    if (wanted !== null && sent !== `basic ${wanted}` && sent !== `Basic ${wanted}`) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
      return;
    }
    if (refused !== null) {
      response.writeHead(refused).end();
      return;
    }
    const url = new URL(request.url ?? '/', 'http://localhost');
    const backend = spawn('git', ['http-backend'], {
      env: {
        ...process.env,
        GIT_PROJECT_ROOT: root,
        GIT_HTTP_EXPORT_ALL: '1',
        // Without it the backend asks for http.receivepack in the configuration of the repository.
        REMOTE_USER: 'tester',
        PATH_INFO: url.pathname,
        QUERY_STRING: url.search.slice(1),
        REQUEST_METHOD: request.method ?? 'GET',
        CONTENT_TYPE: request.headers['content-type'] ?? '',
        HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
        GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    request.pipe(backend.stdin);
    const parts: Buffer[] = [];
    backend.stdout.on('data', (chunk: Buffer) => parts.push(chunk));
    const lose = request.method === 'POST' && url.pathname.endsWith('/git-receive-pack') && lost > 0;
    if (lose) lost--;
    backend.on('close', () => {
      if (lose) {
        response.writeHead(503).end();
        return;
      }
      const whole = Buffer.concat(parts);
      const end = whole.indexOf('\r\n\r\n');
      const head = whole.toString('latin1', 0, end).split('\r\n');
      let status = 200;
      for (const line of head) {
        const at = line.indexOf(':');
        const [name, value] = [line.slice(0, at), line.slice(at + 1).trim()];
        if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10);
        else response.setHeader(name, value);
      }
      response.writeHead(status).end(whole.subarray(end + 4));
    });
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  t.after(
    () =>
      new Promise((closed) => {
        server.closeAllConnections();
        server.close(closed);
      }),
  );
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    authorizations,
    refuse: (status) => {
      refused = status;
    },
    losePushes: (times) => {
      lost = times;
    },
  };
}
