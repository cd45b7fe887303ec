import type { Dimension, Label, ScalarType, Shape } from '../../contract/types.ts';
import { entryOf } from '../../model/entry.ts';
import { type Candidate, emptyReading, type Look, Malformed, type Reading, type Remark } from '../format.ts';
import { openCandidate } from '../open.ts';
import { stated, type ToldField, tell, unknown } from '../told.ts';
import { all, at, type Element, readXml } from '../wire/xml.ts';
import { blobsOf, openPorts, weightsIn } from './old.ts';
import { scalarLayers } from './rank.ts';

/** Element types of the IR, and the precisions of its ports. Source: OpenVINO, "Intermediate Representation format". */
const TYPES: Readonly<Record<string, ScalarType>> = {
  boolean: 'bool',
  i4: 'int4',
  u4: 'uint4',
  i8: 'int8',
  i16: 'int16',
  i32: 'int32',
  i64: 'int64',
  u8: 'uint8',
  u16: 'uint16',
  u32: 'uint32',
  u64: 'uint64',
  f16: 'float16',
  bf16: 'bfloat16',
  f32: 'float32',
  f64: 'float64',
  string: 'string',
  f8e4m3: 'float8_e4m3fn',
  f8e5m2: 'float8_e5m2',
  f8e8m0: 'float8_e8m0fnu',
  f4e2m1: 'float4_e2m1fn',
};
const PRECISIONS: Readonly<Record<string, string>> = {
  FP16: 'f16',
  FP32: 'f32',
  FP64: 'f64',
  BF16: 'bf16',
  BOOL: 'boolean',
  STRING: 'string',
};

/** Reads a candidate of this format. Loaded where there is one. */
export async function readOpenvino(candidate: Candidate, look: Look): Promise<Reading> {
  using bytes = openCandidate(candidate, look);
  const net = await readXml(bytes, () => false);
  const reading = readingOf(candidate, net);
  const [path] = candidate.covers;
  const weights = path === undefined ? undefined : look.file(path);
  if (!weights)
    return reading.parameters === 0 ? reading : { ...reading, remarks: [missing(candidate.path)] };
  const needed = weightsEnd(net);
  return weights.size >= needed
    ? reading
    : { ...reading, remarks: [truncated(weights.path, weights.size, needed)] };
}

/** Bytes that the constants of the graph reach into the weights. */
function weightsEnd(net: Element): number {
  const ends = all(at(net, 'layers'), 'layer').flatMap((layer) => {
    const { offset, size } = at(layer, 'data')?.attributes ?? {};
    const own = layer.attributes['type'] === 'Const' ? [{ offset: Number(offset), size: Number(size) }] : [];
    return [...own, ...blobsOf(layer)].map((blob) => blob.offset + blob.size);
  });
  return ends.reduce((a, b) => (Number.isSafeInteger(b) ? Math.max(a, b) : a), 0);
}

const missing = (file: string): Remark => ({
  rule: 'external-data-missing',
  level: 'error',
  file,
  message: 'the weights (.bin) are not beside the graph (.xml)',
  help: 'Commit both files that OpenVINO wrote, under the same name.',
});

const truncated = (file: string, size: number, needed: number): Remark => ({
  rule: 'file-truncated',
  level: 'error',
  file,
  message: `the weights have ${size} bytes, and the graph takes ${needed} of them`,
  help: 'The file was cut short: save or download it again and compare its size.',
});

