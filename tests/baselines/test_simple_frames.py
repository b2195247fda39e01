"""Simple predictions of frames, where the best one is known, and their figures."""

import pytest
import torch

from elman.baselines.frames import SimpleFrames
from elman.metrics.frames import FrameErrors

COPYING, MEAN, BLACK, LINEAR = SimpleFrames.names


def fading(number: int = 12) -> list[torch.Tensor]:
    """Windows in which each frame is what the two before it say: x_t = 1.6 x_{t−1} − 0.65 x_{t−2}."""
    windows = []
    for _ in range(number):
        frames = [torch.rand(2, 1, 6, 5), torch.rand(2, 1, 6, 5)]
        while len(frames) < 7:
            frames.append(1.6 * frames[-1] - 0.65 * frames[-2])
        windows.append(0.2 + 0.05 * torch.stack(frames))
    return windows


def test_the_linear_predictor_finds_the_rule_of_each_frame_ahead():
    windows = fading()
    simple = SimpleFrames(windows, 4, 3)
    found = simple.predict(windows[0][:4])
    torch.testing.assert_close(found[LINEAR], windows[0][4:7], rtol=0, atol=2e-4)
    assert simple.weights[0][:2] == pytest.approx([1.6, -0.65], abs=0.02)


def test_the_others_are_what_they_are_called():
    windows = fading()
    found = SimpleFrames(windows, 4, 3).predict(windows[0][:4])
    assert torch.equal(found[COPYING], windows[0][3].expand(3, -1, -1, -1, -1))
    assert not found[BLACK].any()
    mean = torch.stack(windows).double().mean((0, 1, 2)).float()
    torch.testing.assert_close(found[MEAN], mean.expand_as(found[MEAN]))


def test_figures_worked_by_hand():
    true = torch.zeros(2, 1, 1, 2, 2)
    true[:, :, :, 0, 0] = 1.0
    predicted = true.clone()
    predicted[0] += 0.1
    predicted[1, 0, 0, 0, 0] = 0.5
    errors = FrameErrors()
    errors.add(predicted, true)
    assert errors.by_frame() == pytest.approx([0.01, 0.0625])
    figures = errors.figures()
    assert figures["squared_error"] == pytest.approx(0.03625)
    assert figures["median_squared_error"] == pytest.approx(0.03625)
    assert figures["frame_error"] == pytest.approx(4 * 0.03625)
    assert figures["sharpness"] == pytest.approx(0.5)
    errors.add(true, true)
    assert errors.figures()["squared_error"] == pytest.approx(0.03625 / 2)
    assert errors.figures()["sharpness"] == pytest.approx(0.75)
