"""A language model or a list of words that is named where a recogniser is used."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from tiny import SMALL
from tiny_speech import RATE, SPEECH, sound, texts

from elman import LanguageModel
from elman.errors import InputError
from elman.tasks.speech_recognition.data import form_of
from elman.tasks.speech_recognition.language import Language, read_text
from elman.tasks.speech_recognition.named_language import named_scorer
from elman.tasks.speech_recognition.task import SpeechRecognizer

LINES = [f"{text}\n" for text in texts(150, 7)]
TOLD = "ha lo mi"


@pytest.fixture(scope="module")
def recogniser():
    """One that has heard little, but knows its alphabet."""
    said = ["lo mi ha"] * 10
    task = SpeechRecognizer(**SMALL | SPEECH, language="none", split=(1.0, 0.0, 0.0))
    return task.fit([sound(text, k) for k, text in enumerate(said)], said, RATE)


@pytest.fixture(scope="module")
def letters():
    """A language model of characters, with n-grams mixed in."""
    options = SMALL | {"hidden_size": 16, "embedding_size": 8, "epochs": 4, "learning_rate": 0.02}
    return LanguageModel(**options, bptt=20, ngrams="3").fit(texts=["".join(LINES)])


@pytest.fixture(scope="module")
def words():
    """A language model of words, which lacks "ha"."""
    known = [line for line in LINES if "ha" not in line]
    options = SMALL | {"hidden_size": 8, "embedding_size": 8, "epochs": 6, "learning_rate": 0.02}
    return LanguageModel(**options, bptt=20, level="words", ngrams="none").fit(texts=["".join(known)])


def scorer(recogniser, **language):
    return recogniser.answers.writing(**language).scorer


def worth(scorer, recogniser, text):
    state, total = scorer.start(), 0.0
    for symbol in recogniser.facts.encode(text).tolist():
        added, state = scorer.follow(state, symbol)
        total += added
    return total + scorer.end(state)


def heard(recogniser, *sounds):
    """Log-probabilities of steps that sound like some letters or none, with a blank between them."""
    symbols = recogniser.facts.symbols
    p = np.full((2 * len(sounds), len(symbols) + 1), 1e-3)
    for k, shares in enumerate(sounds):
        for symbol, share in shares.items():
            p[2 * k, symbols.index(symbol)] = share
        p[2 * k, -1] = max(1 - sum(shares.values()), 1e-3)
    p[1::2, -1] = 1
    return np.log(p / p.sum(1, keepdims=True))


@pytest.mark.parametrize("level", ["letters", "words"])
def test_a_text_is_worth_what_the_language_model_says(recogniser, letters, words, level):
    text = "lo mi lo"
    model = letters if level == "letters" else words
    own = scorer(recogniser, language_model=model, language_weight=0.7, length_bonus=0.25)
    nats = model.evaluate(texts=[f"\n{text}\n"])
    units = len(text) if level == "letters" else 3
    assert nats["tokens"] == units + 1
    found = worth(own, recogniser, text)
    assert found == pytest.approx(-0.7 * nats["nats_per_token"] * (units + 1) + 0.25 * units, rel=1e-4)


def test_what_is_usual_wins_where_the_sound_is_in_doubt(recogniser, letters, words):
    doubt = heard(recogniser, {"m": 1}, {"o": 0.55, "i": 0.44}, {" ": 1}, {"l": 1}, {"o": 1})
    symbols = recogniser.facts.symbols
    assert read_text(doubt, symbols, None, 8) == "mo lo"
    assert read_text(doubt, symbols, scorer(recogniser, language_model=letters), 8) == "mi lo"
    assert read_text(doubt, symbols, scorer(recogniser, language_model=words), 8) == "mi lo"
    assert read_text(doubt, symbols, scorer(recogniser, word_list=["mi", "lo", "ha"]), 8) == "mi lo"
    strange = {"word_list": ["mo", "lo"]}
    for model in (letters, words):
        assert read_text(doubt, symbols, scorer(recogniser, language_model=model, **strange), 8) == "mo lo"


def test_a_model_of_words_writes_its_own_or_those_of_a_list(recogniser, words):
    ha = heard(recogniser, {"h": 1}, {"a": 1})
    symbols = recogniser.facts.symbols
    assert read_text(ha, symbols, scorer(recogniser, language_model=words), 8) != "ha"
    assert read_text(ha, symbols, scorer(recogniser, language_model=words, word_list=["lo", "ha"]), 8) == "ha"


def test_a_model_of_lower_case_serves_transcripts_in_capitals(recogniser, letters, words):
    doubt = heard(recogniser, {"m": 1}, {"o": 0.55, "i": 0.44}, {" ": 1}, {"l": 1}, {"o": 1})
    facts = replace(recogniser.facts, symbols=recogniser.facts.symbols.upper())
    for model in (letters, words):
        vocabulary = replace(model.facts.vocabulary, lowercase=True)
        lower = SimpleNamespace(**{name: getattr(model, name) for name in ("name", "config", "answers")})
        lower.facts = replace(model.facts, vocabulary=vocabulary)
        own = named_scorer(facts, form_of(recogniser.config), lower)
        assert read_text(doubt, facts.symbols, own, 8) == "MI LO"


def test_the_length_bonus_writes_more(recogniser, letters):
    doubt = heard(recogniser, {"l": 1}, {"o": 1}, {" ": 0.3}, {"m": 0.3}, {"i": 0.3})
    symbols = recogniser.facts.symbols
    lengths = [
        len(read_text(doubt, symbols, scorer(recogniser, language_model=letters, length_bonus=bonus), 32))
        for bonus in (-3, 0.5, 6)
    ]
    assert lengths == sorted(lengths)
    assert lengths[0] < lengths[-1]


def test_words_beside_the_run_s_own_n_grams(recogniser):
    facts = replace(recogniser.facts, language=Language.of("words", ["lo mi", "mi"]))
    form = form_of(recogniser.config)
    listed = named_scorer(facts, form, word_list=["mi", "ha"])
    assert listed is not None
    assert math.isfinite(worth(listed, recogniser, "mi mi"))
    assert listed.follow(listed.start(), facts.symbols.index("l")) is None
    state = listed.start()
    for symbol in facts.encode("ha").tolist():
        state = None if state is None else (listed.follow(state, symbol) or (0, None))[1]
    assert state is None
    with pytest.raises(InputError, match="has none of the words that the run's own language model writes"):
        named_scorer(facts, form, word_list=["ha"])


@pytest.mark.parametrize(
    ("language", "message"),
    [
        ({"language_weight": 1.0}, "--language-weight goes with --language-model"),
        ({"language_model": "gone"}, "gone: no such run folder"),
        ({"word_list": ["zü", "x"]}, "none of its 2 words can be written with the characters of the run's"),
        ({"word_list": [" "]}, "--word-list: must hold words. Got none."),
        ({"word_list": "gone.txt"}, "gone.txt: no such file"),
    ],
)
def test_what_does_not_fit_is_refused(recogniser, language, message):
    with pytest.raises(InputError, match=message):
        recogniser.transcribe([sound(TOLD, 99)], RATE, **language)


def test_models_that_do_not_fit_are_refused(recogniser, letters):
    options = SMALL | {"hidden_size": 4, "embedding_size": 4, "epochs": 1, "ngrams": "none"}
    strange = {
        "of bytes": (LanguageModel(**options, level="bytes").fit(texts=["lo mi " * 200]), "Got bytes"),
        "of other letters": (
            LanguageModel(**options).fit(texts=["XYZ " * 300]),
            "lacks 6 of the 7 characters of the run's transcripts, such as 'a'",
        ),
        "of other words": (
            LanguageModel(**options, level="words").fit(texts=["XYZ UVW\n" * 300]),
            "none of its 2 words can be written",
        ),
        "of another task": (recogniser, "must be a run of language-model. Got a run of speech-recognition"),
    }
    for model, message in strange.values():
        with pytest.raises(InputError, match=message):
            recogniser.transcribe([sound(TOLD, 99)], RATE, language_model=model)
    with pytest.raises(InputError, match=r"--language-weight must be in \[0, 100\]. Got -1"):
        recogniser.transcribe([sound(TOLD, 99)], RATE, language_model=letters, language_weight=-1.0)
