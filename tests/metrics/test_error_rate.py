"""Word and character error rates by hand, and against jiwer."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.metrics.error_rate import alignment, edits, errors

jiwer = pytest.importorskip("jiwer", reason="jiwer is not installed")
TEXTS = st.lists(st.text("ab c", min_size=1).filter(str.split), min_size=1, max_size=4)


def test_by_hand():
    assert edits("kitten", "sitting") == 3
    assert edits("", "ab") == 2
    assert edits("ab", "") == 2
    found = errors(["one two three", "four"], ["one too three three", ""], "words")
    assert found == (3, 4)
    assert found.rate == 0.75
    assert errors(["a b"], ["ab "], "characters") == (1, 3)


def test_white_space_does_not_count():
    assert errors([" a  b\tc "], ["a b c"], "characters") == (0, 5)
    assert errors([""], [""], "words").rate == 0


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.data())
def test_counts_are_those_of_jiwer(references, data):
    texts = [data.draw(st.text("ab c")) for _ in references]
    plain = [" ".join(text.split()) for text in references], [" ".join(text.split()) for text in texts]
    for unit, process in (("words", jiwer.process_words), ("characters", jiwer.process_characters)):
        found, theirs = errors(references, texts, unit), process(*plain)
        assert found.edits == theirs.substitutions + theirs.deletions + theirs.insertions
        assert found.reference == theirs.hits + theirs.substitutions + theirs.deletions


def test_alignments_show_what_is_wrong():
    assert alignment("one two three", "one too three") == ("one [two] three", "one [too] three")
    assert alignment("one two three", "one three") == ("one [two] three", "one []    three")
    assert alignment("one three", "one twenty three") == ("one []       three", "one [twenty] three")
    assert alignment("eight", "a") == ("[eight]", "[a]")
    assert alignment("", "a bc") == ("[]  []", "[a] [bc]")
