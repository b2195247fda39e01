"""Vectors of words from their co-occurrences."""

import numpy as np
import pytest

from elman.data.tokens import cooccurrences
from elman.data.tokens.cooccurrences import cooccurrence_vectors


def made_texts(seed: int, number: int = 40, tokens: int = 12) -> list[np.ndarray]:
    """Draws texts of 0 to 20 tokens, the low ones more often."""
    draw = np.random.default_rng(seed)
    return [(tokens * draw.random(draw.integers(0, 21)) ** 2).astype(np.uint8) for _ in range(number)]


def dense(texts: list[np.ndarray], tokens: int, features: int, window: int) -> np.ndarray:
    """Computes the cosines of all vectors [V, V] without sparse matrices or iteration."""
    n = np.zeros((tokens, tokens))
    for text in texts:
        for at, token in enumerate(text):
            for distance in range(1, window + 1):
                if at + distance < len(text):
                    n[token, text[at + distance]] += 1 / distance
                    n[text[at + distance], token] += 1 / distance
    context = n.sum(1) ** 0.75 / (n.sum(1) ** 0.75).sum()
    with np.errstate(divide="ignore"):
        ratio = np.log(n / np.outer(n.sum(1), context))
    values, vectors = np.linalg.eigh(np.maximum((ratio + ratio.T) / 2, 0))
    kept = np.abs(values).argsort()[::-1][:features]
    scaled = vectors[:, kept] * np.abs(values[kept]) ** 0.5
    unit = scaled / np.linalg.norm(scaled, axis=1, keepdims=True)
    return unit @ unit.T


@pytest.mark.parametrize("features", [3, 12])
def test_the_vectors_are_those_of_the_equation(features: int) -> None:
    texts = made_texts(0)
    vectors, found = cooccurrence_vectors(texts, 12, features, window=3)
    assert found.all()
    np.testing.assert_allclose((vectors**2).mean(1), 1, rtol=1e-5)
    np.testing.assert_allclose(vectors @ vectors.T / features, dense(texts, 12, features, 3), atol=2e-3)


def test_words_that_are_used_alike_have_vectors_alike() -> None:
    draw = np.random.default_rng(1)
    # tokens 0–4 stand between 10 and 11, tokens 5–9 between 12 and 13
    texts = [
        np.array([10, draw.integers(5), 11] if draw.random() < 0.5 else [12, 5 + draw.integers(5), 13])
        for _ in range(400)
    ]
    vectors, _ = cooccurrence_vectors(texts, 14, 6)
    cosines = vectors @ vectors.T / 6
    assert cosines[0, 1:5].min() > 0.9
    assert abs(cosines[:5, 5:10]).max() < 0.3


def test_tokens_without_neighbours_have_none() -> None:
    vectors, found = cooccurrence_vectors(
        [np.array([0, 3, 4, 0, 3]), np.array([5]), np.array([], np.int64)], 7, 4, without=[0]
    )
    assert found.tolist() == [False, False, False, True, True, False, False]
    assert not vectors[~found].any()
    vectors, found = cooccurrence_vectors([], 3, 2)
    assert vectors.shape == (3, 2)
    assert not found.any()


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = made_texts(2)
    whole, _ = cooccurrence_vectors(texts, 12, 4)
    monkeypatch.setattr(cooccurrences, "_BLOCK", 30)
    parts, _ = cooccurrence_vectors(texts, 12, 4)
    np.testing.assert_allclose(parts @ parts.T, whole @ whole.T, atol=1e-2)


def test_texts_after_the_limit_are_not_read() -> None:
    def texts():
        yield np.array([1, 2, 1])
        yield np.array([2, 3, 4])
        raise AssertionError("read too far")

    _, found = cooccurrence_vectors(texts(), 5, 2, most=5)
    assert found.tolist() == [False, True, True, True, False]


def test_the_same_seed_gives_the_same_vectors() -> None:
    texts = made_texts(3)
    one, _ = cooccurrence_vectors(texts, 12, 4, seed=5)
    other, _ = cooccurrence_vectors(texts, 12, 4, seed=5)
    np.testing.assert_array_equal(one, other)
