"""The Open Inference Protocol's REST bodies, to and from payloads of the contract.

Source: kserve/open-inference-protocol, specification/protocol/inference_rest.md. `data` may be nested or flat
in row-major order; `shape` counts. -1 is a size that varies.
"""

from __future__ import annotations

import math
from typing import Any

from .contract import CONTAINERS, Field, Json, effective_shape
from .served import BadRequest

DATATYPES: dict[str, str] = {
    "bool": "BOOL",
    "int8": "INT8",
    "int16": "INT16",
    "int32": "INT32",
    "int64": "INT64",
    "uint8": "UINT8",
    "uint16": "UINT16",
    "uint32": "UINT32",
    "uint64": "UINT64",
    "float16": "FP16",
    "bfloat16": "BF16",
    "float32": "FP32",
    "float64": "FP64",
    "string": "BYTES",
    "bytes": "BYTES",
    "datetime64": "BYTES",
}


def metadata(contract: dict[str, Any], signature: str | None, name: str, version: str, platform: str) -> Json:
    """Metadata of the default signature. Types that the protocol has no name for keep the contract's."""
    found = contract["signatures"].get(signature) or {"inputs": None, "outputs": None}
    return {
        "name": name,
        "versions": [version],
        "platform": platform,
        "inputs": [_tensor(field) for field in found["inputs"] or []],
        "outputs": [_tensor(field) for field in found["outputs"] or []],
    }


def _tensor(field: Field) -> Json:
    shape = effective_shape(field)
    sizes = [-1] if shape is None else [size if isinstance(size, int) else -1 for size in shape]
    kind = field["type"]
    return {"name": field["name"], "datatype": DATATYPES.get(kind, kind or "unknown"), "shape": sizes}


def payload_of(body: Json, fields: list[Field] | None) -> dict[str, Json]:
    """The payload that an inference request carries. Raises BadRequest naming the input that is wrong."""
    if not isinstance(body, dict) or not isinstance(body.get("inputs"), list):
        raise BadRequest('"inputs" has to be a list of tensors', "inputs")
    known = {field["name"]: field for field in fields or []}
    payload: dict[str, Json] = {}
    for tensor in body["inputs"]:
        if not isinstance(tensor, dict) or not isinstance(tensor.get("name"), str):
            raise BadRequest('every input has to be an object with a "name"', "inputs")
        name = tensor["name"]
        if name in payload:
            raise BadRequest("the input is given twice", name)
        field = known.get(name)
        if field is not None:
            _check_datatype(field, tensor.get("datatype"))
        payload[name] = _nested(name, tensor.get("shape"), tensor.get("data"))
    return payload


def _check_datatype(field: Field, datatype: Json) -> None:
    kind = field["type"]
    if kind is None:
        return
    if kind in CONTAINERS or kind.startswith("complex"):
        raise BadRequest(f"the protocol has no {kind}: use /predict", field["name"])
    wanted = DATATYPES.get(kind, kind)
    if datatype != wanted:
        raise BadRequest(f"the datatype has to be {wanted}", field["name"])


def _nested(name: str, shape: Json, data: Json) -> Json:
    if (
        not isinstance(shape, list)
        or not all(type(size) is int and size >= 0 for size in shape)
        or len(shape) > 32
    ):
        raise BadRequest("the shape has to be a list of sizes", name)
    if not isinstance(data, list):
        raise BadRequest("the data has to be a list", name)
    flat = not any(isinstance(entry, list) for entry in data)
    if flat and len(data) != math.prod(shape):
        raise BadRequest(f"the shape wants {math.prod(shape)} values, and there are {len(data)}", name)
    if not flat:
        if _shape(data) != shape:
            raise BadRequest("the data does not have the shape that is stated", name)
        return data
    if not shape:
        return data[0]
    for size in reversed(shape[1:]):
        # An axis of size 0 leaves nothing to cut into parts.
        count = len(data) // size if size else 0
        data = [data[index * size : (index + 1) * size] for index in range(count)]
    if 0 in shape:
        return _empty(name, shape)
    return data


def _empty(name: str, shape: list[int]) -> Json:
    """An array with an axis of size 0. Sizes before it are bounded: the request has no data to pay for them."""
    first = shape.index(0)
    if math.prod(shape[:first]) > 10_000:
        raise BadRequest("the shape has too many empty rows", name)
    out: Json = []
    for size in reversed(shape[:first]):
        out = [out] * size
    return out


def _shape(data: Json) -> list[int]:
    shape = []
    while isinstance(data, list):
        shape.append(len(data))
        if not data:
            break
        data = data[0]
    return shape


def response_of(
    answer: dict[str, Json], fields: list[Field] | None, body: Json, name: str, version: str
) -> Json:
    """The inference response: flat data, the request's id, and only the outputs that were asked for."""
    known = {field["name"]: field for field in fields or []}
    asked = body.get("outputs")
    names = list(answer)
    if asked is not None:
        if not isinstance(asked, list) or not all(isinstance(one, dict) and "name" in one for one in asked):
            raise BadRequest('"outputs" has to be a list of objects with a "name"', "outputs")
        names = [one["name"] for one in asked]
        for one in names:
            if one not in answer:
                raise BadRequest("there is no such output", str(one))
    outputs = []
    for one in names:
        kind = known[one]["type"] if one in known else None
        if kind in CONTAINERS or (kind or "").startswith("complex"):
            raise BadRequest(f"the protocol has no {kind}: use /predict", one)
        shape = _shape(answer[one])
        flat = _flat(answer[one])
        datatype = DATATYPES.get(kind, kind) if kind else _guess(flat)
        outputs.append({"name": one, "datatype": datatype, "shape": shape, "data": flat})
    response: dict[str, Json] = {"model_name": name, "model_version": version, "outputs": outputs}
    if isinstance(body.get("id"), str):
        response["id"] = body["id"]
    return response


def _flat(value: Json) -> list[Json]:
    if not isinstance(value, list):
        return [value]
    if value and isinstance(value[0], list):
        return [entry for part in value for entry in _flat(part)]
    return value


def _guess(flat: list[Json]) -> str:
    """The datatype of an output of which the contract says nothing."""
    if all(isinstance(entry, bool) for entry in flat):
        return "BOOL"
    if all(isinstance(entry, int) for entry in flat):
        return "INT64"
    return "FP64" if all(isinstance(entry, (int, float)) for entry in flat) else "BYTES"
