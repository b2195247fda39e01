"""Faults that last are found whole; what is usual is learnt of normal rows and checked on later ones."""

import warnings
from typing import Any

import numpy as np
import pytest

from elman.anomalies.usual import SPANS, Lasting, Smoothing, Usual, edges
from elman.errors import InputError

ROWS, FIRST, LAST = 900, 500, 649


def noise(rows: int = ROWS, errors: int = 2, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, errors))


def usual(errors: np.ndarray, **options: Any) -> Usual:
    given = {"horizons": [1] * errors.shape[1], "shortest": 5, "threshold": 2.0}
    return Usual.fit([errors[:300]], [errors[300:400]], **given | options)


def found(errors: np.ndarray, normal: np.ndarray | None = None) -> list[list[tuple[int, int]]]:
    own = usual(errors if normal is None else normal)
    return Lasting(errors[:, None], own).ranges(2.0)


def test_smoothing_by_hand():
    smoothing = Smoothing(1, 1)
    rows = [smoothing.push(np.array([value]))[:, :, 0] for value in (2.0, np.nan, -4.0, 1.0)]
    assert [row[0, 0] for row in rows] == [2, 2, 4, 1]  # a span of one row is the row itself
    assert [row[1, 0] for row in rows] == [2, 2, 4, 1]
    assert np.isnan(rows[-1][:, 1:]).all()  # too few rows yet
    many = [smoothing.push(np.array([3.0])) for _ in range(100)][-1]
    np.testing.assert_allclose(many[:, :, 0], 3, atol=1e-2)
    # by definition, for a span of four: weights (3/5)^k
    smoothing, values = Smoothing(1, 1), np.arange(20.0) % 7 - 3
    last = [smoothing.push(np.array([value])) for value in values][-1]
    weights = 0.6 ** np.arange(20)[::-1]
    assert last[0, 1, 0] == pytest.approx(abs((weights * values).sum() / weights.sum()))
    assert last[1, 1, 0] == pytest.approx(np.sqrt((weights * values**2).sum() / weights.sum()))


def test_normal_rows_have_none():
    for seed in range(5):
        assert found(noise(seed=seed)) == [[], []]


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(lambda e: e + 1.5, id="a level"),
        pytest.param(lambda e: e + np.linspace(0, 5, len(e)), id="a slope"),
        pytest.param(lambda e: 4 * e, id="a spread"),
        pytest.param(lambda e: 0.05 * e, id="a lack of spread"),
    ],
)
def test_faults_that_last_are_found_whole(fault, sign):
    errors = noise()
    errors[FIRST : LAST + 1, 1] = fault(errors[FIRST : LAST + 1, 1])
    none, ranges = found(sign * errors)
    assert none == []
    covered = sum(min(last, LAST) - max(first, FIRST) + 1 for first, last in ranges)
    assert covered > 0.6 * (LAST + 1 - FIRST)
    assert sum(last + 1 - first for first, last in ranges) - covered < 20


def test_the_edges_of_a_level_are_near():
    errors = noise()
    errors[FIRST : LAST + 1, 0] += 2
    ranges, _ = found(errors)
    first, last = ranges[0][0], ranges[-1][-1]
    assert abs(first - FIRST) <= 5
    assert abs(last - LAST) <= 5


def test_what_drifts_in_the_validation_part_is_no_measure():
    errors = noise()
    errors[300:, 0] += np.linspace(0, 200, ROWS - 300)
    assert not usual(errors).held[:2, :, 0].any()
    assert usual(errors).held[:, -1, 1].all()
    assert found(errors)[0] == []
    # the last fifth of the training part stands in for a validation part
    whole = Usual.fit([errors[:400]], [errors[:0]], horizons=[1, 1], shortest=5, threshold=2.0)
    assert not whole.held[0, :, 0].any()


def test_long_horizons_are_judged_on_long_spans():
    held = usual(noise(errors=3), horizons=[1, 10, 1000]).held
    for column, spans in enumerate([(0, 1, 2), (1, 2), (2,)]):
        assert [k for k in range(len(SPANS)) if held[0, k, column]] == list(spans)


def test_few_rows_say_less():
    errors = noise(4000)
    few, many = (
        usual(errors),
        Usual.fit([errors[:3000]], [errors[3000:]], horizons=[1, 1], shortest=5, threshold=2.0),
    )
    sizes = np.full((2, len(SPANS), 2), 5.0) * few.most
    assert (few.ratios(sizes)[0, -1] < few.ratios(sizes)[0, 0]).all()
    sizes = np.full((2, len(SPANS), 2), 5.0) * many.most
    np.testing.assert_allclose(many.ratios(sizes)[0, 0], 5, rtol=0.05)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nothing = usual(np.where(np.arange(ROWS)[:, None] < 400, np.nan, noise()))
    assert not nothing.held.any()
    assert (nothing.excess(noise()) == 0).all()


def test_many_errors_are_as_few():
    errors = noise(450, 70)
    whole = usual(errors)
    for column in (0, 64, 69):
        alone = usual(errors[:, [column]])
        np.testing.assert_array_equal(alone.most[..., 0], whole.most[..., column])
        np.testing.assert_array_equal(alone.held[..., 0], whole.held[..., column])


def test_edges_by_hand():
    errors = np.array([0, 0, 0, 2, 2, 2, 2, 0, 0, 0.0])
    assert edges(errors, 5, 8, 0, level=0.1, spread=1) == (3, 6)
    assert edges(-errors, 5, 8, 0, level=0.1, spread=1) == (3, 6)
    assert edges(errors, 5, 8, 4, level=0.1, spread=1) == (4, 6)
    assert edges(errors * (-1.0) ** np.arange(10), 5, 8, 0, level=9, spread=0.5) == (3, 6)
    assert edges(errors, 5, 8, 0, level=9, spread=9) == (5, 8)  # not beyond the usual
    assert edges(np.full(10, np.nan), 5, 8, 0, level=0.1, spread=1) == (5, 8)


def test_the_past_alone_decides():
    errors = noise()
    other = errors.copy()
    other[600:] *= 9
    own = usual(errors)
    np.testing.assert_array_equal(own.excess(errors)[:600], own.excess(other)[:600])


def test_arrays_come_back_and_are_checked():
    own = usual(noise())
    again = Usual.of(own.arrays(), 2)
    assert again == own != usual(noise(seed=1))
    assert own != 2
    np.testing.assert_array_equal(again.excess(noise()), own.excess(noise()))
    with pytest.raises(InputError, match=r"must hold usual sizes of 3 errors\. Got 2\."):
        Usual.of(own.arrays(), 3)
    for name, value in {
        "most": own.most * 0,
        "least": own.least[:1],
        "held": own.held * 1,
        "rows": own.rows * np.nan,
    }.items():
        with pytest.raises(InputError, match="usual sizes of errors must be"):
            Usual.of(own.arrays() | {name: value}, 2)
