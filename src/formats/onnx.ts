import { type Bytes, inMemory, Truncated } from '../model/bytes.ts';
import { type ModelFile, open } from '../model/walk.ts';
import { type Candidate, type Format, type Look, Malformed, type Reading } from './format.ts';
import { explainFile } from './not-a-model.ts';
import { resolveExternal } from './onnx/external.ts';
import { walkGraph } from './onnx/graph.ts';
import { openCandidate } from './open.ts';
import { fields, messageIn, rootMessage } from './wire/protobuf.ts';

/** ONNX: a ModelProto (https://onnx.ai/onnx/repo-docs/IR.html), its weights inside or in files beside it. */
export const onnx: Format = {
  id: 'onnx',
  title: 'ONNX',
  detect(look) {
    return look.directory.files
      .filter((file) => isOnnx(file, look))
      .map(
        (file): Candidate => ({
          format: 'onnx',
          path: file.path,
          role: 'model',
          covers: externalFiles(file, look),
        }),
      );
  },
  async read(candidate, look): Promise<Reading> {
    using bytes = openCandidate(candidate, look);
    if (isOrt(bytes.read(0, Math.min(8, bytes.size))))
      return (await import('./onnx/ort.ts')).readOrt(bytes, candidate);
    return (await import('./onnx/read.ts')).readOnnx(bytes, candidate, look);
  },
};

/** Whether a file begins as the format does that onnxruntime converts models to. */
function isOrt(head: Uint8Array): boolean {
  return Buffer.from(head.subarray(4, 8)).toString('latin1') === 'ORTM';
}

/** Wire types of the fields of ModelProto that come first in files. */
const MODEL_FIELDS: Readonly<Record<number, number>> = {
  1: 0,
  2: 2,
  3: 2,
  4: 2,
  5: 0,
  6: 2,
  7: 2,
  8: 2,
  14: 2,
};
const MAX_IR_VERSION = 100;

/**
 * By content: `ir_version` first, then fields of ModelProto up to a graph. A file that is called `.onnx` is taken
 * at its word, so that what is wrong with it is said.
 */
function isOnnx(file: ModelFile, look: Look): boolean {
  const head = look.head(file);
  if (isOrt(head)) return true;
  if (file.path.toLowerCase().endsWith('.onnx')) return explainFile(file, head) === null;
  if (head[0] !== 0x08 && head[0] !== 0x3a) return false;
  return looksLikeModel(inMemory(head), file.size);
}

function looksLikeModel(head: Bytes, size: number): boolean {
  const seen = new Set<number>();
  try {
    for (const field of fields({ ...rootMessage(head), end: size })) {
      if (MODEL_FIELDS[field.number] !== field.wire) return false;
      if (field.number === 1 && !(field.high === 0 && field.low >= 1 && field.low <= MAX_IR_VERSION))
        return false;
      seen.add(field.number);
      if (field.number === 7) return seen.has(1) && GRAPH_TAGS.has(head.read(field.start, 1)[0] ?? 0);
    }
  } catch (error) {
    // The head ended before the graph began, or it is no protobuf.
    if (!(error instanceof Truncated || error instanceof Malformed)) throw error;
  }
  return false;
}

/** Tags of GraphProto that can come first: node, name, initializer, doc_string, input, output, value_info. */
const GRAPH_TAGS = new Set([0x0a, 0x12, 0x2a, 0x52, 0x5a, 0x62, 0x6a]);

/** The files beside the model that hold its weights. Costs one pass over the graph, only where there are others. */
function externalFiles(file: ModelFile, look: Look): string[] {
  if (look.directory.files.length === 1) return [];
  const found = new Set<string>();
  try {
    using bytes = open(file);
    const model = rootMessage(bytes);
    const ignore = () => {};
    for (const field of fields(model)) {
      if (field.number !== 7 || field.wire !== 2) continue;
      walkGraph(messageIn(model, field), {
        input: ignore,
        output: ignore,
        node: ignore,
        initializer(tensor) {
          if (!tensor.external || found.size > 1000) return;
          const resolved = resolveExternal(file.path, tensor.external.location);
          if (resolved.kind === 'inside' && look.file(resolved.path)) found.add(resolved.path);
        },
      });
    }
  } catch (error) {
    if (!(error instanceof Truncated || error instanceof Malformed)) throw error;
  }
  return [...found];
}
