"""What is drawn is what was given, and the tables hold the same numbers."""

import math
from itertools import pairwise

import numpy as np
import pytest

from elman.diagnose import GateStatistics, GradientFlow, Spectrum
from elman.errors import InputError
from elman.inspect.gates import gates_table, plot_gates, plot_time_constants, time_constants_table
from elman.inspect.gradient import gradient_table, plot_gradient_flow
from elman.inspect.hidden import hidden_table, plot_hidden, plot_inputs
from elman.inspect.spectrum import is_cut, plot_spectrum, spectrum_table
from elman.inspect.training import (
    half_lives_table,
    plot_gradient_norm,
    plot_half_lives,
    plot_updates,
    training_table,
    updates_table,
)
from elman.pictures.base import BLUE, PALE, line_style, new_figure


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
    assert list(drawn) == ["state h", "state c", "all states", "fit: × 0.9 per step"]
    for part, name in enumerate(["state h", "state c", "all states"]):
        np.testing.assert_array_equal(drawn[name][:, 0], given.lags)
        np.testing.assert_array_equal(drawn[name][:, 1], given.median[1, part])
    ratios = drawn["fit: × 0.9 per step"][1:, 1] / drawn["fit: × 0.9 per step"][:-1, 1]
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
    assert is_cut(spectra)
    assert axes.get_ylim()[0] == 1e-6 * values.max()
    drawn = lines(axes)
    assert drawn["one"][-1, 1] < axes.get_ylim()[0]
    np.testing.assert_array_equal(drawn["one"][:-1, 1], np.median(values, 0)[:-1])
    np.testing.assert_array_equal(drawn["two"][:, 0], [1, 2, 3, 4])
    assert axes.get_yscale() == "log"
    table = spectrum_table(spectra)
    assert {len(column) for column in table.values()} == {5 * 7 + 5 * 4}
    np.testing.assert_array_equal(table["singular value"][:35].reshape(5, 7), values)
    assert table["rank"][35:39].tolist() == [1, 2, 3, 4]


def test_around_the_median_of_a_spectrum_stand_its_quartiles_and_its_range():
    values = np.linspace(3, 7, 5)[:, None] * np.ones(2)
    axes = new_axes()
    plot_spectrum(axes, [Spectrum("one", values)])
    assert not is_cut([Spectrum("one", values)])
    bands = [sorted(set(band.get_paths()[0].vertices[:, 1])) for band in axes.collections]
    np.testing.assert_allclose(bands, [[3, 7], [4, 6]])


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
    assert axes.get_title() == "gate f\n20% < 0.1, 30% > 0.9"


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


@pytest.mark.parametrize(
    ("pieces", "written"),
    [("a" * 60, True), ("a" * 160, False), ("天" * 40, True), ("天" * 75, False), (["word"] * 75, False)],
)
def test_letters_are_written_under_the_steps_if_there_is_room(pieces, written):
    axes = new_figure(5.4, 2.6).subplots()
    plot_hidden(axes, np.random.default_rng(0).normal(size=(len(pieces), 4)), pieces=list(pieces))
    shown = [t.get_text() for t in axes.get_xticklabels()]
    assert (shown == list(pieces)) == written


@pytest.mark.parametrize("number", [2, 5, 16, 97])
def test_units_and_steps_are_counted_in_whole_numbers(number):
    axes = new_axes()
    plot_hidden(axes, np.random.default_rng(0).normal(size=(number, number)))
    for axis in (axes.xaxis, axes.yaxis):
        ticks = axis.get_major_locator()()
        assert len(ticks) > 1
        assert (ticks == np.round(ticks)).all()


def test_neighbouring_lines_differ_in_colour_and_in_dashes():
    styles = [line_style(k) for k in range(16)]
    for name in ("color", "linestyle"):
        assert all(one[name] != other[name] for one, other in pairwise(styles[:4]))
    assert len({tuple(style.values()) for style in styles}) == 16


def test_states_that_are_all_0_can_be_drawn():
    plot_hidden(new_axes(), np.zeros((3, 2)))


def test_inputs_stand_above_the_states_step_by_step():
    axes = new_axes()
    plot_inputs(axes, np.arange(6.0).reshape(3, 2), ["$x^", "b"], "days")
    assert lines(axes)["b"][:, 1].tolist() == [1, 3, 5]
    assert axes.get_xlim() == (-0.5, 2.5)
    axes.figure.canvas.draw()  # a name is no formula


def test_many_inputs_are_a_heat_map():
    axes, names = new_axes(), [f"symbol {k}" for k in range(8)] + ["blank", "$delimiter^"]
    plot_inputs(axes, np.eye(10), names)
    (image,) = axes.images
    np.testing.assert_array_equal(image.get_array(), np.eye(10))
    assert (image.norm.vmin, image.norm.vmax) == (0, 1)
    assert [each.get_text() for each in axes.get_yticklabels()] == names
    axes.figure.canvas.draw()
    axes = new_axes()
    plot_inputs(axes, -np.eye(40), [str(k) for k in range(40)])
    assert axes.images[0].norm.vmin == -1
    assert len(axes.get_yticks()) == 20


