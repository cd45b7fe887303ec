import type { ScalarType, Shape } from '../../contract/types.ts';
import { open } from '../../model/walk.ts';
import { list, object, readDocument, text } from '../declared/documents.ts';
import { type Candidate, emptyReading, type Look, Malformed, type Reading } from '../format.ts';
import { assumed, derived, stated, type Told, type ToldField, tell, unknown } from '../told.ts';
import { countParameters, weightsOnly } from '../weights.ts';
import { parseJson } from '../wire/parse-json.ts';
import { type NamedArray, readIndex, TYPES } from './params.ts';

/** Reads a candidate of this format. Loaded where there is one. */
export async function readMxnet(candidate: Candidate, look: Look): Promise<Reading> {
  if (candidate.role === 'weights') {
    const tensors = arraysOf(look, candidate.path);
    return weightsOnly(candidate, { framework: { name: 'mxnet', version: null }, tensors });
  }
  return readSymbol(candidate, look);
}

function arraysOf(look: Look, path: string): NamedArray[] {
  const file = look.file(path);
  if (!file) throw new Malformed(`${path} is gone`);
  using bytes = open(file);
  return readIndex(bytes);
}

interface Node {
  readonly op: string;
  readonly name: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Nodes whose outputs it reads. */
  readonly inputs: readonly number[];
}

/** The deepest networks have a few thousand. */
const MAX_NODES = 40_000;

function nodesOf(symbol: Readonly<Record<string, unknown>>): Node[] {
  const nodes = list(symbol['nodes']);
  if (nodes.length > MAX_NODES) throw new Malformed(`the symbol has more than ${MAX_NODES} nodes`);
  return nodes.map((one) => {
    const node = object(one);
    return {
      op: text(node['op']) ?? '',
      name: text(node['name']) ?? '',
      // The key changed with the versions: param (0.x), attr (0.12), attrs.
      attributes: { ...object(node['param']), ...object(node['attr']), ...object(node['attrs']) },
      inputs: list(node['inputs']).map((input) => Number(list(input)[0])),
    };
  });
}

function readSymbol(candidate: Candidate, look: Look): Reading {
  let symbol: Readonly<Record<string, unknown>>;
  try {
    symbol = object(parseJson(readDocument(look, candidate.path)));
  } catch (error) {
    if (error instanceof Malformed) throw error;
    throw new Malformed('the symbol is no JSON');
  }
  const nodes = nodesOf(symbol);
  const latest = candidate.covers.toSorted().at(-1);
  const arrays = latest === undefined ? [] : arraysOf(look, latest);
  const named = new Map(arrays.map((one) => [one.name.replace(/^(?:arg|aux):/, ''), one]));
  const loss = new Set(nodes.flatMap((node) => (/Output$/.test(node.op) ? (node.inputs[1] ?? []) : [])));
  const guessed = latest === undefined;
  const isInput = (node: Node, index: number): boolean =>
    node.op === 'null' &&
    !named.has(node.name) &&
    !/(?:^|_)label$/.test(node.name) &&
    !loss.has(index) &&
    !(guessed && /(?:weight|bias|gamma|beta|mean|var)$/.test(node.name));
  const dtypes = new Set(arrays.map((one) => one.dtype));
  const [only] = dtypes;
  const common: Told<ScalarType> =
    dtypes.size === 1 && only !== undefined && only.startsWith('float')
      ? assumed(only as ScalarType, `all parameters are ${only}`)
      : unknown('the symbol states no type', 'the type, such as float32');
  const inputs = nodes.flatMap((node, index) =>
    isInput(node, index) ? inputOf(node, common, convolvedShape(nodes, index, named)) : [],
  );
  const outputs = list(symbol['heads']).map((head) => {
    const [index, output] = list(head).map(Number);
    const node = nodes[index ?? -1];
    if (!node) throw new Malformed(`a head refers to node ${index}, and there are ${nodes.length}`);
    return outputOf(nodes, node, output ?? 0, common);
  });
  const version = versionOf(object(symbol['attrs'])['mxnet_version']);
  const told = tell({ predict: { inputs, outputs } });
  return {
    ...emptyReading(candidate),
    framework: { name: 'mxnet', version },
    contract: told.contract,
    evidence: told.evidence,
    parameters: guessed ? null : countParameters(arrays),
    requirements: { mxnet: version },
    remarks: guessed
      ? [
          {
            rule: 'weights-missing',
            level: 'warning',
            file: candidate.path,
            message: 'there is no .params file beside the symbol',
            help: 'Commit it too (Git LFS is fine), or export the model again.',
          },
        ]
      : [],
  };
}

/** `["int", 10901]` is 1.9.1. */
function versionOf(value: unknown): string | null {
  const number = Number(list(value)[1]);
  if (!Number.isSafeInteger(number) || number <= 0) return null;
  return `${Math.trunc(number / 10_000)}.${Math.trunc(number / 100) % 100}.${number % 100}`;
}

