import { createServer } from 'node:net';
import { stripVTControlCharacters } from 'node:util';
import { quietly, Unexpected } from './run.ts';
import { command, output, style } from './screen.ts';

/** Where the generated Dockerfile could start from: a public image, or the one that the tests make. */
const BASES = ['python:3.11-slim', 'lading-test/python:3.11'];

/** A base image that is here or can be pulled, or why there is none. */
export async function findBase(cwd: string): Promise<{ base: string } | { why: string }> {
  const engine = await quietly(cwd, 'docker', ['info', '--format', '{{.ServerVersion}}']).catch(() => null);
  if (engine === null) return { why: 'There is no Docker on this machine.' };
  if (engine.code !== 0) return { why: 'The Docker engine of this machine does not run.' };
  for (const base of BASES)
    if ((await quietly(cwd, 'docker', ['image', 'inspect', base])).code === 0) return { base };
  const [first = ''] = BASES;
  if ((await quietly(cwd, 'timeout', ['60', 'docker', 'pull', '-q', first])).code === 0)
    return { base: first };
  return { why: `Docker can pull no ${first} here; scripts/ci/docker.sh makes a base image.` };
}

/** Starts the image, calls it as a client would, and removes the container whatever happens. */
export async function callImage(cwd: string, image: string, good: object, bad: object): Promise<void> {
  const port = await freePort();
  const run = ['run', '--detach', '--rm', '--publish', `127.0.0.1:${port}:8080`, image];
  command(`docker ${run.join(' ')}`);
  const started = await quietly(cwd, 'docker', run);
  if (started.code !== 0) throw new Unexpected(`the container does not start\n${started.text}`);
  const container = started.stdout.trim();
  output(container.slice(0, 12));
  try {
    await ready(port, () => quietly(cwd, 'docker', ['logs', container]).then(({ text }) => text));
    await call(port, good, 200);
    await call(port, bad, 400);
  } finally {
    await quietly(cwd, 'docker', ['rm', '--force', container]);
  }
}

async function ready(port: number, logs: () => Promise<string>): Promise<void> {
  const end = Date.now() + 60_000;
  while (Date.now() < end) {
    const up = await fetch(`http://127.0.0.1:${port}/readyz`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (up) return;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Unexpected(`the container is not ready within a minute\n${await logs()}`);
}

async function call(port: number, payload: object, expected: number): Promise<void> {
  const body = JSON.stringify(payload);
  command(`curl -i http://127.0.0.1:${port}/predict --json '${shortened(body, 60)}'`);
  const answer = await fetch(`http://127.0.0.1:${port}/predict`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
  });
  const text = stripVTControlCharacters(await answer.text());
  output(style(answer.ok ? 'green' : 'yellow', `HTTP ${answer.status} ${answer.statusText}`));
  output(shortened(text, 600));
  if (answer.status !== expected)
    throw new Unexpected(`/predict answered ${answer.status}; ${expected} was expected`);
}

const shortened = (text: string, length: number) =>
  text.length <= length ? text : `${text.slice(0, length - 1)}…`;

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(address !== null && typeof address === 'object' ? address.port : 0));
    });
  });
}
