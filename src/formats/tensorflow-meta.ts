import { posix } from 'node:path';
import { type Bytes, inMemory, Truncated } from '../model/bytes.ts';
import { type ModelFile, open } from '../model/walk.ts';
import { type Candidate, type Format, type Look, Malformed, type Reading, type Remark } from './format.ts';
import { watchOperators } from './tensorflow/active.ts';
import { watchEnds } from './tensorflow/frozen.ts';
import { readCheckpoint, watchVariables } from './tensorflow/parameters.ts';
import { declaredSignatures } from './tensorflow/signatures.ts';
import { binaryMetaGraph } from './tensorflow/source.ts';
import { type ToldSignature, tell, unknown } from './told.ts';
import { decode, fields, type Message, messageIn, rootMessage, type Schema } from './wire/protobuf.ts';
import { child, number, string } from './wire/tree.ts';

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
  async read(candidate, look) {
    const file = look.file(candidate.path);
    if (!file) throw new Malformed('the file is gone');
    using bytes = open(file);
    return readMetaGraph(bytes, candidate, look);
  },
};

const stemOf = (path: string): string => path.slice(0, -'.meta'.length);

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

const HEAD: Schema = {
  graph_def: [2, { versions: [4, { producer: [1, 'int'] }] }],
  saver_def: [3, { filename_tensor_name: [1, 'string'] }],
};
const TRAINING = /^(Resource)?(Sparse)?Apply[A-Z]/;

/** Reads a MetaGraphDef. @throws Truncated, Malformed. */
export function readMetaGraph(bytes: Bytes, candidate: Candidate, look: Look): Reading {
  const metaGraph = binaryMetaGraph(rootMessage(bytes));
  const head = decode(rootMessage(bytes), HEAD);
  const producer = number(child(child(head, 'graph_def'), 'versions'), 'producer');
  // The nodes that save and restore lie in a scope of their own, such as `save/`.
  const [saver = null] = /^.*\//.exec(string(child(head, 'saver_def'), 'filename_tensor_name')) ?? [];
  const operators = watchOperators();
  const variables = watchVariables();
  const ends = watchEnds(producer);
  let trains = false;
  let nodes = 0;
  metaGraph.walk((node) => {
    nodes++;
    operators.node(node);
    variables.node(node);
    trains ||= TRAINING.test(node.operator);
    if (saver === null || !node.name.startsWith(saver)) ends.node(node);
  });
  if (nodes === 0) throw new Malformed('the meta graph has no graph');
  const declared = declaredSignatures(metaGraph.tree);
  const signatures = Object.keys(declared).length > 0 ? declared : { predict: graphSignature(ends, trains) };
  const names = Object.keys(signatures);
  const first = names.includes('serving_default')
    ? 'serving_default'
    : names.length === 1
      ? names[0]
      : undefined;
  const { contract, evidence } = tell(signatures, first);
  const index = look.file(`${stemOf(candidate.path)}.index`);
  const saved = readCheckpoint(index, metaGraph.trainable);
  const active = operators.result(candidate.path);
  const version = string(child(metaGraph.tree, 'meta_info_def'), 'tensorflow_version');
  return {
    format: 'tensorflow-meta',
    path: candidate.path,
    framework: { name: 'tensorflow', version: version === '' ? null : version },
    contract,
    evidence,
    features: null,
    labels: null,
    parameters: variables.count(metaGraph.trainable, saved.checkpoint),
    properties: {
      ...(producer > 0 && { graph_version: String(producer) }),
      ...(saved.checkpoint &&
        saved.checkpoint.total !== null && { saved_values: String(saved.checkpoint.total) }),
    },
    requirements: { tensorflow: /^\d+(\.\d+)*/.test(version) ? version : null },
    risk: active.risk,
    remarks: [
      ...active.remarks,
      ...saved.remarks,
      ...(index === undefined && variables.seen() ? [withoutValues(candidate.path)] : []),
    ],
  };
}

/** In a graph that trains, what no node uses is the training; what the model answers is used by the loss. */
function graphSignature(ends: ReturnType<typeof watchEnds>, trains: boolean): ToldSignature {
  const signature = ends.signature();
  if (!trains) return signature;
  const outputs = unknown(
    'the graph was saved with its training, and does not say which of its nodes are results',
    'Write the outputs into contract.yaml, or export a SavedModel.',
  );
  return { inputs: signature.inputs, outputs };
}

function withoutValues(file: string): Remark {
  return {
    rule: 'weights-missing',
    level: 'error',
    file,
    message: `the graph has variables, and the checkpoint with their values is not there: ${posix.basename(stemOf(file))}.index`,
    help: 'Commit all files of the checkpoint: .meta, .index and .data-*.',
  };
}
