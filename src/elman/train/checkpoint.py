"""Checkpoints: everything a run needs to resume exactly where it stopped, in one safetensors file."""

import dataclasses
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from elman.config import check_regular
from elman.draws import Draws, TorchsDraws
from elman.errors import InputError
from elman.models.predict import device_of
from elman.state import State
from elman.train.average import Average
from elman.train.files import write_atomically


@dataclass
class Position:
    """The progress of a run.

    Attributes:
        step: optimizer steps taken.
        seconds: training time so far, summed over all sessions.
        best_loss: the best validation loss so far.
        bad_epochs: epochs since the best validation loss.
        history_bytes: length of the part of the history file written up to this position.
        sums: running sums for the next log line: loss, targets, gradient norms, clipped steps, steps.
        finished: whether training is over.
        engine: how the cells run that have no kernel by hand; empty if all have one.
    """

    step: int = 0
    seconds: float = 0.0
    best_loss: float = float("inf")
    bad_epochs: int = 0
    history_bytes: int = 0
    sums: tuple[float, ...] = (0.0,) * 5
    finished: bool = False
    engine: str = ""


def save_checkpoint(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    state: State | None,
    position: Position,
    draws: Draws | None = None,
    check: Callable[[], None] = lambda: None,
    *,
    average: Average | None = None,
) -> None:
    """Writes weights, optimizer, carried state, random state and position, atomically.

    Args:
        path: the file.
        model: its weights are written.
        optimizer: its slots are written.
        state: the state carried into the next batch.
        position: the progress.
        draws: the run's random numbers; None: torch's own.
        check: as for ``write_atomically``.
        average: of the weights, if there is one.
    """
    tensors: dict[str, Tensor] = {f"model/{key}": value for key, value in model.state_dict().items()}
    for index, slots in optimizer.state_dict()["state"].items():
        for key, value in slots.items():
            if isinstance(value, Tensor):
                tensors[f"optimizer/{index}/{key}"] = value
    for index, value in enumerate(state or ()):
        tensors[f"state/{index}"] = value.detach()
    for key, generator in _generators(model, draws).items():
        tensors[key] = generator.get_state()
    if average is not None:
        tensors |= average.tensors()
    tensors = {key: value.detach().contiguous().cpu() for key, value in tensors.items()}
    metadata = {"position": json.dumps(asdict(position))}
    write_atomically(path, lambda temporary: save_file(tensors, temporary, metadata), check)


def load_checkpoint(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    draws: Draws | None = None,
    average: Average | None = None,
) -> tuple[State | None, Position]:
    """Restores model, optimizer, random state and average; returns the carried state and the position.

    Raises:
        InputError: the file is damaged or belongs to another model.
    """
    check_regular(path)
    device = device_of(model)
    try:
        with safe_open(path, "pt", device=str(device)) as file:
            tensors = {key: _aligned(file.get_tensor(key)) for key in file.keys()}  # noqa: SIM118 - not a dict
            position = _position(json.loads(file.metadata()["position"]))
        model.load_state_dict(_below("model/", tensors))
        _load_optimizer(optimizer, _below("optimizer/", tensors))
        for key, generator in _generators(model, draws).items():
            if key in tensors or key == "random/cpu":  # a run may go on on another device
                generator.set_state(tensors[key].cpu())
        if average is not None:
            average.load(tensors)
        parts = _below("state/", tensors)
        return tuple(parts[str(k)] for k in range(len(parts))) or None, position
    except (SafetensorError, OSError, LookupError, TypeError, ValueError, RuntimeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path}: not a checkpoint of this run: {reason}") from None


def _generators(model: nn.Module, draws: Draws | None) -> dict[str, torch.Generator]:
    """Returns the generators that a run draws from, by their keys in a checkpoint."""
    draws = TorchsDraws() if draws is None else draws
    devices = (torch.device("cpu"), device_of(model))
    return {f"random/{device.type}": draws.on(device) for device in devices}


def _position(fields: dict[str, Any]) -> Position:
    """Returns the position; raises ValueError if a field has the wrong type or range."""
    position = Position(**(fields | {"sums": tuple(map(float, fields["sums"]))}))
    for f in dataclasses.fields(Position):
        if type(getattr(position, f.name)) is not type(f.default):
            raise ValueError(
                f"{f.name} must be {type(f.default).__name__}. Got {getattr(position, f.name)!r}."
            )
    if position.step < 0 or position.history_bytes < 0 or len(position.sums) != len(Position.sums):
        raise ValueError("a number of the position is negative or missing")
    return position


def _load_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Restores each parameter's optimizer slots; a slot has the parameter's shape or is a single number."""
    slots: dict[int, dict[str, Any]] = {}
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for key, value in tensors.items():
        index, name = key.split("/")
        shape = parameters[int(index)].shape
        if value.shape not in (shape, ()):
            raise ValueError(f"optimizer/{key} must have shape {list(shape)}. Got {list(value.shape)}.")
        slots.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": slots, "param_groups": optimizer.state_dict()["param_groups"]})


def save_weights(model: nn.Module, path: Path, check: Callable[[], None] = lambda: None) -> None:
    """Writes a model's weights as safetensors, atomically; ``check`` as for ``write_atomically``."""
    tensors = {key: value.detach().contiguous().cpu() for key, value in model.state_dict().items()}
    write_atomically(path, lambda temporary: save_file(tensors, temporary), check)


def load_weights(path: Path, model: nn.Module) -> dict[str, Tensor]:
    """Reads weights for a model; checks names, shapes and dtypes before it allocates any memory.

    Args:
        path: a safetensors file; it need not be trusted.
        model: the model that the weights are for; it may be on the meta device. It is not changed.

    Raises:
        InputError: the file is not a regular safetensors file, its names, shapes or dtypes differ from the
            model's, or a value is not finite.
    """
    check_regular(path)
    expected = model.state_dict()
    try:
        with safe_open(path, "pt") as file:
            names = set(file.keys())
            if names != set(expected):
                odd = sorted(names ^ set(expected))[0]
                raise InputError(f"{path}: {'has' if odd in names else 'lacks'} the weight {odd[:80]!r}")
            for name, tensor in expected.items():
                stored = file.get_slice(name)
                if list(stored.get_shape()) != list(tensor.shape):
                    raise InputError(
                        f"{path}: {name} must have shape {list(tensor.shape)}. Got {stored.get_shape()}."
                    )
                if stored.get_dtype() != "F32":
                    raise InputError(f"{path}: {name} must be float32. Got {stored.get_dtype()}.")
            loaded = {name: _aligned(file.get_tensor(name)) for name in expected}
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path}: not a safetensors file: {str(error).splitlines()[0]}") from None
    for name, tensor in loaded.items():
        if not torch.isfinite(tensor).all():
            raise InputError(f"{path}: {name} holds a value that is not finite")
    return loaded


def _aligned(tensor: Tensor) -> Tensor:
    """Returns a copy in aligned memory: alignment can change the last digits of a kernel's result."""
    return tensor.clone()


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
