import { readFileSync } from 'node:fs';
import { dirname } from 'node:path/posix';
import type { Label, TypeName } from '../contract/types.ts';
import { Truncated } from '../model/bytes.ts';
import { type ModelFile, open } from '../model/walk.ts';
import {
  type Candidate,
  emptyReading,
  type Format,
  type Look,
  Malformed,
  type Reading,
  type Remark,
} from './format.ts';
import { type ModelFacts, type TaskField, taskOf } from './huggingface/tasks.ts';
import { derived, type ToldField, tell, unknown } from './told.ts';
import { torchArchive } from './torch/archive.ts';
import { loadTorch } from './torch/load.ts';
import { tensorsBelow } from './torch/tensors.ts';
import { ASK_FOR_CONTRACT, countParameters, precisionName, precisions } from './weights.ts';
import { readSafetensors } from './wire/safetensors.ts';

const MAX_JSON = 16 * 1024 * 1024;
/** Files of a transformers directory: part of the model, and no models of their own. */
const COMPANION =
  /^(model|pytorch_model|tf_model|flax_model|adapter_model|training_args|optimizer|scheduler|rng_state)[^/]*\.(safetensors|bin|h5|msgpack|pt|pth|json)$|^(tokenizer|vocab|merges|special_tokens|added_tokens|spiece|sentencepiece|preprocessor|generation|chat_template|processor)[^/]*$/;

/** A directory that `transformers` saved: `config.json` and what belongs to it. */
export const huggingface: Format = {
  id: 'huggingface',
  title: 'Hugging Face Transformers',
  detect(look) {
    return look.directory.files
      .filter((file) => file.path === 'config.json' || file.path.endsWith('/config.json'))
      .filter((file) => isTransformers(look.head(file)))
      .map((file) => {
        const folder = dirname(file.path) === '.' ? '' : dirname(file.path);
        const prefix = folder === '' ? '' : `${folder}/`;
        return {
          format: 'huggingface',
          path: file.path,
          role: 'model' as const,
          covers: look.directory.files
            .map((other) => other.path)
            .filter((path) => path.startsWith(prefix) && COMPANION.test(path.slice(prefix.length))),
        };
      });
  },
  async read(candidate, look) {
    const config = readJson(look, candidate.path);
    if (!config) throw new Malformed('config.json is not a JSON object');
    const folder = candidate.path.slice(0, -'config.json'.length);
    return readingOf(candidate, look, folder, config);
  },
};

/** `model_type` or `architectures` near the start; Keras and others have a `config.json` as well. */
function isTransformers(head: Uint8Array): boolean {
  const text = Buffer.from(head).toString('latin1');
  return /"(model_type|architectures|transformers_version|_name_or_path)"\s*:/.test(text);
}

type Json = Readonly<Record<string, unknown>>;

function readJson(look: Look, path: string): Json | null {
  const file = look.file(path);
  if (!file || file.size > MAX_JSON) return null;
  try {
    const parsed: unknown = JSON.parse(readFileSync(file.absolute, 'utf8'));
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? (parsed as Json) : null;
  } catch {
    return null;
  }
}

