"""Frames become steps, whole or as they arrive; training varies them within bounds."""

import numpy as np
import pytest

from elman.data.transcribed.steps import Windows, varied_features


def test_a_step_reads_the_frames_around_its_own():
    x = np.arange(5.0)[:, None]
    steps = Windows(stride=2, behind=1, ahead=2).inputs(x)
    assert steps.tolist() == [[0, 0, 1, 2, 3], [1, 2, 3, 4, 4], [3, 4, 4, 4, 4]]
    assert Windows().inputs(x).tolist() == x.tolist()
    assert Windows(3).inputs(x[:0]).shape == (0, 3)


@pytest.mark.parametrize("windows", [Windows(), Windows(3, 2, 1), Windows(2, 0, 5), Windows(4, 5, 0)])
@pytest.mark.parametrize("length", [1, 2, 7, 24])
def test_steps_of_arriving_frames_are_those_of_the_whole(windows, length):
    random = np.random.default_rng(length)
    x = random.normal(size=(length, 3)).astype(np.float32)
    whole = windows.inputs(x)
    assert len(whole) == windows.steps(length)
    stream, steps, begin = windows.stream(), [], 0
    while begin < length:
        size = int(random.integers(0, 4))
        steps.append(stream.take(x[begin : begin + size]))
        begin += size
    last = stream.end()
    received = np.concatenate([*steps, last.reshape(-1, whole.shape[1])])
    assert np.array_equal(received, whole)


def test_a_step_comes_once_its_frames_ahead_are_there():
    stream = Windows(stride=2, behind=3, ahead=1).stream()
    counts = [len(stream.take(np.ones((1, 1), np.float32))) for _ in range(7)]
    assert counts == [0, 0, 1, 0, 1, 0, 1]
    assert len(Windows().stream().end()) == 0


def test_variations_keep_enough_frames_and_depend_on_their_draws_alone():
    x = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    for seed in range(20):
        a, b = (varied_features(x, 1.0, np.random.default_rng(seed), least=39) for _ in range(2))
        assert np.array_equal(a, b)
        assert 39 <= len(a) <= 45
        assert a.dtype == np.float32
    lengths = {len(varied_features(x, 1.0, np.random.default_rng(k), least=1)) for k in range(9)}
    assert min(lengths) < 40 < max(lengths)
    unchanged = varied_features(x, 0.0, np.random.default_rng(0), least=1)
    assert (unchanged == 0).any(1).mean() < 1
    assert np.allclose(unchanged[unchanged != 0], x[unchanged != 0], atol=1e-6)
