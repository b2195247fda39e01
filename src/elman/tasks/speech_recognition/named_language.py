"""Language models and lists of words that are named where a recogniser is used."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from elman.config import counted, require, shown, typed
from elman.data.read.text import list_of_texts
from elman.data.tokens.vocab.characters import CharacterVocabulary
from elman.data.tokens.vocab.words import WordVocabulary
from elman.data.transcribed.files import Form
from elman.decode.ctc import Scorer
from elman.decode.language import Letters, Listed, Words
from elman.decode.network import NetworkTokens
from elman.errors import InputError
from elman.notice import notice
from elman.tasks.shared.run_folder import load
from elman.tasks.speech_recognition.data import further_texts
from elman.tasks.speech_recognition.facts import SpeechFacts, named
from elman.tasks.speech_recognition.language import USUAL, Kind

_MOST_WEIGHT = 100.0
_MOST_LACKING = 0.5  # share of the alphabet that a model of characters may lack


def named_scorer(
    facts: SpeechFacts,
    form: Form,
    language_model: Any = None,
    word_list: Path | str | Sequence[str] | None = None,
    language_weight: float | None = None,
    length_bonus: float | None = None,
) -> Scorer | None:
    """Returns what the search asks in place of the run's own language model; None if nothing is named.

    Args:
        facts: alphabet and own language model.
        form: how transcripts are read.
        language_model: run folder of a language model of characters or words, or the model itself; None: the
            run's own n-grams count.
        word_list: file of words, or words: only these are written. None: any, or those that a model of words
            knows. A model of words takes a word of the list that it lacks for its unknown word.
        language_weight: factor of the language model's log-probabilities; None: ``USUAL``.
        length_bonus: what each character or word adds to a text's log-probability; None: ``USUAL``.

    Raises:
        InputError: a value is out of its range, or model or list do not fit the alphabet.
    """
    given = [("--language-weight", language_weight, 0.0), ("--length-bonus", length_bonus, -_MOST_WEIGHT)]
    for option, value, least in given:
        number = typed(float | None, value, option)
        if number is not None:
            require(option, least <= number <= _MOST_WEIGHT, f"in [{least:g}, {_MOST_WEIGHT:g}]", value)
            if language_model is None:
                raise InputError(f"{option} goes with --language-model")
    spelled = None if word_list is None else _listed(word_list, facts, form)
    space = len(facts.symbols) if " " not in facts.symbols else facts.symbols.index(" ")
    if language_model is None:
        return facts.scorer if spelled is None else _with_own(spelled, space, facts)
    task, source = _opened(language_model)
    kind: Kind = "letters" if isinstance(task.facts.vocabulary, CharacterVocabulary) else "words"
    alpha, beta = USUAL[kind]
    alpha = alpha if language_weight is None else language_weight
    beta = beta if length_bonus is None else length_bonus
    if kind == "letters":
        letters = Letters(_network(task, _characters(task, facts, source)), alpha, beta)
        return letters if spelled is None else Listed([*spelled.values()], space, letters)
    spelled = _known_words(task, facts, source) if spelled is None else spelled
    tokens = [_token(task, word) for word in spelled]
    return Words([*spelled.values()], space, _network(task, tokens), alpha, beta)


Spelled = dict[str, list[int]]
"""Words with the symbols of each."""


def _spelled(words: Iterable[str], symbols: Sequence[str]) -> Spelled:
    """Returns the words that symbols can write."""
    ids = {symbol: k for k, symbol in enumerate(symbols)}
    return {word: [ids[c] for c in word] for word in words if ids.keys() >= {*word}}


def _listed(word_list: Path | str | Sequence[str], facts: SpeechFacts, form: Form) -> Spelled:
    """Returns the words of a list that the alphabet can write, and tells how many it cannot."""
    if isinstance(word_list, Path | str):
        source, texts = str(word_list), further_texts([Path(word_list)], form)
    else:
        source, texts = "--word-list", [form.text(word) for word in list_of_texts(word_list, "--word-list")]
    words = dict.fromkeys(word for text in texts for word in text.split())
    if not words:
        raise InputError(f"{source}: must hold words. Got none.")
    spelled = _spelled(words, facts.symbols)
    _tell_left([word for word in words if word not in spelled], len(words), source)
    return spelled


def _tell_left(left: Sequence[str], number: int, source: str) -> None:
    """Tells how many words cannot be written. Raises InputError if none can."""
    if len(left) == number:
        raise InputError(
            f"{source}: none of its {counted(number, 'word')} can be written with the characters of the "
            f"run's transcripts; the first: {shown(left[0])}"
        )
    if left:
        notice(
            f"{source}: {len(left):,} of {counted(number, 'word')} have characters that the run's "
            f"transcripts lack, and are left out; the first: {shown(left[0])}"
        )


def _with_own(spelled: Spelled, space: int, facts: SpeechFacts) -> Scorer:
    """Returns a list of words beside the run's own n-grams, if it has any."""
    if facts.language is None or facts.scorer is None:
        return Words([*spelled.values()], space)
    if facts.language.kind == "words" and not spelled.keys() & facts.language.words:
        raise InputError(
            "--word-list: has none of the words that the run's own language model writes; with "
            "--language-model another takes its place"
        )
    return Listed([*spelled.values()], space, facts.scorer)


