"""The confusion picture: rows the truth, every count, any name."""

from itertools import pairwise

import numpy as np
import pytest
from matplotlib.text import Text

from elman.pictures.base import new_figure
from elman.pictures.confusion import draw_confusion, plot_confusion

MATRIX = np.array([[8, 2, 0], [1, 1000, 0], [0, 0, 0]])


def test_counts_and_shares_stand_where_they_belong():
    axes = new_figure().subplots()
    plot_confusion(axes, MATRIX, ["a", "b", "c"])
    (image,) = axes.images
    np.testing.assert_allclose(image.get_array(), [[0.8, 0.2, 0], [1 / 1001, 1000 / 1001, 0], [0, 0, 0]])
    texts = {text.get_position(): text.get_text() for text in axes.texts}
    assert texts[(1, 0)] == "2"  # x is the prediction, y the truth
    assert texts[(1, 1)] == "1,000"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]


def overlapping(boxes):
    return [one for one, other in pairwise(boxes) if one.y0 < other.y1]  # from the top down


@pytest.mark.parametrize("number", [3, 50, 300])
def test_names_of_any_number_of_labels_can_be_told_apart(number):
    figure = new_figure(15, 14)
    axes = figure.subplots()
    plot_confusion(axes, 1234 * np.eye(number, dtype=int), [f"label {k}" for k in range(number)])
    figure.draw_without_rendering()
    names = [label for label in axes.get_yticklabels() if label.get_text()]
    assert len(names) == (number if number <= 50 else 75)
    assert all(name.get_fontsize() >= 5 for name in names)
    assert not overlapping([name.get_window_extent() for name in names])
    numbers = [text.get_text() for text in axes.texts]
    assert numbers.count("1,234") == (number if number <= 50 else 0)
    assert numbers.count("0") == (6 if number == 3 else 0)


def test_labels_without_room_have_no_numbers_and_odd_names_are_drawn(tmp_path):
    names = ["$x$ & _^", "a" * 100, *(f"label {k}" for k in range(28))]
    draw_confusion(np.eye(30, dtype=int), names, tmp_path / "many.png", "$title")
    assert (tmp_path / "many.png").read_bytes().startswith(b"\x89PNG")
    axes = new_figure().subplots()
    plot_confusion(axes, np.eye(30, dtype=int), names)
    assert not axes.texts
    assert all(len(label.get_text()) <= 26 for label in axes.findobj(Text))
