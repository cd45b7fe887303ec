import type { ScalarType, Shape } from '../../contract/types.ts';
import {
  free,
  isFloat,
  type Json,
  type LayerConfig,
  last,
  list,
  number,
  policyType,
  type Tensor,
  text,
} from './values.ts';

const INDEXED = new Set(['StringLookup', 'IntegerLookup', 'IndexLookup']);

/** What layers that turn words and numbers into indexes or encodings return; `null` for other layers. */
export function lookup(
  layer: LayerConfig,
  inputs: readonly Tensor[],
  release: number | null,
): Tensor[] | null {
  const { className, config } = layer;
  const input = inputs[0]?.shape ?? null;
  const mode = text(config['output_mode']) ?? (className === 'CategoryEncoding' ? 'multi_hot' : 'int');
  if (INDEXED.has(className)) {
    if (mode === 'int') return [{ shape: input, type: indexType(layer) }];
    return [
      counted(
        { shape: input && encoded(input, mode, tokensOf(layer)), type: encodedType(config) },
        mode,
        release,
      ),
    ];
  }
  if (className === 'TextVectorization') return [counted(vectorized(layer, input, mode), mode, release)];
  if (className === 'Hashing' || className === 'HashedCrossing') {
    if (mode === 'int') return [{ shape: input, type: hashType(config) }];
    return [{ shape: input && encoded(input, mode, number(config['num_bins'])), type: encodedType(config) }];
  }
  if (className === 'Discretization') {
    const bins = config['bin_boundaries'] ?? config['bins'];
    const count = Array.isArray(bins) ? bins.length + 1 : number(config['num_bins']);
    if (mode === 'int') return [{ shape: input, type: discreteType(release) }];
    const tensor = { shape: input && encoded(input, mode, count), type: encodedType(config) };
    return [release === null || (release >= 3 && release < 3.15) ? { ...tensor, ...TWO_SHAPES } : tensor];
  }
  if (className === 'CategoryEncoding') {
    const count = number(config['num_tokens']) ?? number(config['max_tokens']);
    const tensor = { shape: input && encoded(input, mode, count), type: encodedType(config) };
    const early = release === null || (release >= 3 && release < 3.05);
    return [early && mode === 'one_hot' && input?.at(-1) === 1 ? { ...tensor, ...TWO_SHAPES } : tensor];
  }
  return null;
}

const TWO_SHAPES = {
  shape: null,
  why: 'this version of Keras 3 declares one shape here and returns another',
};

/** Numbers of bins; `null` where the version is not known. */
function discreteType(release: number | null): ScalarType | null {
  if (release === null) return null;
  return release < 3.12 ? 'int64' : 'int32';
}

/** What is counted, not weighted, Keras 3 declares as floats and returns as whole numbers, depending on its version. */
function counted(tensor: Tensor, mode: string, release: number | null): Tensor {
  if ((release !== null && release < 3) || mode === 'tf_idf' || mode === 'int') return tensor;
  return { ...tensor, type: null, why: 'Keras 3 declares float32 here and returns int64' };
}

/** `one_hot` gives each value an axis of its own; the other modes sum over the last axis. */
function encoded(input: Shape, mode: string, tokens: number | null): Shape {
  const alone = input.length > 1 && input.at(-1) === 1;
  return mode === 'one_hot' && !alone ? [...input, tokens] : [...last(input), tokens];
}

function encodedType(config: Json): ScalarType {
  const type = policyType(config['dtype']);
  return type !== null && isFloat(type) ? type : 'float32';
}

function hashType(config: Json): ScalarType {
  const type = policyType(config['dtype']);
  return type === 'int32' ? 'int32' : 'int64';
}

function indexType(layer: LayerConfig): ScalarType {
  if (layer.config['invert'] !== true) return 'int64';
  if (layer.className === 'StringLookup') return 'string';
  return policyType(layer.config['vocabulary_dtype']) === 'int32' ? 'int32' : 'int64';
}

/** How many entries an encoding has: those of the vocabulary and those for words outside of it. */
function tokensOf(layer: LayerConfig): number | null {
  const { config } = layer;
  if (config['pad_to_max_tokens'] === true) return number(config['max_tokens']);
  // A size of 0, and an empty list, mean a vocabulary that is kept elsewhere.
  const words = list(config['vocabulary']).length || list(config['adapted']).length;
  const outside = number(config['num_oov_indices']) ?? 1;
  const special = list(config['vocabulary']).includes(config['oov_token'] ?? '[UNK]') ? 0 : outside;
  return number(config['vocabulary_size']) || (words > 0 ? words + special : null);
}

function vectorized(layer: LayerConfig, given: Shape | null, mode: string): Tensor {
  const { config } = layer;
  const [batch = 'batch'] = given ?? free(1);
  if (mode === 'int') return { shape: [batch, number(config['output_sequence_length'])], type: 'int64' };
  const type = encodedType(config);
  const size =
    config['pad_to_max_tokens'] === true
      ? number(config['max_tokens'])
      : number(config['vocabulary_size']) ||
        (list(config['vocabulary']).length > 0 ? tokensOf(layer) : list(config['adapted']).length || null);
  return { shape: [batch, size], type };
}

/** The words that a layer gives back in place of indexes, in order of the index. */
export function wordsOf(layer: LayerConfig): readonly (string | number)[] | null {
  const { config } = layer;
  if (!INDEXED.has(layer.className) || config['invert'] !== true) return null;
  const words = list(config['vocabulary']).filter(
    (word): word is string | number => typeof word === 'string' || typeof word === 'number',
  );
  const known = words.length === list(config['vocabulary']).length && words.length > 0;
  if (!known) return null;
  const outside = config['oov_token'];
  const prefix = [
    ...(config['mask_token'] === null || config['mask_token'] === undefined ? [] : [config['mask_token']]),
    ...Array<unknown>(number(config['num_oov_indices']) ?? 1).fill(outside),
  ].filter((word): word is string | number => typeof word === 'string' || typeof word === 'number');
  return words[0] === prefix[0] && prefix.length > 0 ? words : [...prefix, ...words];
}
