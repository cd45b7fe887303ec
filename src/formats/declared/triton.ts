import type { Label, ScalarType, Shape } from '../../contract/types.ts';
import { entryOf } from '../../model/entry.ts';
import { type Candidate, emptyReading, type Look, type Reading } from '../format.ts';
import { derived, stated, type ToldField, tell, unknown } from '../told.ts';
import { parsePrototext } from '../wire/prototext.ts';
import { bool, child, children, number, numbers, string, type Tree } from '../wire/tree.ts';
import { readDocument } from './documents.ts';

/** Source: Triton, protobuf/model_config.proto, enum DataType. */
const TYPES: Readonly<Record<string, ScalarType>> = {
  TYPE_BOOL: 'bool',
  TYPE_UINT8: 'uint8',
  TYPE_UINT16: 'uint16',
  TYPE_UINT32: 'uint32',
  TYPE_UINT64: 'uint64',
  TYPE_INT8: 'int8',
  TYPE_INT16: 'int16',
  TYPE_INT32: 'int32',
  TYPE_INT64: 'int64',
  TYPE_FP16: 'float16',
  TYPE_FP32: 'float32',
  TYPE_FP64: 'float64',
  TYPE_STRING: 'string',
  TYPE_BF16: 'bfloat16',
};

/** Triton Inference Server's `config.pbtxt`. */
export async function readTriton(candidate: Candidate, look: Look): Promise<Reading> {
  return readingOf(candidate, look, parsePrototext(readDocument(look, candidate.path)));
}

function readingOf(candidate: Candidate, look: Look, config: Tree): Reading {
  const batched = number(config, 'max_batch_size') > 0;
  const inputs = children(config, 'input');
  const outputs = children(config, 'output');
  const folder = candidate.path.slice(0, -'config.pbtxt'.length);
  const told = tell({
    predict: {
      inputs: inputs.map((field, index) => fieldOf(field, `input[${index}]`, batched)),
      outputs: outputs.map((field, index) => {
        const labels = labelsOf(look, folder, string(field, 'label_filename'));
        return {
          ...fieldOf(field, `output[${index}]`, batched),
          ...(labels && { labels: stated(labels, string(field, 'label_filename')) }),
        };
      }),
    },
  });
  const platform = string(config, 'platform') || string(config, 'backend');
  return {
    ...emptyReading(candidate),
    framework: { name: 'triton', version: null },
    // With auto-completion a configuration may leave inputs and outputs to the server.
    contract: inputs.length + outputs.length > 0 ? told.contract : null,
    evidence: inputs.length + outputs.length > 0 ? told.evidence : {},
    properties: {
      ...(platform !== '' && { platform }),
      'max batch size': String(number(config, 'max_batch_size')),
    },
    describes: servedVersion(config, look, folder),
  };
}

/**
 * The folder of the version that answers a request without one: the highest number, of those that `version_policy` admits.
 * Source: Triton, "Model Repository" and "Model Configuration", "Version Policy".
 */
function servedVersion(config: Tree, look: Look, folder: string): string[] {
  const admitted = numbers(child(child(config, 'version_policy'), 'specific'), 'versions');
  const numbered = look.directory.files
    .filter((file) => file.path.startsWith(folder))
    .map((file) => /^([1-9]\d{0,14})\//.exec(file.path.slice(folder.length))?.[1])
    .filter((version) => version !== undefined)
    .map(Number)
    .filter((version) => admitted.length === 0 || admitted.includes(version));
  return numbered.length === 0 ? [] : [`${folder}${numbered.reduce((a, b) => Math.max(a, b))}`];
}

function fieldOf(field: Tree, where: string, batched: boolean): ToldField {
  const data = string(field, 'data_type');
  const type = entryOf(TYPES, data);
  const sizes: Shape = numbers(field, 'dims').map((size) => (size >= 0 ? size : null));
  return {
    name: stated(string(field, 'name'), `${where}.name`),
    type: type ? stated(type, `${where}.data_type`) : unknown(`${where}.data_type is "${data}"`),
    shape: batched
      ? derived(['batch', ...sizes], `${where}.dims, and max_batch_size is over 0`)
      : stated(
          sizes.map((size, axis) => (size === null && axis === 0 ? 'batch' : size)),
          `${where}.dims`,
        ),
    ...(bool(field, 'optional') && { optional: true }),
  };
}

function labelsOf(look: Look, folder: string, path: string): Label[] | null {
  const file = path === '' ? undefined : look.file(`${folder}${path}`);
  if (!file || file.size > 1024 * 1024) return null;
  const lines = readDocument(look, file.path).split(/\r?\n/);
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines;
}
