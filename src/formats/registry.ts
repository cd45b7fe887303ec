import { catboost } from './catboost.ts';
import type { Format } from './format.ts';
import { gguf } from './gguf.ts';
import { huggingface } from './huggingface.ts';
import { keras } from './keras.ts';
import { lightgbm } from './lightgbm.ts';
import { onnx } from './onnx.ts';
import { safetensors } from './safetensors.ts';
import { sklearn } from './sklearn.ts';
import { tensorflow } from './tensorflow.ts';
import { xgboost } from './xgboost.ts';

/** Every format that Lading reads, one line each. The order only decides the order of listings. */
export const FORMATS: readonly Format[] = [
  huggingface,
  safetensors,
  gguf,
  onnx,
  xgboost,
  lightgbm,
  catboost,
  tensorflow,
  keras,
  sklearn,
];
