"""What is drawn is what was given, and the tables hold the same numbers."""

import math

import numpy as np
import pytest

from elman.diagnose import GateStatistics, GradientFlow, Spectrum
from elman.inspect.gates import gates_table, plot_gates, plot_time_constants, time_constants_table
from elman.inspect.gradient import gradient_table, plot_gradient_flow
from elman.inspect.hidden import hidden_table, plot_hidden, plot_inputs
from elman.inspect.spectrum import plot_spectrum, spectrum_table
from elman.inspect.training import (
    half_lives_table,
    plot_gradient_norm,
    plot_half_lives,
    plot_updates,
    training_table,
    updates_table,
)
from elman.pictures.base import BLUE, PALE, new_figure


def new_axes():
    return new_figure().subplots()


def lines(axes):
    return {
        line.get_label(): line.get_xydata() for line in axes.lines if not line.get_label().startswith("_")
    }


def flow(decay=0.9, lags=12, parts=("h", "c", "all")):
    rng = np.random.default_rng(0)
    norms = decay ** np.arange(lags)[:, None] * np.exp(rng.normal(size=(2, len(parts), lags, 9)))
    norms[..., -2:, 3:] = np.nan
    return GradientFlow(
        ("recurrent layer 1", "recurrent layer 1 reverse"),
        parts,
        np.arange(lags),
        norms,
        np.full((2, len(parts)), decay),
    )


def test_gradients_are_drawn_part_by_part_over_the_lags():
    axes, given = new_axes(), flow()
    plot_gradient_flow(axes, given, 1, "words")
    drawn = lines(axes)
    assert list(drawn) == ["state h", "state c", "all states", "fitted: × 0.9 a step"]
    for part, name in enumerate(["state h", "state c", "all states"]):
        np.testing.assert_array_equal(drawn[name][:, 0], given.lags)
        np.testing.assert_array_equal(drawn[name][:, 1], given.median[1, part])
    ratios = drawn["fitted: × 0.9 a step"][1:, 1] / drawn["fitted: × 0.9 a step"][:-1, 1]
    np.testing.assert_allclose(ratios, 0.9)
    assert len(axes.collections) == 3
    assert (axes.get_yscale(), axes.get_xlabel()) == ("log", "lag (words ahead)")


def test_lags_without_a_gradient_are_not_drawn():
    axes, given = new_axes(), flow(parts=("h",))
    given.norms[0, 0, 5:] = 0
    plot_gradient_flow(axes, given, 0)
    assert lines(axes)["state h"][:, 0].tolist() == [0, 1, 2, 3, 4]
    given.norms[:] = np.nan
    axes = new_axes()
    plot_gradient_flow(axes, given, 0)
    assert not axes.lines
    assert [text.get_text() for text in axes.texts] == ["no gradient"]


def test_the_gradients_table_has_every_part_and_lag():
    given = flow()
    table = gradient_table(given, 1)
    assert table["part"].tolist() == ["h"] * 12 + ["c"] * 12 + ["all"] * 12
    for name in ("median", "lower", "upper"):
        np.testing.assert_array_equal(table[name].reshape(3, 12), getattr(given, name)[1])
    np.testing.assert_array_equal(table["lag"].reshape(3, 12), [given.lags] * 3)


def test_the_spectrum_is_drawn_from_the_largest_on():
    values = -np.sort(-np.random.default_rng(0).lognormal(size=(5, 7)), axis=1)
    values[:, -1] = 0  # which has no place on a logarithmic axis
    spectra = (Spectrum("one", values), Spectrum("two", values[:, :4]))
    axes = new_axes()
    plot_spectrum(axes, spectra)
    drawn = lines(axes)
    np.testing.assert_array_equal(drawn["one"][:-1, 1], np.median(values, 0)[:-1])
    np.testing.assert_array_equal(drawn["two"][:, 0], [1, 2, 3, 4])
    assert axes.get_yscale() == "log"
    table = spectrum_table(spectra)
    assert {len(column) for column in table.values()} == {5 * 7 + 5 * 4}
    np.testing.assert_array_equal(table["singular value"][:35].reshape(5, 7), values)
    assert table["rank"][35:39].tolist() == [1, 2, 3, 4]


def gate(name="f", constants=True, layer="one"):
    counts, edges = np.histogram(np.random.default_rng(0).beta(0.5, 0.5, 1000), 20, (0, 1))
    units = np.linspace(0, 0.5, 6)
    return GateStatistics(
        layer,
        name,
        edges,
        counts,
        0.2,
        0.3,
        units,
        units,
        np.zeros(6, bool),
        np.arange(6.0, 0, -1) if constants else None,
    )


