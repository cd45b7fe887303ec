import type { Candidate, Format } from './format.ts';
import { torchArchive } from './torch/archive.ts';

/** What `torch.save` wrote: weights by name, checkpoints, whole modules; zip files, the older stacked pickles, and tar. */
export const torch: Format = {
  id: 'torch',
  title: 'PyTorch (torch.save)',
  detect: (look) =>
    look.directory.files.flatMap((file): Candidate[] => {
      const archive = torchArchive(look, file);
      if (!archive || !KINDS.has(archive.kind)) return [];
      return [{ format: 'torch', path: file.path, role: archive.module ? 'model' : 'weights', covers: [] }];
    }),
  read: async (...args) => (await import('./torch/read.ts')).readTorch(...args),
};

const KINDS: ReadonlySet<string> = new Set(['save', 'legacy', 'tar', 'package', 'served']);
