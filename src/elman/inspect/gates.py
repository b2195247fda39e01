"""Plots of the gates: their values, and how long units remember."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from elman.config import require
from elman.diagnose import GateStatistics
from elman.pictures.base import BLUE, PALE, legend_above, line_style, logarithmic


def plot_gates(axes: Axes, statistics: GateStatistics) -> None:
    """Plots the histogram of one gate's values over all units and steps; saturated values are darker.

    Args:
        axes: to draw on.
        statistics: the gate's.
    """
    edges, total = statistics.edges, max(1, int(statistics.counts.sum()))
    middle = (edges[1:] + edges[:-1]) / 2
    saturated = (middle < 0.1) | (middle > 0.9)
    axes.bar(
        middle,
        statistics.counts / total,
        width=np.diff(edges),
        color=[BLUE if dark else PALE for dark in saturated],
    )
    axes.set(xlabel="value\n(0 closed, 1 open)", ylabel="share of values", xlim=(edges[0], edges[-1]))
    axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    axes.set_title(
        f"gate {statistics.gate}\n{statistics.low:.0%} < 0.1, {statistics.high:.0%} > 0.9", fontsize=8
    )
    axes.grid(alpha=0.25, axis="y")


def plot_time_constants(axes: Axes, statistics: Sequence[GateStatistics], unit: str = "steps") -> None:
    """Plots the time constants of each layer's units, in ascending order; one line per layer.

    Args:
        axes: to draw on; its vertical axis becomes logarithmic.
        statistics: those without time constants are skipped.
        unit: unit of a step, in the plural.

    Raises:
        InputError: no gate has time constants.
    """
    kept = [s for s in statistics if s.time_constants is not None]
    require("statistics", bool(kept), "those of at least one memory gate", [s.gate for s in statistics])
    for k, gate in enumerate(kept):
        assert gate.time_constants is not None
        values = np.sort(gate.time_constants)
        share = (np.arange(len(values)) + 0.5) / len(values)
        axes.plot(share, values, label=f"{gate.layer}, gate {gate.gate}", **line_style(k))
    logarithmic(axes)
    axes.set(xlabel="share of the units", ylabel=f"time constant ({unit})")
    axes.grid(alpha=0.25)
    legend_above(axes)


def gates_table(statistics: Sequence[GateStatistics]) -> dict[str, Any]:
    """Returns the numbers of ``plot_gates``: a row for each gate and bin."""
    bins = [len(s.counts) for s in statistics]
    return {
        "gate": np.repeat([s.gate for s in statistics], bins),
        "from": np.concatenate([s.edges[:-1] for s in statistics]),
        "to": np.concatenate([s.edges[1:] for s in statistics]),
        "count": np.concatenate([s.counts for s in statistics]),
    }


def time_constants_table(statistics: Sequence[GateStatistics]) -> dict[str, Any]:
    """Returns the numbers of ``plot_time_constants``: a row for each layer, gate and unit."""
    kept = [(s, s.time_constants) for s in statistics if s.time_constants is not None]
    units = [len(values) for _, values in kept]
    return {
        "layer": np.repeat([s.layer for s, _ in kept], units),
        "gate": np.repeat([s.gate for s, _ in kept], units),
        "unit": np.concatenate([np.arange(n) for n in units]),
        "time constant": np.concatenate([values for _, values in kept]),
    }
