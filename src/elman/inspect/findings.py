"""The measurements of a report, and the conclusions from them."""

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
from elman.tasks.shared.answers import Excerpt
from elman.tasks.shared.sources import Paths
from elman.tasks.shared.task import Task
from elman.train import files
from elman.train.history import read_history

LAGS = 200
"""Default number of steps back, if the data have that many."""

LEAST_LEFT = 1e-3
"""Least share of the gradient at lag 1 that must reach the lag of a task's answer."""
_FEWEST = 3  # lags: fewer cannot be fitted by a line


@dataclass(frozen=True)
class Findings:
    """The measurements of a trained task.

    Attributes:
        sample: the data that the model was measured on.
        inputs: [T, B, I] the input of its first layer.
        flow: the gradient by time lag.
        spectra: singular values of each layer's step.
        gates: statistics of each layer's gates; empty if the cell has none.
        hidden: the states of each layer.
        properties: [T, B] properties of the text by name; empty if the model reads numbers.
        trackers: the units that track each property best.
        history: the training history.
        config: the run's options.
        cell: the first layer's cell.
    """

    sample: Excerpt
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
        """The whole model's verdict: exploding if any layer's is, else healthy if any is, else vanishing.

        Also vanishing if the task knows the lag of its answer and too little of the gradient reaches it.
        """
        verdicts = self.flow.verdicts
        verdict = next((v for v in ("exploding", "healthy", "vanishing") if v in verdicts), "not measured")
        return "vanishing" if verdict == "healthy" and self.left_where_needed < LEAST_LEFT else verdict

    @property
    def left_where_needed(self) -> float:
        """The share of the gradient at lag 1 that reaches the lag of the task's answer; NaN if unknown."""
        needed, medians = self.sample.needed, self.flow.median[:, -1]
        if needed is None or needed >= medians.shape[-1]:
            return math.nan
        there = medians[:, 1] > 0  # otherwise gone after one step, or not measured
        return float(max(medians[there, needed] / medians[there, 1], default=0.0))

    @property
    def half_life(self) -> float:
        """The longest half-life of all layers, in steps."""
        known = self.flow.half_life[:, -1]
        return float(np.nanmax(known, initial=0.0))

    @property
    def sentence(self) -> str:
        """The verdict as a sentence."""
        unit, half = self.sample.unit, self.half_life
        if self.verdict == "exploding":
            worst = float(np.nanmax(self.flow.decay[:, -1]))
            return f"The gradient is exploding: each step back multiplies it by {worst:.4g}."
        if self.verdict == "not measured":
            return "The gradient could not be measured: no step precedes the steps at which a loss enters."
        hundredth = float(np.nanmax(self.flow.left_after(0.01)[:, -1]))
        rest = (
            f"1% of it is left after {count(hundredth)}"
            if math.isfinite(hundredth)
            else f"more than 1% of it is left after the {len(self.flow.lags) - 1} measured"
        )
        if half > len(self.flow.lags):
            about = f"it does not halve within the {unit} measured; {rest}"
        else:
            about = f"this model looks back about {count(half)} {unit}, the gradient's half-life; {rest}"
        left = self.left_where_needed
        task = (
            ""
            if math.isnan(left)
            else f" This task needs {self.sample.needed}; a share of {left:.2g} is left there."
        )
        return f"The gradient is {self.verdict}: {about}.{task}"

    @property
    def clipped(self) -> float:
        """The share of training steps that were clipped; NaN if the history has no record of it."""
        shares = [line["clipped"] for line in training_lines(self.history) if "clipped" in line]
        return float(np.mean(shares)) if shares else math.nan

    @property
    def remedies(self) -> list[Remedy]:
        """The options to try."""
        return remedies(
            self.config,
            self.cell,
            self.verdict,
            half_life=self.half_life,
            lags=len(self.flow.lags),
            clipped=self.clipped,
            saturated=max((max(gate.low, gate.high) for gate in self.gates), default=0.0),
        )

    def summary(self) -> dict[str, Any]:
        """Returns the numbers as one JSON object; None stands for infinity and NaN."""
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
                    "layer": spectrum.layer,
                    "largest": number(np.median(spectrum.singular_values[:, 0])),
                    "smallest": number(np.median(spectrum.singular_values[:, -1])),
                }
                for spectrum in self.spectra
            ],
            "gates": [
                {
                    "layer": gate.layer,
                    "gate": gate.gate,
                    "below_0.1": number(gate.low),
                    "above_0.9": number(gate.high),
                    "dead_units": int(gate.dead.sum()),
                    "time_constant": None
                    if gate.time_constants is None
                    else number(np.median(gate.time_constants)),
                }
                for gate in self.gates
            ],
            "trackers": [
                {
                    "property": best.name,
                    "measure": best.measure,
                    "value": number(best.value),
                    "layer": self.hidden[best.layer].layer,
                    "part": best.part,
                    "unit": best.unit,
                }
                for best, *_ in self.trackers.values()
            ],
            "clipped": number(self.clipped),
            "remedies": [{"flags": remedy.flags, "why": remedy.why} for remedy in self.remedies],
        }


