"""Keeps generated text from copying long runs of another text."""

import numpy as np


class Copies:
    """Follows the runs of a text that end in the last generated tokens.

    A step takes time in proportion to the text.

    Args:
        text: [N] tokens.
        longest: most tokens of a run.

    Source: Ippolito et al. 2022, arXiv:2210.17546, with the text itself in place of a Bloom filter.
    """

    def __init__(self, text: np.ndarray, longest: int) -> None:
        self._text, self._longest = np.asarray(text), longest
        # how many of the last generated tokens equal those of the text up to each position
        self._lengths = np.zeros(len(text), np.int64)

    def push(self, token: int) -> None:
        """Takes the next generated token."""
        before = np.concatenate([[0], self._lengths[:-1]])
        self._lengths = np.where(self._text == token, before + 1, 0)

    def forbidden(self) -> np.ndarray:
        """Returns the tokens that would make a copied run too long."""
        return np.unique(self._text[1:][self._lengths[:-1] >= self._longest]).astype(np.int64)