def _opened(language_model: Any) -> tuple[Any, str]:
    """Returns a language model of characters or words, and its name for messages."""
    if isinstance(language_model, Path | str):
        task, source = load(language_model), str(language_model)
    else:
        task, source = language_model, str(getattr(language_model, "folder", None) or "the language model")
    name = getattr(task, "name", type(task).__name__)
    if name != "language-model":
        raise InputError(f"--language-model must be a run of language-model. Got a run of {name}: {source}.")
    level = task.config.level
    if level not in ("characters", "words"):
        raise InputError(f"--language-model must be one of characters or words. Got {level}: {source}.")
    return task, source


def _network(task: Any, tokens: Sequence[int]) -> NetworkTokens:
    """Returns the network of a language model, with its n-grams if it has any, on tokens of the search."""
    ngrams = task.facts.ngrams

    def mixed(logits: Tensor, recent: np.ndarray) -> Tensor:
        found: Tensor = ngrams.stream(lambda _: logits, recent).logits(logits)
        return found

    model = task.answers.model.eval()
    return NetworkTokens(model, tokens, task.facts.vocabulary.line_end, None if ngrams is None else mixed)


def _characters(task: Any, facts: SpeechFacts, source: str) -> list[int]:
    """Returns the language model's token for each symbol of the alphabet; −1: it lacks it."""
    vocabulary = task.facts.vocabulary
    tokens = [-1 if vocabulary.unknown_in(symbol) else _token(task, symbol) for symbol in facts.symbols]
    lacking = [symbol for symbol, token in zip(facts.symbols, tokens, strict=True) if token < 0]
    told = f"{len(lacking)} of the {counted(len(tokens), 'character')} of the run's transcripts"
    if " " in lacking or len(lacking) > _MOST_LACKING * len(tokens):
        raise InputError(
            f"--language-model: {source} lacks {told}, such as {named(lacking[0])}; it must know spaces and "
            "at least half of them"
        )
    if lacking:
        notice(f"{source} lacks {told}, such as {named(lacking[0])}; it finds them very improbable")
    return tokens


def _token(task: Any, text: str) -> int:
    """Returns the token of a character or word; of what is several tokens, the unknown one."""
    vocabulary = task.facts.vocabulary
    tokens = vocabulary.encode(text)
    if len(tokens) == 1:
        return int(tokens[0])
    return -1 if vocabulary.unknown is None else int(vocabulary.unknown)


def _known_words(task: Any, facts: SpeechFacts, source: str) -> Spelled:
    """Returns the words of a language model that the alphabet can write."""
    vocabulary: WordVocabulary = task.facts.vocabulary
    words = [word for word in vocabulary.words if not word.isspace()]
    symbols = [symbol.lower() for symbol in facts.symbols] if vocabulary.lowercase else facts.symbols
    spelled = _spelled(words, symbols)
    letters = [word for word in words if any(map(str.isalnum, word))]  # no punctuation
    _tell_left([word for word in letters if word not in spelled], len(letters), source)
    return spelled
