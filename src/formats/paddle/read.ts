import type { ScalarType, Shape } from '../../contract/types.ts';
import { type Candidate, emptyReading, type Look, Malformed, type Reading } from '../format.ts';
import { openCandidate } from '../open.ts';
import { stated, type ToldField, tell, unknown } from '../told.ts';
import { decode, rootMessage, type Schema } from '../wire/protobuf.ts';
import { child, children, number, numbers, string, strings, type Tree } from '../wire/tree.ts';
import { isProgram, readProgram } from './pir.ts';

/** Source: PaddlePaddle, paddle/fluid/framework/framework.proto. */
const PROGRAM: Schema = {
  blocks: [
    1,
    {
      variables: [
        3,
        {
          name: [1, 'string'],
          type: [
            2,
            { kind: [1, 'int'], dense: [3, { tensor: [1, { type: [1, 'int'], dims: [2, 'int'] }] }] },
          ],
          persistable: [3, 'int'],
          parameter: [5, 'int'],
        },
      ],
      ops: [
        4,
        {
          inputs: [1, { parameter: [1, 'string'], arguments: [2, 'string'] }],
          outputs: [2, { parameter: [1, 'string'], arguments: [2, 'string'] }],
          type: [3, 'string'],
          attributes: [4, { name: [1, 'string'], int: [3, 'int'] }],
        },
      ],
    },
  ],
  version: [4, { number: [1, 'int'] }],
};
const TYPES: Readonly<Record<number, ScalarType>> = {
  0: 'bool',
  1: 'int16',
  2: 'int32',
  3: 'int64',
  4: 'float16',
  5: 'float32',
  6: 'float64',
  20: 'uint8',
  21: 'int8',
  22: 'bfloat16',
  23: 'complex64',
  24: 'complex128',
};

/** Reads a candidate of this format. Loaded where there is one. */
export async function readPaddle(candidate: Candidate, look: Look): Promise<Reading> {
  const file = look.file(candidate.path);
  if (file && isProgram(look.head(file))) return readProgram(candidate, look);
  using bytes = openCandidate(candidate, look);
  const program = decode(rootMessage(bytes), PROGRAM);
  const [block] = children(program, 'blocks');
  if (!block) throw new Malformed('the program has no blocks');
  const variables = new Map(children(block, 'variables').map((one) => [string(one, 'name'), one]));
  const told = tell({
    predict: {
      inputs: namesAt(block, 'feed').map((name) => fieldOf(name, variables.get(name))),
      outputs: namesAt(block, 'fetch').map((name) => fieldOf(name, variables.get(name))),
    },
  });
  const parameters = [...variables.values()]
    .filter((one) => number(one, 'persistable') === 1 && !['feed', 'fetch'].includes(string(one, 'name')))
    .reduce((sum, one) => sum + sizesOf(one).reduce((product, size) => product * size, 1), 0);
  const version = number(child(program, 'version'), 'number');
  return {
    ...emptyReading(candidate),
    framework: { name: 'paddlepaddle', version: versionText(version) },
    contract: told.contract,
    evidence: told.evidence,
    parameters,
    requirements: { paddlepaddle: versionText(version) },
  };
}

/** 2006002 is 2.6.2: three digits each for minor and patch. */
function versionText(version: number): string | null {
  if (version <= 0) return null;
  return `${Math.trunc(version / 1_000_000)}.${Math.trunc(version / 1000) % 1000}.${version % 1000}`;
}

/** Variables that `feed` writes, or `fetch` reads, in the order of their columns. */
function namesAt(block: Tree, type: 'feed' | 'fetch'): string[] {
  return children(block, 'ops')
    .filter((op) => string(op, 'type') === type)
    .map((op) => ({
      column: number(
        children(op, 'attributes').find((one) => string(one, 'name') === 'col'),
        'int',
      ),
      name: strings(children(op, type === 'feed' ? 'outputs' : 'inputs')[0], 'arguments')[0] ?? '',
    }))
    .sort((a, b) => a.column - b.column)
    .map((one) => one.name);
}

function sizesOf(variable: Tree | undefined): number[] {
  return numbers(child(child(child(variable, 'type'), 'dense'), 'tensor'), 'dims');
}

function fieldOf(name: string, variable: Tree | undefined): ToldField {
  const tensor = child(child(child(variable, 'type'), 'dense'), 'tensor');
  const type = tensor ? TYPES[number(tensor, 'type')] : undefined;
  const shape: Shape = sizesOf(variable).map((size, axis) =>
    size >= 0 ? size : axis === 0 ? 'batch' : null,
  );
  const where = `blocks[0].vars.${name}`;
  return {
    name: stated(name, where),
    type: type ? stated(type, where) : unknown(`${where} is no tensor`),
    shape: tensor ? stated(shape, where) : unknown(`${where} is no tensor`),
  };
}
