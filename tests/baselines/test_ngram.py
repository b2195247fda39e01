import math
from collections import Counter, defaultdict

import numpy as np
import pytest

from elman.baselines.ngram import frequency_nats, witten_bell_nats
from elman.errors import InputError


def documents(tokens, starts):
    return [part.tolist() for part in np.split(tokens, starts[1:])]


def brute_force(train, test, size, order):
    """Score lists of documents with dictionaries, by the recursion as it is written in the paper."""
    after = defaultdict(Counter)
    for document in train:
        for i, token in enumerate(document):
            for k in range(min(i, order - 1) + 1):
                after[tuple(document[i - k : i])][token] += 1

    def probability(token, context):
        shorter = probability(token, context[1:]) if context else 1 / size
        seen = after.get(context)
        if not seen:
            return shorter
        return (seen[token] + len(seen) * shorter) / (seen.total() + len(seen))

    scored = [
        probability(token, tuple(document[max(0, i - order + 1) : i]))
        for document in test
        for i, token in enumerate(document)
        if i
    ]
    return -sum(map(math.log, scored)), len(scored)


def random_corpus(rng, length, size, pieces):
    cuts = rng.choice(np.arange(1, length), pieces - 1, replace=False)
    return rng.integers(size, size=length).astype(np.uint8), np.sort(np.append(0, cuts))


@pytest.mark.parametrize("order", [1, 2, 3, 4, 6, 9])
@pytest.mark.parametrize("pieces", [1, 2, 25])
def test_agrees_with_dictionaries(order, pieces):
    rng = np.random.default_rng(order * 100 + pieces)
    size = 3
    train, train_starts = random_corpus(rng, 80, size, pieces)
    test, test_starts = random_corpus(rng, 60, size + 1, pieces)  # one token training has never seen
    expected = brute_force(documents(train, train_starts), documents(test, test_starts), size + 1, order)
    nats, count = witten_bell_nats(train, test, size + 1, order, train_starts, test_starts)
    assert count == expected[1] == 60 - pieces
    assert nats == pytest.approx(expected[0], rel=1e-12)


def test_without_starts_it_is_one_document():
    rng = np.random.default_rng(0)
    train, test = rng.integers(4, size=(2, 50))
    given = witten_bell_nats(train, test, 4, 3, np.array([0]), np.array([0]))
    assert witten_bell_nats(train, test, 4, 3) == given
    assert given == pytest.approx(brute_force([train.tolist()], [test.tolist()], 4, 3))


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_probabilities_sum_to_one(order):
    rng = np.random.default_rng(order)
    size = 5
    train, starts = random_corpus(rng, 200, size - 1, 7)
    for context in ([0], [1, 2], [3, 3, 0], [1, 0, 2, 3], [4, 1, 1]):
        before, _ = witten_bell_nats(train, np.array(context), size, order, starts)
        total = 0.0
        for token in range(size):
            nats, _ = witten_bell_nats(train, np.array([*context, token]), size, order, starts)
            total += math.exp(before - nats)
        assert total == pytest.approx(1, rel=1e-12)


def test_worked_by_hand():
    # Training "a b a c | b": a occurs twice, b twice, c once, so c() = 5 and T() = 3;
    # after a come b and c, once each, so c(a) = 2 and T(a) = 2.
    train, starts = np.array([0, 1, 0, 2, 1]), np.array([0, 4])
    # Test "a b" with V = 4: P_0 = 1/4; P_1(b) = (2 + 3/4) / (5 + 3) = 11/32;
    # P_2(b|a) = (1 + 2 × 11/32) / (2 + 2) = 27/64. P_3 has no second token before b and leaves it there.
    for order, expected in ((1, 11 / 32), (2, 27 / 64), (3, 27 / 64)):
        nats, count = witten_bell_nats(train, np.array([0, 1]), 4, order, starts)
        assert count == 1
        assert nats == pytest.approx(-math.log(expected), rel=1e-12)
    # c is followed by b only across the start of a document, which counts for nothing: P_2(b|c) = P_1(b).
    nats, _ = witten_bell_nats(train, np.array([2, 1]), 4, 2, starts)
    assert nats == pytest.approx(-math.log(11 / 32), rel=1e-12)
    # Without the boundary, P_2(b|c) = (1 + 11/32) / (1 + 1).
    nats, _ = witten_bell_nats(train, np.array([2, 1]), 4, 2)
    assert nats == pytest.approx(-math.log(43 / 64), rel=1e-12)


def test_frequency_by_hand():
    train, test = np.array([0, 0, 1], np.uint8), np.array([2, 0, 1, 0, 2], np.uint8)
    # V = 4: P(0) = 3/7, P(1) = 2/7, P(2) = 1/7.
    nats, count = frequency_nats(train, test, 4)
    assert count == 4
    assert nats == pytest.approx(-math.log((3 / 7) * (2 / 7) * (3 / 7) * (1 / 7)))
    nats, count = frequency_nats(train, test, 4, np.array([0, 3]))
    assert count == 3
    assert nats == pytest.approx(-math.log((3 / 7) * (2 / 7) * (1 / 7)))


def test_no_overflow_with_a_vocabulary_of_billions():
    size = 2**31
    rng = np.random.default_rng(1)
    train, test = rng.choice(np.array([0, 7, size // 2, size - 1]), size=(2, 100))
    expected = brute_force([train.tolist()], [test.tolist()], size, 8)
    assert witten_bell_nats(train, test, size, 8) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("score", [frequency_nats, witten_bell_nats])
def test_nothing_learnt_and_nothing_scored(score):
    nothing, some = np.zeros(0, np.uint8), np.array([1, 2, 0], np.uint8)
    assert score(nothing, some, 4) == (pytest.approx(2 * math.log(4)), 2)
    assert score(some, nothing, 4) == (0.0, 0)
    assert score(some, some[:1], 4) == (0.0, 0)


def test_an_order_needs_a_token():
    with pytest.raises(InputError, match=r"order must be an int in \[1, inf\)\. Got 0\."):
        witten_bell_nats(np.array([0]), np.array([0]), 1, 0)
