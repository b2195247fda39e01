"""What steps by kernels made at run time read in place of a layer's parameters: never behind them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from elman.cells.base import Cell
from elman.kernels.call import Sweep
from elman.kernels.compiled import table


class Translated:
    """What the kernels of a layer's cells read in place of the layer's parameters.

    Most of it is the layer's own memory. What is computed, such as the sigmoid of a parameter, is a copy,
    which ``refresh`` computes anew.

    Args:
        cells: the cell of each layer; one direction. All have translations.
        parameters: the layer's parameters by name, read at every refresh.
        names: for each layer, the dict's key of each parameter.

    Attributes:
        cells: the kernel's cell for each.
        names: for each layer, the key in ``parameters`` of each parameter of the kernel's cell.
        parameters: those of the kernels.
    """

    def __init__(
        self,
        cells: Sequence[Cell],
        parameters: Mapping[str, Tensor | None],
        names: Sequence[Mapping[str, str]],
    ) -> None:
        self._given = (cells, parameters, names)
        with torch.enable_grad():  # so that what depends on a parameter says so
            sweeps = [made for _, made in _sweeps(*self._given)]
        memory = {p.untyped_storage().data_ptr() for p in parameters.values() if p is not None}
        self.cells = tuple(sweep.cell for sweep in sweeps)
        self.names = [{name: f"{name} of {k}" for name in sweep.w} for k, sweep in enumerate(sweeps)]
        self.parameters: dict[str, Tensor] = {}
        self._computed: list[tuple[int, str]] = []
        for k, (sweep, own) in enumerate(zip(sweeps, self.names, strict=True)):
            for name, t in sweep.w.items():
                shared = t.is_contiguous() and t.untyped_storage().data_ptr() in memory
                self.parameters[own[name]] = t.detach() if shared else t.detach().contiguous().clone()
                if t.requires_grad and not shared:
                    self._computed.append((k, name))

    @staticmethod
    def fits(
        cells: Sequence[Cell],
        parameters: Mapping[str, Tensor | None],
        names: Sequence[Mapping[str, str]],
    ) -> bool:
        """Whether each kernel reads its layer's input as it is."""
        with torch.no_grad():
            return all(made.x is given.x for given, made in _sweeps(cells, parameters, names))

    def refresh(self) -> None:
        """Computes anew what is no memory of the layer's."""
        if not self._computed:
            return
        with torch.no_grad():
            sweeps = [made for _, made in _sweeps(*self._given)]
            for k, name in self._computed:
                self.parameters[self.names[k][name]].copy_(sweeps[k].w[name])


class Refreshed:
    """A stepper whose parameters are refreshed before each step.

    Args:
        stepper: as ``make_stepper`` makes it.
        translated: its parameters.
    """

    def __init__(self, stepper: Any, translated: Translated) -> None:
        self._stepper = stepper
        self._translated = translated

    def step(self, x: Any) -> Any:
        """Advances all rows by one step."""
        return self._stepper.step(x) if self._is_ready() else None

    def advance(self, x: Any, places: Any) -> Any:
        """Advances the rows at some places."""
        return self._stepper.advance(x, places) if self._is_ready() else None

    def _is_ready(self) -> bool:
        if not self._stepper.is_ready():
            return False
        self._translated.refresh()
        return True


def _sweeps(
    cells: Sequence[Cell], parameters: Mapping[str, Tensor | None], names: Sequence[Mapping[str, str]]
) -> Iterator[tuple[Sweep, Sweep]]:
    """Yields for each layer a sweep over one step of no rows, and the same as its kernel's cell has it."""
    for cell, own in zip(cells, names, strict=True):
        w = {key: p for key, name in own.items() if (p := parameters[name]) is not None}
        like = next(iter(w.values()))
        state = tuple(like.new_zeros(0, *shape) for shape in cell.states().values())
        given = Sweep(cell, w, like.new_zeros(1, 0, cell.input_size), state)
        yield given, table.translations[cell](given)
