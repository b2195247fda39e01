import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.metrics import novelty
from elman.metrics.novelty import known_words, longest_copied_chords, longest_copy


def codes(text: str) -> np.ndarray:
    return np.array([ord(character) for character in text], dtype=np.uint16)


@pytest.mark.parametrize(
    ("text", "corpus", "share"),
    [
        ("he cat dog mo", "the cat sat", 1 / 2),  # of cat and dog, cat; the ends may be cut
        ("x cat cat cow x", "cat", 2 / 3),  # as often as they occur
        ("x Cat x", "cat", 0.0),  # to the letter
        ("x cat3dog_cow x", "cat dog", 2 / 3),  # words are runs of letters
        ("x naïve день x", "naïve день", 1.0),
        ("x ca x", "cat", 0.0),  # a piece of a word is no word
    ],
)
def test_known_words_by_hand(text, corpus, share):
    assert known_words(text, corpus) == pytest.approx(share)


@pytest.mark.parametrize("text", ["", "12 34", "one", "one two"])
def test_where_there_are_no_words_there_is_no_share(text):
    assert math.isnan(known_words(text, "one two"))


@pytest.mark.parametrize(
    ("text", "corpus", "length"),
    [
        ("the cat", "a cat sat", 4),  # " cat"
        ("abc", "xabcx", 3),
        ("abc", "", 0),
        ("", "abc", 0),
        ("abc", "def", 0),
        ("aab", "ab aa", 2),
        ("a\nb c", "xa\nb y", 4),
    ],
)
def test_the_longest_copy_by_hand(text, corpus, length):
    assert longest_copy(codes(text), codes(corpus)) == length


@given(st.text("ab", max_size=12), st.text("ab", max_size=12))
def test_the_longest_copy_is_that_of_brute_force(text, corpus):
    runs = {text[a:b] for a in range(len(text) + 1) for b in range(a, len(text) + 1)}
    assert longest_copy(codes(text), codes(corpus)) == max(len(run) for run in runs if run in corpus)


def test_repetitive_texts_take_no_longer(monkeypatch):
    """What is counted are passes over the corpus: their number grows with the logarithm of the copied run."""
    passes = []
    mixed = novelty._mixed
    monkeypatch.setattr(
        novelty, "_mixed", lambda left, right: passes.append(len(right)) or mixed(left, right)
    )
    corpus, text = (
        codes("INFO request served in 12 ms\n" * 2000),
        codes("INFO request served in 12 ms\n" * 60),
    )
    assert longest_copy(text, corpus) == len(text)
    assert sum(passes) < 2 * (len(text) + len(corpus)) * (2 + 2 * math.log2(len(text)))
    other = text.copy()
    other[1000] += 1
    assert longest_copy(other, corpus) == max(1000, len(text) - 1001)


def test_equal_hashes_of_unlike_runs_do_not_count(monkeypatch):
    monkeypatch.setattr(novelty, "_mixed", lambda left, right: np.zeros(len(left), np.uint64))
    assert longest_copy(codes("abcab"), codes("xbcay")) == 3


def rolls(*pieces):
    """Chords of pitches as bool [T, 128]."""
    made = []
    for chords in pieces:
        roll = np.zeros((len(chords), 128), bool)
        for number, chord in enumerate(chords):
            roll[number, list(chord)] = True
        made.append(roll)
    return made


def test_copied_chords_are_found_in_any_key_and_of_any_length():
    corpus = rolls([(60, 64), (60, 64), (62, 65), (67,), (59, 62)], [(50,), (52,)])
    (own,) = rolls([(40,), (63, 67), (65, 68), (65, 68), (70,), (71,)])
    # three chords, three semitones higher; the first two last otherwise
    assert longest_copied_chords(own, corpus) == 3
    assert longest_copied_chords(corpus[0], corpus) == 4
    # the end of a piece and the beginning of the next are no run; two tones a second apart are
    (across,) = rolls([(59, 62), (50,), (52,)])
    assert longest_copied_chords(across, corpus) == 2


def test_other_intervals_or_moves_are_no_copy():
    corpus = rolls([(60, 64), (62, 65)])
    assert longest_copied_chords(rolls([(60, 66), (62, 69)])[0], corpus) == 0
    assert longest_copied_chords(rolls([(60, 64), (63, 66)])[0], corpus) == 1


def test_silence_keeps_the_place_of_the_highest_note():
    corpus = rolls([(60,), (), (62,)])
    assert longest_copied_chords(rolls([(50,), (), (), (52,)])[0], corpus) == 3
    assert longest_copied_chords(rolls([(50,), (), (53,)])[0], corpus) == 2
