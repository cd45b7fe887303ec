import type { Candidate, Format } from './format.ts';
import { torchArchive } from './torch/archive.ts';

/** What fastai's `Learner.export` wrote: a whole learner, pickled by torch. */
export const fastai: Format = {
  id: 'fastai',
  title: 'fastai (export.pkl)',
  detect: (look) =>
    look.directory.files
      .filter((file) => torchArchive(look, file)?.kind === 'fastai')
      .map((file): Candidate => ({ format: 'fastai', path: file.path, role: 'model', covers: [] })),
  read: async (...args) => (await import('./fastai/read.ts')).readFastai(...args),
};
