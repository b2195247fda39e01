"""The lexicon on sentences small enough to see what it must learn."""

import numpy as np
import pytest

from elman.baselines import lexicon
from elman.baselines.lexicon import learn_lexicon, look_up


def tokens(*sentences):
    return [np.array([int(token) for token in sentence], dtype=np.uint16) for sentence in sentences]


def by_hand(sources, targets, V, rounds):
    """The same, one link after another."""
    t = {}
    for s, f in zip(sources, targets, strict=True):
        t |= {(e, w): 1.0 for e in [V, *s.tolist()] for w in f.tolist()}
    for _ in range(rounds):
        counts, totals = dict.fromkeys(t, 0.0), {}
        for s, f in zip(sources, targets, strict=True):
            for w in f.tolist():
                sources_of = [V, *s.tolist()]
                z = sum(t[e, w] for e in sources_of)
                for e in sources_of:
                    counts[e, w] += t[e, w] / z
                    totals[e] = totals.get(e, 0.0) + t[e, w] / z
        t = {(e, w): c / totals[e] for (e, w), c in counts.items()}
    best = {}
    for (e, w), p in t.items():
        if p > best.get(e, (0.0, 0))[0] + 1e-12:
            best[e] = p, w
    return [best[e][1] if e in best else -1 for e in range(V)]


def test_words_that_come_together_are_told_apart_by_other_sentences():
    """The house, the book, a book (Brown et al.'s own example)."""
    the, house, book, a, unseen = range(5)
    found = learn_lexicon(
        tokens([the, house], [the, book], [a, book]), tokens([10, 11], [10, 12], [13, 12]), 5
    )
    assert found.tolist() == [10, 11, 12, 13, -1]
    assert look_up(found, np.array([book, unseen, the])).tolist() == [12, 10]


@pytest.mark.parametrize("rounds", [1, 2, 5])
def test_rounds_are_those_of_the_formula(rounds):
    rng = np.random.default_rng(1)
    sources = [rng.integers(0, 8, rng.integers(1, 6)) for _ in range(40)]
    # mostly the translation, some noise, another order
    targets = [rng.permutation(np.append(s * 3 % 8, rng.integers(0, 8))) for s in sources]
    assert learn_lexicon(sources, targets, 9, rounds).tolist() == by_hand(sources, targets, 9, rounds)


def test_no_more_is_counted_than_fits(monkeypatch):
    sources, targets = tokens([0], [1], [2]), tokens([5], [6], [7])
    monkeypatch.setattr(lexicon, "_MOST_LINKS", 4)
    assert learn_lexicon(sources, targets, 3).tolist() == [5, 6, -1]
    monkeypatch.setattr(lexicon, "_MOST_LINKS", 0)  # one pair at least
    assert learn_lexicon(sources, targets, 3).tolist() == [5, -1, -1]
