"""The unit that tracks a property is found, under its name, by a measure that is what it says."""

import numpy as np
import pytest

from elman.diagnose import HiddenStates
from elman.inspect.text import text_properties
from elman.inspect.trackers import area_under_curve, correlation, rank_trackers

TEXT = ('He said "no, not (now)" and left.\n  "Why?" she asked (them).\n\n' * 6)[:300]


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def properties(rows=1):
    return {name: np.stack([v] * rows, 1) for name, v in text_properties(list(TEXT)).items()}


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("name", list(text_properties(list(TEXT))))
def test_a_unit_that_is_exactly_the_property_is_ranked_first_under_its_name(name, sign):
    values = properties()
    states = noise(len(TEXT), 1, 12)
    states[:, 0, 7] = sign * (0.5 * values[name][:, 0] - 3)
    found = rank_trackers(
        [
            HiddenStates("other", {"h": noise(len(TEXT), 1, 9, seed=1)}),
            HiddenStates("one", {"h": noise(len(TEXT), 1, 12, seed=2), "c": states}),
        ],
        values,
    )
    best = found[name][0]
    assert (best.name, best.layer, best.part, best.unit, best.sign) == (name, 1, "c", 7, sign)
    assert best.value == pytest.approx(1)
    assert best.measure == ("AUC" if name.startswith("inside") else "|correlation|")
    assert [each.value for each in found[name]] == sorted((each.value for each in found[name]), reverse=True)
    assert len(found[name]) == 3
    assert found[name][1].value < 0.9


def test_noise_tracks_nothing_well():
    found = rank_trackers([HiddenStates("one", {"h": noise(len(TEXT), 4, 20)})], properties(4))
    assert set(found) == set(properties())
    for name, ranked in found.items():
        chance = 0.5 if name.startswith("inside") else 0
        assert ranked[0].value < chance + 0.15


def test_what_hardly_varies_has_no_tracker():
    flat = {"inside quotes": np.zeros((300, 1)), "indentation": np.ones((300, 1))}
    flat["inside quotes"][:29] = 1
    layers = [HiddenStates("one", {"h": noise(300, 1, 5)})]
    assert rank_trackers(layers, flat) == {}
    flat["inside quotes"][:30] = 1
    assert set(rank_trackers(layers, flat)) == {"inside quotes"}


def test_steps_that_a_row_does_not_have_do_not_count():
    values = properties(2)
    states = noise(len(TEXT), 2, 4)
    states[..., 2] = values["inside quotes"]
    values["inside quotes"] = values["inside quotes"].copy()
    values["inside quotes"][200:, 1] = np.nan  # where the state says nothing of the property
    states[200:, 1] = np.nan
    assert rank_trackers([HiddenStates("one", {"h": states})], values)["inside quotes"][0].value == 1


def test_layers_of_other_steps_are_left_out():
    assert rank_trackers([HiddenStates("decoder", {"h": noise(5, 1, 3)})], properties()) == {}


def test_a_reverse_direction_has_not_read_the_text_so_far_and_is_left_out():
    states = noise(len(TEXT), 1, 3)
    states[:, 0, 1] = properties()["inside quotes"][:, 0]
    layers = [
        HiddenStates("layer 1 reverse", {"h": states}),
        HiddenStates("layer 2", {"h": noise(len(TEXT), 1, 3)}),
    ]
    ranked = rank_trackers(layers, properties())["inside quotes"]
    assert {each.layer for each in ranked} == {1}
    assert ranked[0].value < 0.9


def test_states_of_several_axes_are_numbered_through():
    states = noise(len(TEXT), 1, 2, 3)
    states[:, 0, 1, 1] = properties()["inside quotes"][:, 0]
    assert rank_trackers([HiddenStates("one", {"h": states})], properties())["inside quotes"][0].unit == 4


def test_the_area_is_the_share_of_pairs_in_order():
    truth = np.array([True, False, True, False, False])
    scores = np.array([[3.0, 0, 1], [1, 0, 3], [2, 0, 2], [2, 0, 2], [0, 0, 4]])
    # by hand, over the 2 × 3 pairs: column 0 has 3 and 2 against 1, 2, 0, with one tie
    assert area_under_curve(scores, truth) == pytest.approx([5.5 / 6, 0.5, 0.5 / 6])


def test_correlation_is_pearsons_and_0_of_a_constant():
    x = noise(50, 3)
    x[:, 1] = 0.1
    y = noise(50, seed=1)
    found = correlation(x, y)
    assert found[[0, 2]] == pytest.approx([np.corrcoef(x[:, k], y)[0, 1] for k in (0, 2)])
    assert found[1] == 0
