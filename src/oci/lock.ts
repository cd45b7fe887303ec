import { randomBytes } from 'node:crypto';
import { link, readFile, rename, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../ports/errors.ts';

/** A holder needs milliseconds; one on another machine is taken for dead after this (milliseconds). */
const STALE = 30_000;
const PATIENCE = 120_000;

/** The lock was taken away from us, because we looked dead: what it protects has to be read again. */
class LostLock extends Error {
  override readonly name = 'LostLock';
}

/**
 * Runs `body` while no other process does so with the same lock file. A lock whose holder has died is taken over.
 * `body` calls `stillMine` right before its one visible effect; when the lock was lost, `body` starts over.
 */
export async function withLock<T>(
  path: string,
  body: (stillMine: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const mine = `${process.pid} ${hostname()} ${randomBytes(8).toString('hex')}\n`;
  const stillMine = async () => {
    if ((await content(path)) !== mine) throw new LostLock('the lock was taken over');
  };
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    await acquire(path, mine, deadline);
    try {
      return await body(stillMine);
    } catch (error) {
      if (!(error instanceof LostLock)) throw error;
    } finally {
      if ((await content(path)) === mine) await rm(path, { force: true });
    }
  }
}

async function acquire(path: string, mine: string, deadline: number): Promise<void> {
  // The content is there before the name is: nobody ever reads a lock that is half written.
  const draft = `${path}.${process.pid}-${randomBytes(6).toString('hex')}`;
  await writeFile(draft, mine, { flag: 'wx' });
  try {
    for (let wait = 5; ; wait = Math.min(wait * 1.5, 100)) {
      try {
        await place(draft, path, mine);
        return;
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
      }
      const holder = await content(path);
      if (holder === mine) return;
      if (holder !== null && (await isDead(path, holder))) await takeAway(path, holder);
      else if (Date.now() > deadline)
        throw new UserError(`another process holds the lock "${path}"`, {
          help: 'Wait for it to end. If none is running, remove the file.',
        });
      else await sleep(wait * (0.5 + Math.random()));
    }
  } finally {
    await rm(draft, { force: true });
  }
}

async function place(draft: string, path: string, mine: string): Promise<void> {
  try {
    await link(draft, path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    // File systems without hard links (FAT, some network shares).
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS') throw error;
    await writeFile(path, mine, { flag: 'wx' });
  }
}

async function isDead(path: string, holder: string): Promise<boolean> {
  const [pid, host] = holder.trim().split(' ');
  if (host === hostname() && pid !== undefined && /^\d{1,10}$/.test(pid)) {
    try {
      process.kill(Number(pid), 0);
    } catch (error) {
      return error instanceof Error && 'code' in error && error.code === 'ESRCH';
    }
  }
  const info = await stat(path).catch(() => null);
  return info !== null && Date.now() - info.mtimeMs > STALE;
}

/** Removes the lock of a dead holder; when a living one took it in the meantime, that one gets it back. */
async function takeAway(path: string, dead: string): Promise<void> {
  const aside = `${path}.${process.pid}-${randomBytes(6).toString('hex')}`;
  try {
    await rename(path, aside);
  } catch {
    return;
  }
  if ((await content(aside)) !== dead) await link(aside, path).catch(() => {});
  await unlink(aside).catch(() => {});
}

async function content(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch(() => null);
}
