import type { Dimension, Shape } from '../../contract/types.ts';
import { bool } from '../wire/tree.ts';
import type { GraphNode } from './graph.ts';

/*
 * Shapes of results that follow from constants and from the operators on the way, as TensorFlow's own shape functions
 * have it. What is not listed here is unknown.
 */

/** Bytes that nodes may take, with about what V8 takes for one. */
const MAX_KEPT = 8 * 1024 * 1024;
const NODE_COST = 700;
/** Operators between a result and the constant that its shape follows from. */
const MAX_DEPTH = 200;

const SAME_SHAPE =
  /^(Identity|StopGradient|Softmax|LogSoftmax|Sigmoid|Tanh|Relu|Relu6|Elu|Selu|LeakyRelu|Softplus|Softsign|Exp|Log|Sqrt|Rsqrt|Square|Neg|Abs|Cast|CheckNumerics|Erf)$/;
const BROADCAST =
  /^(Add|AddV2|Sub|Mul|RealDiv|Maximum|Minimum|SquaredDifference|Greater|GreaterEqual|Less|LessEqual)$/;
const REDUCTION = /^(Mean|Sum|Max|Min|Prod)$/;

/** Collects the nodes of a graph, and says the shape of a result that follows from them; `null` where none does. */
export function watchShapes(placeholder: (node: GraphNode) => Shape | null): {
  readonly node: (node: GraphNode) => void;
  readonly shapeOf: (name: string) => Shape | null;
} {
  const nodes = new Map<string, GraphNode>();
  const known = new Map<string, Shape | null>();
  let kept = 0;
  const shapeOf = (input: string | undefined, depth: number): Shape | null => {
    const node = input === undefined || /:[1-9]\d*$/.test(input) ? undefined : nodes.get(plain(input));
    if (!node || depth > MAX_DEPTH) return null;
    const before = known.get(node.name);
    if (before !== undefined) return before;
    // A loop ends here: what depends on itself is not known.
    known.set(node.name, null);
    const shape = follow(node, depth);
    known.set(node.name, shape);
    return shape;
  };
  const constant = (input: string | undefined): readonly number[] | null => {
    let node = input === undefined ? undefined : nodes.get(plain(input));
    if (node?.operator === 'Identity') node = nodes.get(plain(node.inputs[0] ?? ''));
    return node?.operator === 'Const' ? (node.constant()?.values ?? null) : null;
  };
  const follow = (node: GraphNode, depth: number): Shape | null => {
    const { operator } = node;
    const of = (index: number): Shape | null => shapeOf(node.inputs[index], depth + 1);
    const flag = (name: string): boolean => bool(node.attributes().get(name), 'b');
    if (operator.startsWith('Placeholder')) return placeholder(node);
    if (operator === 'Const') return node.constant()?.shape ?? null;
    if (SAME_SHAPE.test(operator)) return of(0);
    if (BROADCAST.test(operator)) return broadcast(of(0), of(1));
    if (operator === 'BiasAdd') return of(0);
    if (operator === 'MatMul') {
      const rows = of(0)?.[flag('transpose_a') ? 1 : 0] ?? null;
      const columns = of(1)?.[flag('transpose_b') ? 0 : 1];
      return columns === undefined ? null : [rows, columns];
    }
    if (operator === 'Reshape') return reshape(of(0), constant(node.inputs[1]));
    if (operator === 'ArgMax' || operator === 'ArgMin') return reduce(of(0), constant(node.inputs[1]), false);
    if (REDUCTION.test(operator)) return reduce(of(0), constant(node.inputs[1]), flag('keep_dims'));
    return null;
  };
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

function plain(input: string): string {
  return input.replace(/:0$/, '');
}

/** NumPy's rule. A size that is not known gives way to one above 1: it is either that or 1. */
function broadcast(a: Shape | null, b: Shape | null): Shape | null {
  if (!a || !b) return null;
  const rank = Math.max(a.length, b.length);
  const out: Dimension[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const left = sizeAt(a, axis - rank + a.length);
    const right = sizeAt(b, axis - rank + b.length);
    if (left === 1) out.push(right);
    else if (right === 1 || left === right || right === null) out.push(left);
    else if (left === null) out.push(right);
    else return null;
  }
  return out;
}

function sizeAt(shape: Shape, axis: number): Dimension {
  return axis < 0 ? 1 : (shape[axis] ?? null);
}

function reshape(input: Shape | null, sizes: readonly number[] | null): Shape | null {
  if (!sizes || sizes.some((size) => size < -1) || sizes.filter((size) => size === -1).length > 1)
    return null;
  const rest = sizes.filter((size) => size !== -1).reduce((product, size) => product * size, 1);
  let all: number | null = input ? 1 : null;
  for (const size of input ?? []) all = all === null || typeof size !== 'number' ? null : all * size;
  return sizes.map((size) => {
    if (size !== -1) return size;
    return all !== null && rest > 0 && Number.isInteger(all / rest) ? all / rest : null;
  });
}

function reduce(input: Shape | null, axes: readonly number[] | null, keep: boolean): Shape | null {
  if (!input || !axes) return null;
  const rank = input.length;
  if (axes.some((axis) => axis < -rank || axis >= rank)) return null;
  const gone = new Set(axes.map((axis) => (axis < 0 ? axis + rank : axis)));
  const out: Dimension[] = [];
  for (const [axis, size] of input.entries())
    if (!gone.has(axis)) out.push(size);
    else if (keep) out.push(1);
  return out;
}
