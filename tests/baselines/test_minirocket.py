"""MiniRocket by hand, against aeon's, and with a ridge regression on it."""

import numpy as np
import pytest
import torch

from elman.baselines.linear import Linear
from elman.baselines.minirocket import MOST, MiniRocket, features_for, minirocket_ridge, predicted

RANDOM = np.random.default_rng(0)


def sequences(number: int = 12, steps: int = 40, columns: int = 1) -> list[np.ndarray]:
    return [RANDOM.normal(size=(steps, columns)).astype(np.float32) for _ in range(number)]


def by_definition(item: np.ndarray, weights: np.ndarray, dilation: int, bias: float, inside: bool) -> float:
    """Returns the share of steps at which the sum of nine weighted steps exceeds the bias."""
    reach, steps = 4 * dilation, len(item)
    value = [item[t].sum() if 0 <= t < steps else 0.0 for t in range(-reach, steps + reach)]
    found = [sum(weights[j] * value[t + j * dilation] for j in range(9)) for t in range(steps)]
    counted = found[reach : steps - reach] if inside else found
    return float(np.mean(np.array(counted) > bias)) if counted else 0.0


def test_the_features_are_those_of_the_definition():
    items = [item[:steps] for item, steps in zip(sequences(5, 30, 2), (30, 9, 3, 25, 30), strict=True)]
    features = MiniRocket.learn(items, 84 * 6)
    found = features.rows(items).numpy()
    assert found.shape == (5, len(features)) == (5, 84 * 6)
    column = 0
    for number, (dilation, count) in enumerate(zip(features.dilations, features.counts, strict=True)):
        for kernel in range(84):
            for _ in range(count):
                if column % 29 == 0:
                    weights = np.full(9, -1.0)
                    # the three weights of a kernel follow each other as in a book
                    places = [(a, b, c) for a in range(9) for b in range(a + 1, 9) for c in range(b + 1, 9)]
                    weights[list(places[kernel])] = 2.0
                    own = features.columns[number, kernel]
                    for row, item in enumerate(items):
                        expected = by_definition(
                            item[:, own],
                            weights,
                            dilation,
                            features.biases[column],
                            (number + kernel) % 2 == 1,
                        )
                        assert found[row, column] == pytest.approx(expected, abs=1e-6)
                column += 1


@pytest.mark.parametrize("columns", [1, 5])
def test_with_aeons_numbers_it_has_aeons_features(columns):
    aeon = pytest.importorskip("aeon.transformations.collection.convolution_based", reason="aeon is absent")
    items = sequences(10, 100, columns)
    x = np.stack([item.T for item in items])
    other = aeon.MiniRocket(random_state=0).fit(x)
    widths, named, dilations, counts, biases = other.parameters
    read = np.zeros((len(dilations) * 84, columns), bool)
    for row, own in zip(read, np.split(named, np.cumsum(widths)[:-1]), strict=True):
        row[own if columns > 1 else 0] = True
    features = MiniRocket(
        dilations.astype(np.int64), counts.astype(np.int64), read.reshape(-1, 84, columns), biases
    )
    assert np.array_equal(features.dilations, MiniRocket.learn(items).dilations)
    assert np.array_equal(features.counts, MiniRocket.learn(items).counts)
    differs = np.abs(features.rows(items).numpy() - other.transform(x)) > 1e-6
    assert differs.mean() < 1e-4  # rounding decides a few


def test_a_feature_does_not_depend_on_the_other_sequences():
    items = [item[:steps] for item, steps in zip(sequences(), range(5, 41, 3), strict=True)]
    features = MiniRocket.learn(items, 840)
    together, alone = features.rows(items), torch.cat([features.rows([item]) for item in items])
    assert ((together - alone).abs() > 1e-6).float().mean() < 1e-3  # rounding decides a few


def test_rounding_does_not_decide_where_a_sequence_is_constant():
    item = np.full((200, 1), 0.1, np.float32)
    features = MiniRocket.learn([item], 84)
    at_zero = np.abs(features.biases) < 1e-4
    assert at_zero.sum() > 20
    inside = at_zero & (np.arange(84) % 2 == 1)  # the others reach beyond the ends
    assert not features.rows([item])[:, inside].any()


def test_the_number_of_features_follows_from_the_time():
    assert features_for(sequences(3)) == MOST
    assert features_for(sequences(4_001, 9)) == 4_032
    long = [np.broadcast_to(np.float32(0), (10_000_000, 1))]
    assert features_for(long) == 999
    assert features_for(long * 10) == 99
    assert features_for(long * 11) == 0
    assert minirocket_ridge(long * 11, np.zeros((11, 1)), long) is None


def test_it_finds_what_means_do_not_show(monkeypatch):
    monkeypatch.setattr("elman.baselines.minirocket.MOST", 840)

    def made(number: int) -> tuple[list[np.ndarray], np.ndarray]:
        """Noise, in which two steps rise or fall; of unlike lengths, far from 0 and in large units."""
        y = np.arange(number) % 2
        items = [RANDOM.normal(size=(RANDOM.integers(20, 40), 1)) for _ in y]
        for item, label in zip(items, y, strict=True):
            at = RANDOM.integers(2, 15)
            item[at : at + 4, 0] += [0, 6, -6, 0] if label else [0, -6, 6, 0]
        return [1e4 + 100 * item for item in items], 2.0 * y[:, None] - 1

    (items, targets), (others, truth) = made(120), made(60)
    scores = minirocket_ridge(items, targets, others)
    assert scores.others.shape == (60, 1)
    assert (np.sign(scores.others) == truth).mean() > 0.85
    assert (np.sign(scores.left_out) == targets).mean() > 0.8


def test_many_sequences_are_predicted_in_parts(monkeypatch):
    items = sequences(7)
    features = MiniRocket.learn(items, 84)
    linear = Linear(torch.randn(84, 2), torch.ones(2))
    whole = predicted(features, linear, items)
    monkeypatch.setattr("elman.baselines.minirocket._AT_ONCE", 3)
    np.testing.assert_allclose(predicted(features, linear, items), whole, rtol=1e-5)


def test_numbers_that_do_not_fit_are_refused():
    features = MiniRocket.learn(sequences(), 84)
    arrays = features.arrays()
    assert np.array_equal(MiniRocket(**arrays).biases, features.biases)
    for name, wrong in {
        "dilations": np.array([0]),
        "counts": np.array([2]),
        "columns": np.ones((1, 83, 1), bool),
        "biases": np.full(84, np.nan, np.float32),
    }.items():
        with pytest.raises(ValueError, match="must fit each other"):
            MiniRocket(**arrays | {name: wrong})
