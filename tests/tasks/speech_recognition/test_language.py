"""The language model of a recogniser is learnt from transcripts and chosen on other recordings."""

import numpy as np
import pytest

from elman.errors import InputError
from elman.tasks.speech_recognition.language import Language, choose, is_closed, read_text

SYMBOLS = " abc"
TEXTS = ["ab c", "ab c", "c ab", "ab"]


def heard(text):
    """Log-probabilities of a text, with a blank after each letter."""
    ids = [SYMBOLS.index(c) for c in text]
    p = np.full((2 * len(ids), len(SYMBOLS) + 1), 1e-3)
    p[np.arange(0, len(p), 2), ids] = 1
    p[1::2, -1] = 1
    return np.log(p / p.sum(1, keepdims=True))


def in_doubt():
    """Log-probabilities of "ab c" whose b sounds a little more like an a."""
    log_p = heard("ab c")
    log_p[2, 1:3] = np.log([0.55, 0.44])
    return log_p


@pytest.mark.parametrize("kind", ["letters", "words"])
def test_what_is_usual_wins_where_the_sound_is_in_doubt(kind):
    assert read_text(heard("ab c"), SYMBOLS, None, 8) == "ab c"
    scorer = Language.of(kind, TEXTS).scorer(SYMBOLS)
    assert read_text(in_doubt(), SYMBOLS, None, 8) == "aa c"
    assert read_text(in_doubt(), SYMBOLS, scorer, 8) == "ab c"


def test_the_choice_takes_what_errs_least_and_the_sound_alone_at_a_tie():
    best, tried = choose(["letters", "words"], TEXTS, SYMBOLS, [heard("ab c")], ["ab c"], 8)
    assert best is None
    assert tried[0] == {"language": "none", "word_error_rate": 0, "character_error_rate": 0}
    best, tried = choose(["letters"], TEXTS, SYMBOLS, [in_doubt()], ["ab c"], 8)
    assert best is not None
    assert best.kind == "letters"
    assert len(tried) > 3
    assert choose(["letters"], TEXTS, SYMBOLS, [], [], 8) == (None, [])


def test_of_few_words_that_occur_often_the_list_is_kept_at_a_tie():
    best, _ = choose(["letters", "words"], TEXTS * 5, SYMBOLS, [heard("ab c")], ["ab c"], 8)
    assert best is not None
    assert best.kind == "words"
    assert is_closed(TEXTS * 5, ["c c ab"])
    assert not is_closed(TEXTS * 5, ["c b"])
    assert not is_closed(TEXTS, ["ab c"])


def test_a_list_of_words_writes_only_these(tmp_path):
    language = Language.of("words", TEXTS)
    assert read_text(heard("ba c"), SYMBOLS, language.scorer(SYMBOLS), 16) in {"ab c", "c ab", "ab", "c"}
    language.save(tmp_path / "language.json")
    assert Language.load(tmp_path / "language.json") == language


def test_characters_outside_the_alphabet_are_left_out():
    for kind in ("letters", "words"):
        scorer = Language.of(kind, [*TEXTS, "zz ab", "é"]).scorer(SYMBOLS)
        assert read_text(heard("ab c"), SYMBOLS, scorer, 16) == "ab c"


def test_a_damaged_file_is_refused_by_name(tmp_path):
    path = tmp_path / "language.json"
    path.write_text('{"kind": "letters", "alpha": 1, "beta": 0, "texts": ["a"], "times": []}')
    with pytest.raises(InputError, match=r"language\.json: times must be a number from 1 on for each text"):
        Language.load(path)
