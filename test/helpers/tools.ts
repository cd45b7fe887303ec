import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

/** The nektos/act that workflows are tested with. */
export const ACT_VERSION = 'v0.2.89';

/** Where the project puts programs that tests need: LADING_TOOLS, or a folder in the user's cache. */
export function toolsFolder(): string {
  return process.env['LADING_TOOLS'] ?? join(homedir(), '.cache', 'lading', 'tools');
}

/** The path of nektos/act, or `null` when it is neither on the PATH nor among the project's tools. */
export function findAct(): string | null {
  const folders = [toolsFolder(), ...(process.env['PATH'] ?? '').split(delimiter)];
  return folders.map((folder) => join(folder, 'act')).find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
