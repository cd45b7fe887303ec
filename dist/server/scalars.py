"""What a JSON value has to be to be one of a scalar type. The same meaning as src/contract/scalars.ts."""

from __future__ import annotations

import json
import math
import re
from typing import Any

# Smallest and largest value, both admitted.
INTEGERS: dict[str, tuple[int, int]] = {
    "int4": (-8, 7),
    "int8": (-128, 127),
    "int16": (-(2**15), 2**15 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint4": (0, 15),
    "uint8": (0, 255),
    "uint16": (0, 65_535),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
}

# Numbers of a smaller magnitude round to a finite value. Sources: IEEE 754, OCP 8-bit floating point 1.0.
FLOATS: dict[str, float] = {
    "float4_e2m1fn": 7.0,
    "float8_e4m3fn": 464.0,
    "float8_e4m3fnuz": 248.0,
    "float8_e5m2": 61_440.0,
    "float8_e5m2fnuz": 61_440.0,
    "float8_e8m0fnu": 1.5 * 2.0**127,
    "float16": 65_520.0,
    "bfloat16": (2 - 2**-8) * 2.0**127,
    "float32": (2 - 2**-24) * 2.0**127,
    "float64": 2**1024,
}

# The type of the real and the imaginary part.
COMPLEX: dict[str, str] = {"complex64": "float32", "complex128": "float64"}

_DATE_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]{1,9})?"
    r"(?:Z|[+-]([0-9]{2}):([0-9]{2}))"
)
_BASE64 = re.compile(r"[A-Za-z0-9+/]*")


def is_number(value: object) -> bool:
    """Whether the value is a JSON number. Python's bool is an int, JSON's is not a number."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def scalar_problem(kind: str, value: Any) -> str | None:
    """Why `value` is not one of the scalar type `kind`, or None if it is."""
    if kind in INTEGERS:
        low, high = INTEGERS[kind]
        if not is_number(value):
            return f"{describe(value)} is not a number"
        if isinstance(value, float) and not value.is_integer():
            return f"{value} is not an integer"
        return None if low <= value <= high else f"{value} is outside {kind} ({low} to {high})"
    if kind in FLOATS:
        limit = FLOATS[kind]
        if not is_number(value):
            return f"{describe(value)} is not a number"
        if kind == "float8_e8m0fnu" and value <= 0:
            return f"{value} is not positive, and {kind} holds no other"
        return None if -limit < value < limit else f"{describe(value)} is too large for {kind}"
    if kind in COMPLEX:
        if not isinstance(value, list) or len(value) != 2:
            return f"{describe(value)} is not [real, imaginary]"
        part = COMPLEX[kind]
        return scalar_problem(part, value[0]) or scalar_problem(part, value[1])
    if kind == "bool":
        return None if isinstance(value, bool) else f"{describe(value)} is not true or false"
    if not isinstance(value, str):
        return f"{describe(value)} is not a string"
    if kind == "bytes":
        return None if _is_base64(value) else f"{describe(value)} is not base64"
    if kind == "datetime64":
        return None if _is_date_time(value) else f"{describe(value)} is not a time as RFC 3339 writes it"
    return None


def _is_base64(text: str) -> bool:
    if len(text) % 4 != 0:
        return False
    end = len(text) - 2 if text.endswith("==") else len(text) - 1 if text.endswith("=") else len(text)
    return _BASE64.fullmatch(text, 0, end) is not None


def _is_date_time(text: str) -> bool:
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        return False
    year, month, day, hour, minute, second, zone_hour, zone_minute = (
        int(part or 0) for part in match.groups()
    )
    if hour > 23 or minute > 59 or second > 59 or zone_hour > 23 or zone_minute > 59:
        return False
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days = (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    return year >= 1 and 1 <= month <= 12 and 1 <= day <= days[month - 1]


def describe(value: object) -> str:
    """A JSON value for a message, at most 40 characters."""
    if isinstance(value, list):
        return f"an array of {len(value)}"
    if isinstance(value, dict):
        return "an object"
    text = json.dumps(value, ensure_ascii=False)
    return f"{text[:37]}…" if len(text) > 40 else text
