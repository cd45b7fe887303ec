import type { Dimension, ScalarType } from '../../contract/types.ts';
import { open } from '../../model/walk.ts';
import { type Candidate, emptyReading, type Look, Malformed, type Reading } from '../format.ts';
import { assumed, stated, type ToldField, type ToldSignature, tell, unknown } from '../told.ts';
import { rootTable, type Table } from '../wire/flatbuffer.ts';
import { readerOf } from '../wire/flatbuffer-reader.ts';
import { TYPE_BY_NUMBER } from './scalar-types.ts';

/*
 * Programs for ExecuTorch: a flatbuffer with a plan for every method. Source: executorch/schema/program.fbs; slots count its fields
 * from 0. Arguments are values without names; sizes of tensors that may vary are the largest that they may have.
 */

const PROGRAM = { version: 0, plans: 1 } as const;
const PLAN = { name: 0, values: 2, inputs: 3, outputs: 4, operators: 6, delegates: 7 } as const;
const TENSOR = { type: 0, sizes: 2, dynamism: 8 } as const;

/** Reads a candidate of this format. Loaded where there is one. */
export async function readExecutorch(candidate: Candidate, look: Look): Promise<Reading> {
  const file = look.file(candidate.path);
  if (!file) throw new Malformed('the file is gone');
  using bytes = open(file);
  const reader = readerOf(bytes);
  const program = rootTable(bytes);
  const plans = reader.tables(program, PROGRAM.plans).slice(0, 1000);
  const signatures: Record<string, ToldSignature> = Object.create(null);
  const delegates = new Set<string>();
  for (const plan of plans) {
    const name = reader.text(plan, PLAN.name) ?? 'forward';
    const values = reader.tables(plan, PLAN.values);
    for (const one of reader.tables(plan, PLAN.delegates)) delegates.add(reader.text(one, 0) ?? '');
    const side = (slot: number, word: string): ToldField[] => {
      const places = reader.integers(plan, slot);
      return places.map((place, index) =>
        fieldOf(values[place], places.length === 1 ? word : `${word}_${index}`, name, (table, at) =>
          reader.integers(table, at),
        ),
      );
    };
    signatures[name] = { inputs: side(PLAN.inputs, 'input'), outputs: side(PLAN.outputs, 'output') };
  }
  const names = Object.keys(signatures);
  const told = names.length === 0 ? null : tell(signatures, names.includes('forward') ? 'forward' : names[0]);
  return {
    ...emptyReading(candidate),
    framework: { name: 'executorch', version: null },
    contract: told?.contract ?? null,
    evidence: told?.evidence ?? {},
    properties: {
      schema: Buffer.from(bytes.read(4, 4)).toString('latin1'),
      ...(delegates.size > 0 && { delegates: [...delegates].slice(0, 20).join(', ') }),
    },
    requirements: { executorch: null },
  } satisfies Reading;
}

/** Members of the union of values. */
const KINDS: Readonly<Record<number, ScalarType>> = { 2: 'int64', 3: 'bool', 4: 'float64', 6: 'string' };
const IS_TENSOR = 5;

function fieldOf(
  value: Table | undefined,
  name: string,
  plan: string,
  integers: (table: Table, slot: number) => number[],
): ToldField {
  const where = `execution_plan.${plan}`;
  const named = assumed(name, 'the program names no arguments');
  const open = (what: string) =>
    unknown(`the program states no ${what}`, `the ${what} of ${name} in contract.yaml`);
  const kind = value?.uint8(0) ?? 0;
  const scalar = KINDS[kind];
  if (scalar !== undefined) return { name: named, type: stated(scalar, where), shape: stated([], where) };
  const tensor = kind === IS_TENSOR ? value?.table(1) : null;
  if (!tensor) return { name: named, type: open('type'), shape: open('shape') };
  const type = TYPE_BY_NUMBER[tensor.int8(TENSOR.type)];
  const sizes = integers(tensor, TENSOR.sizes);
  const varies = tensor.int8(TENSOR.dynamism) !== 0;
  // Which of the sizes vary is not stated; those that are given are the largest.
  const shape: Dimension[] = sizes.map((size) => (varies || size < 0 ? null : size));
  return {
    name: named,
    type: type === undefined ? open('type') : stated(type, where),
    shape: sizes.length > 64 ? open('shape') : stated(shape, where),
    ...(varies && sizes.length <= 64 && { description: `at most [${sizes.join(', ')}]` }),
  };
}
