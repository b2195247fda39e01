"""All that is measured for a report, and what it comes to."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from elman.batch import to_device
from elman.cells.base import Cell
from elman.config import require
from elman.diagnose import (
    GateStatistics,
    GradientFlow,
    HiddenStates,
    Spectrum,
    gate_statistics,
    gradient_flow,
    hidden_states,
    jacobian_spectrum,
)
from elman.diagnose.reading import prepared, reading, run
from elman.diagnose.remedies import Remedy, remedies
from elman.errors import InputError
from elman.inspect.text import text_properties
from elman.inspect.trackers import Tracker, rank_trackers
from elman.inspect.training import training_lines
from elman.layers.recurrent import Recurrent
from elman.models.predict import device_of
from elman.tasks.shared.answers import Sample
from elman.tasks.shared.sources import Paths
from elman.tasks.shared.task import Task
from elman.train import files
from elman.train.history import read_history

LAGS = 200
"""Steps back that are looked at, where the data have so many."""

LEAST_LEFT = 1e-3
"""Share of the gradient at lag 1 that has to be left where a task's answer lies."""
_FEWEST = 3  # through which a line can be fitted


@dataclass(frozen=True)
class Findings:
    """What was measured of a trained task.

    Attributes:
        sample: what the model was looked at with.
        inputs: [T, B, I] what its first layer read.
        flow: the gradient by time lag.
        spectra: singular values of each layer's step.
        gates: of each layer; empty where the cell has none.
        hidden: the states of each layer.
        properties: [T, B] of the text by name; empty where numbers are read.
        trackers: the units that track each property best.
        history: of the training.
        config: the run's options.
        cell: the first layer's.
    """

    sample: Sample
    inputs: np.ndarray
    flow: GradientFlow
    spectra: tuple[Spectrum, ...]
    gates: tuple[GateStatistics, ...]
    hidden: tuple[HiddenStates, ...]
    properties: dict[str, np.ndarray]
    trackers: dict[str, list[Tracker]]
    history: list[dict[str, Any]]
    config: Any
    cell: Cell

    @property
    def verdict(self) -> str:
        """Of the whole model: exploding where any layer's is, else healthy where any is, else vanishing.

        Vanishing it is, too, where the task knows how far back it has to reach, and too little reaches that.
        """
        found = self.flow.verdicts
        verdict = next((v for v in ("exploding", "healthy", "vanishing") if v in found), "not measured")
        return "vanishing" if verdict == "healthy" and self.left_where_needed < LEAST_LEFT else verdict

    @property
    def left_where_needed(self) -> float:
        """The share of the gradient at lag 1 that is left where the task's answer lies; NaN: not known."""
        needed, medians = self.sample.needed, self.flow.median[:, -1]
        if needed is None or needed >= medians.shape[-1]:
            return math.nan
        there = medians[:, 1] > 0  # otherwise it is gone after a step, or was not measured
        return float(max(medians[there, needed] / medians[there, 1], default=0.0))

    @property
    def half_life(self) -> float:
        """The longest of all layers', in steps: that far the loss still reaches by one of them."""
        known = self.flow.half_life[:, -1]
        return float(np.nanmax(known, initial=0.0))

    @property
    def sentence(self) -> str:
        """The verdict in a sentence."""
        unit, half = self.sample.unit, self.half_life
        if self.verdict == "exploding":
            worst = float(np.nanmax(self.flow.decay[:, -1]))
            return f"The gradient is exploding: each step back makes it {worst:.4g} times as large."
        if self.verdict == "not measured":
            return "The gradient could not be measured: where a loss enters, no step lies behind."
        hundredth = float(np.nanmax(self.flow.left_after(0.01)[:, -1]))
        rest = (
            f"a hundredth of it is left after {count(hundredth)}"
            if math.isfinite(hundredth)
            else f"more than a hundredth of it is left after the {len(self.flow.lags) - 1} measured"
        )
        if half > len(self.flow.lags):
            about = f"it does not halve over the {unit} measured; {rest}"
        else:
            about = f"this model looks back about {count(half)} {unit}, in which the gradient halves; {rest}"
        left = self.left_where_needed
        task = (
            ""
            if math.isnan(left)
            else f" This task needs {self.sample.needed}, where {left:.2g} of it is left."
        )
        return f"The gradient is {self.verdict}: {about}.{task}"

    @property
    def clipped(self) -> float:
        """Of the training's steps the share that was clipped; NaN where the history does not say."""
        shares = [line["clipped"] for line in training_lines(self.history) if "clipped" in line]
        return float(np.mean(shares)) if shares else math.nan

    @property
    def remedies(self) -> list[Remedy]:
        """What to try."""
        return remedies(
            self.config,
            self.cell,
            self.verdict,
            half_life=self.half_life,
            lags=len(self.flow.lags),
            clipped=self.clipped,
            saturated=max((max(each.low, each.high) for each in self.gates), default=0.0),
        )

    def summary(self) -> dict[str, Any]:
        """The numbers as one object; None stands for infinity and for what cannot be said."""
        flow = self.flow
        return {
            "verdict": self.verdict,
            "sentence": self.sentence,
            "unit": self.sample.unit,
            "lags": len(flow.lags),
            "layers": [
                {
                    "layer": layer,
                    "verdict": flow.verdicts[k],
                    "parts": {
                        part: {"decay": number(flow.decay[k, p]), "half_life": number(flow.half_life[k, p])}
                        for p, part in enumerate(flow.parts)
                    },
                }
                for k, layer in enumerate(flow.layers)
            ],
            "spectrum": [
                {
                    "layer": each.layer,
                    "largest": number(np.median(each.singular_values[:, 0])),
                    "smallest": number(np.median(each.singular_values[:, -1])),
                }
                for each in self.spectra
            ],
            "gates": [
                {
                    "layer": each.layer,
                    "gate": each.gate,
                    "below_0.1": number(each.low),
                    "above_0.9": number(each.high),
                    "dead_units": int(each.dead.sum()),
                    "time_constant": None
                    if each.time_constants is None
                    else number(np.median(each.time_constants)),
                }
                for each in self.gates
            ],
            "trackers": [
                {
                    "property": each.name,
                    "measure": each.measure,
                    "value": number(each.value),
                    "layer": self.hidden[each.layer].layer,
                    "part": each.part,
                    "unit": each.unit,
                }
                for ranked in self.trackers.values()
                for each in ranked[:1]
            ],
            "clipped": number(self.clipped),
            "remedies": [{"flags": each.flags, "why": each.why} for each in self.remedies],
        }


