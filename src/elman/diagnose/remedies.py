"""What to try where gradients vanish or explode: options of ``elman train`` that the run does not have."""

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from elman.cells.base import Cell
from elman.cells.initialise import initialise
from elman.cells.named import make_cell
from elman.config import flag

MOST = 3
"""Remedies that are named: more would be no advice."""

_OFTEN = 0.5  # of the steps clipped: the bound then works as a smaller learning rate
_SATURATED = 0.5  # of a gate's values
_HALVINGS = 7  # less than a hundredth is left


@dataclass(frozen=True)
class Remedy:
    """Options to train with next, and why.

    Attributes:
        options: by their names in the task's configuration.
        why: one sentence.
    """

    options: dict[str, Any]
    why: str

    @property
    def flags(self) -> str:
        """As they are typed after ``elman train TASK``."""
        parts = []
        for name, value in self.options.items():
            parts.append(flag(name) if value is True else f"{flag(name)} {value}")
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
    """At most three remedies that fit a verdict, the likeliest to help first.

    Args:
        config: the run's options; what they have no name for, or say already, is not proposed.
        cell: the run's.
        verdict: as ``gradient_flow`` gives it.
        half_life: of the gradient, in steps.
        lags: steps back that were looked at.
        clipped: share of the training steps that were clipped; NaN where it is not known.
        saturated: the largest share of a gate's values below 0.1 or above 0.9.

    Returns:
        Remedies whose options the task has and takes. Of a healthy gradient, what has it reach further back,
        if less than a hundredth reaches the last of the lags.
    """
    proposals = {"vanishing": _vanishing, "exploding": _exploding, "healthy": _healthy}
    found: list[Remedy] = []
    for remedy in proposals.get(verdict, _none)(config, cell, half_life, lags, clipped, saturated):
        if _is_new(config, cell, remedy.options) and len(found) < MOST:
            found.append(remedy)
    return found


def _vanishing(
    config: Any, cell: Cell, half_life: float, lags: int, clipped: float, saturated: float
) -> Iterator[Remedy]:
    yield from _memory(config, cell, lags)
    if getattr(config, "layers", 1) > 1:
        yield Remedy({"residual": True}, "Skip connections: each layer adds its input to its output.")
    if saturated > _SATURATED:
        yield Remedy(
            {"cell": "layer-norm-lstm"}, "Layer normalisation keeps gates away from where they saturate."
        )
    yield from _longer(config, half_life)


def _none(*_: Any) -> Iterator[Remedy]:
    """None."""
    yield from ()


def _memory(config: Any, cell: Cell, lags: int) -> Iterator[Remedy]:
    """What has a cell remember so many steps."""
    if cell.memory_gate is None:
        yield Remedy({"cell": "lstm"}, "A gated cell carries its state on unchanged where a gate says so.")
        yield from _orthogonal(config, cell)
    elif _chrono(_effective(config, cell)) < max(3, lags):
        yield Remedy(
            {"init": _with(config, cell, f"chrono:{max(3, lags)}")},
            f"Gates then begin with memories of up to {max(3, lags)} steps.",
        )


def _exploding(
    config: Any, cell: Cell, half_life: float, lags: int, clipped: float, saturated: float
) -> Iterator[Remedy]:
    if config.clip != "norm":
        yield Remedy(
            {"clip": "norm"}, "A bound on the gradient's norm keeps single steps from wrecking the net."
        )
    elif clipped > _OFTEN:
        yield from _shorter_steps(config, clipped)
    else:
        yield Remedy({"clip_at": _rounded(config.clip_at / 4)}, "A lower bound on the gradient's norm.")
    if cell.memory_gate is None:
        yield Remedy({"cell": "gru"}, "A gated cell's state is a mean of old and new, which does not grow.")
    yield from _orthogonal(config, cell)
    bptt = getattr(config, "bptt", 0)
    if bptt > 20:
        yield Remedy({"bptt": bptt // 2}, "Shorter truncation: what grows from step to step grows less far.")
    yield Remedy({"cell": "layer-norm-lstm"}, "Layer normalisation bounds what a step can add.")


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
        f"{clipped:.0%} of the steps were clipped: steps half as long need it less.",
    )


def _orthogonal(config: Any, cell: Cell) -> Iterator[Remedy]:
    if "orthogonal" not in _effective(config, cell):
        why = "Orthogonal recurrent weights keep the length of what passes them at first."
        yield Remedy({"init": "orthogonal"}, why)


def _longer(config: Any, half_life: float) -> Iterator[Remedy]:
    """Longer truncation, where the gradient has not faded at its end."""
    bptt = getattr(config, "bptt", None)
    if bptt is not None and half_life > bptt / 4:
        yield Remedy(
            {"bptt": 2 * bptt}, f"The gradient still reaches the cut after {bptt} steps, and ends there."
        )


def _effective(config: Any, cell: Cell) -> str:
    """The initialisation by name, the cell's where it is the advised one."""
    init = getattr(config, "init", "advised")
    return cell.advised_init if init == "advised" else str(init)


def _chrono(init: str) -> int:
    """The memory that an initialisation begins with, in steps; 0: it is not of that kind."""
    return next((int(n.partition(":")[2]) for n in init.split("+") if n.startswith("chrono:")), 0)


def _with(config: Any, cell: Cell, added: str) -> str:
    """The run's initialisation with another, in place of one of its kind or of the same bias."""
    kept = [
        n for n in _effective(config, cell).split("+") if n.partition(":")[0] not in ("chrono", "forget-bias")
    ]
    return "+".join([*kept, added])


def _is_new(config: Any, cell: Cell, options: dict[str, Any]) -> bool:
    """Whether the task has these options and takes their values, and the run does not have them already."""
    names = {field.name for field in dataclasses.fields(config)}
    if not options.keys() <= names or all(getattr(config, name) == value for name, value in options.items()):
        return False
    if not options.keys() & {"cell", "init"}:
        return True
    try:
        changed = dataclasses.replace(config, **options)
        other = cell if changed.cell == config.cell else make_cell(changed.cell, 2, 2)
        with torch.random.fork_rng(devices=[]):
            weights = {name: torch.empty(shape) for name, shape in other.parameters().items()}
            initialise(other, weights, changed.init)
    except ValueError:  # such as an initialisation that needs a gate that keeps the state
        return False
    return True


def _rounded(value: float) -> float:
    return float(f"{value:.2g}")
