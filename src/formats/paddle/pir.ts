import type { ScalarType, Shape } from '../../contract/types.ts';
import { entryOf } from '../../model/entry.ts';
import { list, object, readDocument, text } from '../declared/documents.ts';
import { type Candidate, emptyReading, type Look, Malformed, type Reading } from '../format.ts';
import { stated, type ToldField, tell, unknown } from '../told.ts';
import { parseJson } from '../wire/parse-json.ts';

/** Element types by their short names. Source: PaddlePaddle 3, pir serialization, schema.h. */
const TYPES: Readonly<Record<string, ScalarType>> = {
  t_bool: 'bool',
  t_ui8: 'uint8',
  t_i8: 'int8',
  t_i16: 'int16',
  t_i32: 'int32',
  t_i64: 'int64',
  t_f16: 'float16',
  t_bf16: 'bfloat16',
  t_f32: 'float32',
  t_f64: 'float64',
  t_c64: 'complex64',
  t_c128: 'complex128',
};
const MAX_OPS = 200_000;

/** Whether a JSON file is a program in Paddle's own intermediate representation. */
export function isProgram(head: Uint8Array): boolean {
  return /^\s*\{\s*"base_code"\s*:\s*\{[^{}]*"magic"\s*:\s*"pir"/.test(Buffer.from(head).toString('latin1'));
}

/** Programs of Paddle 3: `*.json` with `data` and `fetch` operators in the first block. */
export function readProgram(candidate: Candidate, look: Look): Reading {
  let root: unknown;
  try {
    root = parseJson(readDocument(look, candidate.path));
  } catch (error) {
    if (error instanceof Malformed) throw error;
    throw new Malformed('the program is no JSON');
  }
  const region = object(list(object(object(root)['program'])['regions'])[0]);
  const operators = list(object(list(region['blocks'])[0])['ops']);
  if (operators.length === 0 || operators.length > MAX_OPS)
    throw new Malformed('the program has no operators');
  const inputs: ToldField[] = [];
  const outputs: { column: number; field: ToldField }[] = [];
  let parameters = 0;
  for (const one of operators.map(object)) {
    const kind = text(one['#']);
    // Parameters have one result, which is no list, and lists of bare attributes: what is not kept is no parameter.
    if (kind === 'p' && list(one['OA'])[0] !== 0)
      parameters +=
        tensorOf(one['O']).shape?.reduce<number>((product, size) => product * Number(size), 1) ?? 0;
    else if (kind === '1.data') inputs.push(fieldOf(one, `data_${inputs.length}`));
    else if (kind === '1.fetch')
      outputs.push({
        column: Number(attribute(one, 'col') ?? outputs.length),
        field: fieldOf(one, `fetch_name_${outputs.length}`),
      });
  }
  const told = tell({
    predict: { inputs, outputs: outputs.toSorted((a, b) => a.column - b.column).map((one) => one.field) },
  });
  return {
    ...emptyReading(candidate),
    framework: { name: 'paddlepaddle', version: null },
    contract: told.contract,
    evidence: told.evidence,
    parameters,
    properties: { 'program version': String(object(object(root)['base_code'])['version'] ?? '') },
    requirements: { paddlepaddle: null },
  };
}

function attribute(operator: Readonly<Record<string, unknown>>, name: string): unknown {
  const found = list(operator['A'])
    .map(object)
    .find((one) => one['N'] === name);
  return object(found?.['AT'])['D'];
}

/** Type and sizes of a result: `{TT: {#: '0.t_dtensor', D: [{#: '0.t_f32'}, [-1, 4], …]}}`. */
function tensorOf(result: unknown): { type: ScalarType | undefined; shape: Shape | null } {
  const tensor = object(object(result)['TT']);
  const [element, sizes] = list(tensor['D']);
  if (text(tensor['#']) !== '0.t_dtensor' || !Array.isArray(sizes)) return { type: undefined, shape: null };
  const shape = sizes.map((size: unknown, axis) =>
    typeof size === 'number' && size >= 0 ? size : axis === 0 ? 'batch' : null,
  );
  return { type: entryOf(TYPES, (text(object(element)['#']) ?? '').split('.').at(-1) ?? ''), shape };
}

function fieldOf(operator: Readonly<Record<string, unknown>>, otherwise: string): ToldField {
  const name = text(attribute(operator, 'name'));
  const { type, shape } = tensorOf(list(operator['O'])[0]);
  const where = `program operator ${name ?? otherwise}`;
  return {
    name: stated(name ?? otherwise, where),
    type: type ? stated(type, where) : unknown(`${where} is no dense tensor`),
    shape: shape ? stated(shape, where) : unknown(`${where} is no dense tensor`),
  };
}
