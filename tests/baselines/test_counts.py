"""Counts of n-grams: against dictionaries and against the scores of the same model."""

import numpy as np
import pytest

from elman.baselines.counts import Level, NgramCounts
from elman.baselines.ngram import witten_bell_nats
from elman.errors import InputError


def corpus(rng, length, size, pieces):
    cuts = rng.choice(np.arange(1, length), pieces - 1, replace=False)
    return rng.integers(size, size=length).astype(np.uint16), np.sort(np.append(0, cuts))


@pytest.mark.parametrize("size", [3, 300])
@pytest.mark.parametrize("order", [1, 2, 4, 7])
@pytest.mark.parametrize("pieces", [1, 9])
def test_every_order_scores_as_witten_bell(size, order, pieces):
    rng = np.random.default_rng(order)
    (train, starts), (test, others) = corpus(rng, 90, size, pieces), corpus(rng, 60, size + 1, pieces)
    counts = NgramCounts.of(train, starts, size + 1, order)
    is_target = ~np.isin(np.arange(60), others)
    for k, (p, _, _) in enumerate(counts.probabilities(test, others), 1):
        expected, count = witten_bell_nats(train, test, size + 1, k, starts, others)
        assert is_target.sum() == count
        assert -np.log(p[is_target]).sum() == pytest.approx(expected, rel=1e-12)
        assert len(counts.up_to(k)) == sum(len(level.tokens) for level in counts.levels[:k])


@pytest.mark.parametrize("size", [3, 300])
def test_a_step_has_the_whole_distribution_of_which_a_text_has_one_value(size):
    rng = np.random.default_rng(0)
    (train, starts), (test, others) = corpus(rng, 400, size, 5), corpus(rng, 50, size + 2, 4)
    counts = NgramCounts.of(train, starts, size + 2, 5)
    *_, (p, known, followed) = counts.probabilities(test, others)
    for begin, end in zip(others, np.append(others[1:], len(test)), strict=True):
        follower = counts.follow(test[begin:begin])
        for i in range(begin, end):
            own, length, times = follower.distribution()
            assert own.sum() == pytest.approx(1, abs=1e-12)
            assert (own[test[i]], length, times) == (pytest.approx(p[i], rel=1e-12), known[i], followed[i])
            again = counts.follow(test[begin:i]).distribution()[0]
            assert (again == own).all()
            follower.push(int(test[i]))


def test_counts_that_do_not_fit_together_are_refused():
    good = NgramCounts.of(np.array([0, 1, 0, 0, 1, 1, 0]), np.array([0]), 2, 2)
    one, two = good.levels
    wrong = [
        Level(two.tokens[::-1], two.counts, two.children),
        Level(two.tokens + 1, two.counts, two.children),
        Level(two.tokens, two.counts - two.counts, two.children),
        Level(two.tokens, two.counts, two.children[:1]),
        Level(two.tokens[1:], two.counts[1:], two.children),
    ]
    for level in wrong:
        with pytest.raises(InputError, match="the n-grams of length 2 do not continue those of length 1"):
            NgramCounts(2, [one, level])
