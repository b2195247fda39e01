"""The confusion picture: rows the truth, every count, any name."""

import numpy as np
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


def test_many_labels_have_no_numbers_and_odd_names_are_drawn(tmp_path):
    names = ["$x$ & _^", "a" * 100, *(f"label {k}" for k in range(28))]
    draw_confusion(np.eye(30, dtype=int), names, tmp_path / "many.png", "$title")
    assert (tmp_path / "many.png").read_bytes().startswith(b"\x89PNG")
    axes = new_figure().subplots()
    plot_confusion(axes, np.eye(30), names)
    assert not axes.texts
    assert all(len(label.get_text()) <= 26 for label in axes.findobj(Text))
