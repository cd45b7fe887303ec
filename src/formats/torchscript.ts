import type { Candidate, Format } from './format.ts';
import { torchArchive } from './torch/archive.ts';
import { isMobile } from './torch/heads.ts';

/** Models that `torch.jit.save` wrote: weights, and the code of their methods as text. */
export const torchscript: Format = {
  id: 'torchscript',
  title: 'TorchScript',
  detect: (look) =>
    look.directory.files
      .filter((file) => isMobile(look.head(file)) || torchArchive(look, file)?.kind.startsWith('script'))
      .map((file): Candidate => ({ format: 'torchscript', path: file.path, role: 'model', covers: [] })),
  read: async (...args) => (await import('./torch/read-script.ts')).readTorchScript(...args),
};
