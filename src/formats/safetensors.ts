import { entryOf } from '../model/entry.ts';
import { open } from '../model/walk.ts';
import { type Candidate, type Format, type Look, Malformed, type Remark } from './format.ts';
import { weightsOnly } from './weights.ts';
import { looksLikeSafetensors, readSafetensors } from './wire/safetensors.ts';

/** Tensors by name in one file: parameters, and nothing about how they are called. */
export const safetensors: Format = {
  id: 'safetensors',
  title: 'safetensors',
  detect: (look) =>
    look.directory.files
      .filter((file) => looksLikeSafetensors(look.head(file), file.size))
      .filter((file) => (SHARD.exec(file.path)?.[2] ?? '00001') === '00001')
      .map((file): Candidate => {
        const shards = shardsOf(file.path, look);
        return { format: 'safetensors', path: file.path, role: 'weights', covers: shards };
      }),
  async read(candidate, look) {
    const file = look.file(candidate.path);
    if (!file) throw new Malformed('the file is gone');
    using bytes = open(file);
    const header = readSafetensors(bytes);
    const tensors = [...header.tensors.values()];
    for (const path of candidate.covers) {
      const shard = look.file(path);
      if (!shard || !SHARD.test(path)) continue;
      using more = open(shard);
      // Not spread into a call: a file can hold more tensors than a call takes arguments.
      for (const tensor of readSafetensors(more).tensors.values()) tensors.push(tensor);
    }
    const reading = weightsOnly(candidate, {
      framework: { name: frameworkOf(header.metadata['format']), version: null },
      tensors,
      properties: header.metadata,
    });
    const stated = Number(SHARD.exec(file.path)?.[3] ?? 1);
    const there = 1 + candidate.covers.filter((path) => SHARD.test(path)).length;
    if (there === stated) return reading;
    const missing: Remark = {
      rule: 'file-missing',
      level: 'error',
      file: file.path,
      message: `the weights are in ${stated} parts, and ${there} of them are here`,
      help: 'Put all parts into the directory.',
    };
    return { ...reading, parameters: null, remarks: [missing, ...reading.remarks] };
  },
};

/** `model-00001-of-00003.safetensors`: one part of weights that are split. */
const SHARD = /^(.*)-(\d{5})-of-(\d{5})\.safetensors$/;

/** The other parts of the first one, and the index that lists which tensor is where. */
function shardsOf(path: string, look: Look): string[] {
  const [, stem, , total] = SHARD.exec(path) ?? [];
  if (stem === undefined) return [];
  return look.directory.files
    .map((file) => file.path)
    .filter((other) => {
      const shard = SHARD.exec(other);
      if (other === `${stem}.safetensors.index.json`) return true;
      return shard?.[1] === stem && shard[3] === total && other !== path;
    });
}

function frameworkOf(format: string | undefined): string {
  const makers = { pt: 'torch', tf: 'tensorflow', flax: 'jax', np: 'numpy', mlx: 'mlx' };
  return entryOf(makers, format ?? '') ?? 'safetensors';
}
