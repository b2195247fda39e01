"""Windows of series: every step where it belongs, and none from beyond a cutoff."""

import numpy as np
import pytest
import torch

from elman.data.batches.cutoffs import CutoffWindows, Division, RandomWindows, windows_back
from elman.data.series.covariates import Encoded


def encoded(lengths: tuple[int, ...] = (10, 4)) -> Encoded:
    """Series whose targets and covariates tell series and step: 100 × series + step."""
    begins = np.concatenate([[0], np.cumsum(lengths)])
    values = np.concatenate([100 * k + np.arange(n) for k, n in enumerate(lengths)]).astype(np.float32)
    y = values.copy()
    y[3] = np.nan
    codes = values.astype(np.int64)[:, None]
    return Encoded(begins, y, values[:, None], values[:, None], codes, codes, np.array([7, 8]))


def window(series: int, cutoff: int, **options):
    cut = CutoffWindows(
        encoded(), np.array([series]), np.array([cutoff]), context=5, horizon=3, batch_size=9, **options
    )
    (batch,) = cut.epoch()
    return batch


def test_a_window_in_the_middle():
    batch = window(0, 6)
    inputs = batch.inputs
    assert (inputs.context, inputs.horizon) == (5, 3)
    assert inputs.values[:, 0].tolist() == [1, 2, 0, 4, 5]
    assert inputs.observed[:, 0].tolist() == [True, True, False, True, True]
    assert inputs.known[:, 0, 0].tolist() == inputs.known_codes[:, 0, 0].tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert inputs.past[:, 0, 0].tolist() == inputs.past_codes[:, 0, 0].tolist() == [1, 2, 3, 4, 5]
    assert not inputs.starts.any()
    assert (inputs.number.tolist(), inputs.series.tolist()) == ([1], [7])
    assert batch.targets.values[:, 0].tolist() == [6, 7, 8]
    assert batch.targets.weights[:, 0].tolist() == [1, 1, 1]


def test_a_window_that_sticks_out_on_both_sides():
    batch = window(1, 2)
    inputs = batch.inputs
    assert inputs.values[:, 0].tolist() == [0, 0, 0, 100, 101]
    assert inputs.observed[:, 0].tolist() == [False] * 3 + [True] * 2
    assert inputs.starts[:, 0].tolist() == [False] * 3 + [True, False]
    assert inputs.number.tolist() == [-3]
    # no step of the series before it, and none after its end
    assert inputs.known[:, 0, 0].tolist() == [0, 0, 0, 100, 101, 102, 103, 0]
    assert batch.targets.values[:, 0].tolist() == [102, 103, 0]
    assert batch.targets.weights[:, 0].tolist() == [1, 1, 0]


def test_targets_past_the_training_part_do_not_count():
    batch = window(0, 6, ends=np.array([7, 4]))
    assert batch.targets.weights[:, 0].tolist() == [1, 0, 0]
    assert batch.targets.values[:, 0].tolist() == [6, 0, 0]
    batch = window(0, 6, ends=np.array([5, 4]))
    assert batch.inputs.values[:, 0].tolist() == [1, 2, 0, 4, 0]


def random(ends: tuple[int, ...] = (10, 4), windows: int = 40, seed: int = 0, **options) -> RandomWindows:
    sizes = {"context": 5, "horizon": 3, "batch_size": 8} | options
    return RandomWindows(encoded(), np.array(ends), windows=windows, seed=seed, **sizes)


def test_random_windows_take_every_series_as_often_and_stay_within_the_training_part():
    batches = random((9, 4))
    assert batches.steps == 5
    found = list(batches.epoch(0))
    series = torch.cat([batch.inputs.series for batch in found])
    assert series.bincount()[7:].tolist() == [20, 20]
    for batch in found:
        long = batch.inputs.series == 7
        # three targets before step 9; the whole context where there is one
        cutoffs = batch.inputs.number + 5
        assert ((cutoffs[long] >= 3) & (cutoffs[long] <= 6)).all()
        assert (cutoffs[~long] == 1).all()
        assert batch.targets.values[:, long].max() <= 8


def test_an_epoch_is_decided_by_its_number_and_the_seed_and_can_start_anywhere():
    def numbers(batches: RandomWindows, epoch: int, start: int = 0) -> list[list[int]]:
        return [batch.inputs.number.tolist() for batch in batches.epoch(epoch, start)]

    assert numbers(random(), 3) == numbers(random(), 3)
    assert numbers(random(), 3, start=2) == numbers(random(), 3)[2:]
    assert numbers(random(), 3) != numbers(random(), 4)
    assert numbers(random(), 3) != numbers(random(seed=1), 3)


def test_a_series_of_one_step_is_left_out():
    assert {k for b in random((9, 1)).epoch(0) for k in b.inputs.series.tolist()} == {7}


@pytest.mark.parametrize(
    ("windows", "step", "wanted"),
    [(1, 3, [[7], []]), (3, 2, [[3, 5, 7], []]), (9, 1, [[3, 4, 5, 6, 7], []]), (0, 3, [[], []])],
)
def test_cutoffs_go_back_from_each_series_end(windows, step, wanted):
    found = windows_back(np.array([10, 4]), 3, windows, step, least=3)
    assert [each.tolist() for each in found] == wanted


@pytest.mark.parametrize(
    ("windows", "test", "validation", "ends"),
    [
        ((1, 1), [(0, 9), (1, 2)], [(0, 6)], [6, 2, 4]),
        ((2, 1), [(0, 7), (0, 9), (1, 2)], [], [7, 2, 4]),
        ((0, 2), [], [(0, 7), (0, 9)], [7, 5, 4]),
        ((0, 0), [], [], [12, 5, 4]),
    ],
    ids=str,
)
def test_the_parts_of_a_series_follow_each_other(windows, test, validation, ends):
    lengths = np.array([12, 5, 4])
    division = Division(3, 2, *windows)
    assert list(zip(*division.test(lengths), strict=True)) == test
    assert list(zip(*division.validation(lengths), strict=True)) == validation
    assert division.training_ends(lengths).tolist() == ends
    assert division.shortest == 5