function readingOf(candidate: Candidate, net: Element): Reading {
  if (net.name !== 'net') throw new Malformed(`the root element is "${net.name}"`);
  const layers = all(at(net, 'layers'), 'layer');
  const byId = new Map(layers.map((layer) => [layer.attributes['id'], layer]));
  const edges = new Map(
    all(at(net, 'edges'), 'edge').map((edge) => [`${edge.attributes['to-layer']}`, edge]),
  );
  const ofType = (...types: string[]) =>
    layers.filter((layer) => types.includes(layer.attributes['type'] ?? ''));
  const inputs = ofType('Parameter', 'Input').map((layer): ToldField => {
    const port = at(layer, 'output', 'port');
    const data = at(layer, 'data');
    const where = `layer ${layer.attributes['name'] ?? ''}`;
    const shape = data?.attributes['shape'];
    return {
      name: stated(nameOf(layer, port), where),
      type: typeOf(data?.attributes['element_type'] ?? precisionOf(layer, port), where),
      shape: shape !== undefined ? shapeFromText(shape, where) : stated(shapeFromPort(port), where),
    };
  });
  const scalar = scalarLayers(net);
  const results = ofType('Result').map((layer): ToldField => {
    const edge = edges.get(layer.attributes['id'] ?? '');
    const producer = byId.get(edge?.attributes['from-layer']);
    const ports = all(at(producer, 'output'), 'port');
    const port = ports.find((one) => one.attributes['id'] === edge?.attributes['from-port']);
    const where = `layer ${producer?.attributes['name'] ?? ''}`;
    return {
      name: stated(producer ? nameOf(producer, port) : (layer.attributes['name'] ?? ''), where),
      type: typeOf(port?.attributes['precision'], where),
      shape: !port
        ? unknown(`${where} has no such port`)
        : all(port, 'dim').length > 0 || (producer && scalar(producer))
          ? stated(shapeFromPort(port), where)
          : unknown(`${where} states no sizes: a scalar, or any rank`),
    };
  });
  const outputs =
    results.length > 0
      ? results
      : openPorts(net).map(({ layer, port, name }): ToldField => {
          const where = `layer ${layer.attributes['name'] ?? ''}`;
          return {
            name: stated(name, where),
            type: typeOf(precisionOf(layer, port), where),
            shape: stated(shapeFromPort(port), where),
          };
        });
  const info = at(net, 'rt_info', 'model_info');
  const labels = labelsOf(at(info, 'labels')?.attributes['value']);
  const [output] = outputs;
  const labelled: readonly ToldField[] =
    labels && output && outputs.length === 1 && output.shape.value?.at(-1) === labels.length
      ? [{ ...output, labels: stated(labels, 'rt_info.model_info.labels') }]
      : outputs;
  const told = tell({ predict: { inputs, outputs: labelled } });
  const version =
    at(net, 'rt_info', 'Runtime_version')?.attributes['value'] ??
    all(at(net, 'rt_info'), 'info').find((one) => one.attributes['name'] === 'OpenVINO Runtime')?.attributes[
      'value'
    ] ??
    at(net, 'meta_data', 'MO_version')?.attributes['value'];
  return {
    ...emptyReading(candidate),
    framework: { name: 'openvino', version: /\d{4}\.\d+(\.\d+)?/.exec(version ?? '')?.[0] ?? null },
    contract: told.contract,
    evidence: told.evidence,
    labels,
    // Of packed integers some are weights and some are zero points, and their count is not that of the parameters.
    parameters: ofType('Const').some(isPacked)
      ? null
      : layers.reduce((sum, layer) => sum + elementsOf(layer) + weightsIn(layer), 0),
    properties: { 'ir version': net.attributes['version'] ?? '' },
  };
}

/** The tensor's name where there is one, else the layer's. */
function nameOf(layer: Element, port: Element | undefined): string {
  const first = port?.attributes['names']?.split(/(?<!\\),/)[0]?.replaceAll('\\,', ',');
  return first || (layer.attributes['name'] ?? '');
}

/** At the port, and before version 7 at the layer. */
const precisionOf = (layer: Element, port: Element | undefined): string | undefined =>
  port?.attributes['precision'] ?? layer.attributes['precision'];

function typeOf(text: string | undefined, where: string) {
  const type = entryOf(TYPES, entryOf(PRECISIONS, text ?? '') ?? (text ?? '').toLowerCase());
  return type ? stated(type, where) : unknown(`${where} states the type "${text ?? ''}"`);
}

function dimension(text: string, axis: number): Dimension {
  const size = Number(text);
  return Number.isSafeInteger(size) && size >= 0 && text !== '' ? size : axis === 0 ? 'batch' : null;
}

/** `1,3,224,224`, `?,3,?..224,[1..8]`, `...` for any rank, and the empty text for a scalar. */
function shapeFromText(text: string, where: string) {
  if (text.trim() === '...') return unknown(`${where} has any rank`);
  const parts = text.trim() === '' ? [] : text.replace(/^\[(.*)\]$/, '$1').split(',');
  return stated(parts.map((part, axis) => dimension(part.trim(), axis)) satisfies Shape, where);
}

function shapeFromPort(port: Element | undefined): Shape {
  return all(port, 'dim').map((dim, axis) => dimension(dim.text, axis));
}

function labelsOf(text: string | undefined): Label[] | null {
  const names = text?.split(/\s+/).filter((name) => name !== '') ?? [];
  return names.length > 0 ? names : null;
}

/** A matrix of small integers: weights that were compressed. */
function isPacked(layer: Element): boolean {
  const data = at(layer, 'data');
  return (
    /^(?:[iu][1-8]|nf4|f[48]\w+)$/.test(data?.attributes['element_type'] ?? '') &&
    (data?.attributes['shape'] ?? '').includes(',')
  );
}

/** Elements of a constant that is of a floating type: integers are shapes and axes. */
function elementsOf(layer: Element): number {
  const data = layer.attributes['type'] === 'Const' ? at(layer, 'data') : undefined;
  if (!/^b?f\d/.test(data?.attributes['element_type'] ?? '')) return 0;
  const sizes = (data?.attributes['shape'] ?? '').split(',').filter((part) => part.trim() !== '');
  return sizes.reduce((product, size) => product * Number(size), 1);
}
