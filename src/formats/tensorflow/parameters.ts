import { bool, child, children, number, string, type Tree } from '../wire/tree.ts';
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
  readonly count: (trainable: ReadonlySet<string>) => number | null;
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
    count(trainable) {
      let sum = 0;
      for (const name of trainable) {
        const count = counts.get(name);
        if (count === undefined || count === null) return null;
        sum += count;
      }
      return trainable.size === 0 ? null : sum;
    },
  };
}
