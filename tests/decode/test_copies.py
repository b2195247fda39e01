"""Generated text that copies no long run."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from elman.decode.copies import Copies
from elman.decode.sample import sample
from elman.metrics.novelty import longest_copy


@given(st.text("abc", max_size=30), st.text("abc", max_size=10), st.integers(1, 3))
def test_what_would_be_a_copy_is_that_of_brute_force(text, written, longest):
    copies = Copies(np.array([ord(c) for c in text], np.uint8), longest)
    for symbol in written:
        copies.push(ord(symbol))
    run = written[-longest:]
    forbidden = [c for c in "abc" if len(run) == longest and run + c in text]
    assert copies.forbidden().tolist() == [ord(c) for c in forbidden]


def test_a_model_that_knows_a_text_by_heart_copies_no_more_of_it():
    text = np.random.default_rng(0).integers(5, size=500)
    at = 0

    def step(token):
        nonlocal at
        at = (at + 1) % len(text)
        return torch.nn.functional.one_hot(torch.tensor(text[[at]]), 5) * 20.0

    for longest in (3, 12):
        draws = sample(step, step(None), copies=Copies(text, longest), seed=0)
        assert longest_copy(np.array([int(next(draws)) for _ in range(300)]), text) == longest


def test_where_no_other_token_remains_the_copy_goes_on():
    draws = sample(lambda _: torch.zeros(1, 1), torch.zeros(1, 1), copies=Copies(np.zeros(9, int), 2), seed=0)
    assert [int(next(draws)) for _ in range(5)] == [0] * 5
