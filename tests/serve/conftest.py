"""Small trained tasks, and a service of them."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import elman

pytest.importorskip("uvicorn", reason="the extra elman[serve] is not installed")

from served import TEXT, Service, serving


@pytest.fixture(scope="session")
def writer() -> elman.LanguageModel:
    return elman.LanguageModel(hidden_size=12, epochs=1, bptt=20, batch_size=4, ngrams="2").fit(texts=[TEXT])


@pytest.fixture(scope="session")
def detector() -> elman.AnomalyDetector:
    waves = np.sin(np.arange(400)[:, None] / np.array([5.0, 9.0]))
    return elman.AnomalyDetector(hidden_size=6, epochs=1).fit(waves)


@pytest.fixture(scope="session")
def tagger() -> elman.SequenceTagger:
    x = np.random.default_rng(0).normal(size=(12, 30, 2)).astype(np.float32)
    y = [["up" if v > 0 else "down" for v in row[:, 0]] for row in x]
    return elman.SequenceTagger(hidden_size=6, epochs=1, bidirectional=False).fit(list(x), y)


@pytest.fixture(scope="session")
def tasks(writer, detector, tagger) -> dict[str, Any]:
    return {"writer": writer, "detector": detector, "tagger": tagger}


@pytest.fixture(scope="module")
def service(tasks) -> Iterator[Service]:
    with serving(tasks) as found:
        yield found
