"""The sections of the report but for the hidden state's."""

import math
from collections.abc import Iterator
from html import escape
from itertools import groupby, zip_longest
from pathlib import Path

import numpy as np

from elman.diagnose import RULE
from elman.inspect import drawn, page
from elman.inspect.findings import LEAST_LEFT, Findings, count
from elman.inspect.gates import gates_table, plot_gates, plot_time_constants, time_constants_table
from elman.inspect.gradient import gradient_table, plot_gradient_flow
from elman.inspect.picture import Picture
from elman.inspect.spectrum import is_cut, plot_spectrum, spectrum_table
from elman.inspect.training import (
    half_lives_table,
    plot_gradient_norm,
    plot_half_lives,
    plot_updates,
    training_table,
    updates_table,
)


def gradient(found: Findings, folder: Path) -> str:
    """How much of the gradient is left so many steps back."""
    flow, unit, needed = found.flow, found.sample.unit, ""
    if not math.isnan(found.left_where_needed):
        needed = f" And vanishing for this task: less than {LEAST_LEFT:g} is left where its answer lies."
    rows = [
        [layer, part, f"{flow.decay[k, p]:.4g}", _half_life(flow.half_life[k, p]), verdict]
        for k, (layer, verdict) in enumerate(zip(flow.layers, flow.verdicts, strict=True))
        for p, part in enumerate(flow.parts)
    ]

    def pictures() -> Iterator[Picture]:
        for k, layer in enumerate(flow.layers):
            figure = drawn.new_figure()
            plot_gradient_flow(figure.subplots(), flow, k, unit, found.sample.needed)
            caption = (
                f"{layer}: how strongly what enters the loss at one step depends on the state so many {unit} "
                "before; median and quartiles over such steps and sequences"
            )
            yield Picture(f"gradient-{drawn.slug(layer)}", caption, figure, gradient_table(flow, k))

    return page.section(
        "gradient",
        "1. Gradient by time lag",
        page.table(
            ["layer", "state", "factor a step", f"half-life ({unit})", "verdict of the layer"], rows, 2
        ),
        page.paragraph(f"The rule: {RULE}.{needed}", "faint"),
        *drawn.figures(pictures(), folder),
    )


def _half_life(value: float) -> str:
    if math.isnan(value):
        return "–"
    return "does not fall" if math.isinf(value) else count(value)


def spectrum(found: Findings, folder: Path) -> str:
    """How one step stretches the state."""
    rows = [
        [
            each.layer,
            f"{np.median(each.singular_values[:, 0]):.4g}",
            f"{np.median(each.singular_values):.4g}",
            f"{np.median(each.singular_values[:, -1]):.3g}",
            f"{(each.singular_values > 1).mean():.0%}",
        ]
        for each in found.spectra
    ]

    def pictures() -> Iterator[Picture]:
        figure = drawn.new_figure()
        plot_spectrum(figure.subplots(), found.spectra)
        cut = (
            "; values below a millionth of the largest lie under the picture" if is_cut(found.spectra) else ""
        )
        caption = (
            "By how much one step stretches a small change of the state, in each direction: median, "
            f"quartiles and range over sampled steps. Above 1 it grows, below 1 it shrinks{cut}"
        )
        yield Picture("spectrum", caption, figure, spectrum_table(found.spectra))

    return page.section(
        "spectrum",
        "2. Local spectrum",
        page.paragraph("Singular values of the Jacobian of one step, ∂ new state / ∂ old state."),
        page.table(["layer", "largest", "middle", "smallest", "above 1"], rows),
        *drawn.figures(pictures(), folder),
    )


