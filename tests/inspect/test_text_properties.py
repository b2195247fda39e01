"""What a text is doing after each character."""

import numpy as np
import pytest

from elman.inspect.text import text_properties


def of(pieces, name, starts=()):
    return text_properties(list(pieces), starts)[name].astype(int).tolist()


def test_quotes_begin_with_the_first_and_end_with_the_second():
    assert of('a "b" c', "inside quotes") == [0, 0, 1, 1, 0, 0, 0]
    assert of("“b” «c»", "inside quotes") == [1, 1, 0, 0, 1, 1, 0]
    assert of("it's", "inside quotes") == [0, 0, 0, 0]


def test_parentheses_nest():
    assert of("(a(b)c)d)", "inside parentheses") == [1, 1, 1, 1, 1, 1, 0, 0, 0]


def test_an_empty_line_closes_what_was_left_open_and_a_line_alone_does_not():
    assert of('"\na', "inside quotes") == [1, 1, 1]
    assert of('"\n\na', "inside quotes") == [1, 1, 0, 0]
    assert of("(\n  \na", "inside parentheses") == [1, 1, 1, 1, 0, 0]


def test_positions_count_characters():
    text = "  ab c\n\td"
    assert of(text, "position in the line") == [1, 2, 3, 4, 5, 6, 0, 1, 2]
    assert of(text, "indentation") == [1, 2, 2, 2, 2, 2, 0, 1, 1]
    assert of(text, "distance since a space") == [0, 0, 1, 2, 0, 1, 0, 0, 1]


def test_pieces_of_several_characters_count_with_their_last_and_empty_ones_change_nothing():
    assert of(["ab", "", ' "c', '"\n'], "position in the line") == [2, 2, 5, 0]
    assert of(["ab", "", ' "c', '"\n'], "inside quotes") == [0, 0, 1, 0]


def test_another_text_begins_anew():
    assert of('"ab', "inside quotes", [True, False, True]) == [1, 1, 0]
    assert of('"ab', "position in the line", [True, False, True]) == [1, 2, 1]


@pytest.mark.parametrize("name", text_properties([]))
def test_no_steps_have_no_values(name):
    assert text_properties([])[name].shape == (0,)
    assert text_properties(["a"])[name].dtype == np.float64
