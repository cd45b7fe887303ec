import type { Candidate, Format } from './format.ts';

/** What ExecuTorch's exporter wrote. */
export const executorch: Format = {
  id: 'executorch',
  title: 'ExecuTorch (.pte)',
  detect: (look) =>
    look.directory.files
      .filter((file) => /^ET\d\d$/.test(Buffer.from(look.head(file).subarray(4, 8)).toString('latin1')))
      .map((file): Candidate => ({ format: 'executorch', path: file.path, role: 'model', covers: [] })),
  read: async (...args) => (await import('./torch/read-executorch.ts')).readExecutorch(...args),
};
