import type { Shape } from '../../contract/types.ts';
import type { Tree } from '../wire/tree.ts';
import type { GraphNode } from './graph.ts';
import { SIZE_ATTRIBUTE } from './schema.ts';
import { ALIKE, type Operands, shapeBy } from './shape-rules.ts';
import { type Sizes, sizesOf } from './shape-values.ts';

/*
 * Shapes of results that follow from constants and from the operators on the way, as TensorFlow's own shape functions
 * have it. What is not listed here is unknown.
 */

/** Bytes that nodes may take, with about what V8 takes for one. */
const MAX_KEPT = 8 * 1024 * 1024;
const NODE_COST = 700;
/** Operators between a result and the constant that its shape follows from. */
const MAX_DEPTH = 200;

/** Collects the nodes of a graph, and says the shape of a result that follows from them; `null` where none does. */
export function watchShapes(placeholder: (node: GraphNode) => Shape | null): {
  readonly node: (node: GraphNode) => void;
  readonly shapeOf: (name: string) => Shape | null;
} {
  const nodes = new Map<string, GraphNode>();
  const known = new Map<string, Shape | null>();
  const computed = new Map<string, Sizes | null>();
  let kept = 0;
  const shapeOf = (input: string | undefined, depth: number): Shape | null => {
    const node = nodeOf(input);
    if (!node || depth > MAX_DEPTH) return null;
    // Of several results only those of some operators are alike.
    if (/:[1-9]\d*$/.test(input ?? '') && !ALIKE.test(node.operator)) return null;
    const before = known.get(node.name);
    if (before !== undefined) return before;
    // A loop ends here: what depends on itself is not known.
    known.set(node.name, null);
    const shape = follow(node, depth);
    known.set(node.name, shape);
    return shape;
  };
  const nodeOf = (input: string | undefined): GraphNode | undefined =>
    input === undefined ? undefined : nodes.get(input.replace(/:\d+$/, ''));
  const valuesOf = (input: string | undefined, depth: number): Sizes | null => {
    const node = nodeOf(input);
    if (!node || depth > MAX_DEPTH) return null;
    const before = computed.get(node.name);
    if (before !== undefined) return before;
    computed.set(node.name, null);
    const sizes = sizesOf(ruleFor(node, depth));
    computed.set(node.name, sizes);
    return sizes;
  };
  const ruleFor = (node: GraphNode, depth: number): Operands => {
    let attributes: ReadonlyMap<string, Tree> | undefined;
    return {
      operator: node.operator,
      count: node.inputs.filter((input) => !input.startsWith('^')).length,
      shape: (index) => shapeOf(node.inputs[index], depth + 1),
      values: (index) => valuesOf(node.inputs[index], depth + 1),
      constant: () => node.constant(),
      attribute(name) {
        attributes ??= node.attributes(SIZE_ATTRIBUTE);
        return attributes.get(name);
      },
    };
  };
  const follow = (node: GraphNode, depth: number): Shape | null =>
    node.operator.startsWith('Placeholder') ? placeholder(node) : shapeBy(ruleFor(node, depth));
  return {
    node(node) {
      if (kept > MAX_KEPT) return;
      kept += NODE_COST + node.name.length;
      for (const input of node.inputs) kept += 50 + input.length;
      nodes.set(node.name, node);
    },
    shapeOf: (name) => shapeOf(name, 0),
  };
}
