"""Writes down recordings of any length, in memory that does not grow with it."""

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any

import numpy as np

from elman.data.left import Bad, Left
from elman.data.read.recordings import tell_clipped
from elman.data.transcribed.files import Utterance
from elman.data.transcribed.pauses import in_segments
from elman.decode.ctc import Scorer
from elman.errors import InputError
from elman.models.framewise import Framewise
from elman.tasks.speech_recognition.data import Transcribed
from elman.tasks.speech_recognition.decoding import Decoding
from elman.tasks.speech_recognition.facts import SpeechFacts
from elman.tasks.speech_recognition.listening import Word, log_probabilities, seconds_of_step
from elman.tasks.speech_recognition.options import SpeechConfig
from elman.tasks.speech_recognition.streaming import Listener

_SEGMENT = 30.0  # seconds that a network of both directions reads at once
_AT_ONCE = 16  # segments in memory

Segment = tuple[int, np.ndarray]


class Transcriber:
    """Writes down recordings with a trained model.

    A run of one direction reads each recording as it would arrive. A run of both directions reads recordings
    of up to 30 s whole, and longer ones in segments that are cut at their pauses.

    Args:
        config: the options.
        facts: the facts of the training data.
        model: in evaluation mode.
        scorer: a language model; None: the sound alone.
    """

    def __init__(
        self, config: SpeechConfig, facts: SpeechFacts, model: Framewise, scorer: Scorer | None
    ) -> None:
        self._config, self._facts, self._model, self._scorer = config, facts, model, scorer
        self._seconds = seconds_of_step(config, facts)

    def transcripts(self, items: Iterable[Utterance], on_bad: Bad = "stop") -> Iterator[dict[str, Any]]:
        """Yields file, text, confidence and words of each recording."""
        left, kept = Left(on_bad, "recording"), 0
        waiting: list[tuple[Utterance, Segment]] = []
        clipped: list[str] = []
        for item in items:
            try:
                segments = self._segments(item)
                first = [*islice(segments, 2)]
                if len(first) == 1 and not self._config.streaming:
                    waiting.append((item, first[0]))
                    answers = []
                else:
                    answers = [_answer(item, self._long(chain(first, segments)))]
            except InputError as error:
                left.out(str(error))
                continue
            kept += 1
            if item.clipping.is_told:
                clipped.append(item.place)
            if answers or len(waiting) == _AT_ONCE:
                yield from self._short(waiting)
                waiting = []
            yield from answers
        yield from self._short(waiting)
        tell_clipped(clipped)
        left.tell(kept)

    def _segments(self, item: Utterance) -> Iterator[Segment]:
        """Yields the segments of a recording, each with its first frame; checks their kind."""
        most = max(100, round(_SEGMENT * self._frames_a_second))
        for begin, frames in in_segments(item.pieces(), most):
            self.check(item, frames)
            yield begin, frames

    @property
    def _frames_a_second(self) -> float:
        return self._config.stride / self._seconds

    def check(self, item: Utterance, frames: np.ndarray) -> None:
        """Raises InputError unless a recording is of the kind that the model was trained on."""
        expected = f"{self._facts.kind} of {self._facts.columns} features"
        got = f"{item.kind} of {frames.shape[1]} features"
        if expected != got:
            raise InputError(f"{item.place}: must be {expected}, as the model was trained on. Got {got}.")

    def _short(self, waiting: list[tuple[Utterance, Segment]]) -> Iterator[dict[str, Any]]:
        """Yields the answers of recordings of one segment each, which the network reads together."""
        for (item, _), words in zip(waiting, self._words([s for _, s in waiting]), strict=True):
            yield _answer(item, words)

    def _words(self, segments: list[Segment]) -> list[list[Word]]:
        """Returns the words of each segment, which the network reads together."""
        if not segments:
            return []
        part = Transcribed([frames for _, frames in segments], [""] * len(segments), [""] * len(segments))
        probabilities = log_probabilities(self._config, self._facts, self._model, part)
        return [
            self.words(log_p, begin / self._frames_a_second)
            for (begin, _), log_p in zip(segments, probabilities, strict=True)
        ]

    def words(self, log_p: np.ndarray, begin: float = 0.0) -> list[Word]:
        """Returns the words of a segment that begins at so many seconds, of log-probabilities [S, V + 1]."""
        decoding = Decoding(self._facts, self._scorer, self._config.beam, self._seconds, begin)
        decoding.push(log_p)
        decoding.settle()
        return decoding.words

    def _long(self, segments: Iterator[Segment]) -> list[Word]:
        """Returns the words of a recording of many segments."""
        if not self._config.streaming:
            return [word for segment in segments for word in self._words([segment])[0]]
        listener = Listener(self._config, self._facts, self._model, self._scorer)
        for _, frames in segments:
            listener.take(frames)
        listener.end()
        return listener.decoding.words


def _answer(item: Utterance, words: list[Word]) -> dict[str, Any]:
    is_whole = item.path is not None and item.place == str(item.path)
    return {
        "file": str(item.path) if is_whole else item.place,
        "text": " ".join(word.word for word in words),
        "confidence": min((word.confidence for word in words), default=1.0),
        "words": [word._asdict() for word in words],
    }
