import { posix } from 'node:path';
import type { Candidate, Format } from './format.ts';
import { explainFile } from './not-a-model.ts';

/** TensorFlow SavedModel: a folder with `saved_model.pb` or `saved_model.pbtxt`, its variables beside it. */
export const tensorflow: Format = {
  id: 'tensorflow',
  title: 'TensorFlow SavedModel',
  detect(look) {
    const folders = new Set(
      look.directory.files
        .filter((file) => FILES.has(posix.basename(file.path)) && explainFile(file, look.head(file)) === null)
        .map((file) => folderOf(file.path)),
    );
    return [...folders].map(
      (path): Candidate => ({
        format: 'tensorflow',
        path,
        role: 'model',
        covers: look.directory.files.map((file) => file.path).filter((file) => belongs(file, path)),
      }),
    );
  },
  read: async (...args) => (await import('./tensorflow/read.ts')).readTensorflow(...args),
};

/** In the order in which TensorFlow looks for them; the last it knows by name, and its releases neither write nor read it. */
export const FILE_NAMES = ['saved_model.pb', 'saved_model.pbtxt', 'saved_model.cpb'];
const FILES: ReadonlySet<string> = new Set(FILE_NAMES);
const BESIDE = new Set(['variables', 'assets', 'assets.extra', 'debug']);
const BESIDE_FILES = new Set([...FILE_NAMES, 'fingerprint.pb', 'keras_metadata.pb']);

function folderOf(path: string): string {
  const folder = posix.dirname(path);
  return folder === '.' ? '' : folder;
}

function belongs(file: string, folder: string): boolean {
  if (folder !== '' && !file.startsWith(`${folder}/`)) return false;
  const [first = '', ...rest] = file.slice(folder === '' ? 0 : folder.length + 1).split('/');
  return rest.length === 0 ? BESIDE_FILES.has(first) : BESIDE.has(first);
}
