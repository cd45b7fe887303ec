"""A user's own `predict.py`: `load_model()` is called once, `predict(payload)` for each request.

Where `predict` takes two arguments it gets what `load_model()` returned first. A function that is called like
another signature of the contract answers for that signature.
"""

from __future__ import annotations

import importlib.util
import inspect
import os
import sys
from typing import Any

from . import Call, outputs_of

RAW = True


def load(path: str, contract: dict[str, Any]) -> Call:
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    spec = importlib.util.spec_from_file_location("predict", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules["predict"] = module
    spec.loader.exec_module(module)
    model = module.load_model() if hasattr(module, "load_model") else None

    def call(signature: str, inputs: dict[str, Any]) -> dict[str, Any]:
        function = getattr(module, signature, None)
        function = function if callable(function) else module.predict
        with_model = len(inspect.signature(function).parameters) >= 2
        result = function(model, inputs) if with_model else function(inputs)
        if isinstance(result, dict):
            return result
        names = outputs_of(contract, signature)
        return {names[0] if names else signature: result}

    return call
