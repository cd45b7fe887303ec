import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CHECKSUM_FILE } from '../check/checksums.ts';
import { CONTRACT_FILES } from '../check/contract-files.ts';
import type { Inspection } from '../check/inspect.ts';
import { printContract } from '../contract/print.ts';
import type { Contract } from '../contract/types.ts';
import { checksumText, type DigestedFile, digestFiles } from '../model/digest.ts';
import type { ModelDirectory, ModelFile } from '../model/walk.ts';
import { modelCard, requirementsText } from './generated.ts';

/**
 * What a published version holds: the files of the model directory and, of the familiar layout (signature.json,
 * requirements.txt, model-card.md, checksum.txt), what the user did not write. Dispose of it when it is pushed.
 */
export interface ModelPackage extends Disposable {
  /** As `walk` gives it, with the generated files among the others. */
  readonly directory: ModelDirectory;
  /** Of every file, sorted by path. */
  readonly files: readonly DigestedFile[];
}

/** Digests of the files of a directory, in its order; those of `known` (by path) need not be read. */
export type DigestAll = (
  directory: ModelDirectory,
  known: ReadonlyMap<string, string>,
) => Promise<DigestedFile[]>;

/**
 * Puts the package together in a scratch folder; nothing is written to the user's directory and no weights are copied.
 * @param known digests by path of files that need not be read again.
 * @param digestAll may do more than hash while it reads: weights are read once.
 */
export async function packModel(
  directory: ModelDirectory,
  inspection: Inspection,
  contract: Contract,
  known: ReadonlyMap<string, string>,
  digestAll: DigestAll = digestFiles,
): Promise<ModelPackage> {
  const scratch = mkdtempSync(join(tmpdir(), 'lading-package-'));
  const remove = () => rmSync(scratch, { recursive: true, force: true });
  try {
    const own = directory.files.filter((file) => file.path !== CHECKSUM_FILE);
    const has = (path: string) => own.some((file) => file.path === path);
    const made: ModelFile[] = [];
    const make = (path: string, text: string | null): void => {
      if (text === null) return;
      const absolute = join(scratch, path);
      writeFileSync(absolute, text);
      made.push({ path, size: Buffer.byteLength(text), absolute });
    };
    if (!has(CONTRACT_FILES[1])) make(CONTRACT_FILES[1], printContract(contract, 'json'));
    if (!has('requirements.txt')) make('requirements.txt', requirementsText(inspection.requirements));
    if (!has('model-card.md')) make('model-card.md', modelCard({ ...inspection, contract }));
    const before = sorted([...own, ...made]);
    const digests = await digestAll({ ...directory, files: before }, known);
    make(CHECKSUM_FILE, checksumText(digests));
    const all = { ...directory, files: sorted([...own, ...made]) };
    const byPath = new Map([...known, ...digests.map((file) => [file.path, file.sha256] as const)]);
    byPath.delete(CHECKSUM_FILE);
    return { directory: all, files: await digestFiles(all, byPath), [Symbol.dispose]: remove };
  } catch (error) {
    remove();
    throw error;
  }
}

const sorted = (files: readonly ModelFile[]): ModelFile[] =>
  [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
