import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';

/** Keeps the tests away from the configuration and the identity of whoever runs them. */
export const CLEAN_GIT: Readonly<Record<string, string>> = {
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_COUNT: '0',
  LC_ALL: 'C',
};
Object.assign(process.env, CLEAN_GIT);

/** A folder that is gone after the test. */
export function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'lading-test-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs git and gives what it printed. */
export function git(cwd: string, ...args: string[]): string {
  const who = ['-c', 'user.name=Tester', '-c', 'user.email=tester@example.invalid'];
  return execFileSync('git', [...who, ...args], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...CLEAN_GIT },
  }).trimEnd();
}

export function write(root: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
}

/** A repository with one commit on `main`. */
export function repository(
  folder: string,
  files: Readonly<Record<string, string>> = { 'README.md': 'hi\n' },
): string {
  mkdirSync(folder, { recursive: true });
  git(folder, 'init', '-q', '-b', 'main');
  commitAll(folder, files);
  return folder;
}

export function commitAll(root: string, files: Readonly<Record<string, string | Uint8Array>>): string {
  write(root, files);
  git(root, 'add', '-A');
  git(root, 'commit', '-q', '-m', 'change');
  return git(root, 'rev-parse', 'HEAD');
}

/** A bare repository as a server has it, and a clone of it with one commit on `main` pushed. */
export function withRemote(t: TestContext): { remote: string; clone: string; root: string } {
  const root = scratch(t);
  const remote = join(root, 'remote.git');
  git(root, 'init', '-q', '--bare', '-b', 'main', remote);
  const clone = repository(join(root, 'clone'));
  git(clone, 'remote', 'add', 'origin', remote);
  git(clone, 'push', '-q', '-u', 'origin', 'main');
  return { remote, clone, root };
}
