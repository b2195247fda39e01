"""Language models and lists of words for the prefix beam search."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from elman.baselines.counts import NgramCounts
from elman.decode.ctc import Scorer

Context = tuple[int, ...]
_EDGE = 0  # the token before the first and after the last of a text


class NextToken(Protocol):
    """How probable each next token of a text is, from 1 on; a context is what it knows of those before."""

    @property
    def start(self) -> Any:
        """The context of the first token."""

    def after(self, context: Any, token: int) -> Any:
        """Returns the context after another token."""

    def log_p(self, context: Any, token: int) -> float:
        """Returns the log-probability of a token."""

    def end(self, context: Any) -> float:
        """Returns the log-probability that the text ends."""


class Ngrams:
    """Log-probabilities of the next token of a text, and of its end, by interpolated Witten–Bell n-grams.

    Args:
        texts: texts as tokens from 1 to ``size``, with the number of times that each occurs.
        size: V, different tokens.
        order: length of the longest n-gram.
    """

    def __init__(self, texts: Mapping[Context, int], size: int, order: int) -> None:
        documents = [
            np.array([_EDGE, *tokens, _EDGE], np.int64)
            for tokens, times in texts.items()
            for _ in range(times)
        ]
        starts = np.cumsum([0, *map(len, documents)])[:-1]
        joined = np.concatenate(documents)
        self._counts = NgramCounts.of(joined, starts, size + 1, order)
        self._known: dict[Context, np.ndarray] = {}

    @property
    def start(self) -> Context:
        """The context of the first token."""
        return (_EDGE,)[: self._counts.order - 1]

    def after(self, context: Context, token: int) -> Context:
        """Returns the context after another token."""
        most = self._counts.order - 1
        return (*context, token)[-most:] if most else ()

    def log_p(self, context: Context, token: int) -> float:
        """Returns the log-probability of a token; of the text's end, for token 0."""
        table = self._known.get(context)
        if table is None:
            p, _, _ = self._counts.follow(np.array(context, np.int64)).distribution()
            table = self._known[context] = np.log(p)
        return float(table[token])

    def end(self, context: Context) -> float:
        """Returns the log-probability that the text ends."""
        return self.log_p(context, _EDGE)


class Letters:
    """A language model of symbols: alpha · log p(symbol | before) + beta for each; see ``Scorer``.

    Args:
        model: of texts whose tokens are symbols + 1.
        alpha: weight of the language model.
        beta: what each symbol adds.
    """

    def __init__(self, model: NextToken, alpha: float, beta: float) -> None:
        self._model, self._alpha, self._beta = model, alpha, beta

    def start(self) -> Any:
        """Returns the state before the first symbol."""
        return self._model.start

    def follow(self, state: Any, symbol: int) -> tuple[float, Any]:
        """Returns what a symbol adds, and the state after it."""
        added = self._alpha * self._model.log_p(state, symbol + 1) + self._beta
        return added, self._model.after(state, symbol + 1)

    def end(self, state: Any) -> float:
        """Returns what the end adds."""
        return self._alpha * self._model.end(state)


class _Node:
    """Letters from the beginning of a word.

    Attributes:
        next: by the next symbol.
        word: the number of the word that ends here; None: none does.
    """

    __slots__ = ("next", "word")

    def __init__(self) -> None:
        self.next: dict[int, _Node] = {}
        self.word: int | None = None


def _tree(words: Sequence[Sequence[int]]) -> _Node:
    """Returns the beginning of words, which are numbered from 1."""
    root = _Node()
    for number, symbols in enumerate(words, 1):
        node = root
        for symbol in symbols:
            node = node.next.setdefault(symbol, _Node())
        node.word = number
    return root


WordState = tuple[_Node, Any]


class Words:
    """A list of words, and a language model of them; see ``Scorer``.

    A word adds alpha · log p(word | words before) + beta once it is complete; what is no word of the list may
    not come.

    Args:
        words: each word's symbols, numbered from 1.
        space: the symbol between words.
        model: of texts whose tokens are numbers of words; None: all words are equal.
        alpha: weight of the language model.
        beta: what each word adds.
    """

    def __init__(
        self,
        words: Sequence[Sequence[int]],
        space: int,
        model: NextToken | None = None,
        alpha: float = 1.0,
        beta: float = 0.0,
    ) -> None:
        self._root, self._space = _tree(words), space
        self._model, self._alpha, self._beta = model, alpha, beta

    def start(self) -> WordState:
        """Returns the state before the first symbol."""
        return self._root, None if self._model is None else self._model.start

    def follow(self, state: WordState, symbol: int) -> tuple[float, WordState] | None:
        """Returns what a symbol adds, and the state after it; None within a word that is not in the list."""
        node, context = state
        if symbol != self._space:
            longer = node.next.get(symbol)
            return None if longer is None else (0.0, (longer, context))
        if node.word is None:
            return None
        added, context = self._word(node.word, context)
        return added, (self._root, context)

    def _word(self, word: int, context: Any) -> tuple[float, Any]:
        if self._model is None:
            return self._beta, context
        added = self._alpha * self._model.log_p(context, word) + self._beta
        return added, self._model.after(context, word)

    def end(self, state: WordState) -> float:
        """Returns what the last word and the end add; −inf within a word."""
        node, context = state
        added = 0.0
        if node is not self._root:
            if node.word is None:
                return -math.inf
            added, context = self._word(node.word, context)
        return added if self._model is None else added + self._alpha * self._model.end(context)


class Listed:
    """Another scorer, of which only the words of a list are written; see ``Scorer``.

    Args:
        words: each word's symbols.
        space: the symbol between words.
        scorer: says what symbols add.
    """

    def __init__(self, words: Sequence[Sequence[int]], space: int, scorer: Scorer) -> None:
        self._root, self._space, self._scorer = _tree(words), space, scorer

    def start(self) -> WordState:
        """Returns the state before the first symbol."""
        return self._root, self._scorer.start()

    def follow(self, state: WordState, symbol: int) -> tuple[float, WordState] | None:
        """Returns what a symbol adds, and the state after it; None within a word that is not in the list."""
        node, own = state
        is_complete = symbol == self._space and node.word is not None
        longer = self._root if is_complete else node.next.get(symbol)
        followed = None if longer is None else self._scorer.follow(own, symbol)
        return None if longer is None or followed is None else (followed[0], (longer, followed[1]))

    def end(self, state: WordState) -> float:
        """Returns what the end adds; −inf within a word."""
        node, own = state
        is_within = node is not self._root and node.word is None
        return -math.inf if is_within else self._scorer.end(own)
