"""Statistics of a network's gates: how far they are open."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from elman.cells.base import check_size
from elman.diagnose.hidden import still
from elman.diagnose.reading import Trace, prepared, traces

LOW, HIGH = 0.1, 0.9


@dataclass(frozen=True)
class GateStatistics:
    """The values of one gate of one layer in one direction, over all steps and rows of a batch.

    Attributes:
        layer: name of layer and direction.
        gate: name of the gate.
        edges: [bins + 1] from 0 to 1.
        counts: [bins] number of values between neighbouring edges, over all units.
        low: share of values below 0.1: the gate is closed.
        high: share of values above 0.9: the gate is open.
        low_units: [H] ``low`` of each unit; for planes, of each unit at each position.
        high_units: [H] ``high`` of each unit.
        dead: [H] whether a unit's gate is constant: its values span less than 0.01.
        time_constants: [H] for the memory gate, 1 / (1 − k), where k is the mean share of the state that it
            keeps: to first order, the steps after which a unit that always keeps this share has 1/e of its
            value left. None for other gates.
    """

    layer: str
    gate: str
    edges: np.ndarray
    counts: np.ndarray
    low: float
    high: float
    low_units: np.ndarray
    high_units: np.ndarray
    dead: np.ndarray
    time_constants: np.ndarray | None


def gate_statistics(model: nn.Module, batch: Any, *, bins: int = 40) -> tuple[GateStatistics, ...]:
    """Measures how often each gate is closed, open or between while the network reads a batch.

    Args:
        model: contains an ``elman.Recurrent`` or torch's RNN, LSTM or GRU; it is not changed.
        batch: the model's argument, or a tuple of its arguments.
        bins: number of bins of the histograms.

    Returns:
        Statistics for each gate of each layer and direction; empty for cells without ``sigmoid_gates`` (see
        ``elman.Cell.sigmoid_gates``).

    Raises:
        InputError: the model has no recurrent layer, a weight or an input is NaN or infinite, or a layer is
            not used or reads no batch.
        ValueError: ``bins`` is not positive.

    Source: saturation as in Karpathy, Johnson & Fei-Fei 2015, arXiv:1506.02078; time constants as in Tallec &
    Ollivier 2018, arXiv:1804.11188.
    """
    check_size("bins", bins)
    return tuple(s for trace in traces(prepared(model), batch) for s in _statistics(trace, bins))


@torch.no_grad()
def _statistics(trace: Trace, bins: int) -> list[GateStatistics]:
    cell, w, alive = trace.cell, trace.w, trace.alive
    side = None if trace.side is None else trace.side[alive]
    before = tuple(s[alive] for s in trace.before)
    opened = cell.gate_values(w, cell.project(w, trace.x[alive]), before, side)
    statistics = []
    for gate, tensor in opened.items():
        values = tensor.double().flatten(1).cpu().numpy()  # [N, H]
        counts, edges = np.histogram(values, bins, (0.0, 1.0))
        low, high = values < LOW, values > HIGH
        with np.errstate(divide="ignore"):
            lost = (1 - values if cell.keeps_at else values).mean(0)
            constants = 1 / lost if gate == cell.memory_gate else None
        statistics.append(
            GateStatistics(
                trace.name,
                gate,
                edges,
                counts,
                float(low.mean()),
                float(high.mean()),
                low.mean(0),
                high.mean(0),
                still(values),
                constants,
            )
        )
    return statistics
