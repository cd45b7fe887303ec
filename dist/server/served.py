"""The model behind the protocols: validate, call, name the answer."""

from __future__ import annotations

import importlib
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from .contract import Json, admits, default_signature
from .values import to_json, to_numpy

log = logging.getLogger("lading")


class BadRequest(Exception):
    """A request that breaks the contract. `field` names what is wrong; empty for the request as a whole."""

    def __init__(self, message: str, field: str = "", status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.status = status


class ModelFailed(Exception):
    """The model raised. What it said is in the log; it is not for callers."""


@dataclass
class Served:
    """One model. `load()` is called once, in a thread; requests are answered after it."""

    contract: dict[str, Any]
    loader: str
    path: str
    name: str = "model"
    version: str = "unversioned"
    call: Any = None
    raw: bool = False
    problem: str | None = None
    fields: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        return self.call is not None

    def load(self) -> None:
        module = importlib.import_module(f".loaders.{self.loader}", __package__)
        self.raw = bool(getattr(module, "RAW", False))
        self.call = module.load(self.path, self.contract)

    def signature(self, name: str | None) -> str:
        """The signature that a request means. Raises BadRequest when there is none."""
        known = ", ".join(self.contract["signatures"])
        if name is not None:
            if name in self.contract["signatures"]:
                return name
            raise BadRequest(f"there is no such signature; there are: {known}", status=404)
        chosen = default_signature(self.contract)
        if chosen is None:
            raise BadRequest(f"the model has no default signature; name one of: {known}", status=404)
        return chosen

    def predict(self, signature: str, payload: Json) -> dict[str, Json]:
        """The answer to a payload. Raises BadRequest or ModelFailed; the model sees valid payloads only."""
        violations = admits(self.contract, signature, payload, "input")
        if violations:
            first = violations[0]
            message = "; ".join(
                f"{one.path}: {one.message}" if one.path else one.message for one in violations[:5]
            )
            raise BadRequest(message, first.path)
        inputs = self.contract["signatures"][signature]["inputs"]
        given = payload
        if not self.raw and inputs is not None:
            given = {
                one["name"]: to_numpy(one, payload[one["name"]]) for one in inputs if one["name"] in payload
            }
        try:
            answer = self.call(signature, given)
            by_name = {one["name"]: one for one in self.contract["signatures"][signature]["outputs"] or []}
            # In the contract's order, which is the same every time; TensorFlow's is not.
            names = [name for name in by_name if name in answer] + [
                name for name in answer if name not in by_name
            ]
            return {name: to_json(by_name.get(name), answer[name]) for name in names}
        except Exception as error:
            log.exception("the model failed on signature %r", signature)
            raise ModelFailed from error


def from_environment(env: dict[str, str] | None = None) -> Served:
    """What the image says about its model: `contract.json` and `serving.json`, name and version from the stamp."""
    env = dict(os.environ) if env is None else env
    home = Path(env.get("LADING_HOME", "/opt/lading"))
    serving = orjson.loads((home / "serving.json").read_bytes())
    return Served(
        contract=orjson.loads((home / "contract.json").read_bytes()),
        loader=serving["loader"],
        path=str(home / "model" / serving["path"]),
        name=env.get("LADING_MODEL_NAME", "model"),
        version=env.get("LADING_MODEL_VERSION", "unversioned"),
    )
