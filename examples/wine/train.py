"""Trains the wine classifier on the data set that scikit-learn ships, and saves it with joblib.

    python -m venv .venv && .venv/bin/pip install -r models/wine/requirements.txt
    .venv/bin/python train.py              # writes models/wine/model.joblib
    .venv/bin/python train.py --variants   # also writes the three models that `npm run demo` plays with

Only this script needs Python: Lading reads what it saved, and never runs it.
"""

import argparse
from pathlib import Path

import joblib
import pandas as pd
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

HERE = Path(__file__).parent
# The cultivars of the UCI data set, in the order of its class numbers.
CULTIVARS = ["barolo", "grignolino", "barbera"]
LATER_COLUMN = "proline"


def data() -> tuple[pd.DataFrame, pd.Series]:
    """178 wines: 13 columns of chemistry with names that are identifiers, and the cultivar as a string."""
    frame, target = load_wine(return_X_y=True, as_frame=True)
    frame = frame.rename(columns={"od280/od315_of_diluted_wines": "od280_od315"})
    return frame, target.map(dict(enumerate(CULTIVARS))).astype(object).rename("cultivar")


def train(columns: list[str], strength: float) -> Pipeline:
    """Fits the pipeline on `columns`; `strength` is the inverse of the regularisation."""
    frame, cultivar = data()
    train_x, test_x, train_y, test_y = train_test_split(
        frame[columns], cultivar, test_size=0.3, random_state=7, stratify=cultivar
    )
    model = Pipeline(
        [("scale", StandardScaler()), ("classify", LogisticRegression(C=strength, max_iter=1000))]
    )
    model.fit(train_x, train_y)
    print(f"{len(columns)} columns, C={strength}: accuracy {model.score(test_x, test_y):.3f}")
    return model


def save(model: Pipeline, path: Path) -> None:
    """Compressed, so that the file is a few kilobytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    joblib.dump(model, path, compress=("zlib", 9))
    print(f"wrote {path} ({path.stat().st_size} bytes)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--variants", action="store_true", help="also write variants/")
    everything = list(data()[0].columns)
    first = [column for column in everything if column != LATER_COLUMN]
    save(train(first, 1.0), HERE / "models/wine/model.joblib")
    if parser.parse_args().variants:
        save(train(first, 1.0), HERE / "variants/v1/model.joblib")
        # Same columns, other weights: no caller notices.
        save(train(first, 0.3), HERE / "variants/v2-retrained/model.joblib")
        # One column more than callers send: every one of them breaks.
        save(train(everything, 1.0), HERE / "variants/v3-breaking/model.joblib")


if __name__ == "__main__":
    main()
