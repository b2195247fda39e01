"""ONNX's nodes RNN, LSTM and GRU: which cells they compute, and how their gates stand.

Source of the equations: ONNX's operators RNN, LSTM and GRU, version 14.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from elman.cells import GRU, LSTM, CoupledLSTM, Elman, GRUResetBefore, PeepholeLSTM
from elman.cells.base import Cell, Weights


@dataclass(frozen=True)
class Node:
    """How a node of ONNX computes a cell.

    Attributes:
        kind: the node's name.
        gates: the node's gates in its order, each with the number of our gate.
        attributes: the node's attributes besides ``hidden_size`` and ``direction``.
        peepholes: our parameters that make up its input P.
        negated: positions, in the node's order, of gates that read the negative of ours: σ(−a) = 1 − σ(a).
    """

    kind: str
    gates: tuple[int, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    peepholes: tuple[str, ...] = ()
    negated: tuple[int, ...] = ()


_NODES: dict[type[Cell], Callable[[Any], Node]] = {
    Elman: lambda cell: Node("RNN", (0,), {"activations": [cell.nonlinearity.capitalize()]}),
    LSTM: lambda _: Node("LSTM", (0, 3, 1, 2)),  # ours i f g o, ONNX's i o f c
    PeepholeLSTM: lambda _: Node("LSTM", (0, 3, 1, 2), peepholes=("weight_ci", "weight_co", "weight_cf")),
    # ours f g o; ONNX takes 1 − i for f, whose block it does not read
    CoupledLSTM: lambda _: Node("LSTM", (0, 2, 0, 1), {"input_forget": 1}, negated=(0,)),
    GRU: lambda _: Node("GRU", (1, 0, 2), {"linear_before_reset": 1}),  # ours r z n, ONNX's z r h
    GRUResetBefore: lambda _: Node("GRU", (1, 0, 2), {"linear_before_reset": 0}),
}


def node_of(cell: Cell) -> Node | None:
    """Returns the node that computes a cell; None if there is none."""
    return _NODES[type(cell)](cell) if type(cell) in _NODES else None


def blocks(node: Node, cell: Cell, w: Weights, *names: str) -> Tensor:
    """Concatenates parameters, each with its blocks of rows in the node's order."""
    parts = []
    for name in names:
        for n, k in enumerate(node.gates):
            block = w[name][k * cell.hidden_size : (k + 1) * cell.hidden_size]
            parts.append(-block if n in node.negated else block)
    return torch.cat(parts)
