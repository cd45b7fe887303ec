import type { Bytes } from '../../model/bytes.ts';
import { open } from '../../model/walk.ts';
import { watchOperators } from '../active-operators.ts';
import { type Candidate, type Look, Malformed, type Reading, type Remark } from '../format.ts';
import { isText } from '../tensorflow-graph.ts';
import { tell } from '../told.ts';
import { decode, type Message, rootMessage, type Schema } from '../wire/protobuf.ts';
import { selectionOf, selectPrototext } from '../wire/prototext.ts';
import { child, number } from '../wire/tree.ts';
import { watchEnds } from './frozen.ts';
import { type GraphNode, walkGraphDef } from './graph.ts';
import { limitText, walkGraphText } from './text.ts';

/** Reads a candidate of this format. Loaded where there is one. */
export async function readFrozenGraph(candidate: Candidate, look: Look): Promise<Reading> {
  const file = look.file(candidate.path);
  if (!file) throw new Malformed('the file is gone');
  using bytes = open(file);
  return readGraph(bytes, candidate, isText(look.head(file)));
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
