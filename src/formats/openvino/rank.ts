import { all, at, type Element } from '../wire/xml.ts';

/** Layers whose results have the rank that a graph within them gives. */
const BODIES: ReadonlySet<string> = new Set(['If', 'Loop', 'TensorIterator']);
/** Layers that take the sizes of their result as a tensor. */
const SIZED: ReadonlySet<string> = new Set(['Reshape', 'Broadcast']);
/** Layers that are gone back over one after another. */
const MAX_DEPTH = 500;

/**
 * Whether a layer gives a scalar, where its port states no sizes: a tensor of any rank is written the same way, and what
 * its layer makes of its own inputs tells them apart. Where that is not certain, it does not.
 */
export function scalarLayers(net: Element): (layer: Element) => boolean {
  const byId = new Map(all(at(net, 'layers'), 'layer').map((layer) => [layer.attributes['id'], layer]));
  const sources = new Map(
    all(at(net, 'edges'), 'edge').map(({ attributes: edge }) => [
      `${edge['to-layer']} ${edge['to-port']}`,
      byId.get(edge['from-layer']),
    ]),
  );
  const seen = new Map<Element, boolean>();
  const visit = (layer: Element, depth: number): boolean => {
    const known = seen.get(layer);
    if (known !== undefined) return known;
    // A layer that leads back to itself is none that is known.
    seen.set(layer, false);
    const answer = depth < MAX_DEPTH && isScalar(layer, depth);
    seen.set(layer, answer);
    return answer;
  };
  const isScalar = (layer: Element, depth: number): boolean => {
    const type = layer.attributes['type'] ?? '';
    if (type === 'Parameter') return at(layer, 'data')?.attributes['shape']?.trim() !== '...';
    if (type === 'Const') return true;
    const ports = all(at(layer, 'input'), 'port');
    const [data, second] = ports.map((port) => all(port, 'dim').map((dim) => Number(dim.text)));
    if (BODIES.has(type)) return false;
    if (SIZED.has(type)) return second?.[0] === 0;
    if (type === 'Squeeze' && !second && data?.some((size) => !(size >= 0))) return false;
    return ports.every((port) => {
      if (all(port, 'dim').length > 0) return true;
      const source = sources.get(`${layer.attributes['id']} ${port.attributes['id']}`);
      return source !== undefined && visit(source, depth + 1);
    });
  };
  return (layer) => visit(layer, 0);
}
