import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CONTRACT_FILES } from '../check/contract-files.ts';
import { readDeclared } from '../check/declared.ts';
import { inspectModel } from '../check/inspect.ts';
import type { Contract } from '../contract/types.ts';
import { walk } from '../model/walk.ts';
import type { Git, ObjectId } from '../ports/git.ts';
import type { Ports } from './command.ts';
import type { ModelSettings } from './config.ts';

/** A model, and where it was at the commit: a folder from the root of the repository (`.` for all of it). */
export interface Past {
  readonly settings: ModelSettings;
  readonly folder: string;
}

/** Models whose files are written out at the same time: bytes. A larger model is written out alone. */
const AT_ONCE = 1_000_000_000;

/**
 * The contracts of models as they stood at a commit: the declared ones, else what their files said. Git is asked for
 * all models together; files other than contracts are written out only where nothing was declared.
 * @returns by model name; models that were not there, or whose files say nothing, are missing.
 */
export async function contractsAt(
  git: Git,
  root: string,
  commit: ObjectId,
  models: readonly Past[],
  ports: Ports,
): Promise<Map<string, Contract>> {
  const contracts = new Map<string, Contract>();
  if (models.length === 0) return contracts;
  const files = await filesAt(root, commit, models, ports);
  const scratch = mkdtempSync(join(tmpdir(), 'lading-base-'));
  try {
    await readDeclarations(git, files, join(scratch, 'declared'), contracts);
    const silent = files.filter(
      ({ past, files: own }) => !contracts.has(past.settings.name) && own.length > 0,
    );
    if (silent.length === 0) return contracts;
    // An index of its own: that of the user is never touched. Pointers of Git LFS stay pointers.
    const env = { GIT_INDEX_FILE: join(scratch, 'index'), GIT_LFS_SKIP_SMUDGE: '1' };
    if ((await ports.exec('git', ['read-tree', commit], { cwd: root, env })).code !== 0) return contracts;
    for (const some of portions(silent)) {
      const out = join(scratch, 'files');
      const paths = some.flatMap((one) => one.files.map((file) => file.path));
      await ports.exec(
        'git',
        ['-c', 'core.symlinks=false', 'checkout-index', '-z', '--stdin', `--prefix=${out}/`],
        { cwd: root, env, input: `${paths.join('\0')}\0` },
      );
      for (const { past } of some) {
        const contract = await readModel(past, join(out, past.folder));
        if (contract) contracts.set(past.settings.name, contract);
      }
      rmSync(out, { recursive: true, force: true });
    }
    return contracts;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

interface PastFile {
  readonly path: string;
  readonly id: ObjectId;
  /** Bytes; a file of Git LFS has those of its pointer. */
  readonly size: number;
}

interface PastFiles {
  readonly past: Past;
  readonly files: readonly PastFile[];
}

const ENTRY = /^100\d{3} blob ([0-9a-f]{40,64}) +(\d+)\t(.+)$/s;
/** Folders in one call: Linux allows 128 KiB for one argument and megabytes for all. */
const FOLDERS = 1000;

/** The regular files of models at a commit. */
async function filesAt(
  root: string,
  commit: ObjectId,
  models: readonly Past[],
  ports: Ports,
): Promise<PastFiles[]> {
  const all: PastFile[] = [];
  for (let at = 0; at < models.length; at += FOLDERS) {
    const folders = models.slice(at, at + FOLDERS).map((one) => one.folder);
    const args = ['ls-tree', '-r', '-l', '-z', '--full-tree', commit, '--', ...folders];
    const { code, stdout } = await ports.exec('git', args, {
      cwd: root,
      env: { GIT_LITERAL_PATHSPECS: '1' },
    });
    if (code !== 0) continue;
    for (const record of stdout.split('\0')) {
      const [, id, size, path] = ENTRY.exec(record) ?? [];
      if (id !== undefined && path !== undefined) all.push({ path, id, size: Number(size) });
    }
  }
  const byFolder = new Map<string, PastFile[]>(models.map((one) => [one.folder, []]));
  for (const file of all) {
    for (let folder = dirname(file.path); ; folder = dirname(folder)) {
      byFolder.get(folder)?.push(file);
      if (folder === '.') break;
    }
  }
  return models.map((past) => ({ past, files: byFolder.get(past.folder) ?? [] }));
}

async function readDeclarations(
  git: Git,
  models: readonly PastFiles[],
  scratch: string,
  contracts: Map<string, Contract>,
): Promise<void> {
  const declared = models.flatMap(({ past, files }) =>
    CONTRACT_FILES.flatMap((name) => {
      const path = past.folder === '.' ? name : `${past.folder}/${name}`;
      const file = files.find((one) => one.path === path);
      return file && file.size <= AT_ONCE ? [{ past, name, id: file.id }] : [];
    }),
  );
  if (declared.length === 0) return;
  const contents = await git.cat([...new Set(declared.map((one) => one.id))]);
  const folders = new Map<Past, string>();
  for (const { past, name, id } of declared) {
    const folder = folders.get(past) ?? join(scratch, String(folders.size));
    folders.set(past, folder);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, name), contents.get(id) ?? '');
  }
  for (const [past, folder] of folders) {
    const { contract } = readDeclared(walk(past.folder, folder));
    if (contract) contracts.set(past.settings.name, contract.contract);
  }
}

async function readModel({ settings, folder }: Past, absolute: string): Promise<Contract | null> {
  const directory = walk(folder, absolute);
  const { inspection } = await inspectModel(directory, { name: settings.name, choice: settings.file });
  return inspection.contract;
}

/** Models in portions of at most `AT_ONCE` bytes; a larger one is a portion of its own. */
function* portions(models: readonly PastFiles[]): Generator<PastFiles[]> {
  let some: PastFiles[] = [];
  let size = 0;
  for (const model of models) {
    const own = model.files.reduce((sum, file) => sum + file.size, 0);
    if (some.length > 0 && size + own > AT_ONCE) {
      yield some;
      some = [];
      size = 0;
    }
    some.push(model);
    size += own;
  }
  if (some.length > 0) yield some;
}
