"""Baselines for the tags of words: each learns from training sentences and tags others."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Self

import numpy as np
import torch

from elman.baselines.linear import logistic_regression
from elman.baselines.text_features import Rows
from elman.data.tagged.sequences import Tagged, Words

_AFFIXES = range(1, 5)  # characters
_NEIGHBOURS = (-2, -1, 1, 2)
_FEWEST = 2  # words that a feature must have in training
_MOST_WEIGHTS = 10**7  # of the regression; rarer features are left out
_MOST_WORK = 5 * 10**8  # words × features × tags of a step of the fit; later words are left out
_STRENGTH = 3.0  # inverse regularisation


def simple_tags(training: Tagged, test: Tagged) -> dict[str, list[Words]]:
    """Returns the tags of the test sentences by each simple method.

    Args:
        training: sentences with tags.
        test: sentences; their tags are not read.
    """
    return {
        "most frequent tag of each word": most_frequent_tags(training, test.words),
        "logistic regression on word, affixes and neighbours": regression_tags(training, test),
    }


def most_frequent_tags(training: Tagged, sentences: Sequence[Words]) -> list[Words]:
    """Gives each word its most frequent tag; an unknown word that of its longest known ending.

    The endings have at most four characters; a word without a known one gets the most frequent tag of all.
    """
    counts: defaultdict[tuple[bool, str], Counter[str]] = defaultdict(Counter)
    for word, tag in zip(chain(*training.words), chain(*training.tags), strict=True):
        counts[True, word][tag] += 1
        for ending in _endings(word):
            counts[False, ending][tag] += 1
    best = {key: tags.most_common(1)[0][0] for key, tags in counts.items()}

    def tag_of(word: str) -> str:
        keys = ((True, word), *((False, ending) for ending in _endings(word)))
        return next(best[key] for key in keys if key in best)

    return [tuple(map(tag_of, words)) for words in sentences]


def _endings(word: str) -> list[str]:
    """Returns endings of a word, the longest first, at last the empty one."""
    return [*(word[-length:] for length in reversed(_AFFIXES) if length <= len(word)), ""]


def regression_tags(training: Tagged, test: Tagged) -> list[Words]:
    """Tags each word by logistic regression on itself and its two neighbours on each side.

    Features of a word: itself, in lower case, its first and last one to four characters, its case and digits,
    and its further columns; of its neighbours: the words and their further columns. Many words with many tags
    are not all learnt from.
    """
    names = sorted({tag for tags in training.tags for tag in tags})
    most = max(1, _MOST_WORK // (len(names) * len(_columns(training.rows([0])))))
    words = np.cumsum([len(each) for each in training.words])
    learnt = training.rows(range(max(1, int(np.searchsorted(words, most, "right")))))
    features = Features.learn(learnt, _MOST_WEIGHTS // len(names))
    number = {name: k for k, name in enumerate(names)}
    ids = torch.tensor([number[tag] for tag in chain(*learnt.tags)])
    truth = torch.nn.functional.one_hot(ids, len(names))
    model = logistic_regression(features.rows(learnt), truth, _STRENGTH)
    best = model.logits(features.rows(test)).argmax(1).tolist()
    tags = iter([names[k] for k in best])
    return [tuple(next(tags) for _ in each) for each in test.words]


@dataclass(frozen=True)
class Features:
    """The features of words that training sentences have.

    Attributes:
        known: for each column of values, the number of each known value.
        size: F, known values of all columns.
    """

    known: list[dict[str, int]]
    size: int

    @classmethod
    def learn(cls, training: Tagged, most: int) -> Self:
        """Collects the values that at least two words have; the most frequent ones, if there are too many."""
        counts = [Counter(values) for values in _columns(training)]
        found = [(-n, k, value) for k, each in enumerate(counts) for value, n in each.items() if n >= _FEWEST]
        known: list[dict[str, int]] = [{} for _ in counts]
        chosen = sorted(found)[:most]
        for number, (_, k, value) in enumerate(chosen):
            known[k][value] = number
        return cls(known, len(chosen))

    def rows(self, tagged: Tagged) -> Rows:
        """Returns the features of all words [N, F], 1 where a word has one."""
        columns = zip(self.known, _columns(tagged), strict=True)
        table = np.array([[known.get(value, -1) for value in values] for known, values in columns]).T
        is_known = table >= 0
        starts = np.concatenate([[0], is_known.sum(1).cumsum()])
        at = torch.from_numpy(table[is_known])
        return Rows(torch.from_numpy(starts), at, torch.ones(len(at)), self.size)


def _columns(tagged: Tagged) -> list[list[str]]:
    """Returns the values of each feature, one for each word of all sentences."""
    words = list(chain(*tagged.words))
    prefixes = [[word[:length] for word in words] for length in _AFFIXES]
    suffixes = [[word[-length:] for word in words] for length in _AFFIXES]
    own = [words, [word.lower() for word in words], *prefixes, *suffixes, list(map(_shape, words))]
    texts = [tagged.words, *([each[k] for each in tagged.inputs] for k in range(len(tagged.columns)))]
    near = [_shifted(each, by) for each in texts for by in _NEIGHBOURS]
    return own + near + [list(chain(*each)) for each in texts[1:]]


def _shifted(sentences: Sequence[Words], by: int) -> list[str]:
    """Returns the word some places after each, or before it; the empty one where there is none."""
    edge = ("",) * abs(by)
    shifted = ((*each, *edge)[by:] if by > 0 else (*edge, *each)[: len(each)] for each in sentences)
    return list(chain.from_iterable(shifted))


def _shape(word: str) -> str:
    """Returns what kinds of characters a word begins with and has."""
    kinds = (str.isupper, str.islower, str.isdecimal, str.isalnum)
    first = [kind(word[:1]) for kind in kinds]
    return "".join("01"[x] for x in (*first, *(any(map(kind, word)) for kind in kinds), word.isalnum()))
