"""ONNX models, run by onnxruntime."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime

from . import Call

_TYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(bool)": "bool",
}


def load(path: str, contract: dict[str, Any]) -> Call:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    wanted = {one.name: one.type for one in session.get_inputs()}
    outputs = [one.name for one in session.get_outputs()]

    def call(signature: str, inputs: dict[str, Any]) -> dict[str, Any]:
        feeds = {name: _as(wanted.get(name, ""), value) for name, value in inputs.items()}
        return dict(zip(outputs, session.run(outputs, feeds)))

    return call


def _as(kind: str, value: Any) -> Any:
    if not kind.startswith("tensor("):
        return value
    name = _TYPES.get(kind, kind[len("tensor(") : -1])
    return np.asarray(value, dtype=object if name == "string" else name)
