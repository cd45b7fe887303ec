import type { Shape } from '../../contract/types.ts';
import { derived, stated, type Told, type ToldField, type ToldSignature, unknown } from '../told.ts';
import { child, children, has, type Tree } from '../wire/tree.ts';
import type { GraphNode } from './graph.ts';
import { resultType } from './result-types.ts';
import { watchShapes } from './shapes.ts';
import { dataType, tensorShape } from './types.ts';

/** Operators whose results nobody has to use: they are left over from training, saving or initialization. */
const SIDE_EFFECTS =
  /^(Const|NoOp|Assert|Save|SaveV2|SaveSlices|Restore|RestoreV2|ShardedFilename|MergeV2Checkpoints|Placeholder.*|Variable.*|VarHandleOp|VarIsInitializedOp|IsVariableInitialized|ReadVariableOp|.*Summary.*|Assign.*)$/;
const INPUT = /^Placeholder(V2|WithDefault)?$/;
/** Beyond these nobody calls the graph by its ends. */
const MAX_FIELDS = 5000;
/** Bytes that names and nodes may take while the graph is walked, with about what V8 takes beside the characters. */
const MAX_KEPT = 14 * 1024 * 1024;
/** Sizes of all inputs, and of all outputs. */
const MAX_SIZES = 50_000;
const NAME_COST = 100;
const NODE_COST = 600;

/** Finds inputs and outputs of a graph without signatures: its placeholders, and what no node uses. */
export function watchEnds(producer: number): {
  readonly node: (node: GraphNode) => void;
  readonly signature: () => ToldSignature;
} {
  const inputs: ToldField[] = [];
  const used = new Set<string>();
  const ends = new Map<string, GraphNode>();
  const shapes = watchShapes((node) => inputOf(node, producer).shape.value);
  let kept = 0;
  let sizes = 0;
  let full = false;
  const isFull = (): boolean => {
    full ||= kept > MAX_KEPT || sizes > MAX_SIZES || inputs.length > MAX_FIELDS;
    return full;
  };
  return {
    node(passed) {
      if (passed.inFunction !== '' || isFull()) return;
      const node = passed.kept();
      shapes.node(node);
      for (const input of node.inputs) {
        const name = producerOf(input);
        if (used.has(name)) continue;
        used.add(name);
        kept += NAME_COST + name.length;
        if (ends.delete(name)) kept -= NODE_COST + name.length;
      }
      if (INPUT.test(node.operator)) {
        const input = inputOf(node, producer);
        sizes += input.shape.value?.length ?? 0;
        inputs.push(input);
      } else if (!SIDE_EFFECTS.test(node.operator) && !used.has(node.name)) {
        ends.set(node.name, node);
        kept += NODE_COST + node.name.length;
        for (const input of node.inputs) kept += NAME_COST + input.length;
      }
    },
    signature() {
      const reason = 'the graph has too many nodes, or too many that none uses, to say which it is called by';
      if (isFull() || ends.size > MAX_FIELDS) return { inputs: unknown(reason), outputs: unknown(reason) };
      if (ends.size === 0)
        return {
          inputs,
          outputs: unknown(
            'every node of the graph is used by another',
            'Write the outputs into contract.yaml.',
          ),
        };
      const outputs: ToldField[] = [];
      let all = 0;
      for (const node of ends.values()) {
        const output = outputOf(node, shapes.shapeOf(node.name));
        all += output.shape.value?.length ?? 0;
        if (all > MAX_SIZES) return { inputs, outputs: unknown(reason) };
        outputs.push(output);
      }
      return { inputs, outputs };
    },
  };
}

/** The node that an entry of `NodeDef.input` names: without its output index, or the mark of a control input. */
export function producerOf(input: string): string {
  return input.replace(/^\^/, '').replace(/:\d+$/, '');
}

function inputOf(node: GraphNode, producer: number): ToldField {
  const attributes = node.attributes();
  const where = `node "${node.name}"`;
  const shape = attributes.get('shape');
  return {
    name: stated(node.name, where),
    type: dataType(attributes.get('dtype'), 'type', `${where} dtype`),
    shape: placeholderShape(
      shape,
      `${where} shape`,
      node.operator === 'Placeholder' && producer <= SCALAR_OR_ANY,
    ),
    ...(node.operator === 'PlaceholderWithDefault' && { optional: true }),
  };
}

/** Up to this version of GraphDef a placeholder of any shape was written as a scalar (TensorFlow, array_ops.cc). */
const SCALAR_OR_ANY = 21;

function placeholderShape(attribute: Tree | undefined, where: string, ambiguous: boolean): Told<Shape> {
  const shape = child(attribute, 'shape');
  if (ambiguous && shape && !has(shape, 'unknown_rank') && children(shape, 'dim').length === 0)
    return unknown(`${where} is empty: a scalar, or any rank`);
  return tensorShape(shape, where);
}

function outputOf(node: GraphNode, followed: Shape | null): ToldField {
  const attributes = node.attributes();
  const where = `node "${node.name}"`;
  const shapes = children(child(attributes.get('_output_shapes'), 'list'), 'shape');
  return {
    name: derived(node.name, `${where} is used by no other`),
    type: resultType(node.operator, attributes, where),
    shape:
      shapes.length > 0 ? tensorShape(shapes[0], `${where} _output_shapes`) : derivedShape(followed, where),
  };
}

function derivedShape(followed: Shape | null, where: string): Told<Shape> {
  if (followed) return derived(followed, `${where}: its operator and the shapes of its inputs`);
  return unknown(`${where} does not state the shape of its result`, 'Write the shape into contract.yaml.');
}