def look(task: Task, data: Paths | None = None, lags: int | None = None) -> Findings:
    """Measures a trained task on a sample of data.

    Args:
        task: trained, or loaded from its run folder.
        data: files of the task's kind; None: the run's own.
        lags: steps back; None: those that the task needs, where it knows, or 200; no more than the data have.

    Raises:
        InputError: the task is not trained, has no recurrent layer, has weights or inputs that are not
            finite, or there are fewer steps than lags.
    """
    require("--lags", lags is None or lags >= _FEWEST, f"an int in [{_FEWEST}, inf)", lags)
    if task.model is None:
        raise InputError(f"{type(task).__name__} is not fitted yet")
    model, sample = task.model, task.sample(data)
    batch = to_device(sample.batch, device_of(model))
    hidden = hidden_states(model, batch)
    inputs, longest = _read(model, batch)
    if longest < _FEWEST:
        raise InputError(f"the longest sequence must have at least {_FEWEST} steps. Got {longest}.")
    if lags is None:
        # so that a loss has them behind it at more steps than the last
        lags = min(LAGS, longest - longest // 4)
        if sample.needed is not None:
            lags = max(_FEWEST, min(sample.needed + 1, longest))
    properties = _properties(sample, len(inputs))
    return Findings(
        sample,
        inputs,
        gradient_flow(model, batch, lags=lags),
        jacobian_spectrum(model, batch),
        gate_statistics(model, batch),
        hidden,
        properties,
        rank_trackers(readers(hidden), properties),
        [] if task.folder is None else read_history(task.folder / files.HISTORY),
        task.config,
        next(m for m in model.modules() if isinstance(m, Recurrent)).cell,
    )


def readers(hidden: Sequence[HiddenStates]) -> Sequence[HiddenStates]:
    """The layers that read the input: those of the recurrent layer that stands first in the model."""
    places = [each.layer.rpartition(" layer ")[0] for each in hidden]
    return [each for each, place in zip(hidden, places, strict=True) if place == places[0]]


def count(value: float) -> str:
    """A number of steps as people say it."""
    return f"{value:.1f}" if value < 9.95 else f"{value:,.0f}"


def number(value: Any) -> float | None:
    """A finite number, or None."""
    return float(value) if math.isfinite(value) else None


def _read(model: Any, batch: Any) -> tuple[np.ndarray, int]:
    """What the first layer read [T, B, I], and the steps of the longest sequence that every layer has."""
    model = prepared(model)
    with torch.no_grad(), reading(model) as found:
        run(model, batch)
    steps = []
    for each in found:
        alive, pieces = each.alive.cpu().numpy(), each.pieces.cpu().numpy()
        steps.append(
            max(np.bincount(p[a], minlength=1).max() for a, p in zip(alive.T, pieces.T, strict=True))
        )
    inputs = torch.cat([call.x for call in found[0].calls]).float().cpu().numpy()
    return inputs, int(min(steps))


def _properties(sample: Sample, steps: int) -> dict[str, np.ndarray]:
    """What the texts are doing at each step: [T, B] by name."""
    if sample.texts is None:
        return {}
    resets = sample.batch.inputs.resets
    found: dict[str, np.ndarray] = {}
    for row, pieces in enumerate(sample.texts):
        starts = () if resets is None else resets[:, row].tolist()
        for name, values in text_properties(pieces, starts).items():
            filled = found.setdefault(name, np.full((steps, len(sample.texts)), np.nan))
            filled[: len(pieces), row] = values
    return found
