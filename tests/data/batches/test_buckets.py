import numpy as np
import pytest

from elman.data.batches.buckets import buckets


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize("n", [1, 31, 32, 33, 3210])
def test_every_example_comes_once(n, seed):
    lengths = np.random.default_rng(0).integers(1, 90, n)
    batches = buckets(lengths, 32, seed)
    assert sorted(np.concatenate(batches).tolist()) == list(range(n))
    assert len(batches) == -(-n // 32)
    assert max(map(len, batches)) <= 32


def test_little_padding():
    lengths = np.random.default_rng(0).integers(1, 90, 3200)
    padded = sum(lengths[rows].max() * len(rows) for rows in buckets(lengths, 32, 3))
    at_random = sum(rows.max() * len(rows) for rows in lengths.reshape(-1, 32))
    assert padded < 1.05 * lengths.sum() < at_random


def test_order_is_new_each_epoch_and_the_same_for_a_seed():
    lengths = np.random.default_rng(0).integers(1, 90, 320)
    first = [rows.tolist() for rows in buckets(lengths, 32, 3, epoch=0)]
    assert first == [rows.tolist() for rows in buckets(lengths, 32, 3, epoch=0)]
    for other in (buckets(lengths, 32, 3, epoch=1), buckets(lengths, 32, 4, epoch=0)):
        assert first != [rows.tolist() for rows in other]
    assert lengths[first[0]].max() < 90 or lengths[first[1]].max() < 90  # not simply longest first


def test_evaluation_takes_the_longest_first():
    batches = buckets(np.array([3, 9, 1, 9]), 2, None)
    assert [rows.tolist() for rows in batches] == [[1, 3], [0, 2]]
