import type { Label, TypeName } from '../../contract/types.ts';
import { entryOf } from '../../model/entry.ts';
import { intakeOf } from './kinds.ts';
import type { ModelFacts } from './tasks.ts';

export type Json = Readonly<Record<string, unknown>>;

/** The value as a JSON object; `null` for anything else. */
export function object(value: unknown): Json | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : null;
}

const size = (value: unknown): number | null =>
  typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : null;

/** Where composite configurations keep the parts for text, and those for pictures or sound. */
const TEXT_PARTS = ['text_config', 'decoder', 'llm_config', 'language_config'];
const SENSE_PARTS = ['vision_config', 'audio_config', 'encoder'];

/** What the head of the weights shows of a model, beside its configuration. */
export interface WeightFacts {
  readonly pooled: boolean;
  /** Rows of the layer that gives one score a token. */
  readonly vocabulary: number | null;
  /** Whether every number that is no integer is a float32. */
  readonly single: boolean;
}

/** What `config.json` (and where there is one, `preprocessor_config.json`) says about inputs and outputs. */
export function factsOf(
  config: Json,
  preprocessor: Json | null,
  labels: readonly Label[] | null,
  weights: WeightFacts,
): ModelFacts {
  const parts = (names: readonly string[]): Json[] =>
    names.map((name) => object(config[name])).filter((part) => part !== null);
  const text = [config, ...parts(TEXT_PARTS)];
  const sense = [config, ...parts(SENSE_PARTS)];
  const first = (places: readonly Json[], ...keys: string[]): unknown =>
    keys
      .flatMap((key) => places.map((place) => place[key]))
      .find((value) => value !== undefined && value !== null);
  const modelType = typeof config['model_type'] === 'string' ? config['model_type'] : '';
  const composite = object(config['encoder']) !== null && object(config['decoder']) !== null;
  const intake = composite ? entryOf(COMPOSITES, modelType) : intakeOf(modelType, (key) => key in config);
  const places = composite ? [object(config['encoder']) ?? {}] : text;
  const hidden = size(first(places, 'hidden_size', 'dim', 'd_model', 'n_embd'));
  const map = object(config['id2label']);
  return {
    modelType,
    intake: intake ?? null,
    encoderDecoder: composite || config['is_encoder_decoder'] === true,
    labels,
    // transformers' own default is two labels (PretrainedConfig.num_labels).
    labelCount: (map && Object.keys(map).length) ?? size(config['num_labels']) ?? 2,
    vocabulary: weights.vocabulary ?? size(first(text, 'vocab_size')),
    hidden,
    pooledSize:
      size(config['pooler_output_size'] ?? (modelType === 'dpr' ? config['projection_dim'] : 0)) ?? hidden,
    projection: size(config['projection_dim']),
    channels: size(first(sense, 'num_channels')) ?? 3,
    imageSize: imageSizeOf(first(sense, 'image_size'), preprocessor),
    frames: size(config['num_frames']),
    queries: size(config['num_queries'] ?? config['num_detection_tokens']),
    spectrogram: spectrogramOf(modelType, config),
    pooled: weights.pooled,
    // Before 4.10 nothing was stated. transformers loads float32 as it is; the halves it widens, or not, by version.
    precision: precisionOf(first(text, 'dtype', 'torch_dtype') ?? (weights.single ? 'float32' : null)),
  };
}

const COMPOSITES: Readonly<Record<string, ModelFacts['intake']>> = {
  'encoder-decoder': 'text',
  'vision-encoder-decoder': 'image',
  'speech-encoder-decoder': 'audio',
};

/** The longest input in tokens, under any of the names that configurations have for it. */
export function contextLength(config: Json): number | null {
  const places = [config, ...TEXT_PARTS.map((name) => object(config[name]) ?? {})];
  for (const place of places)
    for (const key of ['max_position_embeddings', 'n_positions', 'max_seq_len', 'seq_length', 'n_ctx']) {
      const found = size(place[key]);
      if (found !== null) return found;
    }
  return size(config['max_target_positions']);
}

/** `id2label` in order of its ids; `null` when absent or when it only has the placeholders LABEL_0, LABEL_1 …. */
export function labelsOf(config: Json): Label[] | null {
  const map = object(config['id2label']);
  if (!map) return null;
  const entries = Object.entries(map).sort(([a], [b]) => Number(a) - Number(b));
  if (entries.length === 0) return null;
  if (entries.some(([key, value], index) => Number(key) !== index || typeof value !== 'string')) return null;
  return entries.every(([key, value]) => value === `LABEL_${key}`)
    ? null
    : entries.map(([, value]) => String(value));
}

/** What the preprocessor cuts pictures to counts, and not what it scales them to before. */
function imageSizeOf(stated: unknown, preprocessor: Json | null): readonly [number, number] | null {
  const cut = preprocessor?.['do_center_crop'] === true ? sizeOf(preprocessor['crop_size']) : null;
  return sizeOf(stated) ?? cut ?? sizeOf(preprocessor?.['size']);
}

function sizeOf(value: unknown): readonly [number, number] | null {
  const [height, width] = Array.isArray(value)
    ? value.slice(-2)
    : typeof value === 'number'
      ? [value, value]
      : [object(value)?.['height'], object(value)?.['width']];
  const [h, w] = [size(height), size(width)];
  return h !== null && w !== null ? [h, w] : null;
}

function spectrogramOf(modelType: string, config: Json): ModelFacts['spectrogram'] {
  const bins = size(config['num_mel_bins']);
  if (modelType === 'audio-spectrogram-transformer') return [size(config['max_length']), bins];
  // Two frames of the spectrogram are one position.
  if (modelType === 'whisper') {
    const positions = size(config['max_source_positions']);
    return [bins, positions === null ? null : 2 * positions];
  }
  const width = config['input_feat_per_channel'] ?? config['feature_projection_input_dim'] ?? bins;
  return ['steps', size(width)];
}

function precisionOf(dtype: unknown): TypeName | null {
  const name = typeof dtype === 'string' ? dtype.replace(/^torch\./, '') : null;
  return name === 'float32' || name === 'float16' || name === 'bfloat16' || name === 'float64' ? name : null;
}
