import { innerLayer, isModel, type Json, list, nameOf, object } from './values.ts';

const MAX_WORDS = 1_000_000;
const MAX_DEPTH = 40;

/**
 * Puts the vocabularies that layers learned from data, and that archives keep as files of their own, into the config.
 * @param paths of the members of the archive.
 * @param read a member as text.
 */
export function withVocabularies(
  config: Json,
  paths: readonly string[],
  read: (path: string) => string | null,
): Json {
  const files = paths.filter((path) => path.startsWith('assets/') && path.endsWith('vocabulary.txt'));
  if (files.length === 0) return config;
  const fill = (value: unknown, depth: number): unknown => {
    const one = object(value);
    const layer = innerLayer(value);
    if (!one || !layer || depth > MAX_DEPTH) return value;
    if (isModel(layer))
      return {
        ...one,
        config: {
          ...layer.config,
          layers: list(layer.config['layers']).map((inner) => fill(inner, depth + 1)),
        },
      };
    if (!/Lookup$|^TextVectorization$/.test(layer.className) || list(layer.config['vocabulary']).length > 0)
      return value;
    // Folders are called after the layer, or after its class with a number.
    const own = files.filter((path) => path.split(/[/\\]/).includes(nameOf(layer)));
    const path = own.length > 0 ? own[0] : files.length === 1 ? files[0] : undefined;
    const words =
      path === undefined
        ? null
        : read(path)
            ?.replace(/\r?\n$/, '')
            .split(/\r?\n/);
    return words && words.length <= MAX_WORDS
      ? { ...one, config: { ...layer.config, adapted: words } }
      : value;
  };
  return fill(config, 0) as Json;
}
