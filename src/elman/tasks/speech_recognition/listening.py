"""What a trained recogniser hears: frames in, words with their times out."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from elman.batch import Batch, Batches
from elman.heads.ctc import Symbols, best_symbols
from elman.metrics.error_rate import edits
from elman.models.framewise import Framewise
from elman.models.predict import predict
from elman.tasks.speech_recognition.data import Transcribed, spoken, windows_of
from elman.tasks.speech_recognition.facts import SpeechFacts
from elman.tasks.speech_recognition.options import SpeechConfig

_SHIFT = 0.01  # seconds from one frame of sound to the next


class Word(NamedTuple):
    """A word of a transcript.

    Attributes:
        word: its text.
        begin: where it begins, in seconds.
        end: where it ends, in seconds.
        confidence: geometric mean of its letters' probabilities.
    """

    word: str
    begin: float
    end: float
    confidence: float


def log_probabilities(
    config: SpeechConfig, facts: SpeechFacts, model: Framewise, part: Transcribed
) -> list[np.ndarray]:
    """Returns the log-probabilities [S, V + 1] of each recording's steps, in their order."""
    batches = spoken(config, facts, part)
    results: list[np.ndarray] = [np.zeros(0)] * len(part)
    outputs = predict(model, batches.epoch(), lambda batch: _log_p(model, batch))
    for rows, values in zip(batches.rows(), outputs, strict=True):
        for column, row in enumerate(rows.tolist()):
            steps = windows_of(config).steps(int(part.lengths[row]))
            results[row] = values[:steps, column].float().numpy()
    return results


def _log_p(model: Any, batch: Batch) -> Tensor:
    inputs = batch.inputs
    output, _ = model.layer(inputs.values, None, inputs.lengths)
    result: Tensor = model.head.log_probabilities(output)
    return result


def symbol_errors(model: Framewise, batches: Batches) -> float:
    """Returns the errors of the best paths per symbol of the targets."""

    def read(batch: Batch) -> tuple[int, int]:
        output, _ = model.layer(batch.inputs.values, None, batch.inputs.lengths)
        head: Any = model.head
        targets, lengths = batch.targets.values.T.tolist(), batch.targets.lengths
        assert lengths is not None
        found = head.read(output, batch.inputs.lengths)
        pairs = zip(targets, lengths.tolist(), found, strict=True)
        return sum(edits(row[:n], each.ids.tolist()) for row, n, each in pairs), int(lengths.sum())

    wrong, symbols = zip(*predict(model, batches.epoch(0), read), strict=True)
    return sum(wrong) / max(sum(symbols), 1)


def seconds_of_step(config: SpeechConfig, facts: SpeechFacts) -> float:
    """Returns the seconds from one step of the network to the next."""
    return windows_of(config).stride * (_SHIFT if facts.kind == "sound" else config.frame_seconds)


def greedy(facts: SpeechFacts, log_p: np.ndarray) -> Symbols:
    """Returns the symbols of the best path of one recording's log-probabilities [S, V + 1]."""
    return best_symbols(log_p, len(facts.symbols))


def text_of(facts: SpeechFacts, symbols: Symbols) -> str:
    """Returns symbols as a text, with one space between words."""
    return " ".join(facts.decode(symbols.ids).split())


def words_of(facts: SpeechFacts, symbols: Symbols, seconds: float, begin: float = 0.0) -> list[Word]:
    """Returns the words of symbols; letters between spaces make a word.

    Args:
        facts: the alphabet.
        symbols: of one recording.
        seconds: of a step.
        begin: seconds before the first step.
    """
    words = []
    for at in _between_spaces(facts.decode(symbols.ids)):
        mean = float(np.exp(np.log(np.maximum(symbols.confidences[at], 1e-30)).mean()))
        first, last = int(symbols.begins[at][0]), int(symbols.ends[at][-1])
        start, stop = (round(begin + step * seconds, 3) for step in (first, last))
        words.append(Word(facts.decode(symbols.ids[at]), start, stop, round(mean, 4)))
    return words


def _between_spaces(text: str) -> Iterator[slice]:
    begin = None
    for k, symbol in enumerate(f"{text} "):
        if symbol.isspace():
            if begin is not None:
                yield slice(begin, k)
            begin = None
        elif begin is None:
            begin = k
