"""Tags of numbers over time."""

import numpy as np

from elman.pictures.base import new_figure
from elman.pictures.tags import draw_tags, plot_tags

NAMES = ("run", "sit", "walk")


def test_each_tag_has_a_row_and_unknown_ones_none():
    axes = new_figure().subplots()
    plot_tags(axes, ("run", "", "walk"), ("run", "sit", "sit"), NAMES)
    truth, predicted = (line.get_ydata() for line in axes.get_lines()[:2])
    np.testing.assert_array_equal(truth, [0, np.nan, 2])
    np.testing.assert_array_equal(predicted, [0, 1, 1])
    assert [label.get_text() for label in axes.get_yticklabels()] == [*NAMES]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["true", "predicted"]


def test_the_beginning_of_a_long_sequence_is_drawn(tmp_path):
    values = np.random.default_rng(0).normal(size=(3000, 8))
    tags = ("run", "sit", "walk") * 1000
    path = tmp_path / "tags.png"
    draw_tags(values, [f"sensor {k}" for k in range(8)], tags, tags[::-1], NAMES, path, "a title")
    assert path.read_bytes().startswith(b"\x89PNG")
    assert path.stat().st_size > 20_000
