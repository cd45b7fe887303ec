import type { Label, Shape, TypeName } from '../../contract/types.ts';
import {
  BOXED,
  type Intake,
  MAPPED,
  PATCHED,
  POOLED,
  SEGMENTED,
  UNLIKE,
  UNMASKED,
  WITH_NO_OBJECT,
  WITHOUT_NO_OBJECT,
} from './kinds.ts';

/** The facts of a `config.json` that a task's inputs and outputs depend on. `null`: not stated. */
export interface ModelFacts {
  readonly modelType: string;
  readonly intake: Intake | null;
  /** An encoder reads, and a decoder writes what it is asked to go on from. */
  readonly encoderDecoder: boolean;
  readonly labels: readonly Label[] | null;
  readonly labelCount: number | null;
  readonly vocabulary: number | null;
  readonly hidden: number | null;
  /** Size of the pooled vector. */
  readonly pooledSize: number | null;
  /** Size of the space that texts and pictures share. */
  readonly projection: number | null;
  readonly channels: number | null;
  readonly imageSize: readonly [number, number] | null;
  readonly frames: number | null;
  readonly queries: number | null;
  /** Sizes of one spectrogram, in the order of the axes. */
  readonly spectrogram: readonly [number | string | null, number | string | null];
  /** Whether the weights have a pooling layer: base models then return one vector more. */
  readonly pooled: boolean;
  /** The type that the weights compute in, and so the type of what the model returns. */
  readonly precision: TypeName | null;
}

export interface TaskField {
  readonly name: string;
  readonly type: TypeName | null;
  readonly shape: Shape | null;
  readonly labels?: readonly Label[];
  readonly optional?: boolean;
}

export interface Task {
  readonly name: string;
  readonly inputs: readonly TaskField[];
  readonly outputs: readonly TaskField[];
}

/**
 * The task that a class of transformers is for, with the tensors that its `forward` takes and returns. The suffix of the
 * class name says it (transformers' AutoModel classes); `null` for suffixes that are not in the table, and for models of
 * which it is not known what they take.
 */
export function taskOf(architecture: string, facts: ModelFacts): Task | null {
  if (ODD.test(architecture) || UNLIKE.has(facts.modelType)) return null;
  const row = TASKS.find(([suffix]) => architecture.endsWith(suffix));
  if (row) return row[1](facts);
  return /Model$/.test(architecture) ? baseModel(architecture, facts) : null;
}

/** Classes that return something else than others of their suffix do. */
const ODD =
  /^((PP|Videomt|VJEPA2)\w*For|(Tapas|Blip|XLM|XLNet|Flaubert|Splinter)ForQuestionAnswering$|BlipForConditionalGeneration$|SeamlessM4T(v2)?(ForSpeechToText|Model)$|(OwlViT|Owlv2|(MM)?GroundingDino)ForObjectDetection$|OneFormerForUniversalSegmentation$|Qwen3(_5|ASR)ForTokenClassification$|(FunnelBase|LayoutLMv[23]|SpeechT5|EmbeddingGemma2(Text)?|PixtralVision|Cohere\w*Vision|Mask2Former|MaskFormer|OneFormer)Model$)/;

/** A model without a head. */
function baseModel(architecture: string, facts: ModelFacts): Task | null {
  const inputs = inputsOf(facts);
  if (facts.intake === 'image-and-text') return inputs && similarity(facts, inputs);
  if (!inputs) return null;
  const encoderDecoder = facts.encoderDecoder && !architecture.endsWith('EncoderModel');
  if (encoderDecoder)
    return {
      name: 'feature-extraction',
      // Detectors ask their decoder for the queries that they have learnt.
      inputs: facts.intake === 'image' ? inputs : [...inputs, targets()],
      outputs: [rows(facts, 'last_hidden_state', 'target'), encoderState(facts)],
    };
  const image = facts.intake === 'image';
  return {
    name: image ? 'image-feature-extraction' : 'feature-extraction',
    inputs,
    outputs: [hiddenState(facts), ...pooler(facts)],
  };
}

