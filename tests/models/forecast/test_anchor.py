"""What forecasts are relative to."""

import pytest
import torch

from elman.models.forecast.anchor import anchors, choose, last_observed

LAST, LEVEL, SEASON = 0, 1, 2


def test_the_last_value_the_level_and_a_season_ago_by_hand():
    values = torch.tensor([[1.0, 2, 0, 4, 5, 6]]).T
    observed = torch.tensor([[True, True, False, True, True, True]]).T
    assert last_observed(values, observed)[:, 0].tolist() == [1, 2, 2, 4, 5, 6]
    found = anchors(values, observed, torch.tensor([3, 6]), 4, (3,))[..., 0]
    assert found[LAST].tolist() == [[2] * 4, [6] * 4]
    assert found[LEVEL].tolist() == [[1.5] * 4, [5] * 4]  # of the last three, without the missing one
    assert found[SEASON].tolist() == [[1, 2, 2, 1], [4, 5, 6, 4]]
    # before its first season, the last value stands for it
    assert anchors(values, observed, torch.tensor([2]), 2, (3,))[SEASON, 0, :, 0].tolist() == [2, 1]
    assert len(anchors(values, observed, torch.tensor([2]), 2, (1,))) == 2


def test_a_season_ago_before_the_first_value_is_the_last_value():
    # the 0 of a step before a series begins says nothing: windows are less their last value
    values = torch.tensor([[0.0, 0, 7, 8]]).T
    observed = torch.tensor([[False, False, True, True]]).T
    found = anchors(values, observed, torch.tensor([4]), 3, (3,))[SEASON, 0, :, 0]
    assert found.tolist() == [8, 7, 8]


def test_each_series_has_the_anchor_that_its_past_was_nearest_to():
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(60, generator=generator)
    wave = torch.tensor([0.0, 8, 0, -8]).repeat(15)
    values = torch.stack([noise.cumsum(0), 10 * noise, wave + noise / 10, torch.full((60,), 3.0)], dim=1)
    chosen, unit = choose(values, torch.ones_like(values, dtype=torch.bool), 60, 4, (4,))
    assert chosen[:3].tolist() == [LAST, LEVEL, SEASON]
    assert 0.5 < unit[0] < 5
    assert unit[2] < 0.3
    assert unit[3] == 0
    # a value at or after ``earliest``, or one that is missing, has no effect
    changed = values.clone()
    changed[50:] += 100
    before = choose(values[:50], torch.ones(50, 4, dtype=torch.bool), 50, 4, (4,))
    again = choose(changed, torch.ones_like(values, dtype=torch.bool), 50, 4, (4,))
    assert torch.equal(before[0], again[0])
    assert again[1].tolist() == pytest.approx(before[1].tolist())
    nothing = choose(values, torch.zeros_like(values, dtype=torch.bool), 60, 4, (4,))
    assert nothing[1].tolist() == [0] * 4
