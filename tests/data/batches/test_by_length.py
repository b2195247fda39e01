"""Batches limited by steps: promises on thousands of random lengths."""

import numpy as np
import pytest
import torch

from elman.data.batches.by_length import ByLength, LengthBuckets
from elman.data.features import write_features
from elman.errors import InputError

DRAWS = {
    "uniform": lambda rng: rng.integers(1, 2000, 5000),
    "speech": lambda rng: rng.lognormal(6, 0.8, 5000).astype(int).clip(1, 4000),
    "alike": lambda rng: np.full(5000, 300),
    "short and empty": lambda rng: rng.integers(0, 4, 5000),
    "two kinds": lambda rng: rng.choice([3, 3999], 5000),
    "one": lambda rng: np.array([17]),
}
each_draw = pytest.mark.parametrize("lengths", DRAWS)


def drawn(name: str) -> np.ndarray:
    return DRAWS[name](np.random.default_rng(7))


@each_draw
@pytest.mark.parametrize("most", [0.02, 0.1, 0.4])
@pytest.mark.parametrize("seed", [None, 3])
def test_every_item_comes_once_within_the_limits(lengths, most, seed):
    lengths = drawn(lengths)
    buckets = LengthBuckets(lengths, 4000, seed, most)
    for epoch in (0, 1, 5):
        batches = buckets.rows(epoch)
        assert len(batches) == len(buckets)  # in every epoch
        assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
        for rows in batches:
            steps = np.maximum(lengths[rows], 1)
            size = len(rows) * steps.max()
            assert size <= 4000
            assert size - steps.sum() <= most * size + 1e-6


@each_draw
def test_batches_are_about_as_full_as_they_may_be(lengths):
    lengths = drawn(lengths)
    buckets = LengthBuckets(lengths, 40_000, 3)
    fewest = np.maximum(lengths, 1).sum() / 40_000
    # the last batch of a kind of length, and what padding may take
    assert len(buckets) <= fewest / 0.85 + 60


def test_the_order_is_new_each_epoch_and_the_same_for_a_seed():
    lengths = drawn("speech")

    def order(seed, epoch):
        return [rows.tolist() for rows in LengthBuckets(lengths, 4000, seed).rows(epoch)]

    first = order(3, 0)
    assert first == order(3, 0)
    for other in (order(3, 1), order(4, 0)):
        assert first != other
        together = {frozenset(rows) for rows in first} & {frozenset(rows) for rows in other}
        assert len(together) < len(first) / 2  # not the same batches in another order


def test_evaluation_takes_the_longest_first():
    lengths = drawn("speech")
    rows = np.concatenate(LengthBuckets(lengths, 4000, None).rows())
    assert (np.diff(lengths[rows]) <= 0).all()


def test_what_cannot_hold_is_refused():
    with pytest.raises(InputError, match="steps_per_batch must be at least 1,200, the steps of the longest"):
        LengthBuckets([3, 1200], 1199, 0)
    with pytest.raises(InputError, match=r"most_padding must be in \(0, 1\). Got 1"):
        LengthBuckets([3], 10, 0, 1.0)
    items = [np.ones((2, 1)), np.ones((3, 1))]
    with pytest.raises(InputError, match=r"target 1 must be of the item's 3 steps\. Got 2"):
        ByLength(items, [np.ones(2), np.ones(2)], is_aligned=True, steps_per_batch=9)


def recordings(number: int = 40) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Features and words of other lengths."""
    rng = np.random.default_rng(1)
    items = [rng.normal(size=(n, 3)).astype(np.float32) for n in rng.integers(0, 30, number)]
    return items, [rng.integers(0, 9, n) for n in rng.integers(0, 7, number)]


def test_an_epoch_continues_where_it_stopped():
    items, words = recordings()
    data = ByLength(items, words, steps_per_batch=60, seed=2)
    whole = list(data.epoch(3))
    assert len(whole) == data.steps > 10
    for start in (0, 4, data.steps):
        rest = list(data.epoch(3, start))
        assert len(rest) == data.steps - start
        for batch, wanted in zip(rest, whole[start:], strict=True):
            assert torch.equal(batch.inputs.values, wanted.inputs.values)
            assert torch.equal(batch.targets.values, wanted.targets.values)


def test_rows_of_a_batch_are_the_items_and_their_sequences():
    items, words = recordings()
    data = ByLength(items, words, steps_per_batch=60, seed=2)
    for rows, batch in zip(data.rows(1), data.epoch(1), strict=True):
        assert batch.targets.weights is None
        for column, k in enumerate(rows):
            for field, original in ((batch.inputs, items[k]), (batch.targets, words[k])):
                assert field.lengths[column] == len(original)
                torch.testing.assert_close(
                    field.values[: len(original), column], torch.from_numpy(original), check_dtype=False
                )
                assert not field.values[len(original) :, column].any()


def test_targets_beside_each_step_have_no_weight_past_the_end():
    items, _ = recordings()
    labels = [np.arange(len(item)) for item in items]
    for batch in ByLength(items, labels, is_aligned=True, steps_per_batch=60).epoch():
        T = torch.arange(len(batch.inputs.values))[:, None]
        assert torch.equal(batch.targets.weights, (batch.inputs.lengths > T).float())
        assert torch.equal(batch.targets.values, T * batch.targets.weights.long())


def test_stored_features_are_batched_without_being_held(tmp_path):
    items, _ = recordings()
    features = write_features(tmp_path / "x", items)
    classes = torch.arange(len(items))
    data = ByLength(features, classes, features.lengths, steps_per_batch=60, seed=0)
    for batch in data.epoch():
        for column, k in enumerate(batch.targets.values):
            length = int(batch.inputs.lengths[column])
            assert np.array_equal(batch.inputs.values[:length, column].numpy(), items[k])
