"""The local spectrum: what one step does to a small change of the state."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from elman.pictures.base import BLUE, GREEN, GREY, ORANGE, PURPLE, logarithmic

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from elman.diagnose import Spectrum

_COLOURS = (BLUE, ORANGE, GREEN, PURPLE)
_STYLES = ("-", "--", "-.", ":")


def plot_spectrum(axes: "Axes", spectra: Sequence["Spectrum"]) -> None:
    """Singular values of the step's Jacobian, largest first: median over the samples, and their range.

    Directions above the line at 1 grow in a step, those below shrink.

    Args:
        axes: to draw on; its vertical axis becomes logarithmic.
        spectra: one for each layer and direction.
    """
    least = 1e-6 * max((float(s.singular_values.max()) for s in spectra), default=1.0)
    for k, spectrum in enumerate(spectra):
        values = np.maximum(spectrum.singular_values, least)  # 0 has no place on the axis
        rank = np.arange(1, values.shape[1] + 1)
        style = {"color": _COLOURS[k % len(_COLOURS)], "linestyle": _STYLES[k // len(_COLOURS) % 4]}
        axes.plot(rank, np.median(values, 0), label=spectrum.layer, linewidth=1.5, **style)  # type: ignore[arg-type]
        axes.fill_between(rank, values.min(0), values.max(0), color=style["color"], alpha=0.18, linewidth=0)
    axes.axhline(1, color=GREY, linewidth=1)
    logarithmic(axes)
    axes.set(xlabel="singular value, largest first", ylabel="growth in one step")
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, fontsize=8, loc="upper right")


def spectrum_table(spectra: Sequence["Spectrum"]) -> dict[str, Any]:
    """What ``plot_spectrum`` draws: a row for each layer, sample and singular value."""
    shapes = [s.singular_values.shape for s in spectra]
    return {
        "layer": np.concatenate(
            [np.full(n * size, s.layer) for s, (n, size) in zip(spectra, shapes, strict=True)]
        ),
        "sample": np.concatenate([np.repeat(np.arange(n), size) for n, size in shapes]),
        "rank": np.concatenate([np.tile(np.arange(1, size + 1), n) for n, size in shapes]),
        "singular value": np.concatenate([s.singular_values.ravel() for s in spectra]),
    }
