import { lstatSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../ports/errors.ts';
import { type OpenFile, openFile } from './bytes.ts';

/** One file of a model directory; nothing of it has been read. */
export interface ModelFile {
  /** Relative to the model directory, with `/`. Untrusted text. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Absolute, for opening. */
  readonly absolute: string;
}

/** A model directory: its files, sorted by path, without the ones that are never part of a model. */
export interface ModelDirectory {
  /** As the user gave it, with `/`: findings name files below it. */
  readonly path: string;
  readonly absolute: string;
  readonly files: readonly ModelFile[];
}

/** Tools' droppings: never part of a model, never hashed, never published. */
const SKIPPED = new Set([
  '.git',
  '.lading',
  '__pycache__',
  '.ipynb_checkpoints',
  '.DS_Store',
  'node_modules',
]);
const MAX_FILES = 20_000;

/**
 * Lists a model directory. Symbolic links are refused, so that a pull request cannot publish `/etc/passwd`.
 * @throws UserError when the path does not exist, is no directory, or holds more than 20,000 files.
 */
export function walk(path: string, absolute: string): ModelDirectory {
  let kind: ReturnType<typeof statSync>;
  try {
    kind = statSync(absolute);
  } catch (cause) {
    throw new UserError(`there is no model directory "${path}"`, {
      help: 'Check the "model" input: it is a path from the root of the repository.',
      cause,
    });
  }
  if (!kind.isDirectory())
    throw new UserError(`"${path}" is a file; Lading wants the directory that holds the model`, {
      help: 'Give the folder, and put one model with its files into it.',
    });
  const files: ModelFile[] = [];
  const visit = (relative: string): void => {
    for (const entry of readdirSync(join(absolute, relative), { withFileTypes: true })) {
      if (SKIPPED.has(entry.name)) continue;
      const child = relative === '' ? entry.name : `${relative}/${entry.name}`;
      const full = join(absolute, child);
      if (entry.isSymbolicLink()) {
        throw new UserError(`"${path}/${child}" is a symbolic link`, {
          help: 'A published version holds files, not links: replace the link by the file it points to.',
        });
      }
      if (entry.isDirectory()) visit(child);
      else if (entry.isFile()) files.push({ path: child, size: lstatSync(full).size, absolute: full });
      if (files.length > MAX_FILES)
        throw new UserError(`"${path}" holds more than ${MAX_FILES} files`, {
          help: 'Point "model" at the folder of one model.',
        });
    }
  };
  visit('');
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  return { path, absolute, files };
}

/** Opens a file of the directory. The caller disposes of it (`using`). */
export function open(file: ModelFile): OpenFile {
  return openFile(file.absolute);
}