async function readingOf(candidate: Candidate, look: Look, folder: string, config: Json): Promise<Reading> {
  const architectures = config['architectures'];
  const architecture =
    Array.isArray(architectures) && typeof architectures[0] === 'string' ? architectures[0] : null;
  const labels = labelsOf(config);
  const weights = await readWeights(candidate, look);
  const facts = {
    ...factsOf(config, readJson(look, `${folder}preprocessor_config.json`), labels),
    pooled: weights.names.some((name) => /(^|\.)pooler\.(dense\.)?weight$/.test(name)),
  };
  const task = architecture === null ? null : taskOf(architecture, facts);
  const remarks: Remark[] = [...weights.remarks, ...activeContent(config, look, folder, candidate.path)];
  const properties: Record<string, string> = {};
  const keep = (key: string, value: unknown) => {
    if (typeof value === 'string' || typeof value === 'number') properties[key] = String(value);
  };
  keep('architecture', architecture);
  keep('model type', config['model_type']);
  keep('task', task?.name);
  keep('context length', config['max_position_embeddings'] ?? config['n_positions']);
  keep('vocabulary', facts.vocabulary);
  const quantization = config['quantization_config'];
  if (typeof quantization === 'object' && quantization !== null)
    keep('quantization', (quantization as Json)['quant_method']);
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
  const version = config['transformers_version'];
  return {
    ...emptyReading(candidate),
    framework: { name: 'transformers', version: typeof version === 'string' ? version : null },
    contract: told?.contract ?? null,
    evidence: told?.evidence ?? {},
    labels,
    parameters: weights.parameters,
    properties,
    requirements: { transformers: typeof version === 'string' ? version : null, torch: null },
    risk: riskOf(remarks),
    remarks,
  };
}

function riskOf(remarks: readonly Remark[]): Reading['risk'] {
  const active = remarks.filter((remark) => remark.rule === 'code-active');
  if (active.some((remark) => remark.level === 'error')) return 'dangerous';
  return active.length > 0 ? 'review' : 'none';
}

function fieldOf(field: TaskField, architecture: string | null): ToldField {
  const where = `architectures[0] = ${architecture}`;
  return {
    name: derived(field.name, where),
    type: field.type === null ? unknown('no torch_dtype is stated') : derived(field.type, where),
    shape: field.shape === null ? unknown('not stated') : derived(field.shape, where),
    ...(field.labels && { labels: { value: field.labels, evidence: { kind: 'stated', where: 'id2label' } } }),
    ...(field.optional && { optional: true }),
  };
}

/** `id2label` in order of its ids; `null` when absent or when it only has the placeholders LABEL_0, LABEL_1 …. */
function labelsOf(config: Json): Label[] | null {
  const map = config['id2label'];
  if (typeof map !== 'object' || map === null) return null;
  const entries = Object.entries(map).sort(([a], [b]) => Number(a) - Number(b));
  if (entries.some(([key, value], index) => Number(key) !== index || typeof value !== 'string')) return null;
  return entries.every(([key, value]) => value === `LABEL_${key}`)
    ? null
    : entries.map(([, value]) => String(value));
}

function factsOf(
  config: Json,
  preprocessor: Json | null,
  labels: readonly Label[] | null,
): Omit<ModelFacts, 'pooled'> {
  const number = (value: unknown): number | null => (typeof value === 'number' && value > 0 ? value : null);
  const map = config['id2label'];
  const counted = typeof map === 'object' && map !== null ? Object.keys(map).length : null;
  const size = config['image_size'] ?? preprocessor?.['size'] ?? preprocessor?.['crop_size'];
  return {
    modelType: typeof config['model_type'] === 'string' ? config['model_type'] : '',
    labels,
    // transformers' own default is two labels (PretrainedConfig.num_labels).
    labelCount: counted ?? number(config['num_labels']) ?? 2,
    vocabulary: number(config['vocab_size']),
    hidden: number(config['hidden_size'] ?? config['dim'] ?? config['d_model'] ?? config['n_embd']),
    channels: number(config['num_channels'] ?? 3),
    imageSize: sizeOf(size),
    precision: precisionOf(config['dtype'] ?? config['torch_dtype']),
  };
}

function sizeOf(size: unknown): readonly [number, number] | null {
  if (typeof size === 'number') return [size, size];
  if (Array.isArray(size) && typeof size[0] === 'number' && typeof size[1] === 'number')
    return [size[0], size[1]];
  const { height, width } = (typeof size === 'object' && size !== null ? size : {}) as Json;
  return typeof height === 'number' && typeof width === 'number' ? [height, width] : null;
}