const TOKENS: Shape = ['batch', 'sequence'];

/** What `forward` takes before any head is thought of; `null` where the kind of model is not known. */
function inputsOf(facts: ModelFacts): TaskField[] | null {
  switch (facts.intake) {
    case 'text':
      return textInputs(facts);
    case 'image':
    case 'video':
      return [pixels(facts)];
    case 'audio':
      return [{ name: 'input_values', type: 'float32', shape: ['batch', 'samples'] }];
    case 'spectrogram':
      return [
        {
          name: facts.modelType === 'audio-spectrogram-transformer' ? 'input_values' : 'input_features',
          type: 'float32',
          shape: ['batch', ...facts.spectrogram],
        },
      ];
    case 'image-and-text': {
      // Every text is compared with every picture, unless they are one pair.
      const paired = !COMPARING.has(facts.modelType);
      return [
        ...textInputs(facts).map((field) =>
          paired ? field : { ...field, shape: ['texts', 'sequence'] as const },
        ),
        { ...pixels(facts), shape: [paired ? 'batch' : 'images', ...pixelShape(facts)] },
      ];
    }
    case 'text-with-images':
      // How pictures are cut up is each model's own.
      return [...textInputs(facts), { name: 'pixel_values', type: 'float32', shape: null, optional: true }];
    case 'text-with-audio':
      return [...textInputs(facts), { name: 'input_features', type: 'float32', shape: null, optional: true }];
    default:
      return null;
  }
}

function textInputs(facts: ModelFacts): TaskField[] {
  const more = (name: string): TaskField => ({ name, type: 'int64', shape: TOKENS, optional: true });
  return [
    { name: 'input_ids', type: 'int64', shape: TOKENS },
    ...(UNMASKED.has(facts.modelType) ? [] : [more('attention_mask')]),
    ...(SEGMENTED.has(facts.modelType) ? [more('token_type_ids')] : []),
    ...(BOXED.has(facts.modelType)
      ? [{ ...more('bbox'), shape: ['batch', 'sequence', 4], optional: facts.modelType !== 'bros' }]
      : []),
  ];
}

function pixelShape(facts: ModelFacts): (number | null)[] {
  const [height, width] = facts.imageSize ?? [null, null];
  return [facts.channels, height, width];
}

function pixels(facts: ModelFacts): TaskField {
  const frames = facts.intake === 'video' ? [facts.frames] : [];
  return { name: 'pixel_values', type: 'float32', shape: ['batch', ...frames, ...pixelShape(facts)] };
}

function targets(): TaskField {
  return { name: 'decoder_input_ids', type: 'int64', shape: ['batch', 'target'], optional: true };
}

function rows(facts: ModelFacts, name: string, axis: string): TaskField {
  return { name, type: facts.precision, shape: ['batch', axis, facts.hidden] };
}

function encoderState(facts: ModelFacts): TaskField {
  const axis = facts.intake === 'text' ? 'sequence' : facts.intake === 'image' ? 'patches' : 'frames';
  return rows(facts, 'encoder_last_hidden_state', axis);
}

function hiddenState(facts: ModelFacts): TaskField {
  if (facts.intake?.startsWith('text')) return rows(facts, 'last_hidden_state', 'sequence');
  if (facts.intake === 'audio' || facts.intake === 'spectrogram')
    return rows(facts, 'last_hidden_state', 'frames');
  const field = rows(facts, 'last_hidden_state', 'patches');
  if (facts.intake === 'video' || PATCHED.has(facts.modelType)) return field;
  return { ...field, shape: MAPPED.has(facts.modelType) ? ['batch', null, null, null] : null };
}

function pooler(facts: ModelFacts): TaskField[] {
  return facts.pooled || POOLED.has(facts.modelType)
    ? [{ name: 'pooler_output', type: facts.precision, shape: ['batch', facts.pooledSize] }]
    : [];
}

function logits(facts: ModelFacts, shape: Shape | null, labelled = false): TaskField {
  return {
    name: 'logits',
    type: facts.precision,
    shape,
    ...(labelled && facts.labels && { labels: facts.labels }),
  };
}

