"""Prefix beam search against brute force over every path, without and with language models."""

import itertools
import math
from collections import defaultdict

import numpy as np
import pytest

from elman.baselines.ngram import witten_bell_nats
from elman.decode.ctc import PrefixBeam
from elman.decode.language import Letters, Listed, Ngrams, Words

V = 3  # symbols; the last one separates words
SPACE, BLANK = 2, 3
WIDE = {"beam": 10**6, "floor": -math.inf}
TEXTS = {(1, 2): 3, (2, 1, 1): 1, (2,): 2}


def random_log_p(steps, seed):
    x = np.random.default_rng(seed).normal(size=(steps, V + 1)) * 2
    return x - np.log(np.exp(x).sum(1, keepdims=True))


def summed(log_p):
    """The log-probability of each text, over all of its paths."""
    found = defaultdict(float)
    for path in itertools.product(range(V + 1), repeat=len(log_p)):
        merged = [k for n, k in enumerate(path) if n == 0 or path[n - 1] != k]
        found[tuple(k for k in merged if k != BLANK)] += math.exp(
            sum(log_p[t, k] for t, k in enumerate(path))
        )
    return {text: math.log(p) for text, p in found.items()}


def worth(scorer, text):
    """What a scorer adds to a whole text; −inf if it may not come."""
    state, total = scorer.start(), 0.0
    for symbol in text:
        followed = scorer.follow(state, symbol)
        if followed is None:
            return -math.inf
        added, state = followed
        total += added
    return total + scorer.end(state)


SCORERS = {
    "sound alone": None,
    "letters": Letters(Ngrams(TEXTS, V, 3), 0.7, 0.4),
    "list of words": Words([(0,), (1, 0), (0, 0)], SPACE),
    "letters of a list of words": Listed([(0,), (1, 0)], SPACE, Letters(Ngrams(TEXTS, V, 3), 0.7, 0.4)),
    "words": Words([(0,), (1, 0), (0, 0)], SPACE, Ngrams({(1, 2): 2, (3,): 1}, 3, 2), 1.3, 0.5),
}


@pytest.mark.parametrize("name", SCORERS)
@pytest.mark.parametrize("seed", range(4))
def test_a_wide_beam_finds_what_brute_force_finds(name, seed):
    log_p, scorer = random_log_p(5, seed), SCORERS[name]
    scores = {text: p + (0 if scorer is None else worth(scorer, text)) for text, p in summed(log_p).items()}
    scores = {text: score for text, score in scores.items() if score > -math.inf}
    beam = PrefixBeam(BLANK, scorer, **WIDE)
    beam.push(log_p[:2])
    beam.push(log_p[2:])
    read = beam.best(len(scores))
    assert {tuple(each.symbols) for each in read} == scores.keys()
    for each in read:
        assert each.score == pytest.approx(scores[tuple(each.symbols)])
    assert [each.score for each in read] == sorted((each.score for each in read), reverse=True)


def test_a_narrow_beam_finds_the_same_text_and_misses_some_of_its_alignments():
    log_p = random_log_p(60, 7) * 2
    log_p -= np.log(np.exp(log_p).sum(1, keepdims=True))
    narrow, wider = PrefixBeam(BLANK, beam=16), PrefixBeam(BLANK, beam=200)
    for beam in (narrow, wider):
        beam.push(log_p)
    assert narrow.best()[0].symbols == wider.best()[0].symbols
    assert narrow.best()[0].score <= wider.best()[0].score
    assert narrow.partial() == narrow.best()[0].symbols


def test_the_sum_of_alignments_decides_not_the_best_path():
    """The best path is two blanks, and yet the symbol's three paths are more together."""
    log_p = np.log(np.array([[0.4, 1e-9, 1e-9, 0.6]] * 2))
    beam = PrefixBeam(BLANK, **WIDE)
    beam.push(log_p)
    assert beam.best()[0].symbols == [0]
    assert beam.best()[0].score == pytest.approx(math.log(0.64))


def test_a_text_that_may_not_end_is_returned_where_no_other_is_kept():
    beam = PrefixBeam(BLANK, Words([(0, 1)], SPACE), beam=1)
    beam.push(np.log(np.array([[0.97, 0.01, 0.01, 0.01]])))
    assert beam.best()[0].symbols == [0]


def test_n_grams_are_those_of_the_baseline():
    documents = [[0, *tokens, 0] for tokens, times in TEXTS.items() for _ in range(times)]
    train, starts = np.concatenate(documents), np.cumsum([0, *map(len, documents)])[:-1]
    ngrams, context, total = Ngrams(TEXTS, V, 3), Ngrams(TEXTS, V, 3).start, 0.0
    for token in (2, 1, 3):
        total -= ngrams.log_p(context, token)
        context = ngrams.after(context, token)
    total -= ngrams.end(context)
    nats, _ = witten_bell_nats(train, np.array([0, 2, 1, 3, 0]), V + 1, 3, starts)
    assert total == pytest.approx(nats)
    distribution = [math.exp(ngrams.log_p((1, 2), k)) for k in range(V + 1)]
    assert sum(distribution) == pytest.approx(1)
