import { Malformed } from '../format.ts';
import type { Hdf5 } from '../wire/hdf5.ts';
import { type LayerConfig, nameOf, number } from './values.ts';

const MAX_OBJECTS = 500_000;
/** What Keras stores beside the weights of a model. */
const NO_WEIGHTS = /^(optimizer|optimizer_weights|seed_generator|metrics)$/;

/** What a file of weights holds. */
export interface Weights {
  /** Elements of all variables; `null` where the file keeps some of them where we cannot look. */
  readonly parameters: number | null;
  /** Other files that it takes data from. */
  readonly outside: readonly string[];
}

/**
 * Counts the variables below a group by the shapes of their datasets, without those of the optimizer and of random
 * generators.
 * @param layers of the model: some store a variable twice, as their own and as that of the layer inside.
 */
export function weightsIn(file: Hdf5, start: number, layers: readonly LayerConfig[] = []): Weights {
  let total = 0;
  let complete = !layers.some((layer) => number(layer.config['lora_rank']) !== null);
  const outside = new Set<string>();
  const seen = new Set<number>();
  const named = (className: string) =>
    new Set(layers.filter((layer) => layer.className === className).map(nameOf));
  const spectral = named('SpectralNormalization');
  const pending: { address: number; name: string; parent: string }[] = [
    { address: start, name: '', parent: '' },
  ];
  for (let one = pending.pop(); one !== undefined; one = pending.pop()) {
    const { address, name, parent } = one;
    if (seen.has(address)) continue;
    seen.add(address);
    if (seen.size > MAX_OBJECTS) throw new Malformed(`the file has more than ${MAX_OBJECTS} objects`);
    const object = file.object(address);
    if (object.unread.includes('links')) complete = false;
    for (const other of object.outside) if (outside.size < 20) outside.add(other);
    if (object.shape) total += object.shape.reduce((product, size) => product * size, 1);
    for (const [child, target] of object.links) {
      if (NO_WEIGHTS.test(child)) continue;
      // Keras 3 calls the groups after the classes, and lately after the layers.
      const twice =
        name === 'vars' &&
        child === '0' &&
        (spectral.has(parent) || /^spectral_normalization(_\d+)?$/.test(parent));
      // Weights of words are counted in some versions and not in others.
      if (child === 'idf_weights') complete = false;
      if (!twice) pending.push({ address: target, name: child, parent: name });
    }
  }
  return { parameters: complete ? total : null, outside: [...outside] };
}
