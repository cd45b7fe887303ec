import { openFile } from '../model/bytes.ts';
import type { ModelFile } from '../model/walk.ts';
import type { Candidate, Format } from './format.ts';
import { findEntry, looksLikeZip, openZip } from './wire/zip.ts';

/** scikit-learn models that skops saved: a zip with `schema.json` and arrays. */
export const skops: Format = {
  id: 'skops',
  title: 'skops',
  detect(look) {
    return look.directory.files
      .filter((file) => looksLikeZip(look.head(file)) && holdsSchema(file))
      .map((file): Candidate => ({ format: 'skops', path: file.path, role: 'model', covers: [] }));
  },
  read: async (...args) => (await import('./sklearn/read-skops.ts')).readSkopsModel(...args),
};

function holdsSchema(file: ModelFile): boolean {
  try {
    using bytes = openFile(file.absolute);
    const zip = openZip(bytes);
    const schema = findEntry(zip, 'schema.json');
    // Others have a schema.json too: every member of skops is the schema, an array or bytes.
    return (
      schema !== undefined && zip.entries.every((entry) => /^schema\.json$|\.(npy|npz|bin)$/.test(entry.name))
    );
  } catch {
    return false;
  }
}
