import { type Dimension, SCALAR_TYPES, type ScalarType, type Shape } from '../../contract/types.ts';
import type { Reading } from '../format.ts';
import { assumed, stated, type ToldField, tell, unknown } from '../told.ts';
import { attribute, classOf } from '../wire/pickle/numpy.ts';
import type { PickleResult } from '../wire/pickle/read.ts';
import { is, isNode, type Node, type PyCall, textOf, type Value } from '../wire/pickle/values.ts';

const MAX_NODES = 500_000;
const MAX_INPUTS = 100;
/** Theano has NumPy's names. */
const TYPES = new Set<string>(SCALAR_TYPES);

/**
 * Pickled Theano graphs: variables that nothing computes are inputs, with the type and rank that their `TensorType` has.
 * Source: Theano 1.0, theano/gof/graph.py and theano/tensor/type.py.
 */
export function describeTheano(base: Reading, result: PickleResult): Reading {
  const root = result.values[0] ?? null;
  const inputs = variablesIn(root)
    .filter((one) => !hasOwner(one))
    .slice(0, MAX_INPUTS);
  const tops = is(root, 'tuple') || is(root, 'list') ? root.items : [root];
  const outputs = tops.filter((one): one is PyCall => isVariable(one) && hasOwner(one)).slice(0, MAX_INPUTS);
  const fields = inputs.map((one, index) => fieldOf(one, `x${index}`));
  const reading: Reading = {
    ...base,
    format: 'theano',
    framework: { name: 'theano', version: null },
    requirements: { ...base.requirements, theano: null },
  };
  const known = fields.length > 0 && outputs.length > 0;
  const told = known
    ? tell({
        predict: {
          inputs: fields,
          outputs: outputs.map((one, index) =>
            fieldOf(one, outputs.length === 1 ? 'output' : `output_${index}`),
          ),
        },
      })
    : null;
  return {
    ...reading,
    ...(told && { contract: told.contract, evidence: told.evidence }),
    remarks: [
      ...reading.remarks,
      {
        rule: 'contract-unknown',
        level: 'warning',
        file: base.path,
        message: known
          ? 'a Theano graph states types and ranks of its variables, and no sizes'
          : 'the pickle does not tell what the Theano model takes and returns',
        help: `Write contract.yaml beside the model, for example:\n${snippet(fields)}`,
      },
    ],
  };
}

/** A variable that is fed or computed: no constant, and none that holds parameters. */
function isVariable(value: Value | undefined): value is PyCall {
  const { module = '', name = '' } = classOf(value) ?? {};
  return module.startsWith('theano.') && name.endsWith('Variable') && !/Shared|Constant/.test(name);
}

const hasOwner = (value: PyCall): boolean => isNode(attribute(value, 'owner') ?? null);

/** All variables below a value, each once: first what is computed first. */
function variablesIn(root: Value): PyCall[] {
  const seen = new Set<Node>();
  const stack: Value[] = [root];
  const out: PyCall[] = [];
  while (stack.length > 0 && seen.size < MAX_NODES) {
    const value = stack.pop() ?? null;
    if (!isNode(value) || seen.has(value)) continue;
    seen.add(value);
    if (isVariable(value)) out.push(value);
    for (const inner of insideOf(value).toReversed()) stack.push(inner);
  }
  return out;
}

function insideOf(value: Node): readonly Value[] {
  switch (value.kind) {
    case 'tuple':
    case 'list':
    case 'set':
      return value.items;
    case 'dict':
      return value.values;
    case 'call':
      return [value.args, value.kwargs, ...value.states, ...value.items, value.entries];
    default:
      return [];
  }
}

function fieldOf(variable: PyCall, otherwise: string): ToldField {
  const name = textOf(attribute(variable, 'name'));
  const type = attribute(variable, 'type');
  const dtype = textOf(attribute(type, 'dtype'));
  const broadcastable = attribute(type, 'broadcastable');
  const axes = is(broadcastable, 'tuple') || is(broadcastable, 'list') ? broadcastable.items : null;
  // A broadcastable axis has size 1; nothing is said of the others.
  const shape: Shape | null = axes?.map((one): Dimension => (one === true ? 1 : null)) ?? null;
  return {
    name:
      name === null || name === '' ? assumed(otherwise, 'the variable has no name') : stated(name, 'name'),
    type:
      dtype !== null && TYPES.has(dtype)
        ? stated(dtype as ScalarType, 'TensorType.dtype')
        : unknown('the variable has no TensorType', 'the type, such as float64'),
    shape: shape
      ? stated(shape, 'TensorType.broadcastable')
      : unknown('the variable has no TensorType', 'the shape'),
  };
}

/** Lines to paste, with what is known filled in. Names come from the pickle, so they are quoted as JSON is. */
function snippet(fields: readonly ToldField[]): string {
  const lines = fields.map((field) => {
    const shape = field.shape.value?.map((size) => size ?? 'null').join(', ') ?? 'batch, 4';
    const name = JSON.stringify(field.name.value ?? 'X');
    return `      - {name: ${name}, type: ${field.type.value ?? 'float64'}, shape: [${shape}]}`;
  });
  return [
    'contract: v1',
    'signatures:',
    '  predict:',
    '    inputs:',
    ...(lines.length > 0 ? lines : ['      - {name: X, type: float64, shape: [batch, 4]}']),
    '    outputs:',
    '      - {name: y, type: float64, shape: [batch, 1]}',
  ].join('\n');
}
