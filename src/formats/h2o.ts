import { Truncated } from '../model/bytes.ts';
import { type ModelFile, open } from '../model/walk.ts';
import { type Candidate, type Format, Malformed } from './format.ts';
import { findEntry, looksLikeZip, openZip } from './wire/zip.ts';

/** H2O MOJO archives: `model.ini` states columns, their categories and the kind of model. Source: H2O, hex.genmodel. */
export const h2o: Format = {
  id: 'h2o',
  title: 'H2O MOJO',
  detect: (look) =>
    look.directory.files
      .filter((file) => isMojo(file, look.head(file)))
      .map((file): Candidate => ({ format: 'h2o', path: file.path, role: 'model', covers: [] })),
  read: async (...args) => (await import('./h2o/read.ts')).readH2o(...args),
};

/** What stands before model.ini in archives of one kind of model or another, by the name of the first member. */
const FIRST =
  /^(?:trees\/t\d|boosterBytes|eigenvectors_raw|losses|vocabulary|vectors|calib\/|feature_engineering\/|feature_map|_orig_|gam|models\/|domains\/|experimental\/|auxTreeInfo)/;

function isMojo(file: ModelFile, head: Uint8Array): boolean {
  if (!looksLikeZip(head)) return false;
  const text = Buffer.from(head).toString('latin1');
  if (/^.{30}model\.ini/s.test(text)) return true;
  if (!FIRST.test(text.slice(30, 130)) && !text.includes('model.ini')) return false;
  try {
    using bytes = open(file);
    return findEntry(openZip(bytes), 'model.ini') !== undefined;
  } catch (error) {
    // A damaged archive of that make is for the reader to explain.
    if (error instanceof Malformed || error instanceof Truncated) return text.includes('model.ini');
    throw error;
  }
}