def look(task: Task, data: Paths | None = None, lags: int | None = None) -> Findings:
    """Measures a trained task on a sample of data.

    Args:
        task: trained, or loaded from its run folder.
        data: files of the task's kind; None: the run's own.
        lags: steps back; None: the number that the task needs, if known, or 200; at most what the data have.

    Raises:
        InputError: the task is not trained or has no recurrent layer, weights or inputs are not finite, or
            the data have fewer steps than lags.
    """
    require("--lags", lags is None or lags >= _FEWEST, f"an int in [{_FEWEST}, inf)", lags)
    if task.model is None:
        raise InputError(f"{type(task).__name__} is not fitted yet")
    model, sample = task.model, task.excerpt(data)
    batch = to_device(sample.batch, device_of(model))
    hidden = hidden_states(model, batch)
    inputs, longest = _read(model, batch)
    if longest < _FEWEST:
        raise InputError(f"the longest sequence must have at least {_FEWEST} steps. Got {longest}.")
    if lags is None:
        # a quarter to spare, so that more steps than the last have all lags behind them
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
    """Returns the layers that read the input: those of the model's first recurrent module."""
    modules = [states.layer.rpartition(" layer ")[0] for states in hidden]
    return [states for states, module in zip(hidden, modules, strict=True) if module == modules[0]]


def count(value: float) -> str:
    """Formats a number of steps for people."""
    return f"{value:.1f}" if value < 9.95 else f"{value:,.0f}"


def number(value: Any) -> float | None:
    """Returns a finite number as float, otherwise None."""
    return float(value) if math.isfinite(value) else None


def _read(model: Any, batch: Any) -> tuple[np.ndarray, int]:
    """Returns the first layer's input [T, B, I], and the longest sequence's steps that every layer reads."""
    model = prepared(model)
    with torch.no_grad(), reading(model) as readings:
        run(model, batch)
    steps = []
    for read in readings:
        alive, pieces = read.alive.cpu().numpy(), read.pieces.cpu().numpy()
        steps.append(
            max(np.bincount(p[a], minlength=1).max() for a, p in zip(alive.T, pieces.T, strict=True))
        )
    inputs = torch.cat([call.x for call in readings[0].calls]).float().cpu().numpy()
    return inputs, int(min(steps))


def _properties(sample: Excerpt, steps: int) -> dict[str, np.ndarray]:
    """Returns the properties of the texts at each step, [T, B] by name."""
    if sample.texts is None:
        return {}
    resets = sample.batch.inputs.resets
    properties: dict[str, np.ndarray] = {}
    for row, pieces in enumerate(sample.texts):
        starts = () if resets is None else resets[:, row].tolist()
        for name, values in text_properties(pieces, starts).items():
            filled = properties.setdefault(name, np.full((steps, len(sample.texts)), np.nan))
            filled[: len(pieces), row] = values
    return properties
