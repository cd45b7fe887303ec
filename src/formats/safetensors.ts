import { open } from '../model/walk.ts';
import { type Candidate, type Format, Malformed } from './format.ts';
import { weightsOnly } from './weights.ts';
import { looksLikeSafetensors, readSafetensors } from './wire/safetensors.ts';

/** Tensors by name in one file: parameters, and nothing about how they are called. */
export const safetensors: Format = {
  id: 'safetensors',
  title: 'safetensors',
  detect: (look) =>
    look.directory.files
      .filter((file) => looksLikeSafetensors(look.head(file), file.size))
      .map((file): Candidate => ({ format: 'safetensors', path: file.path, role: 'weights', covers: [] })),
  async read(candidate, look) {
    const file = look.file(candidate.path);
    if (!file) throw new Malformed('the file is gone');
    using bytes = open(file);
    const header = readSafetensors(bytes);
    return weightsOnly(candidate, {
      framework: { name: frameworkOf(header.metadata['format']), version: null },
      tensors: [...header.tensors.values()],
      properties: header.metadata,
    });
  },
};

function frameworkOf(format: string | undefined): string {
  return (
    { pt: 'torch', tf: 'tensorflow', flax: 'jax', np: 'numpy', mlx: 'mlx' }[format ?? ''] ?? 'safetensors'
  );
}
