"""scikit-learn estimators and pipelines, saved with joblib or pickle; also others with its interface."""

from __future__ import annotations

from typing import Any

import joblib
import numpy as np

from . import Call, outputs_of


def load(path: str, contract: dict[str, Any]) -> Call:
    if path.endswith(".skops"):
        import skops.io

        model = skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))
    else:
        model = joblib.load(path)

    def call(signature: str, inputs: dict[str, Any]) -> dict[str, Any]:
        fields = contract["signatures"][signature].get("inputs")
        names = [field["name"] for field in fields] if fields is not None else list(inputs)
        method = getattr(model, signature, None) or model.predict
        return _named(method(_table(model, names, inputs)), outputs_of(contract, signature), signature)

    return call


def _table(model: Any, names: list[str], inputs: dict[str, Any]) -> Any:
    """One array as it is; one column an input as the table that the model was trained on."""
    trained_on = getattr(model, "feature_names_in_", None)
    if len(names) == 1:
        X = np.asarray(inputs[names[0]])
        if trained_on is None:
            # Text goes to vectorizers as one list; a single numeric feature is a column.
            return X.reshape(-1, 1) if X.ndim == 1 and X.dtype != object else X
        return _frame(list(trained_on), X.reshape(len(X), -1))
    rows = max((len(inputs[name]) for name in names if name in inputs), default=0)
    columns = {name: np.asarray(inputs.get(name, np.full(rows, np.nan))) for name in names}
    if trained_on is None:
        return np.column_stack(list(columns.values()))
    return _frame([str(name) for name in trained_on if name in columns], columns)


def _frame(names: list[str], data: Any) -> Any:
    import pandas

    if isinstance(data, dict):
        return pandas.DataFrame({name: data[name] for name in names})
    return pandas.DataFrame(data, columns=names)


def _named(result: Any, names: list[str], signature: str) -> dict[str, Any]:
    if len(names) <= 1:
        return {names[0] if names else signature: result}
    parts = result if isinstance(result, (list, tuple)) else np.asarray(result).T
    return dict(zip(names, parts))
