"""Layers and files of exports, for the tests of exports and of the examples."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from elman import registry
from elman.cells import Cell
from elman.exporters.source import ToExport
from elman.layers import Recurrent

CELLS = [name for name in registry.names("cells") if not name.startswith("conv-")]
"""Built-in cells without planes."""


@dataclass
class Given:
    """A model that is exported as a task is."""

    model: nn.Module

    def to_export(self) -> ToExport:
        return ToExport(self.model.eval())


def drawn(layer):
    """The layer with parameters far from zero, for inference."""
    for parameter in layer.parameters():
        torch.nn.init.uniform_(parameter, -0.6, 0.6)
    return layer.eval()


def layer_of(cell: str | type[Cell], *sizes: int, **options):
    """A layer of a cell, given by its name or class."""
    cls = registry.find("cells", cell, Cell) if isinstance(cell, str) else cell
    return drawn(Recurrent(cls(*(sizes or (4, 6))), **options))


def opened(path):
    """A file in ONNX Runtime: a function from inputs to outputs, by name."""
    from elman.exporters.onnx.run import session

    return session(path)


def zeros(layer, rows: int) -> dict[str, np.ndarray]:
    """The states before the first step, by the names of the inputs."""
    states = zip(layer.cell.states(), layer.initial_state(rows), strict=True)
    return {f"{name}_in": s.detach().numpy() for name, s in states}
