import { posix } from 'node:path';
import type { Bytes } from '../../model/bytes.ts';
import { open } from '../../model/walk.ts';
import { watchOperators } from '../active-operators.ts';
import { type Candidate, type Look, Malformed, type Reading, type Remark } from '../format.ts';
import { stemOf } from '../tensorflow-meta.ts';
import { type ToldSignature, tell, unknown } from '../told.ts';
import { decode, rootMessage, type Schema } from '../wire/protobuf.ts';
import { child, number, string } from '../wire/tree.ts';
import { watchEnds } from './frozen.ts';
import { readCheckpoint, watchVariables } from './parameters.ts';
import { declaredSignatures } from './signatures.ts';
import { binaryMetaGraph } from './source.ts';

/** Reads a candidate of this format. Loaded where there is one. */
export async function readCheckpointGraph(candidate: Candidate, look: Look): Promise<Reading> {
  const file = look.file(candidate.path);
  if (!file) throw new Malformed('the file is gone');
  using bytes = open(file);
  return readMetaGraph(bytes, candidate, look);
}

const HEAD: Schema = {
  graph_def: [2, { versions: [4, { producer: [1, 'int'] }] }],
  saver_def: [3, { filename_tensor_name: [1, 'string'] }],
};
const TRAINING = /^(Resource)?(Sparse)?Apply[A-Z]/;

/** Reads a MetaGraphDef. @throws Truncated, Malformed. */
function readMetaGraph(bytes: Bytes, candidate: Candidate, look: Look): Reading {
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
