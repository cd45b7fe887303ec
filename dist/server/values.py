"""JSON payloads as NumPy arrays of the contract's types, and the model's answer as JSON."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from .contract import CONTAINERS, Field, Json

# Types that NumPy lacks are held in the smallest one that can hold them.
DTYPES: dict[str, str] = {
    "bool": "bool",
    "int4": "int8",
    "int8": "int8",
    "int16": "int16",
    "int32": "int32",
    "int64": "int64",
    "uint4": "uint8",
    "uint8": "uint8",
    "uint16": "uint16",
    "uint32": "uint32",
    "uint64": "uint64",
    "float4_e2m1fn": "float32",
    "float8_e4m3fn": "float32",
    "float8_e4m3fnuz": "float32",
    "float8_e5m2": "float32",
    "float8_e5m2fnuz": "float32",
    "float8_e8m0fnu": "float32",
    "float16": "float16",
    "bfloat16": "float32",
    "float32": "float32",
    "float64": "float64",
}


def to_numpy(field: Field, value: Json) -> Any:
    """A value that the contract admits, as an array; containers and unknown types stay as JSON has them."""
    kind = field["type"]
    if kind is None or kind in CONTAINERS:
        return value
    if kind in ("complex64", "complex128"):
        pairs = np.asarray(value, dtype="float64")
        return (pairs[..., 0] + 1j * pairs[..., 1]).astype(kind) if pairs.size else pairs.astype(kind)
    if kind in DTYPES:
        array: np.ndarray[Any, Any] = np.asarray(value, dtype=DTYPES[kind])
        return array
    texts = np.asarray(value, dtype=object)
    if kind == "string":
        return texts
    if kind == "bytes":
        return _each(texts, base64.b64decode)
    # RFC 3339 with a zone: NumPy's times have none, so they are brought to UTC.
    return _each(texts, _utc).astype("datetime64[ns]")


def _each(array: Any, function: Any) -> Any:
    out = np.empty(array.shape, dtype=object)
    for index in np.ndindex(array.shape):
        out[index] = function(array[index])
    return out


def _utc(text: str) -> np.datetime64:
    moment, zone = (text[:-1], "+00:00") if text.endswith("Z") else (text[:-6], text[-6:])
    minutes = int(zone[1:3]) * 60 + int(zone[4:6])
    shift = np.timedelta64(minutes if zone[0] == "+" else -minutes, "m")
    return np.datetime64(moment, "ns") - shift


def to_json(field: Field | None, value: Any) -> Json:
    """What a model returned, as the contract writes it: lists, numbers, strings."""
    kind = None if field is None else field["type"]
    if hasattr(value, "toarray"):  # SciPy's sparse matrices
        value = value.toarray()
    if hasattr(value, "to_numpy"):  # pandas
        value = value.to_numpy()
    if isinstance(value, dict):
        return {_key(key): to_json(None, entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(field if kind not in CONTAINERS else None, entry) for entry in value]
    if isinstance(value, bytes):
        return _bytes(kind, value)
    array = np.asarray(value)
    if array.dtype.kind == "c":
        return np.stack([array.real, array.imag], axis=-1).tolist()
    if array.dtype.kind == "M":
        return _times(array)
    if array.dtype.kind == "S":
        return _nested(array, lambda text: _bytes(kind, bytes(text)))
    if array.dtype.kind == "O":
        return _nested(array, lambda entry: _object(field, kind, entry))
    if array.dtype.kind not in "biufU":  # bfloat16 and others of ml_dtypes
        array = array.astype("float32")
    if array.dtype == np.float32 or array.dtype == np.float16:
        # The shortest decimal that reads back as the same value: 0.1, not 0.10000000149011612.
        return _nested(array, lambda number: float(str(number)))
    return array.tolist()


def _object(field: Field | None, kind: str | None, entry: Any) -> Json:
    if entry is None or isinstance(entry, (str, bool, int, float)):
        return entry
    if isinstance(entry, bytes):
        return _bytes(kind, entry)
    return to_json(field, entry)


def _bytes(kind: str | None, value: bytes) -> str:
    return base64.b64encode(value).decode() if kind == "bytes" else value.decode("utf-8", "replace")


def _key(key: Any) -> str:
    if isinstance(key, (bool, np.bool_)):
        return "true" if key else "false"
    return key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key)


def _times(array: Any) -> Json:
    return _nested(np.datetime_as_string(array, timezone="UTC", unit="us"), str)


def _nested(array: Any, function: Any) -> Json:
    if array.ndim == 0:
        return function(array[()])
    return [function(one) if array.ndim == 1 else _nested(one, function) for one in array]
