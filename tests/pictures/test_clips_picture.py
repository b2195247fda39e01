"""The picture of a clip: its frames side by side, and the labels' probabilities under them."""

import numpy as np
import pytest

from elman.pictures import clips
from elman.pictures.base import new_figure


@pytest.mark.parametrize("colours", [1, 3])
def test_frames_and_probabilities_stand_where_they_belong(tmp_path, monkeypatch, colours):
    figures = []
    monkeypatch.setattr(clips, "new_figure", lambda **size: figures.append(new_figure(**size)) or figures[0])
    clip = np.arange(15, dtype=np.uint8)[:, None, None, None] * np.ones((1, colours, 4, 6), np.uint8)
    p = np.full((15, 7), 0.01)
    p[:, 2], p[9:, 5] = np.linspace(0.9, 0.1, 15), 0.8
    clips.draw_watched(clip, p, [f"label {k}" for k in range(7)], tmp_path / "a.png", "a clip")
    strip, below = figures[0].axes
    pixels = np.asarray(strip.images[0].get_array()).reshape(4, 48, -1)
    assert pixels[0, ::6, 0].tolist() == [0, 2, 4, 6, 8, 10, 12, 14]
    assert [tick.get_text() for tick in strip.get_xticklabels()] == [
        "0",
        "2",
        "4",
        "6",
        "8",
        "10",
        "12",
        "14",
    ]
    assert [line.get_label() for line in below.lines[:2]] == ["label 2", "label 5"]
    assert len(below.lines) == 5
    np.testing.assert_allclose(below.lines[1].get_ydata(), p[:, 5])
    assert (tmp_path / "a.png").stat().st_size > 1000
