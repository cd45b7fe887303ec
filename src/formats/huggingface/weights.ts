import { Truncated } from '../../model/bytes.ts';
import { type ModelFile, open } from '../../model/walk.ts';
import { type Candidate, type Look, Malformed, type Remark } from '../format.ts';
import { torchArchive } from '../torch/archive.ts';
import { loadTorch } from '../torch/load.ts';
import { tensorsBelow } from '../torch/tensors.ts';
import { countParameters, precisions } from '../weights.ts';
import { readSafetensors } from '../wire/safetensors.ts';
import { type Json, object } from './facts.ts';

export interface Weights {
  readonly remarks: readonly Remark[];
  readonly tensors: readonly Tensor[];
  readonly parameters: number | null;
  readonly precision: string | null;
}

export interface Tensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
}

/** Buffers that architectures save beside their parameters. Source: `nn.Buffer` in transformers 5.24, `register_buffer` before. */
const BUFFERS =
  /(^|\.)(final_logits_bias|position_ids|token_type_ids|running_mean|running_var|num_batches_tracked|relative_position_index|masked_bias|inv_freq|(?<!moe_statics\.)e_score_correction_bias|layer_scalar|empty_weight|attn_mask_probs|token_ordering|embed_avg|cluster_size|inited|act_fn\.(beta|eps)|(weight|bias)_integer|(weight|fc|act)_scaling_factor|(input|output)_(min|max))$/;
/** What quantisation keeps beside the numbers: scales, zero points, orders, and descriptions of itself. */
const SCALES =
  /\.(qzeros|scales|g_idx|SCB|weight_format|absmax|quant_map|nested_absmax|nested_quant_map|quant_state\.\w+|weight_scale(_inv)?|weight_zero_point|weight_shape|weight_g_idx|(input|output)_scale|k_scale|v_scale|\w+_scales)$/;

/** Parameters and precision from the headers of the weight files: safetensors, or else those that torch.save wrote. */
export async function readWeights(
  candidate: Candidate,
  look: Look,
  quantization: Json | null,
): Promise<Weights> {
  const remarks: Remark[] = [];
  const files = candidate.covers.flatMap((path) => look.file(path) ?? []);
  const safe = files.filter((file) =>
    /(^|\/)(adapter_|diffusion_pytorch_)?model[^/]*\.safetensors$/.test(file.path),
  );
  const pickled = files.filter((file) =>
    /(^|\/)(diffusion_)?(pytorch|adapter)_model[^/]*\.bin$/.test(file.path),
  );
  const tensors: Tensor[] = [];
  const read = chosen(safe.length > 0 ? safe : pickled);
  for (const file of read) {
    try {
      // Not spread into a call: a file can hold more tensors than a call takes arguments.
      for (const tensor of safe.length > 0 ? safeTensors(file) : await pickledTensors(file, look))
        tensors.push(tensor);
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
  remarks.push(...missingShards(read));
  const known = tensors.length > 0 && remarks.length === 0;
  return {
    remarks,
    tensors,
    parameters: known ? parametersOf(tensors, quantization) : null,
    precision: known ? precisions(tensors) : null,
  };
}

const SHARD = /^(.*)-(\d{5})-of-(\d{5})(\.\w+)$/;
/** `model.fp16.safetensors`: the same weights once more. */
const VARIANT = /(^|\/)((diffusion_)?pytorch_)?model\.[\w-]+(-\d{5}-of-\d{5})?\.(safetensors|bin)$/;

/** Of the same weights in several precisions, or whole and in parts, the plain and whole ones. */
function chosen(files: readonly ModelFile[]): ModelFile[] {
  const plain = files.filter((file) => !VARIANT.test(file.path));
  const of = plain.length > 0 ? plain : files;
  const whole = of.filter((file) => !SHARD.test(file.path));
  return (whole.length > 0 ? whole : of).slice(0, 10_000);
}

function missingShards(files: readonly ModelFile[]): Remark[] {
  const [first] = files;
  const stated = Number(SHARD.exec(first?.path ?? '')?.[3] ?? 0);
  if (!first || stated === 0 || stated === files.length) return [];
  return [
    {
      rule: 'file-missing',
      level: 'error',
      file: first.path,
      message: `the weights are in ${stated} parts, and ${files.length} of them are here`,
      help: 'Put all parts into the directory.',
    },
  ];
}

/** Numbers that were trained. What is packed several to an element is counted as it is unpacked. */
function parametersOf(tensors: readonly Tensor[], quantization: Json | null): number {
  // Frozen batch normalisation keeps its weights as buffers: it does not count its batches.
  const names = new Set(tensors.map((tensor) => tensor.name));
  const frozen = (name: string) => {
    const stem = name.slice(0, name.lastIndexOf('.') + 1);
    return names.has(`${stem}running_mean`) && !names.has(`${stem}num_batches_tracked`);
  };
  const bits = Number(quantization?.['bits'] ?? quantization?.['w_bit'] ?? 4);
  let total = 0;
  for (const tensor of tensors) {
    if (BUFFERS.test(tensor.name) || isMask(tensor) || frozen(tensor.name)) continue;
    if (quantization && SCALES.test(tensor.name)) continue;
    const count = countParameters([tensor]);
    const packed = /\.(qweight|weight_packed)$/.test(tensor.name) || /_blocks$/.test(tensor.name);
    if (quantization && packed && bits >= 1 && bits <= 32)
      total += Math.round((count * (tensor.dtype.endsWith('32') ? 32 : 8)) / bits);
    else total += names.has(`${tensor.name}.absmax`) && tensor.dtype === 'U8' ? 2 * count : count;
  }
  return total;
}

/** Attention of older models keeps a triangle of what may be seen, `[1, 1, n, n]`, as `bias`. */
function isMask({ name, shape, dtype }: Tensor): boolean {
  const triangle = shape.length === 4 && shape[0] === 1 && shape[1] === 1 && shape[2] === shape[3];
  return dtype === 'BOOL' || (triangle && /attn\.(attention\.)?bias$|attention\.bias$/.test(name));
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

/** `quantization_config` of a configuration. */
export const quantizationOf = (config: Json): Json | null => object(config['quantization_config']);
