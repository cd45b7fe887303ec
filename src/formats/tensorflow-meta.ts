import { posix } from 'node:path';
import { inMemory, Truncated } from '../model/bytes.ts';
import type { ModelFile } from '../model/walk.ts';
import { type Candidate, type Format, type Look, Malformed } from './format.ts';
import { fields, type Message, messageIn, rootMessage } from './wire/protobuf.ts';

/** The graph beside a checkpoint of TensorFlow 1: a MetaGraphDef, as `tf.train.Saver` writes it. */
export const tensorflowMeta: Format = {
  id: 'tensorflow-meta',
  title: 'TensorFlow MetaGraph with checkpoint',
  detect(look) {
    return look.directory.files
      .filter((file) => /\.meta$/i.test(file.path) && isMetaGraph(file, look))
      .map(
        (file): Candidate => ({
          format: 'tensorflow-meta',
          path: file.path,
          role: 'model',
          covers: look.directory.files.map((one) => one.path).filter((one) => belongs(one, file.path)),
        }),
      );
  },
  read: async (...args) => (await import('./tensorflow/read-meta.ts')).readCheckpointGraph(...args),
};

export const stemOf = (path: string): string => path.slice(0, -'.meta'.length);

function belongs(file: string, meta: string): boolean {
  const stem = stemOf(meta);
  return (
    file === posix.join(posix.dirname(meta), 'checkpoint') ||
    (file.startsWith(`${stem}.`) && /^\.(index|data-\d+-of-\d+)$/.test(file.slice(stem.length)))
  );
}

/** By content: it begins with a MetaInfoDef, whose first field lists operators or has the version of the graph. */
function isMetaGraph(file: ModelFile, look: Look): boolean {
  const head = look.head(file);
  if (head[0] !== 0x0a) return false;
  try {
    const root: Message = { ...rootMessage(inMemory(head)), end: file.size };
    for (const field of fields(root)) {
      if (field.number !== 1 || field.wire !== 2) return false;
      for (const part of fields(messageIn(root, field))) return part.wire === 2 && part.number <= 6;
    }
  } catch (error) {
    if (!(error instanceof Truncated || error instanceof Malformed)) throw error;
  }
  return false;
}
