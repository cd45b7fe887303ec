"""TensorFlow SavedModels, called by their signatures."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from . import Call, outputs_of


def load(path: str, contract: dict[str, Any]) -> Call:
    # The loaded object owns the variables: it has to live as long as its signatures are called.
    model = tf.saved_model.load(path)

    def call(signature: str, inputs: dict[str, Any]) -> dict[str, Any]:
        function = model.signatures.get(signature)
        if function is None:
            return _named(getattr(model, signature)(*inputs.values()), outputs_of(contract, signature))
        specs = function.structured_input_signature[1]
        tensors = {
            name: tf.constant(value, dtype=specs[name].dtype if name in specs else None)
            for name, value in inputs.items()
        }
        return {name: tensor.numpy() for name, tensor in function(**tensors).items()}

    return call


def _named(result: Any, names: list[str]) -> dict[str, Any]:
    if isinstance(result, dict):
        return {name: tensor.numpy() for name, tensor in result.items()}
    parts = result if isinstance(result, (list, tuple)) else [result]
    return {name: tensor.numpy() for name, tensor in zip(names or ["output"], parts)}