@pytest.mark.parametrize(
    ("draw", "line"),
    [
        (
            lambda axes: plot_hidden(axes, np.zeros((5, 2, 3))),
            r"states must be of one sequence, \[T, H\]\. Got ",
        ),
        (
            lambda axes: plot_hidden(axes, np.zeros((5, 2)), pieces="abc"),
            r"pieces must be 5, one .*\. Got 3\.",
        ),
        (lambda axes: plot_inputs(axes, np.zeros((5, 2, 3)), "ab"), r"inputs must be of one sequence"),
        (lambda axes: plot_inputs(axes, np.zeros((5, 2)), ["a"]), r"names must be 2, one .*\. Got 1\."),
        (lambda axes: plot_spectrum(axes, []), r"spectra must be at least one\. Got "),
        (lambda axes: plot_time_constants(axes, []), r"statistics must be those of at least one .*\. Got "),
        (lambda axes: plot_time_constants(axes, [gate("i", False)]), r"statistics must be .*\['i'\]"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_a_line(draw, line):
    with pytest.raises(InputError, match=f"^{line}"):
        draw(new_axes())


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
    validation = {"kind": "validation", "loss": 1.0, "step": 3, "epoch": 1, "seconds": 0.1}
    return [*train, validation, *looks(2, watched), *looks(3, watched | {"half_life": 11.5})]


KEPT = {"layer": "one", "verdict": "healthy", "decay": 1.0, "half_life": None, "norms": []}
GONE = KEPT | {"verdict": "vanishing", "decay": 0.0, "half_life": 0.0}
BEYOND = KEPT | {"verdict": "exploding", "decay": None}  # float32
UNKNOWN = KEPT | {"decay": None}


def looks(step, *layers):
    """Lines of a watched run, a step apart."""
    seen = {"kind": "gradients", "epoch": 1, "seconds": 0.1, "lags": []}
    return [seen | {"step": step + k, "layers": [layer]} for k, layer in enumerate(layers)]


def test_norms_and_clipped_steps_over_the_training():
    axes = new_axes()
    plot_gradient_norm(axes, history(), clip_at=0.5)
    assert lines(axes)["norm (left axis)"].tolist() == [[1, 2.0], [2, 1.0], [3, 2 / 3]]
    (_, share) = axes.figure.axes
    np.testing.assert_allclose(lines(share)["steps clipped (right axis)"][:, 1], [10, 20, 30])
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
    assert lives["one"].tolist() == [23, 11.5]
    axes = new_axes()
    plot_half_lives(axes, history())
    assert lines(axes)["one"].tolist() == [[2, 23], [3, 11.5]]
    assert not axes.texts
    assert not len(updates_table([])["step"])
    assert not len(half_lives_table([])["step"])


def test_half_lives_that_are_no_numbers_have_marks_at_the_edges():
    given = looks(1, KEPT, GONE, BEYOND, UNKNOWN)
    table = half_lives_table(given)
    np.testing.assert_array_equal(table["one"], [np.inf, 0, np.inf, np.nan])
    axes = new_axes()
    plot_half_lives(axes, given)
    curve, kept, gone = (line.get_xydata().tolist() for line in axes.lines)
    assert np.isnan(curve)[:, 1].all()
    assert kept == [[1, 1], [3, 1]]  # of the axes' height
    assert gone == [[2, 0]]
    assert [text.get_text() for text in axes.texts] == ["does not\ndecay", "gone"]
    assert len(axes.get_yticks()) == 0  # which would be of nothing
    axes.figure.canvas.draw()


def test_of_many_parameters_the_unusual_ones_have_names():
    ratios = {f"p{k}": 1e-3 * 1.1**k for k in range(20)} | {"still": 0.0, "wild": 0.5}
    given = [line | {"updates": ratios} for line in history() if line["kind"] == "train"]
    axes = new_axes()
    plot_updates(axes, given)
    assert set(lines(axes)) == {
        "usual: 0.001",
        "still (does not change)",
        "wild",
        *(f"p{k}" for k in range(15, 20)),
    }
    looks_of = {(line.get_color(), line.get_linestyle()) for line in axes.lines[:-1]}
    assert len(looks_of) == 7
    (band,) = axes.collections
    assert band.get_label() == "range of the other 15"
    heights = band.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == pytest.approx((ratios["p0"], ratios["p14"]))


def test_legends_stand_above_the_axes_and_within_the_picture():
    spectra = [Spectrum(f"encoder layer {k} reverse", np.ones((2, 3))) for k in range(6)]
    figure = new_figure(5.4, 3.2)
    axes = figure.subplots()
    plot_spectrum(axes, spectra)
    figure.draw_without_rendering()
    box = axes.get_legend().get_window_extent()
    assert box.y0 >= axes.bbox.y1
    assert box.x1 <= figure.bbox.x1
    assert box.y1 <= figure.bbox.y1
