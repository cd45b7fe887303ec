import type { Profile, ScalarType, Shape } from '../../contract/types.ts';
import { entryOf } from '../../model/entry.ts';
import { type Candidate, emptyReading, type Look, Malformed, type Reading } from '../format.ts';
import { openCandidate } from '../open.ts';
import { stated, type ToldField, type ToldSignature, tell, unknown } from '../told.ts';
import { decode, rootMessage, type Schema } from '../wire/protobuf.ts';
import { parsePrototext } from '../wire/prototext.ts';
import { child, children, enumeration, has, numbers, string, type Tree } from '../wire/tree.ts';
import { type Json, list, object, readDocument, readYaml, text } from './documents.ts';

const MAX_DEPTH = 16;
/** Names of types in `serving.yaml`, with the aliases that its tools accept, and in the protobuf contracts. */
const TYPES: Readonly<Record<string, ScalarType>> = {
  string: 'string',
  str: 'string',
  bool: 'bool',
  float16: 'float16',
  half: 'float16',
  float32: 'float32',
  single: 'float32',
  float: 'float64',
  float64: 'float64',
  double: 'float64',
  int8: 'int8',
  byte: 'int8',
  int16: 'int16',
  short: 'int16',
  int32: 'int32',
  int64: 'int64',
  int: 'int64',
  uint8: 'uint8',
  ubyte: 'uint8',
  uint16: 'uint16',
  ushort: 'uint16',
  uint32: 'uint32',
  uint64: 'uint64',
  complex64: 'complex64',
  complex128: 'complex128',
  complex: 'complex128',
  qint8: 'int8',
  qint16: 'int16',
  qint32: 'int32',
  quint8: 'uint8',
  quint16: 'uint16',
  bfloat16: 'bfloat16',
};
const DT: readonly (ScalarType | null)[] = [
  null,
  'float32',
  'float64',
  'int32',
  'uint8',
  'int16',
  'int8',
  'string',
  'complex64',
  'int64',
  'bool',
  'int8',
  'uint8',
  'int32',
  'bfloat16',
  'int16',
  'uint16',
  'uint16',
  'complex128',
  'float16',
  null,
  null,
  'uint32',
  'uint64',
];
const DT_NAMES: Readonly<Record<string, number>> = {
  DT_FLOAT: 1,
  DT_DOUBLE: 2,
  DT_INT32: 3,
  DT_UINT8: 4,
  DT_INT16: 5,
  DT_INT8: 6,
  DT_STRING: 7,
  DT_COMPLEX64: 8,
  DT_INT64: 9,
  DT_BOOL: 10,
  DT_QINT8: 11,
  DT_QUINT8: 12,
  DT_QINT32: 13,
  DT_BFLOAT16: 14,
  DT_QINT16: 15,
  DT_QUINT16: 16,
  DT_UINT16: 17,
  DT_COMPLEX128: 18,
  DT_HALF: 19,
  DT_UINT32: 22,
  DT_UINT64: 23,
};
const PROFILES: Readonly<Record<string, Profile>> = {
  numerical: 'numerical',
  continuous: 'numerical',
  interval: 'numerical',
  ratio: 'numerical',
  categorical: 'categorical',
  nominal: 'categorical',
  ordinal: 'categorical',
  text: 'text',
  image: 'image',
  audio: 'audio',
  video: 'video',
};
const PROFILE_NUMBERS: Readonly<Record<number, Profile>> = {
  1: 'categorical',
  11: 'categorical',
  12: 'categorical',
  2: 'numerical',
  21: 'numerical',
  22: 'numerical',
  23: 'numerical',
  3: 'image',
  4: 'video',
  5: 'audio',
  6: 'text',
};

/**
 * Both wire forms at once. The older one wraps dimensions in messages (`dim`) and has the profile in field 10, the newer one
 * has them bare (`dims`) and the profile in field 5.
 */
const FIELD: Schema = {
  name: [1, 'string'],
  shape: [2, { dims: [1, 'int'], dim: [2, { size: [1, 'int'] }], unknown_rank: [3, 'int'] }],
  subfields: [3, { data: [1, () => FIELD] }],
  dtype: [4, 'int'],
  profile: [5, 'int'],
  old_profile: [10, 'int'],
};
const SIGNATURE: Schema = { signature_name: [1, 'string'], inputs: [2, FIELD], outputs: [3, FIELD] };
const CONTRACT: Schema = { model_name: [1, 'string'], signatures: [2, SIGNATURE] };

/** Hydrosphere Serving: `serving.yaml`, `contract.prototxt` and `contract.protobin` of its versions 2 and 3. */
export async function readHydrosphere(candidate: Candidate, look: Look): Promise<Reading> {
  if (candidate.path.endsWith('.prototxt'))
    return readingOf(candidate, protoSignatures(parsePrototext(readDocument(look, candidate.path))));
  if (candidate.path.endsWith('.protobin')) {
    using bytes = openCandidate(candidate, look);
    return readingOf(candidate, protoSignatures(decodeContract(() => rootMessage(bytes))));
  }
  const documents = await readYaml(look, candidate.path);
  const model = documents
    .map(object)
    .find((one) => one['kind'] === 'Model' || object(one['model'])['contract'] !== undefined);
  if (!model) return readingOf(candidate, {});
  return { ...readingOf(candidate, yamlSignatures(model)), properties: propertiesOf(model) };
}

