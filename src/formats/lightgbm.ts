import type { Candidate, Format } from './format.ts';

/** Boosters that LightGBM saved as text: parameters at the head, trees, then `pandas_categorical` at the tail. */
export const lightgbm: Format = {
  id: 'lightgbm',
  title: 'LightGBM',
  detect: (look) =>
    look.directory.files
      .filter((file) =>
        /^tree\r?\nversion=v\d/.test(Buffer.from(look.head(file).subarray(0, 64)).toString('latin1')),
      )
      .map((file): Candidate => ({ format: 'lightgbm', path: file.path, role: 'model', covers: [] })),
  read: async (...args) => (await import('./lightgbm/read.ts')).readLightgbm(...args),
};
