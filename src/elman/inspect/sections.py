"""The sections of the report, except for the one on the hidden state."""

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
from elman.inspect.gradient import gradient_table, is_reverse, plot_gradient_flow
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
    """Returns the section on the gradient by time lag."""
    flow, unit, needed = found.flow, found.sample.unit, ""
    if not math.isnan(found.left_where_needed):
        needed = (
            f" For this task also vanishing: a share of less than {LEAST_LEFT:g} is left at the lag of its "
            "answer."
        )
    rows = [
        [layer, part, f"{flow.decay[k, p]:.4g}", _half_life(flow.half_life[k, p]), verdict]
        for k, (layer, verdict) in enumerate(zip(flow.layers, flow.verdicts, strict=True))
        for p, part in enumerate(flow.parts)
    ]

    def pictures() -> Iterator[Picture]:
        for k, layer in enumerate(flow.layers):
            figure = drawn.new_figure()
            plot_gradient_flow(figure.subplots(), flow, k, unit, found.sample.needed)
            side = "after" if is_reverse(layer) else "before"
            caption = (
                f"{layer}: norm of the gradient of the loss at one step with respect to the state k {unit} "
                f"{side} it; median and quartiles over steps and sequences"
            )
            yield Picture(f"gradient-{drawn.slug(layer)}", caption, figure, gradient_table(flow, k))

    return page.section(
        "gradient",
        "1. Gradient by time lag",
        page.table(
            ["layer", "state", "factor per step", f"half-life ({unit})", "verdict of the layer"], rows, 2
        ),
        page.paragraph(f"The rule: {RULE}.{needed}", "faint"),
        *drawn.figures(pictures(), folder),
    )


def _half_life(value: float) -> str:
    if math.isnan(value):
        return "–"
    return "does not decay" if math.isinf(value) else count(value)


def spectrum(found: Findings, folder: Path) -> str:
    """Returns the section on the singular values of one step."""
    rows = [
        [
            layer.layer,
            f"{np.median(layer.singular_values[:, 0]):.4g}",
            f"{np.median(layer.singular_values):.4g}",
            f"{np.median(layer.singular_values[:, -1]):.3g}",
            f"{(layer.singular_values > 1).mean():.0%}",
        ]
        for layer in found.spectra
    ]

    def pictures() -> Iterator[Picture]:
        figure = drawn.new_figure()
        plot_spectrum(figure.subplots(), found.spectra)
        cut = "; values below a millionth of the largest are not shown" if is_cut(found.spectra) else ""
        caption = (
            "Growth of a small change of the state in one step, by direction: median, quartiles and range "
            f"over sampled steps. Above 1 the change grows, below 1 it shrinks{cut}"
        )
        yield Picture("spectrum", caption, figure, spectrum_table(found.spectra))

    return page.section(
        "spectrum",
        "2. Local spectrum",
        page.paragraph("Singular values of the Jacobian of one step, ∂ new state / ∂ old state."),
        page.table(["layer", "largest", "median", "smallest", "above 1"], rows),
        *drawn.figures(pictures(), folder),
    )


def gates(found: Findings, folder: Path) -> str:
    """Returns the section on the gates."""
    if not found.gates:
        return page.section("gates", "3. Gates", page.paragraph("This cell has no gates."))
    unit = found.sample.unit
    rows = []
    for gate in found.gates:
        constants = gate.time_constants
        kept = (
            ""
            if constants is None
            else " · ".join(count(q) for q in np.quantile(constants, (0.25, 0.5, 0.75), method="nearest"))
        )
        rows.append(
            [gate.layer, gate.gate, f"{gate.low:.0%}", f"{gate.high:.0%}", str(int(gate.dead.sum())), kept]
        )

    def pictures() -> Iterator[Picture]:
        for layer, group in groupby(found.gates, lambda gate: gate.layer):
            gates = list(group)
            columns = 3 if len(gates) % 3 == 0 else 2  # three gates beside each other leave no empty place
            rows = math.ceil(len(gates) / columns)
            figure = drawn.new_figure(2.5 * rows)
            panels = figure.subplots(rows, min(columns, len(gates)), squeeze=False)
            for axes, gate in zip_longest(panels.ravel(), gates):
                plot_gates(axes, gate) if gate is not None else axes.remove()
            for axes in panels[:, 1:].ravel():
                axes.set_ylabel("")
            caption = f"{layer}: values of each gate over all units and {unit}; saturated values are dark"
            yield Picture(f"gates-{drawn.slug(layer)}", caption, figure, gates_table(gates))
        if any(gate.time_constants is not None for gate in found.gates):
            figure = drawn.new_figure()
            plot_time_constants(figure.subplots(), found.gates, unit)
            caption = f"Time constant of each unit, ascending: the {unit} for which its gate keeps the state"
            yield Picture("time-constants", caption, figure, time_constants_table(found.gates))

    heads = ["layer", "gate", "below 0.1", "above 0.9", "dead units", f"time constant ({unit}; quartiles)"]
    return page.section("gates", "3. Gates", page.table(heads, rows, 2), *drawn.figures(pictures(), folder))


def training(found: Findings, folder: Path) -> str:
    """Returns the section on the gradient over training."""
    history, config = found.history, found.config
    norms, updates, lives = training_table(history), updates_table(history), half_lives_table(history)

    def pictures() -> Iterator[Picture]:
        if norms["step"]:
            figure = drawn.new_figure()
            bound = config.clip_at if config.clip == "norm" else None
            plot_gradient_norm(figure.subplots(), history, bound)
            yield Picture("training", "Norm of the gradient before clipping, over training", figure, norms)
        if len(updates["step"]):
            figure = drawn.new_figure(4)
            plot_updates(figure.subplots(), history)
            caption = (
                "Relative change of each parameter in one step. About 0.001 (the grey line) is usual; the "
                "parameters farthest from it are named"
            )
            yield Picture("updates", caption, figure, updates)
        if not all(np.isnan(lives[name]).all() for name in lives if name != "step"):
            figure = drawn.new_figure()
            plot_half_lives(figure.subplots(), history, found.sample.unit)
            caption = (
                "Half-life of the gradient over training. Triangles at the upper edge: it did not decay; at "
                "the lower edge: it was gone after one step"
            )
            yield Picture("half-lives", caption, figure, lives)

    figures = drawn.figures(pictures(), folder)
    if not figures:
        return page.section(
            "training", "5. Over training", page.paragraph("The run has no training history.")
        )
    clipped = "" if math.isnan(found.clipped) else f"{found.clipped:.1%} of the steps were clipped."
    can_watch = hasattr(config, "watch_gradients") and not len(updates["step"])
    hint = " Train with --watch-gradients N to record updates and half-lives too." if can_watch else ""
    return page.section("training", "5. Over training", page.paragraph(f"{clipped}{hint}"), *figures)


def remedies(found: Findings) -> str:
    """Returns the section on the options to try."""
    healthy = found.verdict == "healthy"
    if not found.remedies:
        text = (
            "Nothing: the gradient is healthy."
            if healthy
            else "No suggestion: the run already uses every option that applies."
        )
        return page.section("remedies", "6. What to try", page.paragraph(text))
    reason = (
        "The gradient is healthy. For a longer memory or steadier training, train" if healthy else "Train"
    )
    intro = f"{reason} again with the run's options and one of these in addition:"
    items = "".join(
        f"<li><code>{escape(remedy.flags)}</code><br>{escape(remedy.why)}</li>" for remedy in found.remedies
    )
    return page.section("remedies", "6. What to try", page.paragraph(intro), f"<ol>{items}</ol>")
