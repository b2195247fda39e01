"""Digits that move: where they are, how they bounce, and what a seed decides."""

import numpy as np
import pytest

from elman.data.problems.moving_digits import MovingDigits
from elman.errors import InputError

IMAGES = np.full((3, 8, 8), 200, np.uint8)


def windows(number: int = 20, epoch: int = 0, **options):
    source = MovingDigits(IMAGES, number, **{"length": 40, "seed": 1, "size": 28} | options)
    return [source.window(k, epoch) for k in range(len(source))]


def corners(frames: np.ndarray) -> np.ndarray:
    """Top and left of the bright square in each frame, [T, 2]."""
    return np.array([[np.flatnonzero(frame.any(axis)).min() for axis in (1, 0)] for frame in frames])


def test_a_digit_stays_whole_and_moves_by_a_tenth_of_its_free_side():
    for frames in windows(digits=1):
        assert frames.shape == (40, 28, 28)
        assert ((frames == 200).sum((1, 2)) == 64).all()
        places = corners(frames)
        steps = np.hypot(*np.diff(places, axis=0).T)
        assert steps.max() < 2 + np.sqrt(2)  # 0.1 · (28 − 8), rounded on both axes
        assert places.min() == 0 or places.max() == 20  # 40 steps reach an edge


def test_it_bounces():
    turned = 0
    for frames in windows(digits=1):
        down = np.sign(np.diff(corners(frames)[:, 0]))
        turned += len(set(down[down != 0].tolist())) == 2
    assert turned > 10


def test_two_digits_cover_each_other():
    lit = [(frames > 0).sum((1, 2)) for frames in windows()]
    assert max(map(max, lit)) == 128
    assert min(map(min, lit)) < 128
    assert all(frames.max() == 200 for frames in windows())


def test_the_seed_and_the_epoch_decide():
    first, again, other, later = windows(), windows(), windows(seed=2), windows(epoch=1)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, later)
    assert np.array_equal(windows(fresh=False), windows(fresh=False, epoch=1))


def test_digits_must_fit():
    with pytest.raises(InputError, match=r"size of the square must be above the 8 of a digit\. Got 8\."):
        windows(size=8)
