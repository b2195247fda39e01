"""The most similar recording, by dynamic time warping as its definition has it."""

import numpy as np

from elman.baselines.nearest_recording import distances, nearest_transcripts, resampled


def warped(a, b):
    """The definition, cell by cell."""
    total = np.full((len(a) + 1, len(b) + 1), np.inf)
    total[0, 0] = 0
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            before = min(total[i, j + 1], total[i + 1, j], total[i, j])
            total[i + 1, j + 1] = before + np.linalg.norm(x - y)
    return total[-1, -1] / len(a)


def test_distances_are_those_of_the_definition():
    random = np.random.default_rng(0)
    known, x = random.normal(size=(3, 6, 2)), random.normal(size=(6, 2))
    assert np.allclose(distances(known, x), [warped(each, x) for each in known])


def test_another_tempo_is_near():
    times = [np.linspace(0, 1, n) for n in (30, 40, 55)]
    wave, line = (lambda t: np.sin(9 * t)), (lambda t: t)
    recordings = [np.stack([f(t), t * 0], 1) for f, t in ((wave, times[0]), (line, times[1]))]
    asked = [np.stack([wave(times[2] ** 1.2), times[2] * 0], 1)]
    assert nearest_transcripts(recordings, ["wave", "line"], asked) == ["wave"]


def test_resampling_keeps_ends():
    x = np.array([[0.0], [1.0], [4.0]])
    assert resampled(x, 5)[:, 0].tolist() == [0, 0.5, 1, 2.5, 4]
    assert resampled(x[:1], 3)[:, 0].tolist() == [0, 0, 0]