function precisionOf(dtype: unknown): TypeName | null {
  const name = typeof dtype === 'string' ? dtype.replace(/^torch\./, '') : null;
  return name === 'float32' || name === 'float16' || name === 'bfloat16' || name === 'float64' ? name : null;
}

interface Weights {
  readonly remarks: readonly Remark[];
  readonly names: readonly string[];
  readonly parameters: number | null;
  readonly precision: string | null;
}

interface Tensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
}

/** Buffers that some architectures save beside their parameters. */
const BUFFERS =
  /(^|\.)(final_logits_bias|position_ids|token_type_ids|running_mean|running_var|num_batches_tracked|relative_position_index)$/;

/** Parameters and precision from the headers of the weight files: safetensors, or else those that torch.save wrote. */
async function readWeights(candidate: Candidate, look: Look): Promise<Weights> {
  const remarks: Remark[] = [];
  const files = candidate.covers.flatMap((path) => look.file(path) ?? []);
  const safe = files.filter((file) => /(^|\/)model[^/]*\.safetensors$/.test(file.path));
  const pickled = files.filter((file) => /(^|\/)pytorch_model[^/]*\.bin$/.test(file.path));
  const tensors: Tensor[] = [];
  for (const file of safe.length > 0 ? safe : pickled) {
    try {
      tensors.push(...(safe.length > 0 ? safeTensors(file) : await pickledTensors(file, look)));
    } catch (error) {
      if (!(error instanceof Malformed || error instanceof Truncated)) throw error;
      remarks.push({
        rule: error instanceof Truncated ? 'file-truncated' : 'file-malformed',
        level: 'error',
        file: file.path,
        message: `the weights cannot be read: ${error.message}`,
        help: 'If the file is a Git LFS pointer, use actions/checkout with `lfs: true`; otherwise save it again.',
      });
    }
  }
  const known = tensors.length > 0 && remarks.length === 0;
  return {
    remarks,
    names: tensors.map((tensor) => tensor.name),
    parameters: known ? countParameters(tensors.filter((tensor) => !BUFFERS.test(tensor.name))) : null,
    precision: known ? precisions(tensors) : null,
  };
}

function safeTensors(file: ModelFile): Tensor[] {
  using bytes = open(file);
  return [...readSafetensors(bytes).tensors].map(([name, tensor]) => ({ name, ...tensor }));
}

/** What is dangerous in these files is found by the sweep over the directory. */
async function pickledTensors(file: ModelFile, look: Look): Promise<Tensor[]> {
  const archive = torchArchive(look, file);
  if (!archive) throw new Malformed('it is no file that torch.save wrote');
  using bytes = open(file);
  const loaded = await loadTorch(bytes, archive, file.path);
  const seen = new Set<string>();
  return tensorsBelow(loaded.root).filter(({ identity }) => {
    const again = identity !== '' && seen.has(identity);
    seen.add(identity);
    return !again;
  });
}

/** Code that loading would run: `auto_map` with trust_remote_code, and chat templates that reach for Python's insides. */
function activeContent(config: Json, look: Look, folder: string, file: string): Remark[] {
  const remarks: Remark[] = [];
  if (config['auto_map'] !== undefined)
    remarks.push({
      rule: 'code-active',
      level: 'warning',
      file,
      message: 'auto_map makes transformers run Python code of this directory when it loads the model',
      help: 'Read that code; load it with trust_remote_code only if you trust it.',
    });
  for (const name of ['tokenizer_config.json', 'chat_template.jinja']) {
    const found = look.file(`${folder}${name}`);
    if (!found || found.size > MAX_JSON) continue;
    if (/__(class|globals|builtins|subclasses|import|mro)__/.test(readFileSync(found.absolute, 'utf8')))
      remarks.push({
        rule: 'code-active',
        level: 'error',
        file: found.path,
        message:
          'the chat template reaches into Python objects (CVE-2024-34359): it can run code when it is rendered',
        help: 'Do not load this tokenizer; get it from its makers again.',
      });
  }
  return remarks;
}
