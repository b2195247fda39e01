"""Draws from n-gram counts have the counts' probabilities."""

from itertools import islice

import numpy as np
import torch

from elman.baselines.counts import NgramCounts
from elman.decode.counts import CountedStream
from elman.decode.sample import sample

TEXT = np.array([0, 1, 2, 0, 1, 3, 0, 1, 2, 0])
COUNTS = NgramCounts.of(TEXT, np.zeros(1, np.int64), 4, 3)


def test_a_step_is_the_distribution_after_the_tokens_so_far():
    stream = CountedStream(COUNTS, TEXT[:1])
    after = stream.step(torch.tensor([1]))
    p, _, _ = COUNTS.follow(TEXT[:2]).distribution()
    np.testing.assert_allclose(after.exp().numpy(), p[None])
    # 0 1 was followed by 2 twice and by 3 once: (2 + 2 P(2 | 1)) / 5
    assert p[2] == (2 + 2 * COUNTS.follow(TEXT[1:2]).distribution()[0][2]) / 5


def test_the_most_probable_text_goes_round_in_what_was_counted():
    stream = CountedStream(COUNTS, TEXT[:1])
    drawn = islice(sample(stream.step, stream.logits(), temperature=0), 6)
    assert [int(token) for token in drawn] == [1, 2, 0, 1, 2, 0]
