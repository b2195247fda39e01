"""The most probable texts of a recording: prefix beam search, with a language model if there is one."""

import math
from typing import Any, NamedTuple, Protocol

import numpy as np

_NEVER = -math.inf
_FLOOR = math.log(1e-4)


class Scorer(Protocol):
    """What symbols are worth beside their sound: a language model, a list of words.

    A state is what it knows of the symbols so far.
    """

    def start(self) -> Any:
        """Returns the state before the first symbol."""

    def follow(self, state: Any, symbol: int) -> tuple[float, Any] | None:
        """Returns what a symbol adds to the score, and the state after it; None: it may not come."""

    def end(self, state: Any) -> float:
        """Returns what is added where the text ends; −inf if it may not end here."""


class Read(NamedTuple):
    """Symbols and how probable they are.

    Attributes:
        symbols: their ids.
        score: log-probability of their alignments together, with what the language model adds.
    """

    symbols: list[int]
    score: float


class _Prefix:
    """Symbols from the beginning: all but the last are the parent's."""

    __slots__ = ("children", "parent", "score", "state", "symbol")

    def __init__(self, parent: "_Prefix | None", symbol: int, score: float, state: Any) -> None:
        self.parent, self.symbol, self.score, self.state = parent, symbol, score, state
        self.children: dict[int, _Prefix | None] = {}

    def symbols(self) -> list[int]:
        found, prefix = [], self
        while prefix.parent is not None:
            found.append(prefix.symbol)
            prefix = prefix.parent
        return found[::-1]


class PrefixBeam:
    """Finds the most probable symbols step by step, as the log-probabilities arrive.

        score(y) = log Σ p(alignments of y) + what the scorer adds for y

    For each prefix kept, the alignments that end in a blank are summed apart from the others, since its last
    symbol may come again only after a blank.

    Args:
        blank: class of the blank.
        scorer: a language model; None: the sound alone.
        beam: prefixes kept after each step.
        floor: log-probability below which a symbol is not tried at a step.

    Source: Hannun, Maas, Jurafsky & Ng 2014, arXiv:1408.2873.
    """

    def __init__(
        self, blank: int, scorer: Scorer | None = None, beam: int = 16, floor: float = _FLOOR
    ) -> None:
        self._blank, self._scorer, self._beam, self._floor = blank, scorer, beam, floor
        root = _Prefix(None, -1, 0.0, None if scorer is None else scorer.start())
        self._kept: dict[_Prefix, tuple[float, float]] = {root: (0.0, _NEVER)}

    def push(self, log_p: np.ndarray) -> None:
        """Reads the log-probabilities [S, V + 1] of the next steps."""
        for row in log_p.astype(np.float64):
            self._step(row.tolist())

    def _step(self, log_p: list[float]) -> None:
        of_blank = log_p[self._blank]
        tried = [k for k, p in enumerate(log_p) if p >= self._floor and k != self._blank]
        after: dict[_Prefix, list[float]] = {}
        for prefix, (in_blank, in_symbol) in self._kept.items():
            both = _sum(in_blank, in_symbol)
            own = after.setdefault(prefix, [_NEVER, _NEVER])
            own[0] = _sum(own[0], both + of_blank)
            if prefix.parent is not None:
                own[1] = _sum(own[1], in_symbol + log_p[prefix.symbol])
            for symbol in tried:
                longer = self._longer(prefix, symbol)
                before = in_blank if symbol == prefix.symbol else both
                if longer is not None and before > _NEVER:
                    sums = after.setdefault(longer, [_NEVER, _NEVER])
                    sums[1] = _sum(sums[1], before + log_p[symbol])
        ranked = sorted(after.items(), key=lambda item: -_sum(*item[1]) - item[0].score)
        self._kept = {prefix: (sums[0], sums[1]) for prefix, sums in ranked[: self._beam]}

    def _longer(self, prefix: _Prefix, symbol: int) -> _Prefix | None:
        """Returns the prefix with one more symbol, always the same object; None if it may not come."""
        if symbol not in prefix.children:
            score, state = prefix.score, prefix.state
            if self._scorer is not None:
                followed = self._scorer.follow(state, symbol)
                if followed is None:
                    prefix.children[symbol] = None
                    return None
                added, state = followed
                score += added
            prefix.children[symbol] = _Prefix(prefix, symbol, score, state)
        return prefix.children[symbol]

    def partial(self) -> list[int]:
        """Returns the symbols of the best prefix so far, whether or not a text may end there."""
        return next(iter(self._kept)).symbols()

    def best(self, number: int = 1) -> list[Read]:
        """Returns the best texts if the recording ends here, best first.

        If no prefix kept may end a text, the best one is returned as it is.
        """
        whole = []
        for prefix, sums in self._kept.items():
            end = 0.0 if self._scorer is None else self._scorer.end(prefix.state)
            if end > _NEVER:
                whole.append((_sum(*sums) + prefix.score + end, prefix))
        if not whole:
            prefix, sums = next(iter(self._kept.items()))
            whole = [(_sum(*sums) + prefix.score, prefix)]
        whole.sort(key=lambda item: -item[0])
        return [Read(prefix.symbols(), score) for score, prefix in whole[:number]]


def _sum(a: float, b: float) -> float:
    """Returns log(exp a + exp b)."""
    if a < b:
        a, b = b, a
    return a if b == _NEVER else a + math.log1p(math.exp(b - a))
