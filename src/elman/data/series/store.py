"""Converts panels to arrays for an ``.npz`` file, and back."""

import numpy as np
import polars as pl

from elman.config import shown
from elman.data.series.frequency import parse_frequency
from elman.data.series.panel import Panel
from elman.data.series.time_forms import form_of_text
from elman.errors import InputError


def panel_arrays(panel: Panel) -> dict[str, np.ndarray]:
    """Returns what ``panel_from_arrays`` reads, for an ``.npz`` file."""
    return {
        "ids": panel.keys.to_numpy() if panel.keys.dtype.is_integer() else np.array(panel.ids),
        "times": np.array(str(panel.form)),
        "frequency": np.array(str(panel.frequency)),
        "integers": np.array(panel.integers),
        "starts": panel.starts,
        "begins": panel.begins,
        "lengths": panel.lengths,
        "y": panel.y,
        **{f"covariate {name}": values for name, values in panel.covariates.items()},
        **{f"static {name}": values for name, values in panel.static.items()},
    }


def panel_from_arrays(arrays: dict[str, np.ndarray], source: str) -> Panel:
    """Restores a panel from arrays, which need not be trusted.

    Raises:
        InputError: the arrays are not in the format of ``panel_arrays``.
    """
    arrays = {"times": np.array("String"), **arrays}  # absent in runs of version 0.1
    kinds = {
        "ids": "Uiu",
        "times": "U",
        "frequency": "U",
        "integers": "b",
        "starts": "i",
        "begins": "i",
        "lengths": "i",
        "y": "f",
    }
    for name, kind in kinds.items():
        if name not in arrays or arrays[name].dtype.kind not in kind:
            raise InputError(f"{source}: must have an array {name!r} of type {kind}")
    ids, begins, y = arrays["ids"], arrays["begins"], arrays["y"]
    covariates = {k.removeprefix("covariate "): v for k, v in arrays.items() if k.startswith("covariate ")}
    static = {k.removeprefix("static "): v for k, v in arrays.items() if k.startswith("static ")}
    fits = (
        ids.ndim == y.ndim == 1
        and arrays["frequency"].ndim == arrays["integers"].ndim == 0
        and len(ids) > 0
        and arrays["starts"].shape == arrays["lengths"].shape == ids.shape
        and begins.shape == (len(ids) + 1,)
        and begins[0] == 0
        and begins[-1] == len(y)
        and (np.diff(begins) >= arrays["lengths"]).all()
        and arrays["lengths"].min() > 0
        and all(v.shape == y.shape and v.dtype.kind in "fU" for v in covariates.values())
        and all(v.shape == ids.shape and v.dtype.kind in "fU" for v in static.values())
        and len(arrays) == len(kinds) + len(covariates) + len(static)
    )
    if not fits:
        raise InputError(f"{source}: its arrays are inconsistent")
    integers, form = bool(arrays["integers"]), form_of_text(str(arrays["times"]))
    if form is None:
        raise InputError(f"{source}: times must be a form of times. Got {shown(str(arrays['times']))}.")
    return Panel(
        pl.Series(ids),
        parse_frequency(str(arrays["frequency"]), integers=integers),
        arrays["starts"],
        begins,
        arrays["lengths"],
        y,
        covariates,
        static,
        integers,
        form,
    )
