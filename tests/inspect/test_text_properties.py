"""What a text is doing after each character."""

import numpy as np

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
    assert of('"ab\n', "position in the line", [True, False, True]) == [1, 2, 1, 0]


def test_what_would_only_count_steps_is_left_out():
    always = {"inside quotes", "inside parentheses", "indentation"}
    assert set(text_properties(list("a line\n"))) == always | {
        "position in the line",
        "distance since a space",
    }
    assert set(text_properties(list("a line"))) == always | {"distance since a space"}
    assert set(text_properties(["one", " two", ",", " three", "\n", "four"])) == always | {
        "position in the line"
    }
    assert "distance since a space" in text_properties(["the", "", " recur", "rence"])
    # the words of two texts are not pieces of one
    assert set(text_properties(["one", " end", "another"], [True, False, True])) == always


def test_no_steps_have_no_values():
    assert {values.shape for values in text_properties([]).values()} == {(0,)}
    assert {values.dtype for values in text_properties(["a"]).values()} == {np.dtype(np.float64)}
