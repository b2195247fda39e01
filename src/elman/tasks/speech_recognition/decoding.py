"""Turns log-probabilities into words as they arrive, with the same result however they are cut."""

import numpy as np

from elman.decode.ctc import PrefixBeam, Scorer
from elman.heads.ctc import align, steps_needed, symbols_of
from elman.tasks.speech_recognition.facts import SpeechFacts
from elman.tasks.speech_recognition.listening import Word, greedy, words_of

_PAUSE = 0.8  # seconds of blanks after which a part of the text is settled


class Decoding:
    """The words of one recording, as its log-probabilities arrive.

    After a pause the words so far are settled, and the search begins anew, so that memory does not grow.

    Args:
        facts: the alphabet.
        scorer: a language model; None: the best path of the sound alone.
        beam: texts kept at each step of the search.
        seconds: from one step to the next.
        begin: seconds before the first step.

    Attributes:
        words: those that are settled.
    """

    def __init__(
        self, facts: SpeechFacts, scorer: Scorer | None, beam: int, seconds: float, begin: float = 0.0
    ) -> None:
        self._facts, self._scorer, self._beam = facts, scorer, beam
        self._seconds, self._begin = seconds, begin
        self._pause = max(1, round(_PAUSE / seconds))
        self.words: list[Word] = []
        self._restart(0)

    def _restart(self, steps: int) -> None:
        """Begins a new part after so many steps of the old one."""
        self._begin += steps * self._seconds
        self._rows: list[np.ndarray] = []
        self._path: list[int] = []  # the best symbols so far
        self._last, self._blanks, self._has_symbols = -1, 0, False
        blank, scorer = len(self._facts.symbols), self._scorer
        self._search = None if scorer is None else PrefixBeam(blank, scorer, self._beam)

    def push(self, log_p: np.ndarray) -> None:
        """Reads the log-probabilities [S, V + 1] of the next steps."""
        blank = len(self._facts.symbols)
        for row, best in zip(log_p, log_p.argmax(-1).tolist(), strict=True):
            self._rows.append(row)
            if self._search is not None:
                self._search.push(row[None])
            if best not in (blank, self._last):
                self._path.append(best)
            self._last = best
            is_silent = best == blank or self._facts.symbols[best].isspace()
            self._blanks = self._blanks + 1 if is_silent else 0
            self._has_symbols = self._has_symbols or not is_silent
            if self._blanks >= self._pause:
                self.settle()

    def settle(self) -> None:
        """Settles the words of what has been read."""
        if self._has_symbols:
            self.words += self._heard()
        self._restart(len(self._rows))

    def partial(self) -> str:
        """Returns the text so far, of which the last words may still change."""
        return " ".join([*(word.word for word in self.words), *self._text().split()])

    def text(self) -> str:
        """Returns the settled text."""
        return " ".join(word.word for word in self.words)

    def _text(self) -> str:
        """Returns the text of the present part."""
        symbols = self._path if self._search is None else self._search.best()[0].symbols
        return " ".join(self._facts.decode(symbols).split())

    def _heard(self) -> list[Word]:
        """Returns the words of the present part with their times."""
        log_p = np.stack(self._rows)
        symbols = greedy(self._facts, log_p)
        if self._search is not None:
            ids, blank = self._facts.encode(self._text()).tolist(), len(self._facts.symbols)
            if steps_needed(ids) <= len(log_p):  # as every text that the search returns
                symbols = symbols_of(align(log_p, ids, blank), log_p, blank)
        return words_of(self._facts, symbols, self._seconds, self._begin)
