"""JSON to NumPy and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
from lading_server.values import to_json, to_numpy


def field(kind: str | None, shape: list[Any] | None = None) -> dict[str, Any]:
    return {"name": "x", "type": kind, "shape": shape}


@pytest.mark.parametrize(
    ("kind", "value", "dtype"),
    [
        ("bool", [True, False], "bool"),
        ("int4", [-8, 7], "int8"),
        ("int64", [2**63 - 1, -(2**63)], "int64"),
        ("uint64", [2**64 - 1], "uint64"),
        ("int32", [1.0, 2], "int32"),
        ("float16", [0.5], "float16"),
        ("bfloat16", [0.5], "float32"),
        ("float32", [[1, 2.5]], "float32"),
        ("float64", 3, "float64"),
        ("string", ["a", ""], "object"),
        ("complex64", [[1, 2], [0, -1]], "complex64"),
    ],
)
def test_every_type_has_an_array_that_reads_back(kind: str, value: Any, dtype: str) -> None:
    array = to_numpy(field(kind), value)
    assert array.dtype == dtype
    assert to_json(field(kind), array) == value


def test_bytes_are_base64_outside_and_bytes_inside() -> None:
    array = to_numpy(field("bytes"), ["AP8=", ""])
    assert list(array) == [b"\x00\xff", b""]
    assert to_json(field("bytes"), array) == ["AP8=", ""]


def test_times_are_brought_to_utc() -> None:
    array = to_numpy(field("datetime64"), ["2026-03-01T01:30:00+02:00", "2026-03-01T01:30:00.5Z"])
    assert (
        array.tolist()
        == np.array(["2026-02-28T23:30:00", "2026-03-01T01:30:00.5"], "datetime64[ns]").tolist()
    )
    assert to_json(field("datetime64"), array)[0] == "2026-02-28T23:30:00.000000Z"


def test_single_precision_is_written_as_short_as_it_is() -> None:
    assert orjson.dumps(to_json(None, np.float32([0.1, 1e-9, 2.5]))) == b"[0.1,1e-9,2.5]"


def test_nested_results_are_lists_and_objects_all_the_way_down() -> None:
    answer = to_json(field("sequence"), [{0: np.float32(0.25), 1: 0.75}, {b"k": [np.int64(1)]}])
    assert answer == [{"0": 0.25, "1": 0.75}, {"k": [1]}]
    assert to_json(None, np.array(["a", None, b"c"], dtype=object)) == ["a", None, "c"]
