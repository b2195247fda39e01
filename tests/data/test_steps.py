"""What a network reads of a sequence, and how training varies it."""

import numpy as np
import pytest

from elman.data.steps import Steps, varied, varied_in_place

X = np.array([[1.0, 0.0], [3.0, 2.0], [5.0, 1.0]], np.float32)


def test_each_part_by_hand():
    assert Steps().inputs(X) is X
    assert Steps(level=False, centred=True).inputs(X).tolist() == [[-2, -1], [0, 1], [2, 0]]
    both = Steps(centred=True, differences=True)
    assert both.inputs(X).tolist() == [
        [1, 0, -2, -1, 0, 0],
        [3, 2, 0, 1, 2, 2],
        [5, 1, 2, 0, 2, -1],
    ]
    assert both.width(2) == 6
    assert both.names(["a", "b"]) == (
        "a",
        "b",
        "a less its mean",
        "b less its mean",
        "change of a",
        "change of b",
    )


def test_a_frame_holds_steps_side_by_side_and_repeats_the_last():
    steps = Steps(frame=2)
    assert steps.inputs(X).tolist() == [[1, 0, 3, 2], [5, 1, 5, 1]]
    assert steps.width(2) == len(steps.names("ab")) == 4
    assert steps.names("ab") == ("a, step 1", "b, step 1", "a, step 2", "b, step 2")
    with pytest.raises(ValueError, match="values must be read"):
        Steps(level=False)


def wave(steps: int = 80, columns: int = 1) -> np.ndarray:
    return np.sin(np.arange(steps)[:, None] / 6 + np.arange(columns)).astype(np.float32)


def test_no_strength_changes_nothing():
    np.testing.assert_allclose(varied(wave(), 0.0, np.random.default_rng(0)), wave(), atol=1e-6)


def test_a_varied_sequence_resembles_itself_and_differs():
    random = np.random.default_rng(0)
    found = [varied(wave(), 1.0, random) for _ in range(50)]
    lengths = np.array([len(x) for x in found])
    assert lengths.std() > 3
    assert 60 < lengths.mean() < 80  # a tenth of the steps is left out
    at = np.linspace(0, 1, 40)
    likeness = [
        np.corrcoef(*(np.interp(at, np.linspace(0, 1, len(y)), y[:, 0]) for y in (wave(), x)))[0, 1]
        for x in found
    ]
    assert 0.5 < np.mean(likeness) < 0.99
    assert all(x.dtype == np.float32 and np.isfinite(x).all() for x in found)


def test_columns_are_left_out_but_never_all():
    random = np.random.default_rng(0)
    found = [varied(wave(9, 4), 5.0, random) for _ in range(200)]
    left = np.array([(x == 0).all(0) for x in found])
    assert left.mean() == pytest.approx(0.5, abs=0.1)
    assert not left.all(1).any()
    assert not any((varied(wave(9), 5.0, random) == 0).all() for _ in range(20))  # the only one stays


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_short_sequences_keep_a_step(steps):
    random = np.random.default_rng(0)
    assert all(len(varied(wave(steps, 2), 5.0, random)) >= 1 for _ in range(50))


def test_varied_in_place_keeps_every_step():
    x, random = wave(40, 3), np.random.default_rng(0)
    np.testing.assert_allclose(varied_in_place(x, 0.0, random), x, atol=1e-6)
    found = [varied_in_place(x, 1.0, random) for _ in range(100)]
    assert all(each.shape == x.shape for each in found)
    left = [each for each in found if each.any(0).all()]
    assert 0 < len(left) < len(found)
    errors = np.array([each - x for each in left])
    assert 0.05 < errors.std() / x.std() < 0.3
    assert abs(errors.mean()) < 0.02
