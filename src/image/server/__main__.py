"""Starts the server: `python -m lading_server`."""

from __future__ import annotations

import logging
import os

import uvicorn

from .app import MAX_BODY, create_app
from .served import from_environment


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    app = create_app(from_environment(), int(os.environ.get("LADING_MAX_BODY_BYTES", str(MAX_BODY))))
    uvicorn.run(
        app,
        host="0.0.0.0",
        port=int(os.environ.get("PORT", "8080")),
        log_level="info",
        access_log=False,
        timeout_graceful_shutdown=20,
    )


if __name__ == "__main__":
    main()
