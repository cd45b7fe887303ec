import { entryOf } from '../../model/entry.ts';
import { activeRisk } from '../chat-template.ts';
import { type Candidate, emptyReading, type Look, Malformed, type Reading } from '../format.ts';
import { tell } from '../told.ts';
import { ASK_FOR_CONTRACT } from '../weights.ts';
import { factsOf } from './facts.ts';
import { readJson } from './json.ts';
import { taskOf } from './tasks.ts';
import { activeContent, fieldOf } from './transformers.ts';
import { readWeights } from './weights.ts';

/** PEFT's task types, by the suffix of the classes of transformers that they wrap. */
const SUFFIXES: Readonly<Record<string, string>> = {
  SEQ_CLS: 'ForSequenceClassification',
  TOKEN_CLS: 'ForTokenClassification',
  CAUSAL_LM: 'ForCausalLM',
  SEQ_2_SEQ_LM: 'ForConditionalGeneration',
  QUESTION_ANS: 'ForQuestionAnswering',
  FEATURE_EXTRACTION: 'Model',
};

/** An adapter that PEFT saved: weights to put on a base model that is elsewhere. Its task says what goes in and out. */
export async function readAdapter(candidate: Candidate, look: Look): Promise<Reading> {
  const config = readJson(look, candidate.path);
  if (!config) throw new Malformed('adapter_config.json is not a JSON object');
  const folder = candidate.path.slice(0, -'adapter_config.json'.length);
  const weights = await readWeights(candidate, look, null);
  const task = typeof config['task_type'] === 'string' ? config['task_type'] : null;
  const suffix = task === null ? undefined : entryOf(SUFFIXES, task);
  const facts = {
    ...factsOf({}, null, null, { pooled: false, vocabulary: null, single: false }),
    intake: 'text' as const,
    encoderDecoder: task === 'SEQ_2_SEQ_LM',
    labelCount: null,
  };
  const found = suffix === undefined ? null : taskOf(`Base${suffix}`, facts);
  const told = found
    ? tell(
        {
          forward: {
            inputs: found.inputs.map((field) => fieldOf(field, `a class ${suffix} (task_type ${task})`)),
            outputs: found.outputs.map((field) => fieldOf(field, `a class ${suffix} (task_type ${task})`)),
          },
        },
        'forward',
      )
    : null;
  const properties: Record<string, string> = {};
  for (const [label, key] of [
    ['base model', 'base_model_name_or_path'],
    ['adapter', 'peft_type'],
    ['task type', 'task_type'],
    ['rank', 'r'],
    ['alpha', 'lora_alpha'],
  ] as const) {
    const value = config[key];
    if (typeof value === 'string' || typeof value === 'number')
      properties[label] = String(value).slice(0, 1000);
  }
  if (found) properties['task'] = found.name;
  if (weights.precision !== null) properties['precision'] = weights.precision;
  const version = typeof config['peft_version'] === 'string' ? config['peft_version'] : null;
  const remarks = [...weights.remarks, ...activeContent(config, look, folder, candidate.path)];
  return {
    ...emptyReading(candidate),
    framework: { name: 'peft', version },
    contract: told?.contract ?? null,
    evidence: told?.evidence ?? {},
    parameters: weights.parameters,
    properties,
    requirements: { peft: version, transformers: null, torch: null },
    risk: activeRisk(remarks),
    remarks: [
      ...remarks,
      {
        rule: 'contract-unknown',
        level: 'notice',
        file: candidate.path,
        message: `the adapter is for the model ${JSON.stringify(properties['base model'] ?? '?')}, which is not here: sizes of its answers are not known`,
        help: ASK_FOR_CONTRACT,
      },
    ],
  };
}
