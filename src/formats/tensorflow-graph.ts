import { posix } from 'node:path';
import { inMemory, Truncated } from '../model/bytes.ts';
import type { ModelFile } from '../model/walk.ts';
import { type Candidate, type Format, type Look, Malformed } from './format.ts';
import { fields, type Message, messageIn, rootMessage, textIn } from './wire/protobuf.ts';

/** A frozen TensorFlow graph: a GraphDef with its weights as constants, without signatures. */
export const tensorflowGraph: Format = {
  id: 'tensorflow-graph',
  title: 'TensorFlow frozen graph',
  detect(look) {
    return look.directory.files
      .filter((file) => isGraph(file, look))
      .map((file): Candidate => ({ format: 'tensorflow-graph', path: file.path, role: 'model', covers: [] }));
  },
  read: async (...args) => (await import('./tensorflow/read-graph.ts')).readFrozenGraph(...args),
};

const OPERATOR = /^[A-Z][A-Za-z0-9_]+(>[A-Za-z0-9_>]+)?$|^_[A-Z][A-Za-z0-9_]*$/;
const NODE_NAME = /^[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*$/;

/** A node has an operator behind its name: the nodes of MediaPipe's graphs have a calculator there. */
export function isText(head: Uint8Array): boolean {
  return /^\s*(#[^\n]*\n\s*)*node\s*:?\s*\{\s*name\s*:\s*("[^"]*"|'[^']*')\s*op\s*:/.test(
    Buffer.from(head).toString('latin1'),
  );
}

/** By content: the first field is a node with a name and an operator, as TensorFlow spells them. */
function isGraph(file: ModelFile, look: Look): boolean {
  if (posix.basename(file.path).startsWith('saved_model.')) return false;
  const head = look.head(file);
  if (/\.pbtxt$/i.test(file.path)) return isText(head);
  if (head[0] !== 0x0a) return false;
  try {
    const graph: Message = { ...rootMessage(inMemory(head)), end: file.size };
    for (const field of fields(graph))
      return field.number === 1 && field.wire === 2 && isNode(messageIn(graph, field));
  } catch (error) {
    if (!(error instanceof Truncated || error instanceof Malformed)) throw error;
  }
  return false;
}

function isNode(message: Message): boolean {
  let named = false;
  for (const field of fields(message)) {
    if (field.number === 1 && field.wire === 2) named = NODE_NAME.test(textIn(message, field, 1024));
    else if (field.number === 2 && field.wire === 2)
      return named && OPERATOR.test(textIn(message, field, 256));
    else return false;
  }
  return false;
}
