import type { Bytes } from '../../model/bytes.ts';
import { rootTable, type Table } from '../wire/flatbuffer.ts';
import { readerOf } from '../wire/flatbuffer-reader.ts';
import type { ScriptMethod } from './script.ts';
import type { NamedTensor } from './tensors.ts';

/*
 * The flatbuffer of the lite interpreter (`PTMF`), which torch wrote from 1.13 on beside the zip. It has schemas of methods, and no
 * code. Source: torch/csrc/jit/serialization/mobile_bytecode.fbs; slots count its fields from 0.
 */

export interface MobileModule {
  /** Methods of the root module. */
  readonly methods: readonly ScriptMethod[];
  readonly tensors: readonly NamedTensor[];
  /** The class of the root module, where a method names it. */
  readonly name: string | null;
  readonly bytecode: number;
}

const MODULE = { version: 0, methods: 2, values: 4 } as const;
const VALUE = { kind: 0, value: 1 } as const;
const FUNCTION = { name: 0, schema: 6 } as const;
const TENSOR = { storage: 0, type: 1, offset: 2, sizes: 3, gradient: 5 } as const;
/** Members of the union of values. */
const IS_TENSOR = 5;
const IS_FUNCTION = 16;

/** torch's ScalarType by number, as its other files name element types. */
const TYPES: readonly string[] = [
  'U8', 'I8', 'I16', 'I32', 'I64', 'F16', 'F32', 'F64', '', 'C64', 'C128', 'BOOL', 'QI8', 'QU8', 'QI32', 'BF16',
]; // biome-ignore format: a table

/** @throws Malformed | Truncated */
export function mobileModule(bytes: Bytes): MobileModule {
  const reader = readerOf(bytes);
  const module = rootTable(bytes);
  const values = reader.tables(module, MODULE.values);
  const methods: ScriptMethod[] = [];
  let name: string | null = null;
  for (const index of reader.integers(module, MODULE.methods)) {
    const value = values[index];
    const found = value?.uint8(VALUE.kind) === IS_FUNCTION ? value.table(VALUE.value) : null;
    const schema = found?.table(FUNCTION.schema);
    const path = (found && reader.text(found, FUNCTION.name))?.split('.') ?? [];
    const method = path.pop();
    if (!schema || method === undefined) continue;
    name ??= path.join('.').replace(/^__torch__\.(___torch_mangle_\d+\.)?/, '');
    const typeOf = (one: Table): string => reader.text(one, 1) ?? 'Any';
    const [returned] = reader.tables(schema, 1);
    methods.push({
      name: method,
      arguments: reader
        .tables(schema, 0)
        // The module itself comes first.
        .slice(1)
        // The value at 0 is None, and stands for no default.
        .map((one) => ({
          name: reader.text(one, 0) ?? '',
          type: typeOf(one),
          default: one.uint32(2) === 0 ? null : '…',
        })),
      returns: returned ? typeOf(returned) : 'NoneType',
    });
  }
  const tensors = values.flatMap((value, index): NamedTensor[] => {
    const found = value.uint8(VALUE.kind) === IS_TENSOR ? value.table(VALUE.value) : null;
    if (!found) return [];
    const shape = reader.integers(found, TENSOR.sizes);
    if (!shape.every((size) => size >= 0)) return [];
    const identity = `${found.uint32(TENSOR.storage)}:${found.int32(TENSOR.offset)}:${shape.join(',')}`;
    return [
      {
        name: String(index),
        dtype: TYPES[found.int8(TENSOR.type)] ?? '',
        shape,
        identity,
        buffer: found.uint8(TENSOR.gradient) === 0,
      },
    ];
  });
  return { methods, tensors, name, bytecode: module.uint32(MODULE.version) };
}
