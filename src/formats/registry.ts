import type { Format } from './format.ts';
import { gguf } from './gguf.ts';
import { huggingface } from './huggingface.ts';
import { safetensors } from './safetensors.ts';

/** Every format that Lading reads, one line each. The order only decides the order of listings. */
export const FORMATS: readonly Format[] = [huggingface, safetensors, gguf];
