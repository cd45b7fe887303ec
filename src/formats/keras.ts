import { type ModelFile, open } from '../model/walk.ts';
import type { Candidate, Format, Look } from './format.ts';
import { folderOf, isArchitecture, isUnpacked } from './keras/architecture.ts';
import { findSuperblock, openHdf5 } from './wire/hdf5.ts';
import { findEntry, looksLikeZip, openZip } from './wire/zip.ts';

/**
 * Models that Keras saved: `.keras` archives (Keras 3) and such archives unpacked, HDF5 files (all versions), and architectures
 * as JSON or YAML beside their weights.
 */
export const keras: Format = {
  id: 'keras',
  title: 'Keras',
  detect(look) {
    const files = look.directory.files.flatMap((file) => candidateOf(look, file) ?? []);
    const models = new Set(files.filter((one) => one.role === 'model').map((one) => folderOf(one.path)));
    const described = look.directory.files.flatMap((file): Candidate[] => {
      const folder = folderOf(file.path);
      const unpacked = isUnpacked(look, file);
      if (!unpacked && (models.has(folder) || !isArchitecture(look, file))) return [];
      const weights = files.filter((one) => one.role === 'weights' && folderOf(one.path) === folder);
      const covers = weights.map((one) => one.path);
      const own = [`${folder}config.json`, `${folder}metadata.json`];
      return unpacked
        ? [{ format: 'keras', path: folder.slice(0, -1), role: 'model', covers: [...own, ...covers] }]
        : [{ format: 'keras', path: file.path, role: 'model', covers }];
    });
    return [...files, ...described];
  },
  read: async (...args) => (await import('./keras/read.ts')).readKeras(...args),
};

function candidateOf(look: Look, file: ModelFile): Candidate | null {
  const head = look.head(file);
  const of = (role: Candidate['role']): Candidate => ({ format: 'keras', path: file.path, role, covers: [] });
  if (findSuperblock(head) !== null) return of(hdf5Role(file));
  return looksLikeZip(head) && isKerasArchive(file, head) ? of('model') : null;
}

function isKerasArchive(file: ModelFile, start: Uint8Array): boolean {
  // Member names stand in the local headers too: the first of the archive is enough to rule most others out.
  const head = Buffer.from(start).toString('latin1');
  if (!/metadata\.json|config\.json|model\.weights|assets\/|\.keras/.test(head)) return false;
  try {
    using bytes = open(file);
    const zip = openZip(bytes);
    return (
      findEntry(zip, 'config.json') !== undefined &&
      zip.entries.some((entry) => entry.name === 'metadata.json')
    );
  } catch {
    return file.path.endsWith('.keras');
  }
}

/** An HDF5 file with a `model_config` is a model; others hold weights, or are no business of Keras. */
function hdf5Role(file: ModelFile): Candidate['role'] {
  try {
    using bytes = open(file);
    const hdf5 = openHdf5(bytes);
    return hdf5.object(hdf5.root).attributes.has('model_config') ? 'model' : 'weights';
  } catch {
    return 'model';
  }
}
