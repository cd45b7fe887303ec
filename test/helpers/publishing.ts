import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Publication } from '../../src/release/publish.ts';
import { git } from './git-repo.ts';
import type { Run } from './publish-driver.ts';

const DRIVER = join(import.meta.dirname, 'publish-driver.ts');

export interface Ended {
  readonly signal: NodeJS.Signals | null;
  readonly result: Publication | null;
  readonly stderr: string;
}

/** Publishes in a process of its own. */
export function publishProcess(run: Run): Promise<Ended> {
  const child = spawn(process.execPath, [DRIVER, JSON.stringify(run)], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  return new Promise((ended) => {
    child.on('close', (_code, signal) =>
      ended({ signal, result: stdout === '' ? null : (JSON.parse(stdout) as Publication), stderr }),
    );
  });
}

/** All that a publish leaves behind, as one comparable value: the branch's commit and every file of the layouts. */
export function stateOf(gitDir: string, branch: string, layouts: string): unknown {
  const files: Record<string, string> = {};
  if (existsSync(layouts))
    for (const entry of readdirSync(layouts, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      files[path.slice(layouts.length)] = createHash('sha256').update(readFileSync(path)).digest('hex');
    }
  return {
    commit: git(gitDir, 'rev-parse', branch),
    files: Object.fromEntries(Object.entries(files).sort()),
  };
}

export function ledgerLines(gitDir: string, branch = 'main', name = 'wine'): Record<string, unknown>[] {
  const text = git(gitDir, 'show', `${branch}:ledger/${name}.jsonl`);
  return text.split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
}
