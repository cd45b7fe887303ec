/**
 * Runs before `npm test`. Says in a few lines what this machine lacks and which tests will skip for it; with
 * LADING_REQUIRE_DOCKER=1 (as in CI, where nothing may be skipped) a lack is a failure.
 * The one thing that it installs is nektos/act, once, where Go is at hand: into LADING_TOOLS or the user's cache.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { ACT_VERSION, findAct, toolsFolder } from '../test/helpers/tools.ts';

interface Need {
  readonly what: string;
  /** What its lack costs. */
  readonly without: string;
  /** How to have it. */
  readonly remedy: string;
  readonly present: () => boolean | Promise<boolean>;
}

const registry = process.env['LADING_TEST_REGISTRY'] ?? '127.0.0.1:5000';
const base = process.env['LADING_TEST_BASE'] ?? 'lading-test/python:3.11';

const NEEDS: readonly Need[] = [
  {
    what: 'Docker engine with buildx',
    without: 'images are not built, started and called',
    remedy: 'start Docker; on a bare Debian: scripts/ci/docker.sh',
    present: () => succeeds('docker', ['info']) && succeeds('docker', ['buildx', 'version']),
  },
  {
    what: `base image ${base}`,
    without: 'images are not built, started and called',
    remedy: `docker pull python:3.11-slim && docker tag python:3.11-slim ${base}`,
    present: () => succeeds('docker', ['image', 'inspect', base]),
  },
  {
    what: `registry at ${registry}`,
    without: 'nothing is pushed to a registry that others wrote',
    remedy: 'scripts/ci/docker.sh, or any registry by LADING_TEST_REGISTRY=host:port',
    present: () => registryAnswers(),
  },
  {
    what: `nektos/act ${ACT_VERSION}`,
    without: 'workflows are not run',
    remedy: 'install Go, or put act on the PATH',
    present: () => findAct() !== null || installAct(),
  },
];

function succeeds(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore', timeout: 30_000 }).status === 0;
}

async function registryAnswers(): Promise<boolean> {
  try {
    const answer = await fetch(`http://${registry}/v2/`, { signal: AbortSignal.timeout(3_000) });
    return answer.status === 200 || answer.status === 401;
  } catch {
    return false;
  }
}

function installAct(): boolean {
  if (!succeeds('go', ['version'])) return false;
  const folder = toolsFolder();
  mkdirSync(folder, { recursive: true });
  console.log(`Installing nektos/act ${ACT_VERSION} with Go into ${folder} (once, one to three minutes)`);
  const { status, stderr } = spawnSync('go', ['install', `github.com/nektos/act@${ACT_VERSION}`], {
    env: { ...process.env, GOBIN: folder },
    encoding: 'utf8',
    timeout: 600_000,
  });
  if (status !== 0) console.log(`  that failed: ${stderr.trim().split('\n').at(-1) ?? 'no message'}`);
  return status === 0;
}

const lacking: Need[] = [];
for (const need of NEEDS) if (!(await need.present())) lacking.push(need);

if (lacking.length === 0) {
  console.log('This machine has all that the tests need: nothing will be skipped.');
} else {
  const required = process.env['LADING_REQUIRE_DOCKER'] === '1';
  console.log(
    required
      ? 'LADING_REQUIRE_DOCKER=1 wants every test to run, and this machine lacks:'
      : 'Some tests will be skipped, because this machine lacks:',
  );
  for (const { what, without, remedy } of lacking) console.log(`  - ${what}: ${without} (${remedy})`);
  if (required) process.exitCode = 1;
}
