import warnings

import numpy as np
import pytest
from matplotlib import font_manager
from matplotlib.colors import to_rgb

from elman.pictures import attention
from elman.pictures.attention import draw_attention, plot_attention
from elman.pictures.base import new_figure, save_figure

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


def fonts_with(characters: str) -> set[str]:
    """Names of the installed families that have all of these characters."""
    codes = set(map(ord, characters))
    return {
        font.name
        for font in font_manager.fontManager.ttflist
        if not font.name.startswith("Last Resort")
        and codes <= set(font_manager.get_font(font.fname).get_charmap())
    }


@pytest.mark.parametrize(
    "pieces", [["猫", "吃", "鱼"], ["ネコ", "が", "魚"], ["고양이"]], ids=["zh", "ja", "ko"]
)
def test_pieces_of_other_scripts_have_a_font_or_are_named_in_one_warning(tmp_path, monkeypatch, pieces):
    figures = []
    monkeypatch.setattr(
        attention, "save_figure", lambda figure, path: figures.append(figure) or save_figure(figure, path)
    )
    weights = np.full((len(pieces), 2), 0.5)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        draw_attention(weights, ["a", "b"], pieces, tmp_path / "a.png")
    families = fonts_with("".join(pieces))
    labels = figures[0].axes[0].get_yticklabels()
    chosen = set.intersection(*(set(label.get_fontfamily()) for label in labels))
    if families:
        assert not told
        assert chosen & families
    else:
        assert len(told) == 1
        assert "no installed font has" in str(told[0].message)


def test_any_script_can_be_drawn(tmp_path):
    for ending in (".png", ".svg", ".pdf"):
        path = tmp_path / f"it{ending}"
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "no installed font has")  # machines differ in their fonts
            draw_attention(WEIGHTS, ["猫", "$x^", "\ufffd"], ["ネコ", "</s>"], path)
        assert path.stat().st_size > 1000