const COMPARING = new Set(
  'align altclip blip chinese_clip clip clipseg groupvit metaclip_2 owlv2 owlvit siglip siglip2'.split(' '),
);

/** CLIP and what is like it: how well every text fits every picture. */
function similarity(facts: ModelFacts, inputs: readonly TaskField[]): Task | null {
  if (!COMPARING.has(facts.modelType)) return null;
  const out = (name: string, shape: Shape): TaskField => ({ name, type: facts.precision, shape });
  return {
    name: 'zero-shot-image-classification',
    inputs,
    outputs: [
      out('logits_per_image', ['images', 'texts']),
      out('logits_per_text', ['texts', 'images']),
      out('text_embeds', ['texts', facts.projection]),
      out('image_embeds', ['images', facts.projection]),
    ],
  };
}

type Row = readonly [suffix: string, make: (facts: ModelFacts) => Task | null];
type Outputs = (facts: ModelFacts) => readonly TaskField[];

/** A head on what the model takes anyway. `name` may depend on whether that is text, pictures or sound. */
const head =
  (name: string | ((facts: ModelFacts) => string), outputs: Outputs) =>
  (facts: ModelFacts): Task | null => {
    const inputs = inputsOf(facts);
    return inputs && { name: typeof name === 'string' ? name : name(facts), inputs, outputs: outputs(facts) };
  };

/** A head that is for one kind of input, whatever else is known of the type of model. */
const headOn = (intake: Intake, name: string, outputs: Outputs) => (facts: ModelFacts) =>
  head(
    name,
    outputs,
  )(facts.intake === null || facts.intake === 'image-and-text' ? { ...facts, intake } : facts);

const classes: Outputs = (f) => [logits(f, ['batch', f.labelCount], true)];
const nextTokens: Outputs = (f) => [logits(f, ['batch', 'sequence', f.vocabulary])];
const spans: Outputs = (f) => [
  { ...logits(f, TOKENS), name: 'start_logits' },
  { ...logits(f, TOKENS), name: 'end_logits' },
];
const sounds = (f: ModelFacts) => f.intake === 'audio' || f.intake === 'spectrogram';
const classification = (f: ModelFacts) => (sounds(f) ? 'audio-classification' : 'text-classification');
const maps: Outputs = (f) => [logits(f, ['batch', f.labelCount, null, null])];
const masks: Outputs = (f) => [
  { ...logits(f, ['batch', f.queries, detectedClasses(f)]), name: 'class_queries_logits' },
  { ...logits(f, ['batch', f.queries, null, null]), name: 'masks_queries_logits' },
];

function detectedClasses(facts: ModelFacts): number | null {
  if (facts.labelCount === null) return null;
  if (WITH_NO_OBJECT.has(facts.modelType)) return facts.labelCount + 1;
  return WITHOUT_NO_OBJECT.has(facts.modelType) ? facts.labelCount : null;
}

function generation(facts: ModelFacts): Task | null {
  const inputs = inputsOf(facts);
  if (!inputs) return null;
  if (facts.encoderDecoder)
    return {
      name: sounds(facts)
        ? 'automatic-speech-recognition'
        : facts.intake === 'image'
          ? 'image-to-text'
          : 'text2text-generation',
      inputs: [...inputs, targets()],
      outputs: [logits(facts, ['batch', 'target', facts.vocabulary]), encoderState(facts)],
    };
  if (sounds(facts) || facts.intake === 'image-and-text') return null;
  const name = {
    'text-with-images': 'image-text-to-text',
    'text-with-audio': 'audio-text-to-text',
  }[facts.intake as string];
  return { name: name ?? 'text-generation', inputs, outputs: nextTokens(facts) };
}

/** Of models that read pictures or sound too, this is the decoder alone. */
function causal(facts: ModelFacts): Task | null {
  const withText = facts.intake === null || facts.intake.startsWith('text');
  const name = facts.intake === 'text-with-images' ? 'image-text-to-text' : 'text-generation';
  return head(name, nextTokens)(withText ? facts : { ...facts, intake: 'text' });
}

