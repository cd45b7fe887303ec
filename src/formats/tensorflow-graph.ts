import { posix } from 'node:path';
import { type Bytes, inMemory, Truncated } from '../model/bytes.ts';
import { type ModelFile, open } from '../model/walk.ts';
import { type Candidate, type Format, type Look, Malformed, type Reading, type Remark } from './format.ts';
import { watchOperators } from './tensorflow/active.ts';
import { watchEnds } from './tensorflow/frozen.ts';
import { type GraphNode, walkGraphDef } from './tensorflow/graph.ts';
import { limitText, walkGraphText } from './tensorflow/text.ts';
import { tell } from './told.ts';
import {
  decode,
  fields,
  type Message,
  messageIn,
  rootMessage,
  type Schema,
  textIn,
} from './wire/protobuf.ts';
import { selectionOf, selectPrototext } from './wire/prototext.ts';
import { child, number } from './wire/tree.ts';

/** A frozen TensorFlow graph: a GraphDef with its weights as constants, without signatures. */
export const tensorflowGraph: Format = {
  id: 'tensorflow-graph',
  title: 'TensorFlow frozen graph',
  detect(look) {
    return look.directory.files
      .filter((file) => isGraph(file, look))
      .map((file): Candidate => ({ format: 'tensorflow-graph', path: file.path, role: 'model', covers: [] }));
  },
  async read(candidate, look) {
    const file = look.file(candidate.path);
    if (!file) throw new Malformed('the file is gone');
    using bytes = open(file);
    return readGraph(bytes, candidate, isText(look.head(file)));
  },
};

const OPERATOR = /^[A-Z][A-Za-z0-9_]*(>[A-Za-z0-9_>]+)?$|^_[A-Z][A-Za-z0-9_]*$/;
const NODE_NAME = /^[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*$/;

function isText(head: Uint8Array): boolean {
  return /^\s*(#[^\n]*\n\s*)*node\s*:?\s*\{\s*name\s*:/.test(Buffer.from(head).toString('latin1'));
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

/** TensorFlow writes the version behind the nodes; its `convert_variables_to_constants` of 1.x leaves it out. */
function unversioned(file: string): Remark {
  return {
    rule: 'graph-unversioned',
    level: 'notice',
    file,
    message: 'the graph does not say which version of TensorFlow it was written for',
    help: 'Graphs that were frozen by TensorFlow 1 look like this, and a file that was cut short too: compare its size with that of the original.',
  };
}

const VERSIONS: Schema = { versions: [4, { producer: [1, 'int'] }] };

/** `versions.producer` of a GraphDef. */
function producerOf(graph: Message): number {
  return number(child(decode(graph, VERSIONS), 'versions'), 'producer');
}

function producerInText(bytes: Bytes): number {
  return number(child(selectPrototext(bytes, selectionOf(VERSIONS)), 'versions'), 'producer');
}

/** Reads a GraphDef. @throws Truncated, Malformed. */
export function readGraph(bytes: Bytes, candidate: Candidate, text: boolean): Reading {
  if (text) limitText(bytes);
  const producer = text ? producerInText(bytes) : producerOf(rootMessage(bytes));
  const operators = watchOperators();
  const ends = watchEnds(producer);
  const visit = (node: GraphNode): void => {
    operators.node(node);
    ends.node(node);
  };
  if (text) walkGraphText(bytes, undefined, visit);
  else walkGraphDef(rootMessage(bytes), visit);
  const active = operators.result(candidate.path);
  const { contract, evidence } = tell({ predict: ends.signature() }, 'predict');
  return {
    format: 'tensorflow-graph',
    path: candidate.path,
    framework: { name: 'tensorflow', version: null },
    contract,
    evidence,
    features: null,
    labels: null,
    parameters: null,
    properties: producer > 0 ? { graph_version: String(producer) } : {},
    requirements: { tensorflow: null },
    risk: active.risk,
    remarks: producer > 0 ? active.remarks : [...active.remarks, unversioned(candidate.path)],
  };
}
