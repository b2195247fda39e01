"""Examples of unlike lengths: all of them, padded, pairs in two halves."""

import numpy as np
import torch

from elman.data.batches.ragged import Ragged, pad


def tokens(*lengths):
    return [np.arange(1, n + 1, dtype=np.uint8) + 10 * k for k, n in enumerate(lengths)]


def test_sequences_are_padded_with_0():
    field = pad(tokens(2, 0, 3))
    assert field.values.T.tolist() == [[1, 2, 0], [0, 0, 0], [21, 22, 23]]
    assert field.values.dtype == torch.int64
    assert field.lengths.tolist() == [2, 0, 3]
    assert pad(tokens(0, 0)).values.tolist() == [[0, 0]]  # a layer wants a step
    numbers = pad([np.ones((2, 3), np.float64), np.ones((1, 3), np.float64)])
    assert numbers.values.dtype == torch.float32
    assert numbers.values[:, 1].tolist() == [[1, 1, 1], [0, 0, 0]]


def test_an_epoch_has_every_example_once_with_its_target():
    items = [(t,) for t in tokens(3, 1, 4, 1, 5, 9, 2)]
    batches = Ragged(items, torch.arange(7), batch_size=3, seed=1)
    orders = []
    for number in (0, 0, 1, 2, 3):
        seen = []
        for batch in batches.epoch(number):
            for row, k in enumerate(batch.targets.values.tolist()):
                n = int(batch.inputs.lengths[row])
                assert batch.inputs.values[:n, row].tolist() == items[k][0].tolist()
                assert not batch.inputs.values[n:, row].any()
                seen.append(k)
        assert sorted(seen) == list(range(7))
        orders.append(seen)
    assert orders[0] == orders[1]
    assert any(order != orders[0] for order in orders)
    assert len(list(batches.epoch(0, 1))) == batches.steps - 1 == 2


def test_without_a_seed_the_longest_come_first_and_rows_tell_who_they_are():
    batches = Ragged([(t,) for t in tokens(3, 1, 4, 9)], torch.arange(4), batch_size=2)
    assert [rows.tolist() for rows in batches.rows()] == [[3, 2], [0, 1]]
    assert [b.targets.values.tolist() for b in batches.epoch()] == [[3, 2], [0, 1]]


def test_of_pairs_all_first_ones_come_before_all_second_ones():
    a, b, c, d = tokens(2, 3, 1, 1)
    (batch,) = Ragged([(a, b), (c, d)], torch.arange(2), batch_size=2).epoch()
    assert batch.inputs.lengths.tolist() == [2, 1, 3, 1]
    assert batch.inputs.values[0].tolist() == [1, 21, 11, 31]
    assert batch.targets.values.tolist() == [0, 1]


def test_training_prepares_each_sequence_by_draws_of_its_batch_and_evaluation_without():
    items = [(np.ones((n, 1), np.float32),) for n in (3, 1, 4, 1, 5)]

    def prepare(x: np.ndarray, random: np.random.Generator | None) -> np.ndarray:
        return np.concatenate([x, x]) * (7 if random is None else random.random())

    def values(batches: Ragged, number: int, start: int = 0) -> list[np.ndarray]:
        return [batch.inputs.values.numpy() for batch in batches.epoch(number, start)]

    training = Ragged(items, torch.arange(5), batch_size=2, seed=1, prepare=prepare)
    first, again, next_ = values(training, 0), values(training, 0, 1), values(training, 1)
    assert all(np.array_equal(a, b) for a, b in zip(first[1:], again, strict=True))
    assert {x.max() for x in first}.isdisjoint({x.max() for x in next_})
    (longest, *_) = values(Ragged(items, torch.arange(5), batch_size=2, prepare=prepare), 0)
    assert longest.shape == (10, 2, 1)
    assert longest.max() == 7
