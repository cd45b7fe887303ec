import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { plainEnvironment, run } from './runner.ts';

/** Linux's own account of a process when it ends: VmHWM is its peak memory, rchar what it read. */
const account = (report: string) =>
  `data:text/javascript,${encodeURIComponent(
    `import { readFileSync, writeFileSync } from 'node:fs'; process.on('exit', () => { const { user, system } = process.cpuUsage(); writeFileSync(${JSON.stringify(report)}, readFileSync('/proc/self/io', 'utf8') + readFileSync('/proc/self/status', 'utf8') + 'CpuTime: ' + (user + system) + '\\n'); });`,
  )}`;

/** Runs Node, and says what that took: bytes of memory at most, bytes read, seconds of processor time. */
export async function cost(folder: string, args: readonly string[]) {
  const reports = mkdtempSync(join(tmpdir(), 'lading-cost-'));
  try {
    const report = join(reports, 'report');
    const ran = await run(process.execPath, ['--import', account(report), ...args], {
      cwd: folder,
      env: plainEnvironment(),
    });
    const text = readFileSync(report, 'utf8');
    const number = (name: string) => Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(text)?.[1]);
    return { ...ran, memory: number('VmHWM') * 1024, read: number('rchar'), time: number('CpuTime') / 1e6 };
  } finally {
    rmSync(reports, { recursive: true });
  }
}
