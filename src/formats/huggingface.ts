import { dirname } from 'node:path/posix';
import type { Candidate, Format, Look } from './format.ts';

/** Files of a transformers directory: part of the model, and no models of their own. */
const COMPANION =
  /^(model|pytorch_model|tf_model|flax_model|rust_model|adapter_model|diffusion_\w*model|diffusion_flax_model|training_args|optimizer|scheduler|scaler|rng_state|trainer_state|consolidated)[^/]*\.(safetensors|bin|h5|msgpack|ot|pt|pth|json)$|^(tokenizer|vocab|merges|special_tokens|added_tokens|spiece|sentencepiece|preprocessor|generation|chat_template|processor|original|runs)[^/]*(\/.*)?$/;
/** The same model once more, as others write it: the folders that the hub has for that. */
const CONVERSIONS = /^(onnx|openvino|coreml|tflite|saved_model|gguf|flax|tf)\//i;
const WEIGHTS =
  /^((pytorch_|adapter_)?model|diffusion_pytorch_model|tf_model|flax_model)[^/]*\.(safetensors|bin|h5|msgpack|index\.json)$/;
/** Models that do without the configuration beside them, and without the weights that it is for. */
const OTHER_MODELS = /\.(onnx|gguf|xml|tflite|mlmodel|keras|pte|pt2|engine)$/;

/** What the hub's libraries describe a model with. */
const ENTRIES: ReadonlySet<string> = new Set([
  'model_index.json',
  'adapter_config.json',
  'modules.json',
  'config.json',
]);

/** A directory that `transformers`, or one of the libraries around it, saved: `config.json` and what belongs to it. */
export const huggingface: Format = {
  id: 'huggingface',
  title: 'Hugging Face Transformers',
  detect(look) {
    const entries = look.directory.files
      .filter((file) => recognised(baseOf(file.path), look.head(file)))
      .map((file) => file.path);
    // A pipeline has its models in folders below it, and a folder with modules of sentences has its configuration.
    const whole = entries.filter((path) => !path.endsWith('config.json'));
    return entries
      .filter((path) => {
        const folder = folderOf(path);
        if (whole.some((other) => other !== path && folder.startsWith(folderOf(other)))) return false;
        if (baseOf(path) === 'adapter_config.json') return !entries.includes(`${folder}config.json`);
        return baseOf(path) !== 'config.json' || !isCompanionItself(folder, look);
      })
      .map((path): Candidate => {
        const folder = folderOf(path);
        const all = whole.includes(path);
        return {
          format: 'huggingface',
          path,
          role: 'model',
          covers: look.directory.files
            .map((other) => other.path)
            .filter((other) => other !== path && other.startsWith(folder))
            .filter((other) => {
              const inside = other.slice(folder.length);
              return all || COMPANION.test(inside) || CONVERSIONS.test(inside);
            }),
        };
      });
  },
  read: async (...args) => (await import('./huggingface/read.ts')).readHub(...args),
};

const folderOf = (path: string): string => (dirname(path) === '.' ? '' : `${dirname(path)}/`);
const baseOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** By the keys near the start; Keras and others have a `config.json` as well. */
function recognised(name: string, head: Uint8Array): boolean {
  if (!ENTRIES.has(name)) return false;
  const text = Buffer.from(head).toString('latin1');
  if (name === 'model_index.json') return /"_diffusers_version"\s*:/.test(text);
  if (name === 'modules.json') return /"type"\s*:\s*"sentence_transformers\./.test(text);
  if (name === 'adapter_config.json') return /"peft_type"\s*:/.test(text);
  return (
    /"(model_type|architectures|transformers_version|_name_or_path|_diffusers_version)"\s*:/.test(text) ||
    /"architecture"\s*:\s*"[\w.-]+"[\s\S]*"(num_classes|pretrained_cfg)"\s*:/.test(text)
  );
}

/** A configuration without weights, beside a file that is a model by itself: an export, which it describes. */
function isCompanionItself(folder: string, look: Look): boolean {
  const beside = look.directory.files
    .map((file) => file.path)
    .filter((path) => path.startsWith(folder))
    .map((path) => path.slice(folder.length));
  return !beside.some((path) => WEIGHTS.test(path)) && beside.some((path) => OTHER_MODELS.test(path));
}
