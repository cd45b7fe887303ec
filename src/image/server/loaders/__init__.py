"""How each framework's models are loaded and called: one short file a framework.

A loader is `load(path, contract) -> call`, and `call(signature, inputs) -> outputs`: arrays by the contract's
names in, whatever the framework returns by the contract's names out. `RAW = True` asks for the JSON payload
itself in place of arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Call = Callable[[str, "dict[str, Any]"], "dict[str, Any]"]


def outputs_of(contract: dict[str, Any], signature: str) -> list[str]:
    """Names of a signature's outputs, in order; empty when they are not known."""
    found = contract["signatures"].get(signature) or {}
    return [field["name"] for field in found.get("outputs") or []]
