"""Routes, limits, errors and metrics, on the real application with a real model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import client, read, served
from fastapi.testclient import TestClient

TRUTH = read("sklearn", "truth.json")
PAYLOAD: dict[str, Any] = TRUTH["payload"]


@pytest.fixture(scope="module")
def wine() -> Iterator[TestClient]:
    with client(served("sklearn", "model.joblib")) as one:
        yield one


def test_predict_calls_the_default_signature(wine: TestClient) -> None:
    answer = wine.post("/predict", json=PAYLOAD)
    assert (answer.status_code, answer.json()) == (200, TRUTH["predict"])


def test_a_signature_is_called_by_its_name(wine: TestClient) -> None:
    answer = wine.post("/predict/predict_proba", json=PAYLOAD)
    assert answer.status_code == 200
    assert answer.json()["probabilities"][0] == pytest.approx(TRUTH["predict_proba"]["probabilities"][0])


def test_an_unknown_signature_is_not_found_and_the_known_ones_are_named(wine: TestClient) -> None:
    answer = wine.post("/predict/transform", json=PAYLOAD)
    assert answer.status_code == 404
    assert "predict_proba" in answer.json()["error"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"alcohol": ["a", "b", "c"]}, "alcohol"),
        ({"alcohol": [1.0, 2.0]}, "malic_acid"),
        ({"alcohol": [None, 1.0, 1.0]}, "alcohol"),
        ({"proline": None}, "proline"),
        ({"colour": [1, 2, 3]}, "colour"),
    ],
)
def test_a_request_that_breaks_the_contract_is_refused_by_name(
    wine: TestClient, change: dict[str, Any], field: str
) -> None:
    answer = wine.post("/predict", json={**PAYLOAD, **change})
    assert answer.status_code == 400
    assert answer.json()["field"] == field
    assert field in answer.json()["error"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[1]", b'{"alcohol": [NaN]}', b"\xff", pytest.param(b"[" * 5000, id="deep")]
)
def test_what_is_no_json_object_is_refused(wine: TestClient, body: bytes) -> None:
    answer = wine.post("/predict", content=body)
    assert answer.status_code == 400
    assert isinstance(answer.json()["error"], str)


def test_the_model_never_sees_what_breaks_the_contract() -> None:
    model = served("sklearn", "model.joblib")
    seen: list[Any] = []
    model.call = lambda signature, inputs: seen.append(inputs)
    with client(model) as one:
        assert one.post("/predict", json={"alcohol": [1]}).status_code == 400
    assert seen == []


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_refused(chunked: bool) -> None:
    with client(served("sklearn", "model.joblib"), max_body=1000) as one:
        body = b" " * 1001
        answer = one.post("/predict", content=iter([body]) if chunked else body)
        assert answer.status_code == 413
        assert "1000" in answer.json()["error"]


def test_an_error_of_the_model_is_not_told_to_callers() -> None:
    model = served("sklearn", "model.joblib")

    def fail(signature: str, inputs: dict[str, Any]) -> dict[str, Any]:
        raise RuntimeError("the password is 1234")

    model.call = fail
    with client(model) as one:
        answer = one.post("/predict", json=PAYLOAD)
        assert answer.status_code == 500
        assert answer.json() == {"error": "the model failed on this request; its log says why"}


def test_while_the_model_is_loaded_the_server_lives_and_is_not_ready() -> None:
    model = served("sklearn", "model.joblib")
    model.load = lambda: None  # type: ignore[method-assign]
    model.call = None
    from lading_server.app import create_app

    with TestClient(create_app(model)) as one:
        assert one.get("/livez").status_code == 200
        assert one.get("/readyz").status_code == 503
        assert one.get("/health").status_code == 503
        assert one.get("/v2/health/ready").status_code == 503
        assert one.post("/predict", json=PAYLOAD).status_code == 503


def test_health_says_what_is_served(wine: TestClient) -> None:
    assert wine.get("/health").json() == {"status": "ok", "model": "wine", "version": "1.2.0"}
    assert wine.get("/readyz").status_code == 200
    assert wine.get("/contract").json() == read("sklearn", "contract.json")


def test_the_openapi_document_describes_the_contract(wine: TestClient) -> None:
    document = wine.get("/openapi.json").json()
    assert document["info"] == {"title": "wine", "version": "1.2.0"}
    schema = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert list(schema["properties"]) == ["alcohol", "malic_acid", "color_intensity", "proline"]
    assert schema["required"] == ["alcohol", "malic_acid", "color_intensity", "proline"]
    assert schema["properties"]["alcohol"] == {"type": "array", "items": {"type": "number"}}


def test_metrics_count_by_route_and_not_by_what_callers_invent(wine: TestClient) -> None:
    for index in range(20):
        wine.get(f"/nothing/{index}")
        wine.post(f"/predict/unknown{index}", json=PAYLOAD)
        wine.get(f"/v2/models/other{index}")
    wine.post("/predict/predict_proba", json=PAYLOAD)
    text = wine.get("/metrics").text
    endpoints = set(re.findall(r'endpoint="([^"]*)"', text))
    assert "/predict/{signature}" in endpoints
    assert "other" in endpoints
    assert not [endpoint for endpoint in endpoints if "unknown" in endpoint or "nothing" in endpoint]
    assert 'lading_model_info{name="wine",version="1.2.0"} 1' in text
    assert 'lading_request_duration_seconds_bucket{endpoint="/predict",le="+Inf"}' in text
    # The text format 0.0.4: a comment, or a name with labels and a number.
    line = re.compile(r"#.*|[a-z_]+(\{[a-z]+=\"[^\"]*\"(,[a-z]+=\"[^\"]*\")*\})? [-0-9.e+]+")
    assert all(line.fullmatch(one) for one in text.splitlines())
