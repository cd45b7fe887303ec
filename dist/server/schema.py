"""The contract as JSON Schema, for the server's own OpenAPI document. It describes; contract.py decides."""

from __future__ import annotations

from typing import Any

from .contract import CONTAINERS, Field, Json, effective_shape
from .scalars import COMPLEX, FLOATS, INTEGERS


def body_schema(fields: list[Field] | None) -> Json:
    """Schema of a request or an answer: an object with a member a field, and no others."""
    if fields is None:
        return {"type": "object"}
    return {
        "type": "object",
        "properties": {field["name"]: value_schema(field) for field in fields},
        "required": [field["name"] for field in fields if field.get("optional") is not True],
        "additionalProperties": False,
    }


def value_schema(field: Field) -> Json:
    """Schema of one value: arrays by the shape, then the element."""
    shape = effective_shape(field)
    if shape is None:
        return {}
    schema = _element(field)
    for size in reversed(shape):
        fixed = {"minItems": size, "maxItems": size} if isinstance(size, int) else {}
        schema = {"type": "array", "items": schema, **fixed}
    if field.get("description"):
        schema["description"] = field["description"]
    return schema


def _element(field: Field) -> Json:
    kind = field["type"]
    if kind is None:
        return {}
    if kind in CONTAINERS:
        return _container(field)
    if kind in COMPLEX:
        return {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
    schema: dict[str, Any] = {"type": "string"}
    if kind in INTEGERS:
        schema = {"type": "integer"}
    elif kind in FLOATS:
        schema = {"type": "number"}
    elif kind == "bool":
        schema = {"type": "boolean"}
    elif kind == "bytes":
        schema["contentEncoding"] = "base64"
    elif kind == "datetime64":
        schema["format"] = "date-time"
    if field.get("categories") is not None:
        schema["enum"] = field["categories"]
    span = field.get("range") or {}
    if span.get("min") is not None:
        schema["minimum"] = span["min"]
    if span.get("max") is not None:
        schema["maximum"] = span["max"]
    return schema


def _container(field: Field) -> Json:
    if field["type"] == "sequence":
        return {"type": "array", "items": value_schema(field["items"]) if field.get("items") else {}}
    if field["type"] == "record":
        return body_schema(field.get("fields"))
    return {
        "type": "object",
        "additionalProperties": value_schema(field["values"]) if field.get("values") else {},
    }


def openapi(contract: dict[str, Any], default: str | None, name: str, version: str) -> Json:
    """OpenAPI 3.1 of the routes that call the model."""
    paths: dict[str, Json] = {}
    for signature, sides in contract["signatures"].items():
        operation = {
            "operationId": signature,
            "requestBody": {"required": True, "content": _json(body_schema(sides["inputs"]))},
            "responses": {
                "200": {
                    "description": "The model's answer.",
                    "content": _json(body_schema(sides["outputs"])),
                },
                "400": {"description": "The request breaks the contract.", "content": _json(_ERROR)},
            },
        }
        paths[f"/predict/{signature}"] = {"post": operation}
        if signature == default:
            paths["/predict"] = {"post": {**operation, "operationId": "default"}}
    return {"openapi": "3.1.0", "info": {"title": name, "version": version}, "paths": paths}


_ERROR = {
    "type": "object",
    "properties": {"error": {"type": "string"}, "field": {"type": "string"}},
    "required": ["error"],
}


def _json(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}