/** Where a decoder reads the answer, it may be given another text than the encoder. */
function questions(facts: ModelFacts): Task | null {
  const task = head('question-answering', spans)(facts);
  if (!task || !facts.encoderDecoder) return task;
  return {
    ...task,
    inputs: [...task.inputs, targets()],
    outputs: task.outputs.map((field) => ({ ...field, shape: ['batch', 'target'] })),
  };
}

const TASKS: readonly Row[] = [
  ['ViltForQuestionAnswering', head('visual-question-answering', classes)],
  ['ForSequenceClassification', head(classification, classes)],
  [
    'ForTokenClassification',
    head('token-classification', (f) => [logits(f, ['batch', 'sequence', f.labelCount], true)]),
  ],
  [
    'ForMultipleChoice',
    (f) => ({
      name: 'multiple-choice',
      inputs: textInputs(f).map((one) => ({
        ...one,
        shape: one.shape && ['batch', 'choices', ...one.shape.slice(1)],
      })),
      outputs: [logits(f, ['batch', 'choices'])],
    }),
  ],
  ['ForNextSentencePrediction', head('next-sentence-prediction', (f) => [logits(f, ['batch', 2])])],
  ['ForQuestionAnswering', questions],
  ['ForQuestionAnsweringSimple', head('question-answering', spans)],
  ['ForMaskedLM', head('fill-mask', nextTokens)],
  ['WithLMHeadModel', head('fill-mask', nextTokens)],
  ['ForCausalLM', causal],
  ['LMHeadModel', causal],
  ['GenerationDecoder', causal],
  ['GenerationEncoder', (f) => baseModel('', f)],
  ['DPRQuestionEncoder', head('feature-extraction', (f) => pooler({ ...f, pooled: true }))],
  ['DPRContextEncoder', head('feature-extraction', (f) => pooler({ ...f, pooled: true }))],
  ['MTModel', generation],
  ['EncoderDecoderModel', generation],
  ['ForConditionalGeneration', generation],
  ['ForSpeechToText', generation],
  ['ForVision2Seq', generation],
  ['ForImageClassification', headOn('image', 'image-classification', classes)],
  [
    'ForImageClassificationWithTeacher',
    headOn('image', 'image-classification', (f) =>
      ['logits', 'cls_logits', 'distillation_logits'].map((name) => ({
        ...logits(f, ['batch', f.labelCount], true),
        name,
      })),
    ),
  ],
  ['ForVideoClassification', headOn('video', 'video-classification', classes)],
  [
    'ForObjectDetection',
    headOn('image', 'object-detection', (f) => [
      logits(f, ['batch', f.queries, detectedClasses(f)]),
      { name: 'pred_boxes', type: f.precision, shape: ['batch', f.queries, 4] },
    ]),
  ],
  ['ForSemanticSegmentation', headOn('image', 'image-segmentation', maps)],
  ['ForUniversalSegmentation', headOn('image', 'image-segmentation', masks)],
  ['MaskFormerForInstanceSegmentation', headOn('image', 'image-segmentation', masks)],
  [
    'ForDepthEstimation',
    headOn('image', 'depth-estimation', (f) => [
      { name: 'predicted_depth', type: f.precision, shape: ['batch', null, null] },
    ]),
  ],
  [
    'ForMaskedImageModeling',
    headOn('image', 'masked-image-modeling', (f) => [
      { name: 'reconstruction', type: f.precision, shape: ['batch', f.channels, null, null] },
    ]),
  ],
  [
    'ForCTC',
    headOn('audio', 'automatic-speech-recognition', (f) => [logits(f, ['batch', 'frames', f.vocabulary])]),
  ],
  ['ForAudioClassification', headOn('audio', 'audio-classification', classes)],
  [
    'ForAudioFrameClassification',
    headOn('audio', 'audio-frame-classification', (f) => [
      logits(f, ['batch', 'frames', f.labelCount], true),
    ]),
  ],
];
