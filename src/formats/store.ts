import type { OpenFile } from '../model/bytes.ts';
import { open } from '../model/walk.ts';
import type { Look } from './format.ts';
import { Malformed } from './format.ts';
import { entryBytes, type Zip } from './wire/zip.ts';

/** The files of a model that is a folder, or an archive of one: Spark and MLeap save both ways. */
export interface Store {
  /** What is right in a folder; '' is the top. */
  list(folder: string): Listing;
  file(path: string): StoredFile | undefined;
}

export interface Listing {
  readonly files: readonly StoredFile[];
  /** Names of the folders in it. */
  readonly folders: readonly string[];
}

export interface StoredFile {
  readonly path: string;
  /** Without its folders. */
  readonly name: string;
  readonly size: number;
  /** The caller disposes of it (`using`). @throws Malformed when it does not unpack, or to more than is read. */
  open(): OpenFile;
}

/** Most that one member of an archive may unpack to: tables of labels and footers, never weights. */
const MAX_MEMBER = 32 * 1024 * 1024;
/** Paths beyond these are no model's. */
const MAX_PATH = 1000;
const MAX_LEVELS = 40;

/** The files below a folder of the model directory; paths within it begin at that folder. */
export function folderStore(look: Look, folder: string): Store {
  const prefix = folder === '' || folder === '.' ? '' : `${folder}/`;
  const files = look.directory.files.filter((file) => file.path.startsWith(prefix));
  return storeOf(
    files.map((file) => ({
      path: file.path.slice(prefix.length),
      size: file.size,
      open: () => open(file),
    })),
  );
}

/** The members of an archive below a folder in it. The archive's file has to stay open meanwhile. */
export function zipStore(zip: Zip, folder: string): Store {
  const prefix = folder === '' ? '' : `${folder}/`;
  // Of members with the same name loaders take the last.
  const last = new Map(zip.entries.map((entry) => [entry.name, entry]));
  const members = [...last.values()].filter(
    (entry) => entry.name.startsWith(prefix) && !entry.name.endsWith('/'),
  );
  return storeOf(
    members.map((entry) => ({
      path: entry.name.slice(prefix.length),
      size: entry.size,
      open: () => ({ ...entryBytes(zip, entry, MAX_MEMBER), [Symbol.dispose]() {} }),
    })),
  );
}

function storeOf(given: readonly Omit<StoredFile, 'name'>[]): Store {
  const byPath = new Map<string, StoredFile>();
  const folders = new Map<string, { files: StoredFile[]; folders: Set<string> }>();
  const at = (folder: string) => {
    const known = folders.get(folder) ?? { files: [], folders: new Set<string>() };
    folders.set(folder, known);
    return known;
  };
  for (const one of given) {
    const parts = one.path.split('/', MAX_LEVELS + 1);
    if (one.path.length > MAX_PATH || parts.length > MAX_LEVELS) continue;
    const file: StoredFile = { ...one, name: parts.at(-1) ?? '' };
    byPath.set(file.path, file);
    for (let level = 0; level < parts.length - 1; level += 1)
      at(parts.slice(0, level).join('/')).folders.add(parts[level] ?? '');
    at(parts.slice(0, -1).join('/')).files.push(file);
  }
  return {
    file: (path) => byPath.get(path),
    list(folder) {
      const found = folders.get(folder);
      return { files: found?.files ?? [], folders: [...(found?.folders ?? [])] };
    },
  };
}

/** A path in a folder of a store; '' is the top. */
export const inFolder = (folder: string, name: string): string =>
  folder === '' ? name : `${folder}/${name}`;

/** All bytes of a file. @throws Malformed when they are more than `limit`. */
export function readAll(file: StoredFile, limit: number): Uint8Array {
  if (file.size > limit)
    throw new Malformed(`${file.path} has ${file.size} bytes; at most ${limit} are read`);
  using bytes = file.open();
  if (bytes.size > limit)
    throw new Malformed(`${file.path} has ${bytes.size} bytes; at most ${limit} are read`);
  return bytes.read(0, bytes.size);
}
