import { Truncated } from '../../model/bytes.ts';
import { type ModelFile, open } from '../../model/walk.ts';
import { Malformed, type Remark } from '../format.ts';
import { bool, child, children, number, string, type Tree } from '../wire/tree.ts';
import { readBundle } from './bundle.ts';
import type { GraphNode } from './graph.ts';
import { objectsOf } from './signatures.ts';
import { countOf } from './types.ts';

/**
 * Trained values: the sum over the variables of the object graph that are trainable. `null`: nothing says it.
 * Keras tracks its variables twice; where the root lists `trainable_variables`, that list is what counts.
 */
export function trainableCount(metaGraph: Tree): number | null {
  const objects = objectsOf(metaGraph);
  const list = childObject(objects, objects[0], 'trainable_variables');
  const listed = children(list, 'children').flatMap((one) => objects[number(one, 'node_id')] ?? []);
  const among = listed.some((object) => child(object, 'variable')) ? new Set(listed) : objects;
  let sum = 0;
  let seen = false;
  for (const object of among) {
    const variable = child(object, 'variable');
    if (!variable || !bool(variable, 'trainable')) continue;
    const count = countOf(child(variable, 'shape'));
    if (count === null) return null;
    seen = true;
    sum += count;
  }
  return seen ? sum : null;
}

function childObject(objects: readonly Tree[], parent: Tree | undefined, name: string): Tree | undefined {
  const reference = children(parent, 'children').find((one) => string(one, 'local_name') === name);
  return reference && objects[number(reference, 'node_id')];
}

const VARIABLES = new Set(['Variable', 'VariableV2', 'VarHandleOp']);
/** Variables and characters of their names that are kept. */
const MAX_VARIABLES = 50_000;
const MAX_NAMES = 8 * 1024 * 1024;

/** Collects the shapes of the variables of a graph of TensorFlow 1, which has no object graph. */
export function watchVariables(): {
  readonly node: (node: GraphNode) => void;
  /** Whether there is any. */
  readonly seen: () => boolean;
  readonly count: (trainable: ReadonlySet<string>, checkpoint: Checkpoint | null) => number | null;
} {
  const counts = new Map<string, number | null>();
  let names = 0;
  return {
    node(node) {
      if (!VARIABLES.has(node.operator) || node.inFunction !== '') return;
      if (counts.size >= MAX_VARIABLES || names > MAX_NAMES) return;
      names += node.name.length;
      counts.set(node.name, countOf(child(node.attributes().get('shape'), 'shape')));
    },
    seen: () => counts.size > 0,
    count(trainable, checkpoint) {
      let sum = 0;
      for (const name of trainable) {
        const count = counts.get(name) ?? checkpoint?.counts.get(name) ?? null;
        if (count === null) return null;
        sum += count;
      }
      return trainable.size === 0 ? null : sum;
    },
  };
}

/** What `variables/variables.index` says of the values that are saved. */
export interface Checkpoint {
  /** The count of values of each of the variables that were asked for. */
  readonly counts: ReadonlyMap<string, number>;
  /** Of all of them that are numbers, trained or not; `null` where one is of unknown size. */
  readonly total: number | null;
}

const DT_STRING = 7;
const NO_CHECKPOINT = { checkpoint: null, remarks: [] };

/**
 * The checkpoint beside a model of TensorFlow 1. Which of its variables were trained it does not say: batch
 * normalization and optimizers keep floats of their own under names that anybody may choose.
 */
export function readCheckpoint(
  file: ModelFile | undefined,
  wanted: ReadonlySet<string>,
): { checkpoint: Checkpoint | null; remarks: Remark[] } {
  if (!file) return NO_CHECKPOINT;
  using bytes = open(file);
  const counts = new Map<string, number>();
  let total: number | null = 0;
  try {
    const outcome = readBundle(bytes, ({ key, type, count }) => {
      if (count !== null && wanted.has(key)) counts.set(key, count);
      if (type !== DT_STRING) total = total === null || count === null ? null : total + count;
    });
    return outcome === null ? NO_CHECKPOINT : { checkpoint: { counts, total }, remarks: [] };
  } catch (error) {
    if (!(error instanceof Malformed || error instanceof Truncated)) throw error;
    const remark: Remark = {
      rule: 'file-malformed',
      level: 'error',
      file: file.path,
      message: `the index of the variables is damaged: ${error.message}`,
      help: 'Export the model again, and compare the size of the file with that of the original.',
    };
    return { checkpoint: null, remarks: [remark] };
  }
}
