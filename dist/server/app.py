"""The HTTP side: routes, limits, errors, metrics."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from . import oip, schema
from .contract import default_signature
from .metrics import Metrics
from .served import BadRequest, ModelFailed, Served

log = logging.getLogger("lading")

MAX_BODY = 32 * 1024 * 1024
PLATFORMS = {
    "onnx": "onnx_onnxv1",
    "tensorflow": "tensorflow_savedmodel",
    "sklearn": "sklearn_joblib",
    "predict": "python_predict",
}


def create_app(served: Served, max_body: int = MAX_BODY) -> FastAPI:
    """The application of one model. The model is loaded while the server already answers /livez."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async def load() -> None:
            try:
                await run_in_threadpool(served.load)
            except BaseException:
                log.exception("the model cannot be loaded")
                # A container that can never become ready ends, so that its platform says so.
                os._exit(3)

        task = asyncio.create_task(load())
        yield
        task.cancel()

    app = FastAPI(title=served.name, version=served.version, lifespan=lifespan)
    document = schema.openapi(
        served.contract, default_signature(served.contract), served.name, served.version
    )
    app.openapi = lambda: document  # type: ignore[method-assign]
    metrics = Metrics()

    @app.middleware("http")
    async def measure(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        started = time.perf_counter()
        metrics.in_progress += 1
        status = 500
        try:
            response = await call_next(request)
            status = response.status_code
            return response
        finally:
            metrics.in_progress -= 1
            route = request.scope.get("route")
            endpoint = getattr(route, "path", "other") if status != 404 else "other"
            metrics.observe(endpoint, status, time.perf_counter() - started)

    @app.exception_handler(BadRequest)
    async def bad_request(_request: Request, error: BadRequest) -> Response:
        body = {"error": error.message, **({"field": error.field} if error.field else {})}
        return _json(body, error.status)

    @app.exception_handler(ModelFailed)
    async def model_failed(_request: Request, _error: ModelFailed) -> Response:
        return _json({"error": "the model failed on this request; its log says why"}, 500)

    @app.exception_handler(HTTPException)
    async def http_error(_request: Request, error: HTTPException) -> Response:
        return _json({"error": str(error.detail)}, error.status_code)

    async def read(request: Request) -> Any:
        """The request's JSON, of at most `max_body` bytes."""
        stated = request.headers.get("content-length", "")
        if stated.isdigit() and int(stated) > max_body:
            raise BadRequest(f"the body is larger than {max_body} bytes", status=413)
        parts, size = [], 0
        async for part in request.stream():
            size += len(part)
            if size > max_body:
                raise BadRequest(f"the body is larger than {max_body} bytes", status=413)
            parts.append(part)
        try:
            return orjson.loads(b"".join(parts))
        except orjson.JSONDecodeError as error:
            raise BadRequest(f"the body is not JSON: {error}") from error

    def require_ready() -> None:
        if not served.ready:
            raise BadRequest("the model is still being loaded", status=503)

    async def answer(request: Request, signature: str | None) -> Response:
        require_ready()
        payload = await read(request)
        result = await run_in_threadpool(served.predict, served.signature(signature), payload)
        return _json(result)

    @app.post("/predict")
    async def predict(request: Request) -> Response:
        return await answer(request, None)

    @app.post("/predict/{signature}")
    async def predict_signature(request: Request, signature: str) -> Response:
        return await answer(request, signature)

    @app.get("/livez")
    async def livez() -> Response:
        return _json({"live": True})

    @app.get("/readyz")
    async def readyz() -> Response:
        return _json({"ready": served.ready}, 200 if served.ready else 503)

    @app.get("/health")
    async def health() -> Response:
        status = "ok" if served.ready else "loading"
        body = {"status": status, "model": served.name, "version": served.version}
        return _json(body, 200 if served.ready else 503)

    @app.get("/metrics")
    async def metrics_text() -> Response:
        text = metrics.text(served.name, served.version, served.ready)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    @app.get("/contract")
    async def contract() -> Response:
        return _json(served.contract)

    @app.get("/v2")
    async def server_metadata() -> Response:
        return _json({"name": "lading", "version": served.version, "extensions": []})

    @app.get("/v2/health/live")
    async def v2_live() -> Response:
        return _json({"live": True})

    @app.get("/v2/health/ready")
    async def v2_ready() -> Response:
        return _json({"live": served.ready, "ready": served.ready}, 200 if served.ready else 503)

    # FastAPI reads the routes' annotations at run time, where Python 3.9 has no `str | None`.
    def require_model(model: str, version: str) -> None:
        if model != served.name:
            raise BadRequest(f"there is no such model; this is {served.name}", status=404)
        if version not in ("", served.version):
            raise BadRequest(f"there is no such version; this is {served.version}", status=404)

    def v2_routes(prefix: str) -> None:
        @app.get(prefix)
        async def model_metadata(model: str, version: str = "") -> Response:
            require_model(model, version)
            platform = PLATFORMS.get(served.loader, served.loader)
            signature = served.signature(None)
            return _json(oip.metadata(served.contract, signature, served.name, served.version, platform))

        @app.get(f"{prefix}/ready")
        async def model_ready(model: str, version: str = "") -> Response:
            require_model(model, version)
            body = {"name": served.name, "ready": served.ready}
            return _json(body, 200 if served.ready else 503)

        @app.post(f"{prefix}/infer")
        async def infer(request: Request, model: str, version: str = "") -> Response:
            require_model(model, version)
            require_ready()
            body = await read(request)

            def run() -> Any:
                parameters = body.get("parameters") if isinstance(body, dict) else None
                named = parameters.get("signature") if isinstance(parameters, dict) else None
                signature = served.signature(named if isinstance(named, str) else None)
                sides = served.contract["signatures"][signature]
                result = served.predict(signature, oip.payload_of(body, sides["inputs"]))
                return oip.response_of(result, sides["outputs"], body, served.name, served.version)

            return _json(await run_in_threadpool(run))

    v2_routes("/v2/models/{model}")
    v2_routes("/v2/models/{model}/versions/{version}")
    return app


def _json(body: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")
