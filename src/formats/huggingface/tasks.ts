import type { Label, Shape, TypeName } from '../../contract/types.ts';

/** The facts of a `config.json` that a task's inputs and outputs depend on. `null`: not stated. */
export interface ModelFacts {
  readonly modelType: string;
  readonly labels: readonly Label[] | null;
  readonly labelCount: number | null;
  readonly vocabulary: number | null;
  readonly hidden: number | null;
  readonly channels: number | null;
  readonly imageSize: readonly [number, number] | null;
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

/** Model types whose tokenizers also give `token_type_ids`. */
const SEGMENTED = new Set([
  'bert',
  'albert',
  'electra',
  'convbert',
  'deberta',
  'deberta-v2',
  'ernie',
  'funnel',
  'mobilebert',
  'nezha',
  'rembert',
  'roformer',
  'squeezebert',
  'xlnet',
  'layoutlm',
  'big_bird',
  'megatron-bert',
  'luke',
  'tapas',
]);

/**
 * The task that a class of transformers is for, with the tensors that its `forward` takes and returns. The suffix of the
 * class name says it (transformers' AutoModel classes); `null` for suffixes that are not in the table.
 */
export function taskOf(architecture: string, facts: ModelFacts): Task | null {
  const row = TASKS.find(([suffix]) => architecture.endsWith(suffix));
  if (row) return row[1](facts);
  if (!/Model$/.test(architecture)) return null;
  if (facts.vocabulary !== null)
    return {
      name: 'feature-extraction',
      inputs: textInputs(facts),
      outputs: [hiddenState(facts, 'sequence'), ...pooler(facts)],
    };
  if (facts.imageSize !== null)
    return {
      name: 'image-feature-extraction',
      inputs: imageInputs(facts),
      outputs: [hiddenState(facts, 'patches'), ...pooler(facts)],
    };
  return null;
}

const TOKENS: Shape = ['batch', 'sequence'];

function textInputs(facts: ModelFacts): TaskField[] {
  return [
    { name: 'input_ids', type: 'int64', shape: TOKENS },
    { name: 'attention_mask', type: 'int64', shape: TOKENS, optional: true },
    ...(SEGMENTED.has(facts.modelType)
      ? [{ name: 'token_type_ids', type: 'int64' as const, shape: TOKENS, optional: true }]
      : []),
  ];
}

function imageInputs(facts: ModelFacts): TaskField[] {
  const [height, width] = facts.imageSize ?? [null, null];
  return [{ name: 'pixel_values', type: 'float32', shape: ['batch', facts.channels, height, width] }];
}

function logits(facts: ModelFacts, shape: Shape, labelled = false): TaskField {
  return {
    name: 'logits',
    type: facts.precision,
    shape,
    ...(labelled && facts.labels && { labels: facts.labels }),
  };
}

function hiddenState(facts: ModelFacts, axis: string): TaskField {
  return { name: 'last_hidden_state', type: facts.precision, shape: ['batch', axis, facts.hidden] };
}

function pooler(facts: ModelFacts): TaskField[] {
  return facts.pooled
    ? [{ name: 'pooler_output', type: facts.precision, shape: ['batch', facts.hidden] }]
    : [];
}

type Row = readonly [suffix: string, make: (facts: ModelFacts) => Task];

const TASKS: readonly Row[] = [
  [
    'ForSequenceClassification',
    (f) => ({
      name: 'text-classification',
      inputs: textInputs(f),
      outputs: [logits(f, ['batch', f.labelCount], true)],
    }),
  ],
  [
    'ForTokenClassification',
    (f) => ({
      name: 'token-classification',
      inputs: textInputs(f),
      outputs: [logits(f, ['batch', 'sequence', f.labelCount], true)],
    }),
  ],
  [
    'ForMultipleChoice',
    (f) => ({
      name: 'multiple-choice',
      inputs: textInputs(f).map((one) => ({ ...one, shape: ['batch', 'choices', 'sequence'] })),
      outputs: [logits(f, ['batch', 'choices'])],
    }),
  ],
  [
    'ForQuestionAnswering',
    (f) => ({
      name: 'question-answering',
      inputs: textInputs(f),
      outputs: [
        { ...logits(f, TOKENS), name: 'start_logits' },
        { ...logits(f, TOKENS), name: 'end_logits' },
      ],
    }),
  ],
  [
    'ForMaskedLM',
    (f) => ({
      name: 'fill-mask',
      inputs: textInputs(f),
      outputs: [logits(f, ['batch', 'sequence', f.vocabulary])],
    }),
  ],
  [
    'ForCausalLM',
    (f) => ({
      name: 'text-generation',
      inputs: textInputs(f),
      outputs: [logits(f, ['batch', 'sequence', f.vocabulary])],
    }),
  ],
  [
    'LMHeadModel',
    (f) => ({
      name: 'text-generation',
      inputs: textInputs(f),
      outputs: [logits(f, ['batch', 'sequence', f.vocabulary])],
    }),
  ],
  [
    'ForImageClassification',
    (f) => ({
      name: 'image-classification',
      inputs: imageInputs(f),
      outputs: [logits(f, ['batch', f.labelCount], true)],
    }),
  ],
  [
    'ForObjectDetection',
    (f) => ({
      name: 'object-detection',
      inputs: imageInputs(f),
      // One class more than labels: "no object".
      outputs: [
        logits(f, ['batch', 'queries', f.labelCount === null ? null : f.labelCount + 1]),
        { name: 'pred_boxes', type: f.precision, shape: ['batch', 'queries', 4] },
      ],
    }),
  ],
  [
    'ForCTC',
    (f) => ({
      name: 'automatic-speech-recognition',
      inputs: [{ name: 'input_values', type: 'float32', shape: ['batch', 'samples'] }],
      outputs: [logits(f, ['batch', 'frames', f.vocabulary])],
    }),
  ],
  [
    'ForAudioClassification',
    (f) => ({
      name: 'audio-classification',
      inputs: [{ name: 'input_values', type: 'float32', shape: ['batch', 'samples'] }],
      outputs: [logits(f, ['batch', f.labelCount], true)],
    }),
  ],
  [
    'ForConditionalGeneration',
    (f) => ({
      name: 'text2text-generation',
      inputs: [
        { name: 'input_ids', type: 'int64', shape: TOKENS },
        { name: 'attention_mask', type: 'int64', shape: TOKENS, optional: true },
        { name: 'decoder_input_ids', type: 'int64', shape: ['batch', 'target'], optional: true },
      ],
      outputs: [logits(f, ['batch', 'target', f.vocabulary])],
    }),
  ],
];
