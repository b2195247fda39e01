"""Names are drawn as they are, in fonts that have their characters."""

import warnings

import pytest
from matplotlib import font_manager

from elman.pictures import lettering
from elman.pictures.base import new_figure, save_figure
from elman.pictures.confusion import draw_confusion
from elman.pictures.lettering import letter, written_out

NAMES = ["$x_1$", "a\tb", "two\nlines", "x" * 99, "un$closed", "a_b^c", "\\frac{"]


def test_names_stand_in_one_line():
    assert [written_out(name, 10) for name in NAMES] == [
        "$x_1$",
        r"a\tb",
        r"two\nlines",
        "xxxxxxxxx…",
        "un$closed",
        "a_b^c",
        "\\frac{",
    ]
    assert written_out("日本語 été") == "日本語 été"


def test_formulas_are_no_formulas(tmp_path):
    draw_confusion([[1] * len(NAMES)] * len(NAMES), NAMES, tmp_path / "a.svg", "of $1 and $2")
    text = (tmp_path / "a.svg").read_text()
    for name in ("$x_1$", r"a\tb", r"two\nlines", "un$closed", "of $1 and $2"):
        assert f"<!-- {name} -->" in text


def test_a_font_with_the_characters_is_chosen(monkeypatch):
    """A font that lacks them is the usual one here; another one has all but one of them."""
    usual, other = (font_manager.findfont(name) for name in ("DejaVu Sans", "cmr10"))
    wanted = "ΓΔ"
    monkeypatch.setattr(lettering, "_lacking", lambda characters, known: set(characters) - set(known))

    class Font:
        def __init__(self, path):
            self.path = path

        def get_charmap(self):
            return wanted[:1] if self.path == other else ""

    monkeypatch.setattr(font_manager, "get_font", Font)
    monkeypatch.setattr(
        font_manager.fontManager,
        "ttflist",
        [e for e in font_manager.fontManager.ttflist if e.fname in (usual, other)],
    )
    lettering._families.cache_clear()
    figure = new_figure()
    text = figure.text(0, 0, wanted)
    with pytest.warns(UserWarning, match=r"no installed font has Δ, so the picture shows boxes"):
        letter(figure)
    assert text.get_fontfamily()[-1] == "cmr10"
    lettering._families.cache_clear()


def test_a_font_that_was_installed_after_matplotlib_listed_the_fonts_is_found(monkeypatch):
    manager, path = font_manager.fontManager, font_manager.findfont("cmr10")
    # as if the saved list did not have the font, which now is among those of the system
    monkeypatch.setattr(manager, "ttflist", [e for e in manager.ttflist if e.name == "DejaVu Sans"])
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: ["no/such/font.ttf", path])
    # and as if DejaVu, with its thousands of characters, lacked all
    monkeypatch.setattr(
        lettering, "_lacking", lambda wanted, known: set(wanted) if len(set(known)) > 1000 else set()
    )
    lettering._families.cache_clear()
    assert lettering._families(frozenset("Γ")) == (["cmr10"], [])
    lettering._families.cache_clear()


def test_characters_that_no_font_has_are_told_once_and_drawn(tmp_path):
    figure = new_figure()
    figure.text(0, 0, "\U000f0000 \U000f0001")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        save_figure(figure, tmp_path / "a.png")
    assert len(told) == 1
    assert "no installed font has" in str(told[0].message)
