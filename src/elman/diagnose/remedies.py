"""Suggests options of ``elman train`` that the run does not have, for vanishing or exploding gradients."""

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from elman import draws
from elman.cells.base import Cell
from elman.cells.initialise import initialise
from elman.cells.named import make_cell
from elman.config import flag

MOST = 3
"""Most remedies that are suggested."""

_OFTEN = 0.5  # share of clipped steps above which clipping works like a smaller learning rate
_SATURATED = 0.5  # share of a gate's values
_HALVINGS = 7  # after these, less than 1% is left


@dataclass(frozen=True)
class Remedy:
    """Options to train with next, and why.

    Attributes:
        options: values by their names in the task's configuration.
        why: the reason, in one sentence.
        of_the_data: whether the data call for it, whatever the training's curve says; such come first.
    """

    options: dict[str, Any]
    why: str
    of_the_data: bool = False

    @property
    def flags(self) -> str:
        """The options as arguments of ``elman train TASK``."""
        parts = []
        for name, value in self.options.items():
            shown = " ".join(map(str, value)) if isinstance(value, tuple) else value
            parts.append(flag(name) if value is True else f"{flag(name)} {shown}")
        return " ".join(parts)


def remedies(
    config: Any,
    cell: Cell,
    verdict: str,
    *,
    half_life: float = math.inf,
    lags: int = 200,
    clipped: float = math.nan,
    saturated: float = 0.0,
) -> list[Remedy]:
    """Returns at most three remedies for a verdict, the likeliest to help first.

    Args:
        config: the run's options; options that the task lacks, or that are already set, are not suggested.
        cell: the run's cell.
        verdict: a verdict of ``gradient_flow``.
        half_life: half-life of the gradient, in steps.
        lags: number of lags measured.
        clipped: share of the training steps that were clipped; NaN if unknown.
        saturated: the largest share of a gate's values below 0.1 or above 0.9.

    Returns:
        Remedies whose options and values the task accepts. For a healthy gradient, remedies that extend its
        reach if less than 1% reaches the last lag.
    """
    proposals = {"vanishing": _vanishing, "exploding": _exploding, "healthy": _healthy}
    chosen: list[Remedy] = []
    for remedy in proposals.get(verdict, _none)(config, cell, half_life, lags, clipped, saturated):
        if is_new(config, remedy.options, cell) and len(chosen) < MOST:
            chosen.append(remedy)
    return chosen


def _vanishing(
    config: Any, cell: Cell, half_life: float, lags: int, clipped: float, saturated: float
) -> Iterator[Remedy]:
    yield from _memory(config, cell, lags)
    if getattr(config, "layers", 1) > 1:
        yield Remedy({"residual": True}, "Skip connections: each layer adds its input to its output.")
    if saturated > _SATURATED:
        yield Remedy({"cell": "layer-norm-lstm"}, "Layer normalisation keeps the gates from saturating.")
    yield from _longer(config, half_life)


def _none(*_: Any) -> Iterator[Remedy]:
    """Proposes nothing."""
    yield from ()


def _memory(config: Any, cell: Cell, lags: int) -> Iterator[Remedy]:
    """Proposes options for a memory of ``lags`` steps."""
    if cell.memory_gate is None:
        yield Remedy({"cell": "lstm"}, "A gated cell can keep its state unchanged over many steps.")
        yield from _orthogonal(config, cell)
    elif _chrono(_effective(config, cell)) < max(3, lags):
        yield Remedy(
            {"init": _with(config, cell, f"chrono:{max(3, lags)}")},
            f"The memory gates then start with time constants of up to {max(3, lags)} steps.",
        )


def _exploding(
    config: Any, cell: Cell, half_life: float, lags: int, clipped: float, saturated: float
) -> Iterator[Remedy]:
    if config.clip != "norm":
        yield Remedy({"clip": "norm"}, "A bound on the gradient's norm limits the damage of a single step.")
    elif clipped > _OFTEN:
        yield from _shorter_steps(config, clipped)
    else:
        yield Remedy(
            {"clip_at": _rounded(config.clip_at / 4)}, "Clips the gradient's norm at a smaller value."
        )
    if cell.memory_gate is None:
        yield Remedy(
            {"cell": "gru"},
            "A GRU's state is a weighted mean of the old and the new one, which does not grow.",
        )
    yield from _orthogonal(config, cell)
    bptt = getattr(config, "bptt", 0)
    if bptt > 20:
        yield Remedy({"bptt": bptt // 2}, "Shorter truncation: the gradient grows over fewer steps.")
    yield Remedy({"cell": "layer-norm-lstm"}, "Layer normalisation bounds the change in one step.")


def _healthy(
    config: Any, cell: Cell, half_life: float, lags: int, clipped: float, saturated: float
) -> Iterator[Remedy]:
    if clipped > _OFTEN:
        yield from _shorter_steps(config, clipped)
    if half_life * _HALVINGS < lags:
        yield from _memory(config, cell, lags)
    yield from _longer(config, half_life)


def _shorter_steps(config: Any, clipped: float) -> Iterator[Remedy]:
    yield Remedy(
        {"learning_rate": _rounded(config.learning_rate / 2)},
        f"{clipped:.0%} of the steps were clipped: a smaller learning rate needs less clipping.",
    )


def _orthogonal(config: Any, cell: Cell) -> Iterator[Remedy]:
    if "orthogonal" not in _effective(config, cell):
        why = "Orthogonal recurrent weights preserve the gradient's norm at first."
        yield Remedy({"init": "orthogonal"}, why)


def _longer(config: Any, half_life: float) -> Iterator[Remedy]:
    """Proposes longer truncation if the gradient has not decayed at its end."""
    bptt = getattr(config, "bptt", None)
    if bptt is not None and half_life > bptt / 4:
        yield Remedy({"bptt": 2 * bptt}, f"The gradient is cut after {bptt} steps before it has decayed.")


def _effective(config: Any, cell: Cell) -> str:
    """Returns the initialisation's name; "advised" is replaced by the cell's."""
    init = getattr(config, "init", "advised")
    return cell.advised_init if init == "advised" else str(init)


def _chrono(init: str) -> int:
    """Returns the memory in steps of a chrono initialisation; 0 for any other."""
    return next((int(n.partition(":")[2]) for n in init.split("+") if n.startswith("chrono:")), 0)


def _with(config: Any, cell: Cell, added: str) -> str:
    """Returns the run's initialisation with another added, which replaces one of the same bias."""
    kept = [
        n for n in _effective(config, cell).split("+") if n.partition(":")[0] not in ("chrono", "forget-bias")
    ]
    return "+".join([*kept, added])


def is_new(config: Any, options: dict[str, Any], cell: Cell | None = None) -> bool:
    """Whether the task accepts these options and values, and the run does not have them already.

    Args:
        config: the run's options.
        options: values by their names in the configuration.
        cell: the run's cell; needed if the options name a cell or an initialisation.
    """
    names = {field.name for field in dataclasses.fields(config)}
    if not options.keys() <= names or all(getattr(config, name) == value for name, value in options.items()):
        return False
    try:
        changed = dataclasses.replace(config, **options)
        if cell is not None and options.keys() & {"cell", "init"}:
            other = cell if changed.cell == config.cell else make_cell(changed.cell, 2, 2, cell.plane_axes)
            with draws.Draws(0).building():
                weights = {name: torch.empty(shape) for name, shape in other.parameters().items()}
                initialise(other, weights, changed.init)
    except ValueError:  # for example, an initialisation that needs a memory gate
        return False
    return True


def _rounded(value: float) -> float:
    return float(f"{value:.2g}")
