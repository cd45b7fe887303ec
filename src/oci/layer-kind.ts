/** What a layer of a ModelPack artifact holds (ModelPack spec.md, media types). */
export type LayerKind = 'weight' | 'weight.config' | 'doc' | 'code' | 'dataset';

/** Files over this size that nothing is known of are taken for weights, as modctl does (bytes). */
const LARGE = 128 * 1024 * 1024;

/** In order: the first that matches the base name in lower case decides. */
const BY_NAME: readonly (readonly [LayerKind, RegExp])[] = [
  ['doc', /^(readme|licen[cs]e|copying|notice|changelog)|^model-card\.md$|^checksums?\.txt$/],
  [
    'code',
    /^(requirements.*\.txt|pipfile.*|pyproject\.toml|setup\.(py|cfg)|conda\.ya?ml|dockerfile.*|makefile)$/,
  ],
  ['code', /^(package(-lock)?\.json|poetry\.lock|uv\.lock|environment\.ya?ml)$/],
  ['weight', /\.(index|data-\d.*)$|^saved_model\.pb(txt)?$/],
  [
    'weight.config',
    /\.(jsonc?|json5|jsonl|ya?ml|toml|ini|cfg|conf|config|properties|xml|pbtxt|tiktoken|hparams|jinja|meta)$|tokenizer.*\.model$|^spiece\.model$|^(vocab|merges|labels|classes)\.txt$|^(mlmodel|modelfile|kitfile)$|^fingerprint\.pb$/,
  ],
  [
    'weight',
    /\.(safetensors|bin|pt|pth|pt2|pte|ptl|mar|tflite|h5|hdf5?|keras|pb|gguf.*|ggml|ckpt|checkpoint|weights|ot|engine|trt|onnx|onnx[_.]data.*|data|msgpack|model|pkl|pickle|joblib|sav|skops|npy|npz|mlmodel|mleap|llamafile|caffemodel|params|dlc|ubj|bst|cbm|pmml|zip|mlir|stablehlo|pdmodel|pdiparams|rds|parquet|arrow|dat)$/,
  ],
  [
    'code',
    /\.(py|ipynb|sh|c|cc|cpp|cu|cuh|h|hpp|java|jsx?|mjs|cjs|tsx?|go|rs|rb|r|jl|scala|kt|sql|lua|so|dll|dylib|a|bash|ps1|mk|cmake|gradle)$/,
  ],
  ['dataset', /\.(csv|tsv|avro|orc|ndjson)$/],
  ['doc', /\.(md|txt|pdf|rst|html?|tex|docx?|png|jpe?g|gif|svg|webp|log)$/],
];

/**
 * What a file of a model is, by its name; `guessed` where the name says nothing and the size has to. Follows
 * modctl's lists where those agree with what the formats' readers know (modctl, pkg/modelfile/constants.go).
 */
export function layerKind(path: string, size: number): { kind: LayerKind; guessed: boolean } {
  const lower = path.toLowerCase();
  if (/^(samples?|data|datasets?|examples?)\//.test(lower)) return { kind: 'dataset', guessed: false };
  const base = lower.slice(lower.lastIndexOf('/') + 1);
  for (const [kind, names] of BY_NAME) if (names.test(base)) return { kind, guessed: false };
  return { kind: size > LARGE ? 'weight' : 'code', guessed: true };
}
