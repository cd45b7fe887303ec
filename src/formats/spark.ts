import { type ModelFile, open } from '../model/walk.ts';
import type { Candidate, Format, Look } from './format.ts';
import { METADATA } from './spark/stage.ts';
import { looksLikeZip, openZip } from './wire/zip.ts';

/**
 * What Spark ML saves: pipelines and single models, as a folder or a zip of one, by their metadata and the footers of
 * their tables.
 */
export const spark: Format = {
  id: 'spark',
  title: 'Spark ML',
  detect(look) {
    const folders = look.directory.files
      .filter((file) => METADATA.test(file.path) && isMetadata(look.head(file)))
      .map((file) => file.path);
    const tops = topsOf(folders).map((folder): Candidate => {
      const prefix = folder === '' ? '' : `${folder}/`;
      const covers = look.directory.files.map((file) => file.path).filter((path) => path.startsWith(prefix));
      return { format: 'spark', path: folder, role: 'model', covers };
    });
    const zips = look.directory.files
      .filter((file) => looksLikeZip(look.head(file)) && topInZip(look, file) !== null)
      .map((file): Candidate => ({ format: 'spark', path: file.path, role: 'model', covers: [] }));
    return [...tops, ...zips];
  },
  read: async (...args) => (await import('./spark/read.ts')).readSpark(...args),
};

/** The folders of paths to metadata that are in no other of them. */
export function topsOf(paths: readonly string[]): string[] {
  // Longer paths are no model's, and would cost their square.
  const short = paths.filter((path) => path.length <= 1000);
  const folders = new Set(short.map((path) => path.replace(/(?:^|\/)metadata\/part-[^/]*$/, '')));
  return [...folders].filter((folder) => !isInside(folder, folders));
}

function isInside(folder: string, folders: ReadonlySet<string>): boolean {
  if (folder === '') return false;
  const parts = folder.split('/');
  return parts.some((_, level) => folders.has(parts.slice(0, level).join('/')));
}

/** Folder of the model in an archive. Names of members stand in the head too, which rules most others out. */
function topInZip(look: Look, file: ModelFile): string | null {
  const head = Buffer.from(look.head(file)).toString('latin1');
  if (!/(?:^|[^\w])(?:metadata|stages|data|bestModel|pipelineModel)\//.test(head)) return null;
  try {
    using bytes = open(file);
    const names = openZip(bytes).entries.map((entry) => entry.name);
    return topsOf(names.filter((name) => METADATA.test(name)))[0] ?? null;
  } catch {
    return null;
  }
}

function isMetadata(head: Uint8Array): boolean {
  const start = Buffer.from(head).toString('latin1').trimStart();
  return (
    start.startsWith('{') &&
    /"class"\s*:\s*"[\w.$]+"/.test(start) &&
    // What judges models is none.
    !/"class"\s*:\s*"org\.apache\.spark\.ml\.evaluation\./.test(start) &&
    /"(?:uid|timestamp|version)"/.test(start)
  );
}
