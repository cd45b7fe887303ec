import type { Bytes } from '../model/bytes.ts';
import { Truncated } from '../model/bytes.ts';
import { open } from '../model/walk.ts';
import { type Candidate, type Format, Malformed } from './format.ts';
import { rootTable } from './wire/flatbuffer.ts';

/** Field numbers of `Exported`. Source: JAX, jax/_src/export/serialization.fbs. */
export const SLOT = {
  version: 0,
  name: 1,
  inTree: 2,
  inValues: 3,
  outTree: 4,
  outValues: 5,
  platforms: 9,
  module: 13,
  unique: 19,
  inIndices: 22,
  outIndices: 23,
  jax: 26,
} as const;

/** Functions that `jax.export` serialized: StableHLO with the shapes and types of its arguments and results. */
export const jax: Format = {
  id: 'jax',
  title: 'JAX export',
  detect: (look) =>
    look.directory.files
      .filter((file) => file.size > 128 && plausible(look.head(file)))
      .filter((file) => {
        using bytes = open(file);
        return holdsModule(bytes);
      })
      .map((file): Candidate => ({ format: 'jax', path: file.path, role: 'model', covers: [] })),
  read: async (...args) => (await import('./jax/read.ts')).readJax(...args),
};

/** A flatbuffer's root is near its start; the table of its fields may be anywhere, where another table shares it. */
function plausible(head: Uint8Array): boolean {
  const root = new DataView(head.buffer, head.byteOffset, head.length).getUint32(0, true);
  return root >= 4 && root < 4096 && root % 4 === 0;
}

function holdsModule(bytes: Bytes): boolean {
  try {
    const module = rootTable(bytes).vector(SLOT.module);
    return (
      module !== null &&
      module.length > 4 &&
      Buffer.from(bytes.read(module.offset, 4)).toString('latin1') === 'ML\xefR'
    );
  } catch (error) {
    if (error instanceof Truncated || error instanceof Malformed) return false;
    throw error;
  }
}
