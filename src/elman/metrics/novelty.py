"""Compares a generated text with the training text."""

import re

import numpy as np

_WORD = re.compile(r"[^\W\d_]+")


def known_words(text: str, corpus: str) -> float:
    """Returns the share of the text's words (runs of letters) that occur in the corpus; NaN without words.

    The first and last words are ignored, because they may be cut.
    """
    words = _WORD.findall(text)[1:-1]
    known = set(_WORD.findall(corpus))
    return sum(word in known for word in words) / len(words) if words else float("nan")


def longest_copy(text: np.ndarray, corpus: np.ndarray) -> int:
    """Returns the length in tokens of the longest run of the text that occurs exactly in the corpus.

    Shapes:
        text [M], corpus [N] of the same vocabulary
    """
    tokens = np.concatenate((corpus, text)).astype(np.int64)
    ends = np.where(np.arange(len(tokens)) < len(corpus), len(corpus), len(tokens))
    vocabulary_size = int(tokens.max(initial=0)) + 1
    # begins and numbers of the runs of `length` tokens that occur in both
    begins, runs = np.arange(len(tokens)), np.zeros(len(tokens), dtype=np.int64)
    length = 0
    while True:
        longer = begins + length < ends[begins]
        begins, runs = begins[longer], runs[longer]
        _, runs = np.unique(runs * vocabulary_size + tokens[begins + length], return_inverse=True)
        of_corpus = begins < len(corpus)
        in_corpus, in_text = (np.bincount(runs[own], minlength=len(runs)) for own in (of_corpus, ~of_corpus))
        both = (in_corpus[runs] > 0) & (in_text[runs] > 0)
        if not both.any():
            return length
        begins, runs = begins[both], runs[both]
        length += 1
