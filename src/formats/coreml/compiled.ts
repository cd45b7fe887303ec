import type { Dimension, Label, ScalarType, Shape } from '../../contract/types.ts';
import { entryOf } from '../../model/entry.ts';
import { list, object, readDocument, text } from '../declared/documents.ts';
import { type Candidate, emptyReading, type Look, Malformed, type Reading } from '../format.ts';
import { stated, type ToldField, tell, unknown } from '../told.ts';

const FILE = /(?:^|\/)metadata\.json$/;
const TYPES: Readonly<Record<string, ScalarType>> = {
  Float16: 'float16',
  Float32: 'float32',
  Float64: 'float64',
  Double: 'float64',
  Int8: 'int8',
  Int32: 'int32',
  Int64: 'int64',
  String: 'string',
};

/** Compiled models (`.mlmodelc`): a folder whose `metadata.json` Xcode's compiler wrote, beside `coremldata.bin`. */
export function compiledModels(look: Look): Candidate[] {
  return look.directory.files
    .filter((file) => FILE.test(file.path) && isMetadata(look.head(file)))
    .filter((file) => look.file(file.path.replace(FILE, beside('coremldata.bin'))) !== undefined)
    .map((file): Candidate => {
      const folder = file.path.slice(0, -'metadata.json'.length);
      const covers = look.directory.files
        .map((one) => one.path)
        .filter((path) => path.startsWith(folder) && path !== file.path);
      return { format: 'coreml', path: file.path, role: 'model', covers };
    });
}

const beside = (name: string) => (match: string) => match.replace('metadata.json', name);

const isMetadata = (head: Uint8Array): boolean =>
  /^\s*\[\s*\{/.test(Buffer.from(head.subarray(0, 64)).toString('latin1')) &&
  /"(?:metadataOutputVersion|outputSchema|specificationVersion|storagePrecision)"\s*:/.test(
    Buffer.from(head).toString('latin1'),
  );

/** Reads the description that a compiled model has beside it. @throws Malformed. */
export function readCompiled(candidate: Candidate, look: Look): Reading {
  let root: unknown;
  try {
    root = JSON.parse(readDocument(look, candidate.path));
  } catch (error) {
    if (error instanceof Malformed) throw error;
    throw new Malformed('metadata.json is no JSON');
  }
  const model = object(list(root)[0]);
  const outputs = list(model['outputSchema']);
  if (outputs.length === 0) throw new Malformed('metadata.json describes no outputs');
  const labels = list(model['classLabels']).filter(
    (one): one is Label => typeof one === 'string' || typeof one === 'number',
  );
  const told = tell({
    predict: {
      inputs: list(model['inputSchema']).map((one, index) => fieldOf(one, `inputSchema[${index}]`)),
      outputs: outputs.map((one, index) => fieldOf(one, `outputSchema[${index}]`)),
    },
  });
  const user = object(model['userDefinedMetadata']);
  const properties: Record<string, string> = { specification: String(model['specificationVersion'] ?? '') };
  const source = text(user['com.github.apple.coremltools.source']);
  if (source !== null) properties['source'] = source;
  return {
    ...emptyReading(candidate),
    framework: { name: 'coreml', version: text(user['com.github.apple.coremltools.version']) },
    contract: told.contract,
    evidence: told.evidence,
    labels: labels.length > 0 ? labels : null,
    properties,
  };
}

function fieldOf(one: unknown, where: string): ToldField {
  const field = object(one);
  const kind = text(field['type']) ?? '';
  const description = text(field['shortDescription']) ?? '';
  const base = {
    name: stated(text(field['name']) ?? '', `${where}.name`),
    ...(description !== '' && { description }),
    ...(String(field['isOptional']) === '1' && { optional: true }),
  };
  const scalar = entryOf(TYPES, kind);
  if (scalar) return { ...base, type: stated(scalar, where), shape: stated<Shape>([], where) };
  const flexible = String(field['hasShapeFlexibility'] ?? field['hasSizeFlexibility']) === '1';
  if (kind === 'Image') {
    const size = (key: string): Dimension => (flexible ? null : Number(field[key] ?? Number.NaN) || null);
    const gray = String(field['isColor']) === '0';
    const half = /Float16|16/.test(text(field['colorspace']) ?? '');
    return {
      ...base,
      type: stated(half ? 'float16' : 'uint8', where),
      shape: stated<Shape>([size('height'), size('width'), gray ? 1 : 3], where),
      profile: 'image',
    };
  }
  if (kind === 'Dictionary')
    return {
      ...base,
      type: stated('map', where),
      shape: stated<Shape>([], where),
      keys: stated(/Int/.test(text(field['keyType']) ?? '') ? 'int64' : 'string', where),
      values: { type: stated('float64', where), shape: stated<Shape>([], where) },
    };
  const type = entryOf(TYPES, text(field['dataType']) ?? '');
  const shape = flexible ? null : sizesOf(text(field['shape']));
  return {
    ...base,
    type: type ? stated(type, `${where}.dataType`) : unknown(`${where} is a ${kind}`),
    shape: shape
      ? stated(shape, `${where}.shape`)
      : (flexibleShape(field, where) ?? unknown(`${where} states no shape`)),
  };
}

/** `[1, 3, 8]`; empty where nothing is stated. */
function sizesOf(value: string | null): Shape | null {
  const inside = /^\[([\d, ]+)\]$/.exec(value ?? '')?.[1];
  return inside === undefined ? null : inside.split(',').map(Number);
}

/** `[[1, 8], [4, 4]]`: lowest and highest size of each axis. */
function flexibleShape(field: Readonly<Record<string, unknown>>, where: string) {
  const ranges = [...(text(field['shapeRange']) ?? '').matchAll(/\[(\d+), (-?\d+)\]/g)];
  const fixed = sizesOf(text(field['shape']));
  if (ranges.length > 0)
    return stated<Shape>(
      ranges.map(([, low, high]) => (low === high ? Number(low) : null)),
      `${where}.shapeRange`,
    );
  return fixed
    ? stated<Shape>(
        fixed.map(() => null),
        `${where}.enumeratedShapes`,
      )
    : null;
}
