"""Which cell, parameters and initial state each layer and direction of a recurrent layer has."""

import dataclasses
from typing import Any

from torch import Tensor

from elman.cells.base import Cell, Shape, Weights, check_size
from elman.layers.checks import checked_flag
from elman.layers.exporting import Deployable
from elman.state import State, zeros


class Layout(Deployable):
    """The part of a recurrent layer that knows its sizes, and the name of each parameter.

    A subclass calls ``_lay_out`` at construction and registers the parameters by the names in ``_names``.
    """

    learned_state: bool

    def _lay_out(self, cell: Cell, num_layers: int | None = None, bidirectional: bool | None = None) -> None:
        """Sets the cell of each layer and its parameters' names; None: as before. Makes no parameters.

        Raises:
            ValueError: the layers would read different side inputs.
        """
        directions = (2 if self.bidirectional else 1) if bidirectional is None else 1 + bidirectional
        count = self.num_layers if num_layers is None else num_layers
        deeper = dataclasses.replace(cell, input_size=cell.output_size * directions)
        if count > 1 and deeper.side_input() != cell.side_input():
            raise ValueError(
                f"num_layers must be 1, as the side input depends on the input size. Got {count}."
            )
        self.cell = cell
        self.cells = (cell,) + (deeper,) * (count - 1)
        self._names: list[dict[str, str]] = [
            {name: f"{name}_l{layer}{suffix}" for name in own.parameters()}
            for layer, own in enumerate(self.cells)
            for suffix in ("", "_reverse")[:directions]
        ]

    @property
    def input_size(self) -> int:
        """I, features per step of the input. Like the sizes below it can be set, for weights set by hand."""
        return self.cell.input_size

    @input_size.setter
    def input_size(self, size: int) -> None:
        self._lay_out(dataclasses.replace(self.cell, input_size=size))

    @property
    def hidden_size(self) -> int:
        """H, units of each layer and direction."""
        return self.cell.hidden_size

    @hidden_size.setter
    def hidden_size(self, size: int) -> None:
        self._lay_out(dataclasses.replace(self.cell, hidden_size=size))

    @property
    def bias(self) -> bool:
        """Whether the cell has biases."""
        return self.cell.bias

    @bias.setter
    def bias(self, bias: bool) -> None:
        self._lay_out(dataclasses.replace(self.cell, bias=bias))

    @property
    def num_layers(self) -> int:
        """Number of layers."""
        return len(self.cells)

    @num_layers.setter
    def num_layers(self, count: int) -> None:
        check_size("num_layers", count)
        self._lay_out(self.cell, num_layers=count)

    @property
    def bidirectional(self) -> bool:
        """Whether each layer also reads the sequence backward."""
        return len(self._names) > len(self.cells)

    @bidirectional.setter
    def bidirectional(self, bidirectional: bool) -> None:
        self._lay_out(self.cell, bidirectional=checked_flag("bidirectional", bidirectional))

    @property
    def output_size(self) -> int:
        """Features per step of the output: O × directions."""
        return self.cell.output_size * (2 if self.bidirectional else 1)

    def initial_state(self, batch_size: int, planes: Shape = ()) -> State:
        """Returns the state before the first step, zero or learned: each [layers × directions, B, *shape].

        Args:
            batch_size: B.
            planes: sizes of the input's planes, such as (height, width), for a cell that reads them.

        Raises:
            ValueError: the number of planes is not the cell's.
        """
        if len(planes) != self.cell.plane_axes:
            raise ValueError(f"planes must be {self.cell.plane_axes} sizes. Got {list(planes)}.")
        shapes = self.cell.state_shapes(*planes)
        if self.learned_state:
            learned = ((getattr(self, f"initial_{name}"), shape) for name, shape in shapes.items())
            return tuple(
                s[:, None].expand(-1, batch_size, *(shape if planes else (-1,) * (s.dim() - 1)))
                for s, shape in learned
            )
        like = getattr(self, next(iter(self._names[0].values())))
        return zeros(
            list(shapes.values()), len(self._names), batch_size, device=like.device, dtype=like.dtype
        )

    def parameter_options(self) -> dict[str, dict[str, float]]:
        """Returns the cell's optimizer options by parameter name: ``weight_decay`` and ``rate_share``."""
        requested: dict[str, dict[str, float]] = {}
        for names in self._names:
            for key, name in names.items():
                options = {"weight_decay": 0.0} if key in self.cell.without_decay else {}
                if key in self.cell.rate_shares:
                    options["rate_share"] = self.cell.rate_shares[key]
                if options:
                    requested[name] = options
        # torch stores a parametrised weight's parameters under parametrizations.NAME
        held = (
            (path, path.removeprefix("parametrizations.").split(".")[0])
            for path, _ in self.named_parameters()
        )
        return {path: requested[name] for path, name in held if name in requested}

    def flatten_parameters(self) -> None:
        """Does nothing; code written for torch's layers calls it."""

    @property
    def all_weights(self) -> list[list[Tensor]]:
        """The parameters of each layer and direction, as torch lists them."""
        return [[getattr(self, name) for name in names.values()] for names in self._names]

    def _check_one_direction(self) -> None:
        if self.bidirectional:
            raise ValueError("a bidirectional layer cannot run step by step")

    def _cell_of_each(self) -> list[Cell]:
        """The cell of each layer and direction."""
        return [cell for cell in self.cells for _ in range(2 if self.bidirectional else 1)]

    def _weights(self) -> tuple[Weights, ...]:
        own: Any = self._parameters  # faster than getattr; a parametrised weight is computed on access
        return tuple(
            [
                {key: own[name] if name in own else getattr(self, name) for key, name in names.items()}
                for names in self._names
            ]
        )
