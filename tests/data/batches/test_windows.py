"""Windows: every value is in one, nothing is in two series, what is missing does not count."""

import numpy as np
import torch

from elman.data.batches.windows import Windows


def windows(
    lengths: tuple[int, ...] = (7, 12), seed: int | None = None, stride: int = 1, length: int = 5
) -> Windows:
    """Series whose input is 100 times their number plus the step, and whose target is its negative."""
    inputs = [(100.0 * k + np.arange(n, dtype=np.float32))[:, None] for k, n in enumerate(lengths)]
    targets = [np.where(each % 100 == 2, np.float32(np.nan), -each) for each in inputs]
    return Windows(inputs, targets, length=length, stride=stride, batch_size=4, seed=seed)


def begins(found: Windows, epoch: int = 0, start: int = 0) -> list[float]:
    return [b for batch in found.epoch(epoch, start) for b in batch.inputs.values[0, :, 0].tolist()]


def test_windows_are_runs_of_one_series():
    for batch in windows().epoch():
        x = batch.inputs.values
        assert x.shape == (5, x.shape[1], 1)
        assert (x.diff(dim=0) == 1).all()
        known = x % 100 != 2
        assert torch.equal(batch.targets.weights, known.float())
        assert torch.equal(batch.targets.values, torch.where(known, -x, 0))


def test_all_beginnings_in_order_without_a_seed():
    assert begins(windows()) == [0, 1, 2, *range(100, 108)]
    assert windows().steps == 3
    # the last one ends where the series does
    assert begins(windows(stride=5)) == [0, 2, 100, 105, 107]


def test_the_seed_and_the_epoch_decide_the_order():
    first = begins(windows(seed=1))
    assert sorted(first) == begins(windows())
    assert first == begins(windows(seed=1)) != begins(windows(seed=2))
    assert first != begins(windows(seed=1), epoch=1)
    assert begins(windows(seed=1), epoch=3, start=1) == begins(windows(seed=1), epoch=3)[4:]


def test_a_short_series_is_one_window_with_nothing_to_predict_at_its_end():
    (batch,) = windows((3, 5)).epoch()
    assert batch.inputs.values[:, :, 0].T.tolist() == [[0, 1, 2, 0, 0], [100, 101, 102, 103, 104]]
    assert batch.targets.weights[:, :, 0].T.tolist() == [[1, 1, 0, 0, 0], [1, 1, 0, 1, 1]]
