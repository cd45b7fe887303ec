import type { Message } from '../wire/protobuf.ts';
import { type TensorHead, tensorAttribute, tensorValues, walkGraph } from './graph.ts';
import { MAX_RANK, RULES, type TensorType, UNKNOWN } from './rules.ts';
import { elementType } from './types.ts';

/** Values that are remembered: bounds memory on graphs of any size. */
const MAX_VALUES = 100_000;
const DOMAINS: ReadonlySet<string> = new Set(['', 'ai.onnx', 'ai.onnx.ml']);

/**
 * Follows types and shapes through the nodes of a graph in their order, for outputs of which the file does not say
 * them. An operator that is not in the tables ends the way: what it returns is not known. Costs two passes.
 */
export function inferTypes(
  graph: Message,
  inputs: ReadonlyMap<string, TensorType>,
): (name: string) => TensorType | null {
  const known = new Map<string, TensorType>(inputs);
  const small = new Map<string, TensorHead>();
  const constant = (name: string, tensor: TensorHead): void => {
    if (known.size >= MAX_VALUES) return;
    known.set(name, { type: elementType(tensor.elementType), shape: tensor.dimensions });
    if (tensor.dimensions.length <= 1) small.set(name, tensor);
  };
  const ignore = () => {};
  const nothing = { input: ignore, output: ignore, node: ignore, initializer: ignore };
  // Initializers come after the nodes in the file.
  walkGraph(graph, {
    ...nothing,
    initializer: (tensor, within) => {
      if (within === undefined) constant(tensor.name, tensor);
    },
  });
  walkGraph(graph, {
    ...nothing,
    node(node, depth) {
      const [output = ''] = node.outputs;
      if (depth > 0 || output === '' || !DOMAINS.has(node.domain)) return;
      const tensor = node.operator === 'Constant' ? tensorAttribute(node, 'value') : undefined;
      if (tensor) return constant(output, tensor);
      const rule = RULES.get(node.operator);
      if (!rule || known.size >= MAX_VALUES) return;
      const wholes = (position: number): readonly number[] | null => {
        const list = small.get(node.inputs[position] ?? '');
        const values = list ? tensorValues(list) : null;
        return values?.flatMap((value) => (typeof value === 'number' ? [value] : [])) ?? null;
      };
      const given = node.inputs.map((name) => known.get(name) ?? UNKNOWN);
      const made = rule(given, node, wholes);
      // Gathering by itself doubles the rank each time.
      known.set(output, (made.shape?.length ?? 0) <= MAX_RANK ? made : { ...made, shape: null });
    },
  });
  return (name) => known.get(name) ?? null;
}
