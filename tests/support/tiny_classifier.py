"""Small classifiers, and the texts and sequences they learn."""

from typing import Any

import numpy as np
from tiny import PLAIN, SMALL, reviews

from elman.cli import main
from elman.tasks.classification.task import SequenceClassifier

TINY = (
    SMALL
    | PLAIN
    | {"ngrams": "none", "embedding_size": 6, "min_count": 1, "dropout": 0.3, "word_dropout": 0.0}
)


def texts(number: int = 60, seed: int = 0) -> tuple[list[str], list[str]]:
    rows = [line.split(",") for line in reviews(number, seed).splitlines()[1:]]
    return [row[0] for row in rows], [row[1] for row in rows]


X, Y = texts()


def fitted(x: Any = X, y: Any = Y, lengths: Any = None, validation: Any = None, **options: Any) -> Any:
    return SequenceClassifier(**TINY | options).fit(x, y, lengths, validation=validation)


def learnt(x: Any = X, y: Any = Y, lengths: Any = None, **options: Any) -> Any:
    return fitted(x, y, lengths, **{"epochs": 15, "learning_rate": 0.02, "dropout": 0.0} | options)


def numbers(number: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sequences of 3 to 8 steps that go up or down; the last features are noise of another unit."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(number, 8, 2)) * [0.3, 1e4]
    y = rng.integers(2, size=number)
    x[..., 0] += np.arange(8) * np.where(y, 0.5, -0.5)[:, None] + rng.normal(size=(number, 1))
    return x, np.where(y, "up", "down"), rng.integers(3, 9, number)


def trained(*data: str, out: str | None = "run", **options: Any) -> Any:
    return SequenceClassifier(**TINY | options).train(list(data), out)


def sequence_table() -> str:
    x, y, lengths = numbers()
    rows = ["unique_id,ds,a,b,label"]
    for k, n in enumerate(lengths):
        rows += [f"s{k},{t},{x[k, t, 0]},{x[k, t, 1]},{y[k]}" for t in range(n)]
    return "\n".join(rows) + "\n"


GOOD = reviews()


def said(capsys: Any, *arguments: str) -> str:
    assert main(list(arguments)) == 0
    return capsys.readouterr().out
