import { catboost } from './catboost.ts';
import { coreml } from './coreml.ts';
import { bentoml, hydrosphere, kitops, mlflow, modelfile, triton } from './declared.ts';
import { executorch } from './executorch.ts';
import { fastai } from './fastai.ts';
import type { Format } from './format.ts';
import { gguf } from './gguf.ts';
import { h2o } from './h2o.ts';
import { huggingface } from './huggingface.ts';
import { jax } from './jax.ts';
import { keras } from './keras.ts';
import { lightgbm } from './lightgbm.ts';
import { mleap } from './mleap.ts';
import { stablehlo } from './mlir.ts';
import { mxnet } from './mxnet.ts';
import { onnx } from './onnx.ts';
import { openvino } from './openvino.ts';
import { paddle } from './paddle.ts';
import { pmml } from './pmml.ts';
import { r } from './r.ts';
import { safetensors } from './safetensors.ts';
import { sklearn } from './sklearn.ts';
import { skops } from './skops.ts';
import { spark } from './spark.ts';
import { tensorflow } from './tensorflow.ts';
import { tensorflowGraph } from './tensorflow-graph.ts';
import { tensorflowMeta } from './tensorflow-meta.ts';
import { tflite } from './tflite.ts';
import { torch } from './torch.ts';
import { torchExport } from './torch-export.ts';
import { torchscript } from './torchscript.ts';
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
  tensorflowGraph,
  tensorflowMeta,
  tflite,
  keras,
  sklearn,
  torch,
  fastai,
  torchExport,
  torchscript,
  executorch,
  skops,
  coreml,
  paddle,
  pmml,
  openvino,
  bentoml,
  kitops,
  modelfile,
  hydrosphere,
  mlflow,
  triton,
  jax,
  h2o,
  spark,
  mleap,
  mxnet,
  stablehlo,
  r,
];
