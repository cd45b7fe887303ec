import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { plainEnvironment, run } from './runner.ts';

/** Linux's own account of a process when it ends: VmHWM is its peak memory. */
const account = (report: string) =>
  `data:text/javascript,${encodeURIComponent(
    `import { readFileSync, writeFileSync } from 'node:fs'; process.on('exit', () => writeFileSync(${JSON.stringify(report)}, readFileSync('/proc/self/status', 'utf8')));`,
  )}`;

/** Runs Node, and says what memory that took at most, in bytes. */
export async function memoryOf(folder: string, args: readonly string[]) {
  const reports = mkdtempSync(join(tmpdir(), 'lading-cost-'));
  try {
    const report = join(reports, 'report');
    const ran = await run(process.execPath, ['--import', account(report), ...args], {
      cwd: folder,
      env: plainEnvironment(),
    });
    return { ...ran, memory: Number(/^VmHWM:\s*(\d+)/m.exec(readFileSync(report, 'utf8'))?.[1]) * 1024 };
  } finally {
    rmSync(reports, { recursive: true });
  }
}
