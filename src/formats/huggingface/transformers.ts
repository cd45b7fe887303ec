import { readFileSync } from 'node:fs';
import { activeRisk, templateRemark } from '../chat-template.ts';
import { type Candidate, emptyReading, type Look, type Reading, type Remark } from '../format.ts';
import { derived, type ToldField, tell, unknown } from '../told.ts';
import { ASK_FOR_CONTRACT, precisionName } from '../weights.ts';
import { contextLength, factsOf, type Json, labelsOf, type WeightFacts } from './facts.ts';
import { limitJson, readJson } from './json.ts';
import { type TaskField, taskOf } from './tasks.ts';
import { quantizationOf, readWeights, type Tensor } from './weights.ts';

/** A model of transformers: `config.json` says what it is, and the weights how large. */
export async function readTransformers(candidate: Candidate, look: Look, config: Json): Promise<Reading> {
  const folder = candidate.path.slice(0, -'config.json'.length);
  const architecture = architectureOf(config);
  const labels = labelsOf(config);
  const quantization = quantizationOf(config);
  const weights = await readWeights(candidate, look, quantization);
  const preprocessor = readJson(look, `${folder}preprocessor_config.json`);
  const facts = factsOf(config, preprocessor, labels, shownBy(weights.tensors));
  const task = architecture === null ? null : taskOf(architecture, facts);
  const remarks: Remark[] = [...weights.remarks, ...activeContent(config, look, folder, candidate.path)];
  const properties: Record<string, string> = {};
  const keep = (key: string, value: unknown) => {
    if (typeof value === 'string' || typeof value === 'number') properties[key] = String(value);
  };
  keep('architecture', architecture);
  keep('model type', config['model_type']);
  keep('task', task?.name);
  keep('context length', contextLength(config));
  keep('vocabulary', facts.vocabulary);
  keep('quantization', quantization?.['quant_method']);
  const dtype = config['dtype'] ?? config['torch_dtype'];
  keep('precision', weights.precision ?? (typeof dtype === 'string' ? precisionName(dtype) : null));
  const told = task
    ? tell(
        {
          forward: {
            inputs: task.inputs.map((f) => fieldOf(f, architecture)),
            outputs: task.outputs.map((f) => fieldOf(f, architecture)),
          },
        },
        'forward',
      )
    : null;
  if (!task)
    remarks.push({
      rule: 'contract-unknown',
      level: 'notice',
      file: candidate.path,
      message:
        architecture === null
          ? 'config.json names no architecture, so the task is not known'
          : `no standard inputs and outputs are known for ${architecture}`,
      help: ASK_FOR_CONTRACT,
    });
  const own = typeof config['_class_name'] === 'string' && config['_diffusers_version'] !== undefined;
  const version = config[own ? '_diffusers_version' : 'transformers_version'];
  const library = own ? 'diffusers' : 'transformers';
  return {
    ...emptyReading(candidate),
    framework: { name: library, version: typeof version === 'string' ? version : null },
    contract: told?.contract ?? null,
    evidence: told?.evidence ?? {},
    labels,
    parameters: UNSAVED.has(facts.modelType) ? null : weights.parameters,
    properties,
    requirements: { [library]: typeof version === 'string' ? version : null, torch: null },
    risk: activeRisk(remarks),
    remarks,
  };
}

/** Types that count positions that they compute as parameters, and do not save them. */
const UNSAVED = new Set(['marian']);

/** The class that was saved. Those of TensorFlow and Flax are the same with a prefix. */
function architectureOf(config: Json): string | null {
  const list = config['architectures'];
  const first: unknown = Array.isArray(list) ? list[0] : config['_class_name'];
  return typeof first === 'string' ? first.replace(/^(TF|Flax)(?=[A-Z])/, '') : null;
}

/** What the names and shapes of the weights show about the model's answers. */
function shownBy(tensors: readonly Tensor[]): WeightFacts {
  const fractions = tensors.filter((one) => !/^([IU]\d|BOOL|u?int|bool)/.test(one.dtype));
  const head = tensors.find((one) => /(^|\.)(lm_head|embed_out)\.weight$/.test(one.name));
  return {
    pooled: tensors.some((tensor) => /(^|\.)pooler\.(dense\.)?weight$/.test(tensor.name)),
    vocabulary: head?.shape.length === 2 && !/^[IU]/.test(head.dtype) ? (head.shape[0] ?? null) : null,
    single: fractions.length > 0 && fractions.every((one) => precisionName(one.dtype) === 'float32'),
  };
}

export function fieldOf(field: TaskField, architecture: string | null): ToldField {
  const where = `architectures[0] = ${architecture}`;
  return {
    name: derived(field.name, where),
    type: field.type === null ? unknown('no torch_dtype is stated') : derived(field.type, where),
    shape: field.shape === null ? unknown('not stated') : derived(field.shape, where),
    ...(field.labels && { labels: { value: field.labels, evidence: { kind: 'stated', where: 'id2label' } } }),
    ...(field.optional && { optional: true }),
  };
}

/** Files that transformers takes chat templates from. */
const TEMPLATES =
  /^(?:tokenizer_config|chat_template|processor_config)\.json$|^(?:additional_chat_templates\/)?[^/]+\.(?:jinja2?|j2)$/;

/** Code that loading would run: `auto_map` with trust_remote_code, and chat templates that reach for Python's insides. */
export function activeContent(config: Json, look: Look, folder: string, file: string): Remark[] {
  const remarks: Remark[] = [];
  if (config['auto_map'] !== undefined)
    remarks.push({
      rule: 'code-active',
      level: 'warning',
      file,
      message: 'auto_map makes transformers run Python code of this directory when it loads the model',
      help: 'Read that code; load it with trust_remote_code only if you trust it.',
    });
  for (const found of look.directory.files) {
    if (!found.path.startsWith(folder) || !TEMPLATES.test(found.path.slice(folder.length))) continue;
    limitJson(found);
    const remark = templateRemark(readFileSync(found.absolute, 'utf8'), found.path);
    if (remark) remarks.push(remark);
  }
  return remarks;
}
