"""The server and the pull-request check give the same verdict on the same payload."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from conftest import FIXTURES
from lading_server.contract import admits, default_signature

CASES: list[dict[str, Any]] = orjson.loads((FIXTURES / "contract" / "admits.json").read_bytes())


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_verdicts_are_those_of_the_vectors(case: dict[str, Any]) -> None:
    found = admits(case["contract"], case["signature"], case["payload"], case["direction"])
    assert [violation.path for violation in found] == case["violations"]


def test_integers_beyond_64_bits_are_refused() -> None:
    field = {"name": "n", "type": "uint64", "shape": []}
    contract = {"contract": "v1", "signatures": {"predict": {"inputs": [field], "outputs": None}}}
    for text, fits in [("18446744073709551615", True), ("18446744073709551616", False), ("1e300", False)]:
        payload = orjson.loads(f'{{"n": {text}}}')
        assert (admits(contract, "predict", payload, "input") == []) is fits


def test_the_default_signature_is_stated_or_predict_or_the_only_one() -> None:
    one = {"inputs": None, "outputs": None}
    assert default_signature({"signatures": {"a": one, "predict": one}}) == "predict"
    assert default_signature({"default": "a", "signatures": {"a": one, "predict": one}}) == "a"
    assert default_signature({"signatures": {"a": one}}) == "a"
    assert default_signature({"signatures": {"a": one, "b": one}}) is None


def test_sizes_met_in_the_inputs_of_a_call_hold_for_its_outputs() -> None:
    field = {"type": "int64", "shape": ["batch"]}
    sides = {"inputs": [{"name": "a", **field}], "outputs": [{"name": "b", **field}]}
    contract = {"contract": "v1", "signatures": {"predict": sides}}
    sizes: dict[str, int] = {}
    assert admits(contract, "predict", {"a": [1, 2]}, "input", sizes) == []
    assert [one.path for one in admits(contract, "predict", {"b": [1]}, "output", sizes)] == ["b"]


@pytest.mark.parametrize("kind", ["int8", "uint64", "float16", "float32", "float64", "string"])
@pytest.mark.parametrize(
    "odd",
    [
        128,
        -1,
        1.5,
        65_520.0,
        1e39,
        2**64,
        pytest.param(10**400, id="huge"),
        float("nan"),
        float("inf"),
        True,
        None,
        "a",
        [],
    ],
)
def test_a_list_gets_the_verdict_of_its_elements(kind: str, odd: Any) -> None:
    """The short cut for whole lists and the look at one element agree."""

    def verdict(shape: list[Any], value: Any) -> bool:
        field = {"name": "x", "type": kind, "shape": shape}
        contract = {"signatures": {"predict": {"inputs": [field], "outputs": None}}}
        return admits(contract, "predict", {"x": value}, "input") == []

    fine: Any = "b" if kind == "string" else 1
    assert verdict([None], [fine, odd]) is verdict([], odd)
    assert verdict([None], [odd]) is verdict([], odd)
    assert verdict([None], [])