def test_saturated_values_are_darker():
    axes = new_axes()
    plot_gates(axes, gate())
    heights = [bar.get_height() for bar in axes.patches]
    np.testing.assert_allclose(heights, gate().counts / 1000)
    from matplotlib.colors import to_rgba

    colours = [bar.get_facecolor() for bar in axes.patches]
    assert colours[:2] + colours[-2:] == [to_rgba(BLUE)] * 4
    assert set(colours[2:-2]) == {to_rgba(PALE)}
    assert axes.get_title() == "gate f: 20% < 0.1, 30% > 0.9"


def test_time_constants_are_drawn_in_order_of_those_gates_that_have_some():
    axes, gates = new_axes(), [gate("i", constants=False), gate("f"), gate("f", layer="two")]
    plot_time_constants(axes, gates, "words")
    drawn = lines(axes)
    assert list(drawn) == ["one, gate f", "two, gate f"]
    assert drawn["one, gate f"][:, 1].tolist() == [1, 2, 3, 4, 5, 6]
    assert axes.get_ylabel() == "time constant (words)"
    table = time_constants_table(gates)
    assert table["time constant"].tolist() == [6, 5, 4, 3, 2, 1] * 2
    assert table["unit"].tolist() == [*range(6)] * 2
    counts = gates_table(gates)["count"]
    np.testing.assert_array_equal(counts.reshape(3, 20), [gate().counts] * 3)


def test_the_heat_map_is_units_by_steps():
    states = np.random.default_rng(0).normal(size=(9, 4))
    axes = new_axes()
    plot_hidden(axes, states, name="c", unit="characters", pieces=list("a b\ncdefg"))
    (image,) = axes.images
    np.testing.assert_array_equal(image.get_array(), states.T)
    assert image.norm.vmin == -image.norm.vmax
    assert [t.get_text() for t in axes.get_xticklabels()] == list("a␣b⏎cdefg")
    table = hidden_table({"h": states[:, :2], "c": states[:, 2:]})
    assert list(table) == ["step", "h 0", "h 1", "c 0", "c 1"]
    np.testing.assert_array_equal(table["c 1"], states[:, 3])


def test_states_that_are_all_0_can_be_drawn():
    plot_hidden(new_axes(), np.zeros((3, 2)))


def test_inputs_stand_above_the_states_step_by_step():
    axes = new_axes()
    plot_inputs(axes, np.arange(6.0).reshape(3, 2), ["$x^", "b"], "days")
    assert lines(axes)["b"][:, 1].tolist() == [1, 3, 5]
    assert axes.get_xlim() == (-0.5, 2.5)
    axes.figure.canvas.draw()  # a name is no formula


def history():
    train = [
        {
            "kind": "train",
            "loss": 1.0,
            "step": k,
            "epoch": 1,
            "seconds": 0.1,
            "grad_norm": 2.0 / k,
            "clipped": 0.1 * k,
        }
        for k in (1, 2, 3)
    ]
    train[1]["updates"] = {"w": 1e-3, "b": 0.0}
    train[2]["updates"] = {"w": 2e-3}
    watched = {"layer": "one", "verdict": "healthy", "decay": 0.97, "half_life": 23.0, "norms": []}
    gone = watched | {"half_life": None}
    seen = {"kind": "gradients", "step": 2, "epoch": 1, "seconds": 0.1, "lags": []}
    return [
        *train,
        {"kind": "validation", "loss": 1.0, "step": 3, "epoch": 1, "seconds": 0.1},
        seen | {"layers": [watched]},
        seen | {"step": 3, "layers": [gone]},
    ]


def test_norms_and_clipped_steps_over_the_training():
    axes = new_axes()
    plot_gradient_norm(axes, history(), clip_at=0.5)
    assert lines(axes)["norm"].tolist() == [[1, 2.0], [2, 1.0], [3, 2 / 3]]
    (_, share) = axes.figure.axes
    np.testing.assert_allclose(lines(share)["clipped"][:, 1], [10, 20, 30])
    assert training_table(history())["clipped"] == pytest.approx([0.1, 0.2, 0.3])
    axes = new_axes()
    plot_gradient_norm(axes, history())
    assert len(axes.figure.axes) == 1


def test_updates_and_half_lives_where_they_were_watched():
    table = updates_table(history())
    assert table["step"].tolist() == [2, 3]
    assert table["w"].tolist() == [1e-3, 2e-3]
    assert table["b"][0] == 0
    assert math.isnan(table["b"][1])
    axes = new_axes()
    plot_updates(axes, history())
    assert lines(axes)["w"].tolist() == [[2, 1e-3], [3, 2e-3]]
    lives = half_lives_table(history())
    assert lives["step"].tolist() == [2, 3]
    assert lives["one"][0] == 23
    assert math.isnan(lives["one"][1])
    plot_half_lives(new_axes(), history())
    assert not len(updates_table([])["step"])
    assert not len(half_lives_table([])["step"])