function inputOf(node: Node, common: Told<ScalarType>, convolved: Shape | null): ToldField {
  const sizes = /^[([]([-\d, ]*)[)\]]$/.exec(text(node.attributes['__shape__']) ?? '')?.[1];
  const type = TYPES[Number(node.attributes['__dtype__'] ?? Number.NaN)];
  const where = `nodes.${node.name}`;
  const numbers = sizes?.split(',').flatMap((one) => (one.trim() === '' ? [] : Number(one)));
  // 0 (and -1 with NumPy's semantics) stands for a size that is not known.
  const shape = numbers?.map((size, axis) => (size > 0 ? size : axis === 0 ? 'batch' : null));
  return {
    name: stated(node.name, where),
    type: type ? stated(type, `${where}.__dtype__`) : common,
    shape: shape
      ? stated<Shape>(shape, `${where}.__shape__`)
      : convolved
        ? derived(convolved, 'the weights of the convolution that takes it')
        : unknown('the symbol states no shape', 'the shape, such as [batch, 3, 224, 224]'),
  };
}

/** Steps from an input to the convolution that are followed. */
const MAX_STEPS = 20;

/**
 * What a convolution says of its input: as many axes as its kernel has and two more, and the channels that its weights have.
 * A dense layer does not say as much: it takes any number of axes, and flattens them.
 */
function convolvedShape(
  nodes: readonly Node[],
  input: number,
  arrays: ReadonlyMap<string, NamedArray>,
): Shape | null {
  let current = input;
  for (let step = 0; step < MAX_STEPS; step++) {
    const next = nodes.findIndex((node) => node.inputs[0] === current);
    const node = nodes[next];
    if (!node) return null;
    if (node.op === 'Convolution') return convolutionInput(node, nodes, arrays);
    if (!KEEPS_AXES.test(node.op)) return null;
    current = next;
  }
  return null;
}

/** Operators that stand before the first layer, and give what they take in the same shape. */
const KEEPS_AXES = /^(?:BatchNorm|identity|_copy|[Cc]ast|Pad|_(?:mul|plus|minus|div)_scalar)$/;

function convolutionInput(
  node: Node,
  nodes: readonly Node[],
  arrays: ReadonlyMap<string, NamedArray>,
): Shape | null {
  const weight = arrays.get(nodes[node.inputs[1] ?? -1]?.name ?? '')?.shape;
  const kernel = (text(node.attributes['kernel']) ?? '').match(/\d+/g)?.length;
  const groups = Number(node.attributes['num_group'] ?? 1);
  if (!weight || kernel === undefined || weight.length !== kernel + 2) return null;
  const layout = text(node.attributes['layout']) ?? 'None';
  const last = /^N[DHW]+C$/.test(layout);
  if (!last && !/^(?:None|NC[DHW]+)$/.test(layout)) return null;
  const perGroup = last ? weight.at(-1) : weight[1];
  const channels = (perGroup ?? 0) * groups;
  if (!Number.isSafeInteger(channels) || channels < 1) return null;
  const free = Array.from({ length: kernel }, () => null);
  return last ? ['batch', ...free, channels] : ['batch', channels, ...free];
}

/** Operators that give what they take in the same shape. */
const SAME = new Set([
  'SoftmaxOutput',
  'softmax',
  'log_softmax',
  'Activation',
  'LinearRegressionOutput',
  'LogisticRegressionOutput',
  'MAERegressionOutput',
  'sigmoid',
  'relu',
  'tanh',
  'Dropout',
  'identity',
  '_copy',
  'LeakyReLU',
  'SoftmaxActivation',
  'SVMOutput',
]);

function outputOf(nodes: readonly Node[], node: Node, output: number, common: Told<ScalarType>): ToldField {
  const several = /^(?:SliceChannel|split|_split_v2)$/.test(node.op) || output > 0;
  const suffix = node.op === 'null' ? '' : several ? `_output${output}` : '_output';
  const units = output === 0 ? widthOf(nodes, node) : null;
  return {
    name: derived(`${node.name}${suffix}`, 'heads'),
    type: node.op === 'argmax' || node.op === 'Cast' ? unknown(`${node.op} decides the type`) : common,
    shape:
      units === null
        ? unknown(`the shape of ${node.op} follows from the inputs`, 'the shape, such as [batch, 10]')
        : derived<Shape>(['batch', units], 'num_hidden of the last dense layers'),
  };
}

/** Width of what a dense layer gives, through operators that keep shapes and such as put layers side by side. */
function widthOf(nodes: readonly Node[], head: Node, depth = 0): number | null {
  let node: Node | undefined = head;
  for (let step = 0; step < 50 && node; step += 1) {
    if (node.op === 'FullyConnected') {
      const units = Number(node.attributes['num_hidden']);
      const flat = !/^(?:False|0)$/i.test(text(node.attributes['flatten']) ?? 'True');
      return flat && Number.isSafeInteger(units) && units > 0 ? units : null;
    }
    if (
      node.op === 'Concat' &&
      depth < 3 &&
      Number(node.attributes['dim'] ?? 1) === 1 &&
      node.inputs.length <= 100
    ) {
      const widths = node.inputs.map((input) => {
        const part = nodes[input];
        return part ? widthOf(nodes, part, depth + 1) : null;
      });
      return widths.reduce((sum, width) => (sum === null || width === null ? null : sum + width), 0);
    }
    if (!SAME.has(node.op)) return null;
    node = nodes[node.inputs[0] ?? -1];
  }
  return null;
}
