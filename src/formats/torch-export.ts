import type { Candidate, Format } from './format.ts';
import { torchArchive } from './torch/archive.ts';

/** Programs that `torch.export.save` wrote: a graph with types and shapes of all its values. */
export const torchExport: Format = {
  id: 'torch-export',
  title: 'torch.export (.pt2)',
  detect: (look) =>
    look.directory.files
      .filter((file) => torchArchive(look, file)?.kind === 'export')
      .map((file): Candidate => ({ format: 'torch-export', path: file.path, role: 'model', covers: [] })),
  read: async (...args) => (await import('./torch/read-export.ts')).readTorchExport(...args),
};
