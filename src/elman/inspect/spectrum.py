"""Plots of the local spectrum: how one step scales a small change of the state."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from elman.config import require
from elman.diagnose import Spectrum
from elman.pictures.base import GREY, legend_above, line_style, logarithmic, whole_numbers

_LEAST = 1e-6  # share of the largest value; smaller values are not shown


def plot_spectrum(axes: Axes, spectra: Sequence[Spectrum]) -> None:
    """Plots the singular values of the step's Jacobian, largest first: median, quartiles and range.

    Directions above the line at 1 grow in a step, those below shrink. The axis ends at a millionth of the
    largest value if some values are smaller.

    Args:
        axes: to draw on; its vertical axis becomes logarithmic.
        spectra: one for each layer and direction.

    Raises:
        InputError: ``spectra`` is empty.
    """
    require("spectra", len(spectra) > 0, "at least one", spectra)
    least = _LEAST * max(float(s.singular_values.max()) for s in spectra)
    for k, spectrum in enumerate(spectra):
        values = np.maximum(spectrum.singular_values, 1e-3 * least)  # a logarithmic axis cannot show 0
        rank = np.arange(1, values.shape[1] + 1)
        low, lower, median, upper, high = np.quantile(values, (0, 0.25, 0.5, 0.75, 1), axis=0)
        style = line_style(k)
        axes.plot(rank, median, label=spectrum.layer, linewidth=1.5, **style)
        for below, above in ((low, high), (lower, upper)):
            axes.fill_between(rank, below, above, color=style["color"], alpha=0.18, linewidth=0)
    axes.axhline(1, color=GREY, linewidth=1, linestyle=(0, (1, 1)), label="unchanged: 1")
    logarithmic(axes)
    if is_cut(spectra):
        axes.set_ylim(bottom=least)
    axes.set(xlabel="singular value, largest first", ylabel="growth in one step")
    whole_numbers(axes.xaxis)
    axes.grid(alpha=0.25)
    legend_above(axes)


def is_cut(spectra: Sequence[Spectrum]) -> bool:
    """Whether some values are too small to be shown."""
    values = [s.singular_values for s in spectra]
    return min(float(v.min()) for v in values) < _LEAST * max(float(v.max()) for v in values)


def spectrum_table(spectra: Sequence[Spectrum]) -> dict[str, Any]:
    """Returns the numbers of ``plot_spectrum``: a row for each layer, sample and singular value."""
    shapes = [s.singular_values.shape for s in spectra]
    return {
        "layer": np.concatenate(
            [np.full(n * size, s.layer) for s, (n, size) in zip(spectra, shapes, strict=True)]
        ),
        "sample": np.concatenate([np.repeat(np.arange(n), size) for n, size in shapes]),
        "rank": np.concatenate([np.tile(np.arange(1, size + 1), n) for n, size in shapes]),
        "singular value": np.concatenate([s.singular_values.ravel() for s in spectra]),
    }
