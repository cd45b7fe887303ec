import { all, at, type Element } from '../wire/xml.ts';

/*
 * The IR up to version 7 (OpenVINO 2018 to 2020): no layer stands for a result, the weights of a layer are written in it, and
 * a type stands at the layer. Source: OpenVINO 2019 R3, "Intermediate Representation Notation Reference Catalog".
 */

/** A port that gives a result, with the layer that it is of. */
export interface OpenPort {
  readonly layer: Element;
  readonly port: Element;
  readonly name: string;
}

/** What no other layer takes is a result. Of several ports of a layer each has its place in its name. */
export function openPorts(net: Element): OpenPort[] {
  const taken = new Set(
    all(at(net, 'edges'), 'edge').map(
      ({ attributes }) => `${attributes['from-layer']} ${attributes['from-port']}`,
    ),
  );
  return all(at(net, 'layers'), 'layer')
    .filter((layer) => !['Const', 'Input'].includes(layer.attributes['type'] ?? ''))
    .flatMap((layer) => {
      const ports = all(at(layer, 'output'), 'port');
      const name = layer.attributes['name'] ?? '';
      return ports
        .map((port, index) => ({ layer, port, name: ports.length > 1 ? `${name}.${index}` : name }))
        .filter(({ port }) => !taken.has(`${layer.attributes['id']} ${port.attributes['id']}`));
    });
}

/** Weights of a layer in the file beside the graph; `size` in bytes. */
export interface Blob {
  readonly offset: number;
  readonly size: number;
}

/** `<weights offset="0" size="36"/>`, within `<blobs>` or right in the layer. */
export const blobsOf = (layer: Element): Blob[] =>
  [...(at(layer, 'blobs')?.children ?? []), ...all(layer, 'weights'), ...all(layer, 'biases')].map(
    ({ attributes }) => ({ offset: Number(attributes['offset']), size: Number(attributes['size']) }),
  );

const BYTES: Readonly<Record<string, number>> = { FP32: 4, FP16: 2, FP64: 8, BF16: 2 };

/** Numbers among the weights of a layer; integers are shapes and axes. */
export function weightsIn(layer: Element): number {
  const bytes = BYTES[layer.attributes['precision'] ?? ''];
  const sizes = bytes === undefined ? [] : blobsOf(layer).map(({ size }) => size / bytes);
  return sizes.reduce((sum, count) => sum + (Number.isSafeInteger(count) ? count : 0), 0);
}
