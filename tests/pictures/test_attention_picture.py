import warnings

import numpy as np
from matplotlib.colors import to_rgb

from elman.pictures.attention import draw_attention, plot_attention
from elman.pictures.base import new_figure

WEIGHTS = np.array([[0.9, 0.1, 0.0], [0.0, 0.2, 0.8]])


def test_the_darker_the_more_it_weighed():
    axes = new_figure().subplots()
    plot_attention(axes, WEIGHTS, ["a", "big", "$\\dog$"], ["ein", "Hund"])
    (image,) = axes.images
    assert np.array_equal(image.get_array(), WEIGHTS)
    grey = [[to_rgb(image.cmap(image.norm(w)))[0] for w in row] for row in WEIGHTS]
    assert grey[0][0] < grey[0][1] < grey[0][2] == 1
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "big", "$\\dog$"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["ein", "Hund"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("source", "translation")


def test_any_script_can_be_drawn(tmp_path):
    for ending in (".png", ".svg", ".pdf"):
        path = tmp_path / f"it{ending}"
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "no installed font has")  # machines differ in their fonts
            draw_attention(WEIGHTS, ["猫", "$x^", "\ufffd"], ["ネコ", "</s>"], path)
        assert path.stat().st_size > 1000
