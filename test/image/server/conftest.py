from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from lading_server.app import create_app
from lading_server.served import Served

FIXTURES = Path(__file__).parents[2] / "fixtures"


def read(case: str, name: str) -> Any:
    return json.loads((FIXTURES / "serving" / case / name).read_text())


def served(case: str, path: str, **more: Any) -> Served:
    """The model of a fixture folder; the folder is called like its loader."""
    model = FIXTURES / "serving" / case / "model" / path
    return Served(read(case, "contract.json"), case, str(model), name="wine", version="1.2.0", **more)


@contextmanager
def client(model: Served, **more: Any) -> Iterator[TestClient]:
    """A client of the running application; the model is loaded before the first request."""
    if not model.ready:
        model.load()
    model.load = lambda: None  # type: ignore[method-assign]
    with TestClient(create_app(model, **more)) as one:
        yield one
