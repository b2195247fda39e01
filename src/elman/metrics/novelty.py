"""How a generated text relates to the text a model was trained on."""

import re

_WORD = re.compile(r"[^\W\d_]+")


def known_words(text: str, corpus: str) -> float:
    """Share of the text's words (runs of letters) that occur in the corpus; NaN where there are no words.

    The first and the last word are left out: the text's ends may have cut them.
    """
    words = _WORD.findall(text)[1:-1]
    known = set(_WORD.findall(corpus))
    return sum(word in known for word in words) / len(words) if words else float("nan")


def longest_copy(text: str, corpus: str) -> int:
    """Length in characters of the longest run of the text that stands in the corpus to the letter."""

    def copied(length: int) -> bool:
        return any(text[k : k + length] in corpus for k in range(len(text) - length + 1))

    low, high = 0, len(text)
    while low < high:  # a run of n characters holds one of n − 1
        middle = (low + high + 1) // 2
        low, high = (middle, high) if copied(middle) else (low, middle - 1)
    return low
