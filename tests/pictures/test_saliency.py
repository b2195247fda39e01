"""Coloured words for terminals, plain marks elsewhere."""

import re

from elman.pictures.saliency import render_saliency

PIECES, WEIGHTS = ["a", "lovely", "dull", "film", "[bold]"], [0.01, 2.0, -1.0, 0.5, 0.0]


def test_plain_marks():
    shown = render_saliency(PIECES, WEIGHTS, spaced=True, in_terminal=False)
    assert shown == "a lovely[+++] dull[--] film[+] [bold]"
    assert render_saliency(["x", "\n", "y"], [0.0, 0.0, 0.0], spaced=False, in_terminal=False) == "x y"
    assert render_saliency([], [], spaced=True, in_terminal=False) == ""


def test_colours():
    shown = render_saliency(PIECES, WEIGHTS, spaced=True, in_terminal=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", shown) == "a lovely dull film [bold]"
    backgrounds = dict(re.findall(r"\x1b\[30;48;2;(\d+;\d+;\d+)m(\w+)", shown))
    assert {word: colour for colour, word in backgrounds.items()} == {
        "lovely": "0;158;115",
        "dull": "234;174;128",  # half way from white to the orange
        "film": "191;231;220",
    }


def test_a_long_text_is_not_broken():
    shown = render_saliency(["word"] * 500, [1.0] * 500, spaced=True, in_terminal=True)
    assert "\n" not in shown
