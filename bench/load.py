"""Loads one model with its framework's own loader, and writes what that took of memory and bytes.

    python bench/load.py FORMAT FILE REPORT

Ends with 3 when the framework is missing. `start` as the format loads nothing: Python's own start.
"""

import sys


def onnx(path):
    import onnx

    onnx.load(path)


def tensorflow(path):
    import tensorflow

    tensorflow.saved_model.load(path)


def keras(path):
    import keras

    keras.models.load_model(path, compile=False)


def torchscript(path):
    import torch

    torch.jit.load(path)


def state_dict(path):
    import torch

    torch.load(path, weights_only=True)


def safetensors(path):
    """The loader that maps the file: names, types and shapes, no weights."""
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        for name in file.keys():
            file.get_slice(name).get_shape()


def joblib(path):
    import joblib

    joblib.load(path)


def mlflow(path):
    import mlflow

    assert mlflow.models.get_model_info(path).signature is not None


def xgboost(path):
    import xgboost

    xgboost.Booster(model_file=path)


def lightgbm(path):
    import lightgbm

    lightgbm.Booster(model_file=path)


def catboost(path):
    import catboost

    catboost.CatBoost().load_model(path)


def tflite(path):
    import tensorflow

    tensorflow.lite.Interpreter(model_path=path).get_input_details()


def gguf(path):
    from gguf import GGUFReader

    reader = GGUFReader(path)
    assert reader.fields and reader.tensors


def openvino(path):
    import openvino

    assert openvino.Core().read_model(path).inputs


def coreml(path):
    import coremltools

    package = path.split("/Data/")[0]
    assert coremltools.models.MLModel(package, skip_model_load=True).get_spec().description.input


def transformers(path):
    from transformers import AutoModelForSequenceClassification

    assert AutoModelForSequenceClassification.from_pretrained(path).config.num_labels == 3


LOADERS = {
    "start": lambda _: None,
    "onnx": onnx,
    "tensorflow": tensorflow,
    "keras": keras,
    "keras-h5": keras,
    "torchscript": torchscript,
    "torch-state-dict": state_dict,
    "safetensors": safetensors,
    "sklearn": joblib,
    "mlflow": mlflow,
    "sklearn-forest": joblib,
    "xgboost-json": xgboost,
    "xgboost-ubj": xgboost,
    "lightgbm": lightgbm,
    "catboost": catboost,
    "tflite": tflite,
    "gguf": gguf,
    "openvino": openvino,
    "coreml": coreml,
    "transformers": transformers,
}

if __name__ == "__main__":
    _, name, path, report = sys.argv
    try:
        LOADERS[name](path)
    except ModuleNotFoundError as error:
        print(f"no {error.name}", file=sys.stderr)
        sys.exit(3)
    # Linux's own words, which the bench takes apart: VmHWM is the peak of this program alone, where ru_maxrss
    # begins with that of the process that started it.
    with open("/proc/self/status") as status, open("/proc/self/io") as io:
        text = io.read() + status.read()
    with open(report, "w") as file:
        file.write(text)
