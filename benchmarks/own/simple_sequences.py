"""The simple methods of ``methods.toml`` for numeric sequences, and aeon's defaults."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifierCV, RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from own.figures import accuracy_rows, squared_rows
from own.measure import Run
from own.numbers import read_sequences
from own.prepare import about_of

STRENGTHS = (0.1, 1.0, 10.0, 100.0)  # C of the logistic regression, 1 / alpha of the ridge regression
PENALTIES = np.logspace(-3, 3, 10)  # of the ridge on MiniRocket's features, as its authors have it
Values = list[np.ndarray]


def sequences(folder: Path, method: str, seed: int) -> Run:
    """Fits a method on the training sequences, and predicts the labels or numbers of the test part."""
    labels = about_of(folder)["task"] == "numeric-sequences"
    texts, train = read_sequences(folder, "train")
    truth, test = read_sequences(folder, "test")
    targets: Any = np.array(texts) if labels else np.array(texts, float)
    began = time.perf_counter()
    predicted, more = METHODS[method](train, targets, test, seed)
    seconds = time.perf_counter() - began
    rows = (
        accuracy_rows(truth, predicted)
        if labels
        else squared_rows([float(text) for text in truth], predicted, targets)
    )
    return Run(sum(rows) / len(rows), seconds, rows, more)


Method = Callable[[Values, np.ndarray, Values, int], tuple[list[Any], dict[str, Any]]]


def _constant(
    train: Values, targets: np.ndarray, test: Values, seed: int
) -> tuple[list[Any], dict[str, Any]]:
    model = DummyClassifier() if targets.dtype.kind == "U" else DummyRegressor()
    return model.fit(np.zeros((len(train), 1)), targets).predict(np.zeros((len(test), 1))).tolist(), {}


def summaries(values: Values) -> np.ndarray:
    """Returns mean, deviation, minimum, maximum, first and last value of each column, [N, 6 I]."""
    return np.array([np.concatenate([x.mean(0), x.std(0), x.min(0), x.max(0), x[0], x[-1]]) for x in values])


def _regression(
    train: Values, targets: np.ndarray, test: Values, seed: int
) -> tuple[list[Any], dict[str, Any]]:
    """The strength is chosen on the last tenth, then all sequences are fitted."""

    def model(strength: float) -> Any:
        labels = targets.dtype.kind == "U"
        last = LogisticRegression(C=strength, max_iter=1000) if labels else Ridge(alpha=1 / strength)
        return make_pipeline(StandardScaler(), last)

    known, unknown = summaries(train), summaries(test)
    cut = len(known) - max(1, len(known) // 10)
    scores = [model(s).fit(known[:cut], targets[:cut]).score(known[cut:], targets[cut:]) for s in STRENGTHS]
    chosen = STRENGTHS[int(np.nanargmax(scores))]
    return model(chosen).fit(known, targets).predict(unknown).tolist(), {"chosen": chosen}


def even(values: Values, steps: int) -> np.ndarray:
    """Returns [N, I, T], aeon's form: long sequences lose their end, short ones repeat their last step."""
    return np.stack([np.pad(x[:steps], ((0, max(0, steps - len(x))), (0, 0)), "edge").T for x in values])


def _minirocket(
    train: Values, targets: np.ndarray, test: Values, seed: int
) -> tuple[list[Any], dict[str, Any]]:
    from aeon.transformations.collection.convolution_based import MiniRocket

    steps = max(len(x) for x in train)
    last = RidgeClassifierCV(PENALTIES) if targets.dtype.kind == "U" else RidgeCV(PENALTIES)
    model = make_pipeline(MiniRocket(random_state=seed), StandardScaler(with_mean=False), last)
    return model.fit(even(train, steps), targets).predict(even(test, steps)).tolist(), {}


def _aeon(train: Values, targets: np.ndarray, test: Values, seed: int) -> tuple[list[Any], dict[str, Any]]:
    from aeon.classification.convolution_based import MiniRocketClassifier
    from aeon.regression.convolution_based import MiniRocketRegressor

    steps = max(len(x) for x in train)
    kind = MiniRocketClassifier if targets.dtype.kind == "U" else MiniRocketRegressor
    model = kind(random_state=seed).fit(even(train, steps), targets)
    return model.predict(even(test, steps)).tolist(), {}


METHODS: dict[str, Method] = {
    "majority": _constant,
    "mean": _constant,
    "regression": _regression,
    "minirocket": _minirocket,
    "minirocket-classifier": _aeon,
    "minirocket-regressor": _aeon,
}
