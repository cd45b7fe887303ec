"""The Open Inference Protocol. Source: kserve/open-inference-protocol, inference_rest.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from conftest import client, read, served
from fastapi.testclient import TestClient

TRUTH = read("onnx", "truth.json")
ROWS: list[list[float]] = TRUTH["payload"]["X"]
FLAT = [value for row in ROWS for value in row]
INFER = "/v2/models/wine/infer"


@pytest.fixture(scope="module")
def wine() -> Iterator[TestClient]:
    with client(served("onnx", "model.onnx")) as one:
        yield one


def tensor(**change: Any) -> dict[str, Any]:
    return {"name": "X", "shape": [3, 4], "datatype": "FP32", "data": FLAT, **change}


def test_metadata_names_tensors_types_and_sizes(wine: TestClient) -> None:
    expected = {
        "name": "wine",
        "versions": ["1.2.0"],
        "platform": "onnx_onnxv1",
        "inputs": [{"name": "X", "datatype": "FP32", "shape": [-1, 4]}],
        "outputs": [
            {"name": "label", "datatype": "INT64", "shape": [-1]},
            {"name": "probabilities", "datatype": "FP32", "shape": [-1, 3]},
        ],
    }
    assert wine.get("/v2/models/wine").json() == expected
    assert wine.get("/v2/models/wine/versions/1.2.0").json() == expected


def test_health_and_server_metadata(wine: TestClient) -> None:
    assert wine.get("/v2/health/live").json() == {"live": True}
    assert wine.get("/v2/health/ready").json()["ready"] is True
    assert wine.get("/v2/models/wine/ready").json() == {"name": "wine", "ready": True}
    assert wine.get("/v2/models/wine/versions/1.2.0/ready").status_code == 200
    assert wine.get("/v2").json()["extensions"] == []


@pytest.mark.parametrize("data", [FLAT, ROWS])
@pytest.mark.parametrize("path", [INFER, "/v2/models/wine/versions/1.2.0/infer"])
def test_inference_takes_flat_and_nested_data(wine: TestClient, path: str, data: Any) -> None:
    answer = wine.post(path, json={"id": "42", "inputs": [tensor(data=data)]})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["model_name"], body["model_version"], body["id"]) == ("wine", "1.2.0", "42")
    label, probabilities = body["outputs"]
    assert label == {"name": "label", "datatype": "INT64", "shape": [3], "data": TRUTH["predict"]["label"]}
    assert (probabilities["datatype"], probabilities["shape"]) == ("FP32", [3, 3])
    assert probabilities["data"][:3] == pytest.approx(TRUTH["predict"]["probabilities"][0], rel=1e-5)


def test_only_the_outputs_that_are_asked_for_are_returned(wine: TestClient) -> None:
    answer = wine.post(INFER, json={"inputs": [tensor()], "outputs": [{"name": "label"}]})
    assert [one["name"] for one in answer.json()["outputs"]] == ["label"]
    assert "id" not in answer.json()
    refused = wine.post(INFER, json={"inputs": [tensor()], "outputs": [{"name": "nothing"}]})
    assert (refused.status_code, refused.json()["field"]) == (400, "nothing")


@pytest.mark.parametrize(
    "wrong",
    [
        tensor(datatype="FP64"),
        tensor(shape=[2, 4]),
        tensor(shape=[3, 5]),
        tensor(shape=[-3, -4]),
        tensor(shape=[6, 2]),
        tensor(shape="3"),
        tensor(data=None),
        tensor(data=["a"] * 12),
        tensor(data=[[1.0], [1.0, 2.0]], shape=[2, 1]),
        tensor(shape=[10**9, 10**9, 0], data=[]),
    ],
)
def test_a_tensor_that_breaks_the_contract_is_refused_by_name(
    wine: TestClient, wrong: dict[str, Any]
) -> None:
    answer = wine.post(INFER, json={"inputs": [wrong]})
    assert (answer.status_code, answer.json()["field"]) == (400, "X")


@pytest.mark.parametrize("body", [[], {}, {"inputs": {}}, {"inputs": [1]}, {"inputs": [tensor(), tensor()]}])
def test_a_body_that_is_no_inference_request_is_refused(wine: TestClient, body: Any) -> None:
    assert wine.post(INFER, json=body).status_code == 400


def test_other_models_and_versions_are_not_found(wine: TestClient) -> None:
    for path in ["/v2/models/beer", "/v2/models/wine/versions/2.0.0", "/v2/models/wine/versions/2.0.0/ready"]:
        answer = wine.get(path)
        assert answer.status_code == 404
        assert "wine" in answer.json()["error"] or "1.2.0" in answer.json()["error"]
    assert wine.post("/v2/models/beer/infer", json={"inputs": [tensor()]}).status_code == 404


def test_a_signature_other_than_the_default_is_a_parameter() -> None:
    truth = read("sklearn", "truth.json")
    inputs = [
        {"name": name, "shape": [3], "datatype": "FP64", "data": data}
        for name, data in truth["payload"].items()
    ]
    with client(served("sklearn", "model.joblib")) as one:
        answer = one.post(INFER, json={"inputs": inputs, "parameters": {"signature": "predict_proba"}})
        assert answer.json()["outputs"][0]["shape"] == [3, 3]
