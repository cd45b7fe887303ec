"""Each loader gives what the framework gives."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas
import pytest
from conftest import read, served
from lading_server.loaders import sklearn as sklearn_loader
from lading_server.served import Served


@pytest.mark.parametrize(
    ("case", "path"), [("sklearn", "model.joblib"), ("onnx", "model.onnx"), ("predict", "predict.py")]
)
def test_answers_are_the_frameworks_own(case: str, path: str) -> None:
    model = served(case, path)
    model.load()
    check(model, read(case, "truth.json"))


@pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="TensorFlow is not installed here")
def test_answers_of_a_saved_model_are_tensorflows() -> None:
    model = served("tensorflow", "")
    model.load()
    check(model, read("tensorflow", "truth.json"))


def check(model: Served, truth: dict[str, Any]) -> None:
    for signature, expected in truth.items():
        if signature == "payload":
            continue
        answer = model.predict(signature, truth["payload"])
        assert list(answer) == list(expected)
        for name, value in expected.items():
            if isinstance(np.asarray(value).ravel()[0], str):
                assert answer[name] == value
            else:
                np.testing.assert_allclose(answer[name], value, rtol=1e-6)


def field(name: str, kind: str, shape: list[Any]) -> dict[str, Any]:
    return {"name": name, "type": kind, "shape": shape}


def contract(
    inputs: list[dict[str, Any]], outputs: list[dict[str, Any]], name: str = "predict"
) -> dict[str, Any]:
    return {"contract": "v1", "signatures": {name: {"inputs": inputs, "outputs": outputs}}}


def estimator(tmp_path: Path, model: Any, promise: dict[str, Any]) -> Served:
    path = tmp_path / "model.joblib"
    joblib.dump(model, path)
    out = Served(promise, "sklearn", str(path))
    out.load()
    return out


def test_text_goes_to_a_vectorizer_as_one_list(tmp_path: Path) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.naive_bayes import MultinomialNB
    from sklearn.pipeline import make_pipeline

    texts = ["good wine", "bad beer", "good beer", "bad wine"]
    model = make_pipeline(TfidfVectorizer(), MultinomialNB()).fit(texts, ["yes", "no", "yes", "no"])
    promise = contract([field("X", "string", ["batch"])], [field("label", "string", ["batch"])])
    one = estimator(tmp_path, model, promise)
    assert one.predict("predict", {"X": ["good good", "bad"]}) == {"label": ["yes", "no"]}


def test_columns_of_several_types_become_a_data_frame(tmp_path: Path) -> None:
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    data = pandas.DataFrame({"age": [20.0, 30.0, 40.0, 50.0], "region": ["north", "south", "north", "south"]})
    model = make_pipeline(
        make_column_transformer((StandardScaler(), ["age"]), (OneHotEncoder(), ["region"])),
        LogisticRegression(),
    ).fit(data, [0, 1, 0, 1])
    inputs = [field("region", "string", ["batch"]), field("age", "float64", ["batch"])]
    one = estimator(tmp_path, model, contract(inputs, [field("label", "int64", ["batch"])]))
    payload = {"region": data.region.tolist(), "age": data.age.tolist()}
    assert one.predict("predict", payload) == {"label": model.predict(data).tolist()}


@pytest.mark.filterwarnings("error")
def test_an_array_goes_to_a_model_without_column_names_as_it_is(tmp_path: Path) -> None:
    from sklearn.linear_model import LinearRegression

    X = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 5.0], [1.0, 1.0]])
    model = LinearRegression().fit(X, X @ [1.0, 2.0])
    one = estimator(
        tmp_path, model, contract([field("X", "float64", ["batch", 2])], [field("y", "float64", ["batch"])])
    )
    np.testing.assert_allclose(one.predict("predict", {"X": [[1, 1], [2, 0]]})["y"], [3, 2])


@pytest.mark.filterwarnings("error")
def test_one_array_goes_to_a_model_with_column_names_under_them(tmp_path: Path) -> None:
    from sklearn.linear_model import LinearRegression

    data = pandas.DataFrame({"a": [0.0, 1.0, 2.0], "b": [1.0, 0.0, 1.0]})
    model = LinearRegression().fit(data, [1.0, 1.0, 3.0])
    one = estimator(
        tmp_path, model, contract([field("X", "float64", ["batch", 2])], [field("y", "float64", ["batch"])])
    )
    np.testing.assert_allclose(one.predict("predict", {"X": [[5, 5]]})["y"], [10])


def test_several_outputs_are_taken_apart_by_column(tmp_path: Path) -> None:
    from sklearn.linear_model import LinearRegression

    X = np.arange(6.0).reshape(6, 1)
    model = LinearRegression().fit(X, np.hstack([X, 2 * X]))
    outputs = [field("once", "float64", ["batch"]), field("twice", "float64", ["batch"])]
    one = estimator(tmp_path, model, contract([field("x", "float64", ["batch"])], outputs))
    answer = one.predict("predict", {"x": [1, 3]})
    np.testing.assert_allclose(answer["once"], [1, 3])
    np.testing.assert_allclose(answer["twice"], [2, 6])


def test_sparse_results_are_written_out(tmp_path: Path) -> None:
    from sklearn.preprocessing import OneHotEncoder

    model = OneHotEncoder().fit([["a"], ["b"]])
    promise = contract(
        [field("X", "string", ["batch", 1])], [field("hot", "float64", ["batch", 2])], "transform"
    )
    one = estimator(tmp_path, model, promise)
    assert one.predict("transform", {"X": [["b"]]}) == {"hot": [[0.0, 1.0]]}


def test_predict_gets_what_load_model_returned_where_it_asks_for_it(tmp_path: Path) -> None:
    (tmp_path / "predict.py").write_text(
        "def load_model():\n    return 3\n\n\ndef predict(model, payload):\n    return [model * x for x in payload['x']]\n"
    )
    promise = contract([field("x", "int64", ["batch"])], [field("y", "int64", ["batch"])])
    one = Served(promise, "predict", str(tmp_path / "predict.py"))
    one.load()
    assert one.predict("predict", {"x": [1, 2]}) == {"y": [3, 6]}


def test_the_table_of_a_single_numeric_feature_is_a_column() -> None:
    class Model:
        pass

    assert sklearn_loader._table(Model(), ["x"], {"x": np.array([1.0, 2.0])}).shape == (2, 1)
