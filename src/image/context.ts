import {
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Contract } from '../contract/types.ts';
import type { ModelDirectory } from '../model/walk.ts';
import { CONTEXT, INSIDE } from './dockerfile.ts';
import type { Loader } from './requirements.ts';

export interface ContextPlan {
  readonly directory: ModelDirectory;
  readonly loader: Loader;
  /** File or folder within the directory that the loader is given. */
  readonly path: string;
  readonly contract: Contract;
  readonly requirements: string;
  readonly dockerfile: string;
}

/** Files from this size on are in the layer of the weights; smaller ones change with the code. */
const LARGE = 1024 * 1024;
/** Is about the image, not in it. */
const NOT_INSIDE = new Set(['Dockerfile', '.dockerignore']);

/**
 * Writes the build context: fixed names at the top, trees from `/` on below them, and for every file and folder
 * the same owner's rights and time zero. File names of the model stay names of files.
 */
export function writeContext(plan: ContextPlan, target: string): void {
  const tree = (layer: string, inside: string): string => join(target, layer, inside);
  for (const layer of [CONTEXT.weights, CONTEXT.code])
    mkdirSync(tree(layer, INSIDE.model), { recursive: true });
  for (const file of plan.directory.files) {
    if (NOT_INSIDE.has(file.path)) continue;
    const ofModel = plan.loader !== 'predict' && (file.path === plan.path || isBelow(file.path, plan.path));
    const layer = ofModel || file.size >= LARGE ? CONTEXT.weights : CONTEXT.code;
    copy(file.absolute, join(tree(layer, INSIDE.model), file.path));
  }
  for (const path of serverFiles(plan.loader))
    copy(join(serverFolder(), path), join(tree(CONTEXT.code, INSIDE.server), path));
  mkdirSync(tree(CONTEXT.contract, INSIDE.home), { recursive: true });
  const write = (path: string, text: string): void => writeFileSync(path, text);
  write(tree(CONTEXT.contract, `${INSIDE.home}/contract.json`), `${JSON.stringify(plan.contract)}\n`);
  const serving = { loader: plan.loader, path: plan.path };
  write(tree(CONTEXT.contract, `${INSIDE.home}/serving.json`), `${JSON.stringify(serving)}\n`);
  write(join(target, CONTEXT.requirements), plan.requirements);
  write(join(target, 'Dockerfile'), plan.dockerfile);
  level(target);
}

/** Whether `path` is in the folder; '' is the whole directory. */
function isBelow(path: string, folder: string): boolean {
  return folder !== '' && path.startsWith(`${folder}/`);
}

/** Where the file system can, a copy shares its blocks with the original. */
function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to, constants.COPYFILE_FICLONE);
}

/** Rights that every user of the image can read with, and no time of day. */
function level(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) level(path);
    else {
      chmodSync(path, 0o644);
      utimesSync(path, 0, 0);
    }
  }
  chmodSync(folder, 0o755);
  utimesSync(folder, 0, 0);
}

/** The folder of the server's Python files: beside the sources, or beside the bundle that was made of them. */
export function serverFolder(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const candidates = [join(here, 'server'), join(here, '..', 'server'), join(here, '..', 'dist', 'server')];
  const found = candidates.find((folder) => existsSync(join(folder, '__main__.py')));
  if (found === undefined) throw new Error(`the server's files are missing beside ${here}`);
  return found;
}

/** Python files of the server for one loader, relative to `serverFolder()`, sorted. */
export function serverFiles(loader: Loader): string[] {
  const core = readdirSync(serverFolder()).filter((name) => name.endsWith('.py'));
  return [...core, 'loaders/__init__.py', `loaders/${loader}.py`].sort();
}
