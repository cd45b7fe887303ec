import type { Candidate, Format } from './format.ts';

/** llama.cpp's format: weights, tokenizer and hyper-parameters in one file. */
export const gguf: Format = {
  id: 'gguf',
  title: 'GGUF',
  detect: (look) =>
    look.directory.files
      .filter((file) => Buffer.from(look.head(file).subarray(0, 4)).toString('latin1') === 'GGUF')
      // Of a model that is split into parts, the first one has the metadata.
      .filter((file, _, all) => {
        const part = partOf(file.path);
        return part === null || part.number === 1 || !all.some((other) => isPart(other.path, part, 1));
      })
      .map((file): Candidate => {
        const part = partOf(file.path);
        const others = look.directory.files.map((other) => other.path).filter((path) => path !== file.path);
        return {
          format: 'gguf',
          path: file.path,
          role: 'model',
          covers: part ? others.filter((path) => isPart(path, part)) : [],
        };
      }),
  read: async (...args) => (await import('./gguf/read.ts')).readGgufModel(...args),
};

interface Part {
  readonly stem: string;
  readonly number: number;
  readonly total: number;
}

/** What `model-00002-of-00003.gguf` is a part of; `null` for a file that is whole. */
export function partOf(path: string): Part | null {
  const [, stem, number, total] = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/.exec(path) ?? [];
  return stem === undefined ? null : { stem, number: Number(number), total: Number(total) };
}

/** Whether a path is another part of the same model, or the one with that number. */
function isPart(path: string, of: Part, number?: number): boolean {
  const part = partOf(path);
  if (part?.stem !== of.stem || part.total !== of.total) return false;
  return number === undefined || part.number === number;
}
