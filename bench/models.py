"""Writes one model of about the size wanted with its real framework, for `npm run bench:formats`.

    python bench/models.py FORMAT BYTES DIRECTORY

Ends with 3 when a package that the format needs is missing. Networks are eight square dense layers of random
float32 weights; ensembles are trained on random rows until they are about as large as asked.
"""

import sys
from math import isqrt
from pathlib import Path

LAYERS = 8


def width(size):
    return max(8, isqrt(size // 4 // LAYERS))


def matrices(size):
    import numpy as np

    n = width(size)
    rng = np.random.default_rng(7)
    return [rng.random((n, n), dtype=np.float32) for _ in range(LAYERS)]


def rows(count, columns):
    import numpy as np

    rng = np.random.default_rng(7)
    return rng.random((count, columns)), rng.random(count)


def onnx(size, out):
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights = matrices(size)
    n = len(weights[0])
    nodes = [helper.make_node("MatMul", [f"x{i}", f"w{i}"], [f"x{i + 1}"]) for i in range(LAYERS)]
    value = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", n])
    tensors = [numpy_helper.from_array(array, f"w{i}") for i, array in enumerate(weights)]
    graph = helper.make_graph(nodes, "dense", [value("x0")], [value(f"x{LAYERS}")], tensors)
    onnx.save(helper.make_model(graph), out / "model.onnx")


def savedmodel(size, out):
    import tensorflow as tf

    class Dense(tf.Module):
        def __init__(self):
            super().__init__()
            self.layers = [tf.Variable(array) for array in matrices(size)]

        @tf.function(input_signature=[tf.TensorSpec([None, width(size)], tf.float32, name="x")])
        def __call__(self, x):
            for layer in self.layers:
                x = tf.matmul(x, layer)
            return {"y": x}

    model = Dense()
    tf.saved_model.save(model, str(out), signatures=model.__call__)


def network(size):
    import keras

    n = width(size)
    layers = [keras.layers.Dense(n, activation="relu") for _ in range(LAYERS)]
    return keras.Sequential([keras.Input((n,)), *layers])


def keras(size, out):
    network(size).save(out / "model.keras")


def h5(size, out):
    network(size).save(out / "model.h5")


def tflite(size, out):
    import tensorflow as tf

    (out / "model.tflite").write_bytes(tf.lite.TFLiteConverter.from_keras_model(network(size)).convert())


def torch_network(size):
    import torch

    n = width(size)
    return torch.nn.Sequential(*[torch.nn.Linear(n, n) for _ in range(LAYERS)]).eval()


def torchscript(size, out):
    import torch

    torch.jit.trace(torch_network(size), torch.zeros(1, width(size))).save(out / "model.pt")


def state_dict(size, out):
    import torch

    torch.save(torch_network(size).state_dict(), out / "model.pth")


def safetensors(size, out):
    from safetensors.numpy import save_file

    save_file({f"layers.{i}.weight": array for i, array in enumerate(matrices(size))}, out / "model.safetensors")


def joblib(size, out):
    """One large array in a small object: the nearest neighbours keep their training rows."""
    import joblib
    from sklearn.neighbors import KNeighborsClassifier

    x, y = rows(size // 8 // 100, 100)
    joblib.dump(KNeighborsClassifier(algorithm="brute").fit(x, y > 0.5), out / "model.joblib")


def mlflow(size, out):
    """What MLflow writes of such a model: a skops file with a signature beside it."""
    from mlflow.models import infer_signature
    from mlflow.sklearn import save_model
    from sklearn.neighbors import KNeighborsClassifier

    x, y = rows(size // 8 // 100, 100)
    model = KNeighborsClassifier(algorithm="brute").fit(x, y > 0.5)
    save_model(model, out, signature=infer_signature(x[:5], model.predict(x[:5])), pip_requirements=[])


def forest(size, out):
    """Many arrays in many objects: a node and its value take 72 bytes, and rows grow into twice as many nodes."""
    import joblib
    from sklearn.ensemble import RandomForestRegressor

    count = min(20_000, max(500, size // 1000))
    # A bootstrap sample holds 63 % of the rows, each in a leaf of its own.
    trees = max(1, round(size / (72 * 2 * 0.63 * count)))
    x, y = rows(count, 10)
    model = RandomForestRegressor(trees, max_features=1, n_jobs=2, random_state=7).fit(x, y)
    joblib.dump(model, out / "model.joblib")


def boost(size, out, name, per_leaf):
    import xgboost

    count = min(50_000, max(500, size // 500))
    x, y = rows(count, 10)
    # One thread: on a busy machine several wait for each other in every node.
    settings = {"max_depth": 24, "max_bin": 1024, "min_child_weight": 0, "lambda": 0, "nthread": 1}
    rounds = max(1, round(size / (per_leaf * count)))
    booster = xgboost.train({**settings, "eta": 0.01, "seed": 7}, xgboost.DMatrix(x, y), rounds)
    booster.save_model(out / name)


def xgboost_json(size, out):
    boost(size, out, "model.json", 115)


def xgboost_ubj(size, out):
    boost(size, out, "model.ubj", 85)


def lightgbm(size, out):
    import lightgbm

    count = min(50_000, max(500, size // 500))
    x, y = rows(count, 10)
    settings = {"num_leaves": min(131_072, count), "min_data_in_leaf": 1, "max_bin": 1023, "learning_rate": 0.01, "verbose": -1}
    booster = lightgbm.train({**settings, "num_threads": 1, "seed": 7}, lightgbm.Dataset(x, y), max(1, round(size / (110 * count))))
    booster.save_model(out / "model.txt")


def catboost(size, out):
    """Symmetric trees: 16 bytes a leaf, for its value and its weight."""
    from catboost import CatBoostRegressor

    depth = 14 if size > 10_000_000 else 10
    x, y = rows(5_000, 4)
    settings = {"depth": depth, "iterations": max(1, size // (16 * 2**depth)), "learning_rate": 0.01}
    model = CatBoostRegressor(**settings, thread_count=2, border_count=32, verbose=False, allow_writing_files=False)
    model.fit(x, y).save_model(out / "model.cbm")


def gguf(size, out):
    from gguf import GGUFWriter

    writer = GGUFWriter(out / "model.gguf", "llama")
    writer.add_block_count(LAYERS)
    writer.add_context_length(2048)
    writer.add_embedding_length(width(size))
    writer.add_token_list([f"token{i}" for i in range(1000)])
    for i, array in enumerate(matrices(size)):
        writer.add_tensor(f"blk.{i}.ffn_up.weight", array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def openvino(size, out):
    import numpy as np
    import openvino
    from openvino import opset13 as ops

    weights = matrices(size)
    x = ops.parameter([-1, len(weights[0])], np.float32, name="x")
    y = x
    for array in weights:
        y = ops.matmul(y, ops.constant(array), False, False)
    openvino.save_model(openvino.Model([y], [x]), out / "model.xml", compress_to_fp16=False)


def coreml(size, out):
    """An ML Program keeps its weights in a file of their own inside of the package."""
    import coremltools
    from coremltools.converters.mil import Builder as mb

    weights = matrices(size)

    @mb.program(input_specs=[mb.TensorSpec(shape=(1, len(weights[0])))], opset_version=coremltools.target.iOS15)
    def program(x):
        for array in weights:
            x = mb.matmul(x=x, y=array)
        return x

    convert = {"convert_to": "mlprogram", "compute_precision": coremltools.precision.FLOAT32, "skip_model_load": True}
    coremltools.convert(program, **convert).save(str(out / "model.mlpackage"))


def transformers(size, out):
    from transformers import BertConfig, BertForSequenceClassification

    layers = 2
    hidden = max(8, isqrt(size // 4 // (12 * layers)) // 8 * 8)
    sizes = {"hidden_size": hidden, "intermediate_size": 4 * hidden, "vocab_size": 1000, "max_position_embeddings": 64}
    config = BertConfig(num_hidden_layers=layers, num_attention_heads=8, num_labels=3, **sizes)
    BertForSequenceClassification(config).save_pretrained(out, max_shard_size="10GB")


WRITERS = {
    "onnx": onnx,
    "tensorflow": savedmodel,
    "keras": keras,
    "keras-h5": h5,
    "torchscript": torchscript,
    "torch-state-dict": state_dict,
    "safetensors": safetensors,
    "sklearn": joblib,
    "mlflow": mlflow,
    "sklearn-forest": forest,
    "xgboost-json": xgboost_json,
    "xgboost-ubj": xgboost_ubj,
    "lightgbm": lightgbm,
    "catboost": catboost,
    "tflite": tflite,
    "gguf": gguf,
    "openvino": openvino,
    "coreml": coreml,
    "transformers": transformers,
}

if __name__ == "__main__":
    _, name, size, directory = sys.argv
    try:
        WRITERS[name](int(size), Path(directory))
    except ModuleNotFoundError as error:
        print(f"no {error.name}", file=sys.stderr)
        sys.exit(3)