function readingOf(candidate: Candidate, signatures: Readonly<Record<string, ToldSignature>>): Reading {
  const reading = { ...emptyReading(candidate), framework: { name: 'hydrosphere', version: null } };
  if (Object.keys(signatures).length === 0) return reading;
  const told = tell(signatures);
  return { ...reading, contract: told.contract, evidence: told.evidence };
}

function propertiesOf(model: Json): Record<string, string> {
  const runtime = text(model['runtime']);
  return runtime === null ? {} : { runtime };
}

function yamlSignatures(model: Json): Record<string, ToldSignature> {
  const contract = object(model['contract']);
  const fields = (side: unknown, where: string): ToldField[] =>
    Object.entries(object(side)).map(([name, field]) => yamlField(name, object(field), `${where}.${name}`));
  if (contract['inputs'] !== undefined || contract['outputs'] !== undefined)
    return {
      [text(contract['name']) ?? 'predict']: {
        inputs: fields(contract['inputs'], 'contract.inputs'),
        outputs: fields(contract['outputs'], 'contract.outputs'),
      },
    };
  // Version 2 named signatures by key.
  return Object.fromEntries(
    Object.entries(contract)
      .filter(([, one]) => object(one)['inputs'] !== undefined)
      .map(([name, one]) => [
        name,
        {
          inputs: fields(object(one)['inputs'], `contract.${name}.inputs`),
          outputs: fields(object(one)['outputs'], `contract.${name}.outputs`),
        },
      ]),
  );
}

function yamlField(name: string, field: Json, where: string, depth = 0): ToldField {
  const type = entryOf(TYPES, (text(field['type']) ?? '').toLowerCase());
  // Version 2 nests: a field has a type, or fields of its own.
  // An alias of YAML may name what it is part of.
  const nested = field['type'] === undefined && field['fields'] !== undefined && depth < MAX_DEPTH;
  const shape = field['shape'];
  const sizes: Shape = list(shape).map((size) => (typeof size === 'number' && size >= 0 ? size : null));
  const profile = entryOf(PROFILES, (text(field['profile']) ?? '').toLowerCase());
  return {
    name: stated(name, where),
    type: nested
      ? stated('record', `${where}.fields`)
      : type
        ? stated(type, `${where}.type`)
        : unknown(`${where}.type is "${text(field['type']) ?? ''}"`),
    ...(nested && {
      fields: Object.entries(object(field['fields'])).map(([key, value]) =>
        yamlField(key, object(value), `${where}.fields.${key}`, depth + 1),
      ),
    }),
    shape: Array.isArray(shape)
      ? stated(sizes, `${where}.shape`)
      : shape === 'scalar'
        ? stated([], `${where}.shape`)
        : unknown(`${where}.shape: any`),
    ...(profile && { profile }),
  };
}

/** A bare signature (version 3), a contract with one (2.x), or with many (before March 2019). */
function protoSignatures(tree: Tree): Record<string, ToldSignature> {
  const wrapped = [...children(tree, 'predict'), ...children(tree, 'signatures')];
  const signatures = wrapped.length > 0 ? wrapped : has(tree, 'inputs') || has(tree, 'outputs') ? [tree] : [];
  return Object.fromEntries(
    signatures.map((one) => [
      string(one, 'signature_name') || 'predict',
      { inputs: children(one, 'inputs').map(protoField), outputs: children(one, 'outputs').map(protoField) },
    ]),
  );
}

function protoField(field: Tree): ToldField {
  const name = string(field, 'name');
  const shape = child(field, 'shape');
  const dims = children(shape, 'dim').map((dim) => numbers(dim, 'size')[0] ?? 0);
  const sizes = [...dims, ...numbers(shape, 'dims')].map((size) => (size >= 0 ? size : null));
  const open =
    shape === undefined || numbers(shape, 'unknown_rank')[0] === 1 || shape.get('unknown_rank')?.[0] === true;
  const told = open ? unknown(`${name} has any shape`) : stated<Shape>(sizes, `${name}.shape`);
  const subfields = children(child(field, 'subfields'), 'data');
  if (subfields.length > 0)
    return {
      name: stated(name, name),
      type: stated('record', name),
      shape: told,
      fields: subfields.map(protoField),
    };
  const given = enumeration(field, 'dtype');
  const type = DT[typeof given === 'number' ? given : (entryOf(DT_NAMES, given) ?? 0)] ?? null;
  const profile = enumeration(field, has(field, 'old_profile') ? 'old_profile' : 'profile');
  const known =
    typeof profile === 'number' ? PROFILE_NUMBERS[profile] : entryOf(PROFILES, profile.toLowerCase());
  return {
    name: stated(name, name),
    type: type === null ? unknown(`${name}.dtype is ${given}`) : stated(type, `${name}.dtype`),
    shape: told,
    ...(known && { profile: known }),
  };
}

/** Version 3 saves a bare signature, version 2 a contract around signatures: a field without a type gives the wrong one away. */
function decodeContract(message: () => Parameters<typeof decode>[0]): Tree {
  for (const schema of [SIGNATURE, CONTRACT]) {
    try {
      const tree = decode(message(), schema);
      const signatures = schema === SIGNATURE ? [tree] : children(tree, 'signatures');
      const fields = signatures.flatMap((one) => [...children(one, 'inputs'), ...children(one, 'outputs')]);
      const whole = (field: Tree) =>
        string(field, 'name') !== '' && (has(field, 'dtype') || has(field, 'subfields'));
      if (fields.length > 0 && fields.every(whole)) return tree;
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
    }
  }
  throw new Malformed('it is neither a ModelContract nor a ModelSignature');
}
