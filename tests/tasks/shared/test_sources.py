"""Paths and what is mistaken for them."""

from pathlib import Path

import pytest

from elman.errors import InputError
from elman.tasks.shared.sources import as_paths


def test_paths_are_paths(tmp_path):
    odd = tmp_path / "a\nb"
    odd.touch()
    assert as_paths([odd, "none.txt"]) == [odd, Path("none.txt")]


@pytest.mark.parametrize("text", ["word " * 10_000, "two\nlines", "好" * 100])
def test_a_text_in_the_place_of_a_path_is_answered_in_a_short_line(text):
    with pytest.raises(InputError, match="texts in memory are an argument of their own") as error:
        as_paths(text)
    assert len(str(error.value)) < 200
    assert "\n" not in str(error.value)
