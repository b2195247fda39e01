"""Results as lines for people."""

from elman.tasks.shared.table import behind_line, one_line, shorten, table_lines


def test_a_table_is_aligned():
    lines = table_lines("title", ("one", "number"), {"a": ["1", "2.50"], "a long name": ["12", "3"]})
    assert lines == [
        "title        one  number",
        "a              1    2.50",
        "a long name   12       3",
    ]


def test_the_best_simple_method_is_named_where_it_is_better():
    others = {"a": 0.5, "b": 0.75}
    assert behind_line(0.5, others, "accuracy", higher_is_better=True) == [
        "the model is behind b by 0.25 (accuracy)"
    ]
    assert behind_line(0.75, others, "accuracy", higher_is_better=True) == []
    assert behind_line(0.75, others, "MASE", higher_is_better=False) == [
        "the model is behind a by 0.25 (MASE)"
    ]
    assert behind_line(0.75, {}, "MASE", higher_is_better=False) == []


def test_long_texts_are_cut():
    assert shorten("abcdef", 6) == "abcdef"
    assert shorten("abcdefg", 6) == "abcde…"


def test_wide_letters_and_line_ends_keep_a_table_in_line():
    lines = table_lines("title", ("one",), {"好评": ["1"], "a\tb\nc": ["2"]})
    assert lines == ["title    one", "好评       1", "a\\tb\\nc    2"]
    assert one_line("Größe 好\u200d \u2028") == "Größe 好\u200d \\u2028"