def gates(found: Findings, folder: Path) -> str:
    """What the gates do."""
    if not found.gates:
        return page.section("gates", "3. Gates", page.paragraph("This cell has no gates."))
    unit = found.sample.unit
    rows = []
    for each in found.gates:
        constants = each.time_constants
        kept = (
            ""
            if constants is None
            else " · ".join(count(q) for q in np.quantile(constants, (0.25, 0.5, 0.75), method="nearest"))
        )
        rows.append(
            [each.layer, each.gate, f"{each.low:.0%}", f"{each.high:.0%}", str(int(each.dead.sum())), kept]
        )

    def pictures() -> Iterator[Picture]:
        for layer, group in groupby(found.gates, lambda each: each.layer):
            gates = list(group)
            rows = math.ceil(len(gates) / 2)
            figure = drawn.new_figure(2.5 * rows)
            panels = figure.subplots(rows, min(2, len(gates)), squeeze=False).ravel()
            for axes, each in zip_longest(panels, gates):
                plot_gates(axes, each) if each is not None else axes.remove()
            caption = f"{layer}: values of each gate over all units and {unit}; dark where it is saturated"
            yield Picture(f"gates-{drawn.slug(layer)}", caption, figure, gates_table(gates))
        if any(each.time_constants is not None for each in found.gates):
            figure = drawn.new_figure()
            plot_time_constants(figure.subplots(), found.gates, unit)
            caption = (
                f"How many {unit} each unit's gate keeps its state for, from the shortest to the longest"
            )
            yield Picture("time-constants", caption, figure, time_constants_table(found.gates))

    heads = ["layer", "gate", "below 0.1", "above 0.9", "dead units", f"time constant ({unit}; quartiles)"]
    return page.section("gates", "3. Gates", page.table(heads, rows, 2), *drawn.figures(pictures(), folder))


def training(found: Findings, folder: Path) -> str:
    """The gradient over the training."""
    history, config = found.history, found.config
    norms, updates, lives = training_table(history), updates_table(history), half_lives_table(history)

    def pictures() -> Iterator[Picture]:
        if norms["step"]:
            figure = drawn.new_figure()
            bound = config.clip_at if config.clip == "norm" else None
            plot_gradient_norm(figure.subplots(), history, bound)
            yield Picture("training", "The gradient's norm before clipping, over the training", figure, norms)
        if len(updates["step"]):
            figure = drawn.new_figure(4)
            plot_updates(figure.subplots(), history)
            caption = (
                "By how much of its size each parameter moved in a step; about a thousandth (the grey line) "
                "is usual, and those farthest from it have names"
            )
            yield Picture("updates", caption, figure, updates)
        if not all(np.isnan(lives[name]).all() for name in lives if name != "step"):
            figure = drawn.new_figure()
            plot_half_lives(figure.subplots(), history, found.sample.unit)
            caption = (
                "How far the gradient reached back, over the training; triangles at the edges: it did not "
                "fall, or was gone after a step"
            )
            yield Picture("half-lives", caption, figure, lives)

    figures = drawn.figures(pictures(), folder)
    if not figures:
        return page.section(
            "training", "5. Over training", page.paragraph("There is no history of the training.")
        )
    said = "" if math.isnan(found.clipped) else f"{found.clipped:.1%} of the steps were clipped."
    can_watch = hasattr(config, "watch_gradients") and not len(updates["step"])
    watched = " --watch-gradients has a training write more of this down." if can_watch else ""
    return page.section("training", "5. Over training", page.paragraph(f"{said}{watched}"), *figures)


def remedies(found: Findings) -> str:
    """What to try."""
    healthy = found.verdict == "healthy"
    if not found.remedies:
        text = "Nothing: the gradient is healthy." if healthy else "Nothing that the run does not do."
        return page.section("remedies", "6. What to try", page.paragraph(text))
    reason = "Nothing is wrong; to have the net remember longer or train more steadily, t" if healthy else "T"
    intro = f"{reason}rain again with one of these beside the options that the run had:"
    items = "".join(
        f"<li><code>{escape(each.flags)}</code><br>{escape(each.why)}</li>" for each in found.remedies
    )
    return page.section("remedies", "6. What to try", page.paragraph(intro), f"<ol>{items}</ol>")
