import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
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

/** A file of a layer: its path in the image without the leading `/`, and where its bytes are. */
interface Entry {
  readonly path: string;
  readonly size: number;
  readonly from: string | Uint8Array;
}

/** Files from this size on are in the layer of the weights; smaller ones change with the code. */
const LARGE = 1024 * 1024;
/** Is about the image, not in it. */
const NOT_INSIDE = new Set(['Dockerfile', '.dockerignore']);

/**
 * Writes the build context: fixed names, and one tar archive a layer, in which every file and folder has the same
 * rights, owner and time. What files are called is only ever a name in an archive.
 */
export async function writeContext(plan: ContextPlan, target: string): Promise<void> {
  const weights: Entry[] = [];
  const code: Entry[] = [];
  for (const file of plan.directory.files) {
    if (NOT_INSIDE.has(file.path)) continue;
    const ofModel = plan.loader !== 'predict' && (file.path === plan.path || isBelow(file.path, plan.path));
    const layer = ofModel || file.size >= LARGE ? weights : code;
    layer.push({ path: inside(INSIDE.model, file.path), size: file.size, from: file.absolute });
  }
  for (const path of serverFiles(plan.loader)) {
    const from = join(serverFolder(), path);
    code.push({ path: inside(INSIDE.server, path), size: statSync(from).size, from });
  }
  const json = (name: string, value: unknown): Entry => {
    const from = new TextEncoder().encode(`${JSON.stringify(value)}\n`);
    return { path: inside(INSIDE.home, name), size: from.length, from };
  };
  const contract = [
    json('contract.json', plan.contract),
    json('serving.json', { loader: plan.loader, path: plan.path }),
  ];
  mkdirSync(target, { recursive: true });
  writeFileSync(join(target, CONTEXT.requirements), plan.requirements);
  writeFileSync(join(target, CONTEXT.dockerfile), plan.dockerfile);
  await writeLayer(join(target, CONTEXT.weights), weights);
  await writeLayer(join(target, CONTEXT.code), code);
  await writeLayer(join(target, CONTEXT.contract), contract);
}

function inside(folder: string, path: string): string {
  return `${folder.slice(1)}/${path}`;
}

/** Whether `path` is in the folder; '' is the whole directory. */
function isBelow(path: string, folder: string): boolean {
  return folder === '' || path.startsWith(`${folder}/`);
}

async function writeLayer(target: string, entries: readonly Entry[]): Promise<void> {
  const { pack } = await import('tar-stream');
  const archive = pack();
  const written = pipeline(archive, createWriteStream(target));
  const fixed = { mtime: new Date(0), uid: 0, gid: 0, uname: '', gname: '' };
  // The model's folder is there even when it is empty: the server is started in it.
  const folders = new Set<string>();
  for (const path of [inside(INSIDE.model, ''), ...entries.map((entry) => entry.path)])
    for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1))
      folders.add(path.slice(0, at));
  for (const folder of [...folders].sort())
    archive.entry({ ...fixed, name: `${folder}/`, type: 'directory', mode: 0o755 });
  for (const { path, size, from } of [...entries].sort((a, b) => (a.path < b.path ? -1 : 1))) {
    const header = { ...fixed, name: path, type: 'file', mode: 0o644, size } as const;
    const source = typeof from === 'string' ? createReadStream(from) : Readable.from([from]);
    await pipeline(source, archive.entry(header));
  }
  archive.finalize();
  await written;
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
